/** `fs/*` requests. Data only. */
import * as z from "zod";
import { Empty, keyField } from "./fields.ts";
import { memo, request } from "./method.ts";

/** A relative path would mean another place to the server than to the client. */
const AbsolutePath = memo(() =>
  z.string().refine(
    (path) => path.startsWith("/"),
    "AbsolutePathBuf deserialized without a base path",
  ).meta({ isPath: true })
);

const MaybeFlag = memo(() => z.boolean().nullish());

/** Bytes; upstream reads sizes as unsigned integers. */
const MaybeBytes = memo(() => z.int().min(0).nullish());

const DirectoryEntry = memo(() =>
  z.object({ fileName: z.string(), isDirectory: z.boolean(), isFile: z.boolean() }).meta({
    id: "FsReadDirectoryEntry",
  })
);

/** Content and what is known of a path. */
const fileRequests = {
  "fs/readFile": request({
    doc:
      "Reads a file of at most 40 MiB. With `offset` or `length` (both beyond upstream) it reads a part " +
      "of a file of any size: at most 8 MiB, less at the end of the file; " +
      "`fileSize` in the answer tells how much there is.",
    params: () =>
      z.object({ path: AbsolutePath(), offset: MaybeBytes(), length: MaybeBytes() }).meta({
        id: "FsReadFileParams",
      }),
    result: () =>
      z.object({ dataBase64: z.string(), fileSize: z.int().optional() }).meta({
        id: "FsReadFileResponse",
      }),
    ordering: "concurrent",
  }),
  "fs/writeFile": request({
    doc:
      "Makes data of at most 40 MiB the whole content of a file; folders are not made. With `offset` " +
      "(beyond upstream) at most 8 MiB are written from there on and the rest stays: " +
      "a larger file is written by one call without `offset` and further ones with it.",
    params: () =>
      z.object({
        path: AbsolutePath(),
        dataBase64: z.string(),
        offset: MaybeBytes(),
        ...keyField(),
      }).meta({ id: "FsWriteFileParams" }),
    result: Empty,
    ordering: "concurrent",
  }),
  "fs/getMetadata": request({
    doc: "Tells what a path leads to; links are followed. Times are 0 where they are not known.",
    params: () => z.object({ path: AbsolutePath() }).meta({ id: "FsGetMetadataParams" }),
    result: () =>
      z.object({
        isDirectory: z.boolean(),
        isFile: z.boolean(),
        isSymlink: z.boolean(),
        createdAtMs: z.int(),
        modifiedAtMs: z.int(),
      }).meta({ id: "FsGetMetadataResponse" }),
    ordering: "concurrent",
  }),
};

/** Folders and trees. */
const treeRequests = {
  "fs/createDirectory": request({
    doc: "Makes a folder, and unless `recursive` is false also what is missing above it.",
    params: () =>
      z.object({ path: AbsolutePath(), recursive: MaybeFlag(), ...keyField() }).meta({
        id: "FsCreateDirectoryParams",
      }),
    result: Empty,
    ordering: "concurrent",
  }),
  "fs/readDirectory": request({
    doc:
      "Lists a folder, in no order. Links count as what they lead to; one that leads nowhere is " +
      "neither file nor folder. Bytes of a name that are not UTF-8 are shown as U+FFFD.",
    params: () => z.object({ path: AbsolutePath() }).meta({ id: "FsReadDirectoryParams" }),
    result: () =>
      z.object({ entries: z.array(DirectoryEntry()) }).meta({ id: "FsReadDirectoryResponse" }),
    ordering: "concurrent",
  }),
  "fs/remove": request({
    doc:
      "Removes a file, a link or a folder; by default with everything in it, and without an error " +
      "when there is nothing.",
    params: () =>
      z.object({
        path: AbsolutePath(),
        recursive: MaybeFlag(),
        force: MaybeFlag(),
        ...keyField(),
      }).meta({ id: "FsRemoveParams" }),
    result: Empty,
    ordering: "concurrent",
  }),
  "fs/copy": request({
    doc:
      "Copies a file, a link as a link, or with `recursive` a folder, merging it into one that " +
      "exists. Devices and the like inside a folder are left out.",
    params: () =>
      z.object({
        sourcePath: AbsolutePath(),
        destinationPath: AbsolutePath(),
        recursive: z.boolean().optional(),
        ...keyField(),
      }).meta({ id: "FsCopyParams" }),
    result: Empty,
    ordering: "concurrent",
  }),
};

/** Watches belong to the connection that made them, and end with it. */
const watchRequests = {
  "fs/watch": request({
    doc:
      "Reports changes of a path as `fs/changed`: of a file or link itself, of a folder its direct " +
      "entries. The path need not exist yet, and may be replaced. " +
      "`watchId` is the client's choice; a connection has at most 1000 watches.",
    params: () =>
      z.object({ watchId: z.string(), path: AbsolutePath() }).meta({ id: "FsWatchParams" }),
    result: () => z.object({ path: z.string() }).meta({ id: "FsWatchResponse" }),
    ordering: "concurrent",
  }),
  "fs/unwatch": request({
    doc: "Ends a watch of this connection; an unknown id is no error.",
    params: () => z.object({ watchId: z.string() }).meta({ id: "FsUnwatchParams" }),
    result: Empty,
    ordering: "concurrent",
  }),
};

/** Requests whose method starts with `fs/`. */
export const requests = { ...fileRequests, ...treeRequests, ...watchRequests };
