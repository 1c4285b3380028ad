/** `fuzzyFileSearch` requests. Data only. */
import * as z from "zod";
import { Empty } from "./fields.ts";
import { memo, request } from "./method.ts";

const MAX_UINT32 = 4_294_967_295;

/** A file or folder that matches. The names are snake_case here, unlike in the rest of the protocol (as upstream). */
export const FuzzyFileSearchResult = memo(() =>
  z.object({
    /** The root that it lies in, as the client wrote it. */
    root: z.string(),
    /** Relative to its root. */
    path: z.string(),
    match_type: z.enum(["file", "directory"]),
    file_name: z.string(),
    score: z.int().min(0).max(MAX_UINT32),
    /** The code points of `path` that match, ascending. */
    indices: z.array(z.int().min(0)).nullish(),
  }).meta({ id: "FuzzyFileSearchResult" })
);

/** Requests whose method is `fuzzyFileSearch` or starts with `fuzzyFileSearch/`. */
export const requests = {
  "fuzzyFileSearch": request({
    doc: "Finds files and folders below the roots by a few letters of their paths, best first. " +
      "A later request with the same `cancellationToken` ends this one, whose result is then empty. " +
      "`limitReached` (our own) says that there are more files than a search holds.",
    params: () =>
      z.object({
        query: z.string(),
        roots: z.array(z.string()),
        cancellationToken: z.string().nullish(),
      }).meta({ id: "FuzzyFileSearchParams" }),
    result: () =>
      z.object({
        files: z.array(FuzzyFileSearchResult()),
        limitReached: z.boolean().optional(),
      }).meta({ id: "FuzzyFileSearchResponse" }),
    ordering: "concurrent",
  }),
  "fuzzyFileSearch/sessionStart": request({
    doc:
      "Starts to look for files while somebody types. The id is the client's choice and counts on its " +
      "connection; a session of that id is replaced.",
    params: () =>
      z.object({ sessionId: z.string(), roots: z.array(z.string()) }).meta({
        id: "FuzzyFileSearchSessionStartParams",
      }),
    result: Empty,
    ordering: "concurrent",
    experimental: true,
  }),
  "fuzzyFileSearch/sessionUpdate": request({
    doc:
      "Replaces the query of a session. What is found follows in notifications; files that came or went " +
      "since the last query are taken into account.",
    params: () =>
      z.object({ sessionId: z.string(), query: z.string() }).meta({
        id: "FuzzyFileSearchSessionUpdateParams",
      }),
    result: Empty,
    ordering: "concurrent",
    experimental: true,
  }),
  "fuzzyFileSearch/sessionStop": request({
    doc: "Ends a session; also one that does not exist.",
    params: () =>
      z.object({ sessionId: z.string() }).meta({ id: "FuzzyFileSearchSessionStopParams" }),
    result: Empty,
    ordering: "concurrent",
    experimental: true,
  }),
};
