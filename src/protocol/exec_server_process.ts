/** `process/*` of the exec-server: processes by the names that a client chose. Data only. */
import * as z from "zod";
import { Empty } from "./fields.ts";
import { Stream } from "./exec_server_fields.ts";
import { SandboxContext } from "./exec_server_permissions.ts";
import { memo, notification, request } from "./method.ts";

const Unsigned = memo(() => z.int().min(0).nullish());
const Code = memo(() => z.int());

const Chunk = memo(() =>
  z.object({ seq: z.int(), stream: Stream(), chunk: z.string() }).meta({ id: "ProcessOutputChunk" })
);

const EnvPolicy = memo(() =>
  z.object({
    inherit: z.enum(["all", "core", "none"]),
    ignoreDefaultExcludes: z.boolean(),
    exclude: z.array(z.string()),
    set: z.record(z.string(), z.string()),
    includeOnly: z.array(z.string()),
  }).meta({ id: "ExecEnvPolicy" })
);

// In the order of 0.120, which counts when params arrive as an array.
const ExecParams = memo(() =>
  z.object({
    /** Names the process in this session. */
    processId: z.string(),
    /** Program and arguments; no shell reads them. */
    argv: z.array(z.string()),
    /** An absolute path or a `file://` URI. */
    cwd: z.string(),
    /** The whole environment, unless `envPolicy` says what comes below it. */
    env: z.record(z.string(), z.string()),
    /** Runs it on a terminal of 24 x 80. */
    tty: z.boolean(),
    /** What the program sees as its own name. */
    arg0: z.string().nullish(),
    /** Without a terminal: keeps the input open for `process/write` (0.169). */
    pipeStdin: z.boolean().optional(),
    /** Which variables of the exec-server the process inherits; none if left out (0.169). */
    envPolicy: EnvPolicy().nullish(),
    /** What the process is held to, within the ceiling; a client of 0.120 confines by `argv` (0.169). */
    sandbox: SandboxContext().nullish(),
    /** Refused when true (0.169), as are the two that go with it. */
    enforceManagedNetwork: z.boolean().optional(),
    managedNetwork: z.unknown().optional(),
    networkProxy: z.unknown().optional(),
  }).meta({ id: "ExecParams" })
);

/** Requests whose method starts with `process/`. */
export const processRequests = {
  "process/start": request({
    doc:
      "Starts a process; its output comes as `process/output` and is kept for `process/read`. An id " +
      "stays taken for 30 seconds after the process has closed.",
    params: ExecParams,
    result: () =>
      z.object({ processId: z.string(), sandboxType: z.string() }).meta({ id: "ExecResponse" }),
    ordering: "concurrent",
  }),
  "process/read": request({
    doc:
      "Returns kept output after `afterSeq`: at most `maxBytes`, but one chunk at least. With `waitMs` " +
      "it waits for something that happens after `afterSeq`. The last MiB of a process is kept.",
    params: () =>
      z.object({
        processId: z.string(),
        afterSeq: Unsigned(),
        maxBytes: Unsigned(),
        waitMs: Unsigned(),
      }).meta({ id: "ReadParams" }),
    result: () =>
      z.object({
        chunks: z.array(Chunk()),
        nextSeq: z.int(),
        exited: z.boolean(),
        exitCode: z.int().nullable(),
        closed: z.boolean(),
        failure: z.string().nullable(),
        sandboxDenied: z.boolean(),
      }).meta({ id: "ReadResponse" }),
    ordering: "concurrent",
  }),
  "process/write": request({
    doc:
      "Writes base64 to a terminal or an open input. Writing to a process that is gone or takes nothing " +
      "is no error but a status. A `writeId` that was used before is not written again (0.169).",
    params: () =>
      z.object({ processId: z.string(), chunk: z.string(), writeId: z.string().nullish() }).meta({
        id: "WriteParams",
      }),
    result: () =>
      z.object({ status: z.enum(["accepted", "unknownProcess", "stdinClosed", "starting"]) }).meta({
        id: "WriteResponse",
      }),
    ordering: "concurrent",
  }),
  "process/signal": request({
    doc: "Interrupts a process as Ctrl-C would (0.169); an unknown or ended process is no error.",
    params: () =>
      z.object({ processId: z.string(), signal: z.enum(["interrupt"]) }).meta({
        id: "SignalParams",
      }),
    result: Empty,
    ordering: "concurrent",
  }),
  "process/terminate": request({
    doc:
      "Ends a process and everything that it has started: SIGTERM, and SIGKILL half a second later. " +
      "`running` tells whether there was something to end.",
    params: () => z.object({ processId: z.string() }).meta({ id: "TerminateParams" }),
    result: () => z.object({ running: z.boolean() }).meta({ id: "TerminateResponse" }),
    ordering: "concurrent",
  }),
};

/** Notifications about processes. They share the numbers of their process, from 1 without gaps. */
export const processNotifications = {
  "process/output": notification({
    doc:
      "A piece of output as base64. While no connection is attached nothing is sent: read it later.",
    params: () =>
      z.object({ processId: z.string(), seq: z.int(), stream: Stream(), chunk: z.string() }).meta({
        id: "ExecOutputDeltaNotification",
      }),
    delivery: "required",
    scope: "connection",
  }),
  "process/exited": notification({
    doc: "The process has ended; -1 after a signal. Children that hold its output may still write.",
    params: () =>
      z.object({
        processId: z.string(),
        seq: z.int(),
        exitCode: Code(),
        sandboxDenied: z.boolean(),
      }).meta({ id: "ExecExitedNotification" }),
    delivery: "required",
    scope: "connection",
  }),
  "process/closed": notification({
    doc: "Nothing more will come from the process.",
    params: () =>
      z.object({ processId: z.string(), seq: z.int() }).meta({ id: "ExecClosedNotification" }),
    delivery: "required",
    scope: "connection",
  }),
};
