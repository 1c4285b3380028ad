/** `http/request` of the exec-server: requests that leave from its machine (0.169). Data only. */
import * as z from "zod";
import { memo, notification, request } from "./method.ts";

const Header = memo(() =>
  z.object({ name: z.string(), value: z.string() }).meta({ id: "HttpHeader" })
);

/** Requests whose method starts with `http/`. */
export const httpRequests = {
  "http/request": request({
    doc:
      "Makes a request over HTTP from this machine, if the exec-server was started with `--http` and its " +
      "ceiling allows network access (0.169). With `streamResponse` it answers as soon as the headers are " +
      "there, with an empty body, and the body follows as `http/request/bodyDelta`; else the body may have " +
      "at most 40 MiB. It ends with its connection.",
    params: () =>
      z.object({
        method: z.string(),
        url: z.string(),
        headers: z.array(Header()).default([]),
        bodyBase64: z.string().nullish(),
        /** For everything, the body included; without it there is no limit. */
        timeoutMs: z.int().min(0).nullish(),
        redirectPolicy: z.enum(["follow", "stop"]).default("follow"),
        /** Names the body in its notifications; taken until the last of them. */
        requestId: z.string(),
        streamResponse: z.boolean().default(false),
      }).meta({ id: "HttpRequestParams" }),
    result: () =>
      z.object({ status: z.int(), headers: z.array(Header()), bodyBase64: z.string() }).meta({
        id: "HttpRequestResponse",
      }),
    ordering: "concurrent",
  }),
};

/** Notifications about bodies. */
export const httpNotifications = {
  "http/request/bodyDelta": notification({
    doc:
      "A piece of the body of a streamed response, numbered from 1. The last one is `done`; with `error` " +
      "if the body is not whole.",
    params: () =>
      z.object({
        requestId: z.string(),
        seq: z.int(),
        deltaBase64: z.string(),
        done: z.boolean(),
        error: z.string().nullable(),
      }).meta({ id: "HttpRequestBodyDeltaNotification" }),
    delivery: "required",
    scope: "connection",
  }),
};
