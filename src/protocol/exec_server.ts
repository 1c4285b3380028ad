/** The protocol of the exec-server: tables of its own, apart from those of the app-server. Data only. */
import * as z from "zod";
import { fsRequests } from "./exec_server_fs.ts";
import { httpNotifications, httpRequests } from "./exec_server_http.ts";
import { processNotifications, processRequests } from "./exec_server_process.ts";
import { clientNotification, memo, type ParamsOf, request, type ResultOf } from "./method.ts";

/** What this protocol answers where the app-server's has another code. */
export const execServerCodes = {
  /** There is no such file. */
  notFound: -32004,
  /** The session has a connection. Clients of 0.169 try again after this, and after no other code. */
  sessionAttached: -32010,
};

const EnvironmentInfo = memo(() =>
  z.object({
    shell: z.object({ name: z.string(), path: z.string() }),
    executorVersion: z.string(),
    providerId: z.string(),
    cwd: z.string(),
    userHomeDir: z.string().nullable(),
    platformOs: z.string(),
    prependPathDirs: z.array(z.string()),
    temporaryDirectories: z.array(z.string()),
    tempDir: z.string(),
    capabilities: z.record(z.string(), z.boolean()),
  }).meta({ id: "EnvironmentInfo" })
);
/** What a client learns about the machine; places are `file://` URIs. */
export type EnvironmentInfo = z.infer<ReturnType<typeof EnvironmentInfo>>;

/** The start of every connection. */
const connectionRequests = {
  initialize: request({
    doc:
      "Begins a session, or with `resumeSessionId` goes on with one whose connection was lost at most 60 " +
      "seconds ago: its processes and their output are still there. The first request of a connection; " +
      "`initialized` follows it.",
    params: () =>
      z.object({ clientName: z.string(), resumeSessionId: z.string().nullish() }).meta({
        id: "InitializeParams",
      }),
    result: () =>
      z.object({ sessionId: z.string(), environmentInfo: EnvironmentInfo() }).meta({
        id: "InitializeResponse",
      }),
    ordering: "concurrent",
  }),
  "environment/info": request({
    doc: "What is known of the machine and its user (0.169).",
    params: null,
    result: EnvironmentInfo,
    ordering: "concurrent",
  }),
};

/** Every request that the exec-server answers, without those of `--tasks`. */
export const requests = {
  ...connectionRequests,
  ...processRequests,
  ...fsRequests,
  ...httpRequests,
};

/** Every notification that it takes. Any other closes the connection. */
export const clientNotifications = {
  initialized: clientNotification({
    doc: "The client has read the answer to `initialize`.",
    params: null,
  }),
};

/** Every notification that it sends, without those of `--tasks`. */
export const notifications = { ...processNotifications, ...httpNotifications };

/** Every request of the protocol. */
export type ExecServerRequests = typeof requests;
/** A method that a client may call. */
export type ExecServerMethod = keyof ExecServerRequests;
/** The params of a method, after parsing. */
export type ExecServerParams<M extends ExecServerMethod> = ParamsOf<ExecServerRequests[M]>;
/** The result of a method. */
export type ExecServerResult<M extends ExecServerMethod> = ResultOf<ExecServerRequests[M]>;
