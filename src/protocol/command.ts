/** `command/*` requests: commands of a client, without a thread. Data only. */
import * as z from "zod";
import { Empty, keyField, MaybeString } from "./fields.ts";
import { memo, request } from "./method.ts";
import { SandboxPolicy } from "./policy.ts";

const TerminalSize = memo(() =>
  z.object({ rows: z.int().min(0).max(65_535), cols: z.int().min(0).max(65_535) }).meta({
    id: "CommandExecTerminalSize",
  })
);

// In the order of 0.120, which counts when params arrive as an array.
const CommandExecParams = memo(() =>
  z.object({
    /** Program and arguments; no shell reads them. */
    command: z.array(z.string()),
    /** The name of the command for the other `command/exec/*` methods and the deltas, of this connection only. */
    processId: MaybeString(),
    /** Runs it on a terminal, which brings `streamStdin` and `streamStdoutStderr`. */
    tty: z.boolean().optional(),
    streamStdin: z.boolean().optional(),
    streamStdoutStderr: z.boolean().optional(),
    /** Most bytes of each stream that are kept or sent; 1 MiB by default. */
    outputBytesCap: z.int().min(0).nullish(),
    disableOutputCap: z.boolean().optional(),
    disableTimeout: z.boolean().optional(),
    /** 10,000 by default; 0 ends it at once. */
    timeoutMs: z.int().nullish(),
    /** Relative paths start at the server's own directory, the default. */
    cwd: MaybeString(),
    /** Added to the environment of the server; null takes a variable away. */
    env: z.record(z.string(), z.string().nullable()).nullish(),
    /** 24 x 80 by default. */
    size: TerminalSize().nullish(),
    /** The configured policy by default. */
    sandboxPolicy: SandboxPolicy().nullish(),
    ...keyField(),
  }).meta({ id: "CommandExecParams" })
);

/** Requests whose method starts with `command/`. */
export const requests = {
  "command/exec": request({
    doc:
      "Runs a command to its end and answers with its exit code and output: 124 after a timeout, " +
      "128+n after signal n, 137 after `command/exec/terminate`. Output that is streamed comes before " +
      "the answer. The command ends with the connection.",
    params: CommandExecParams,
    result: () =>
      z.object({ exitCode: z.int(), stdout: z.string(), stderr: z.string() }).meta({
        id: "CommandExecResponse",
      }),
    ordering: "concurrent",
  }),
  "command/exec/write": request({
    doc: "Writes to the input of a running command, or closes it, or both.",
    params: () =>
      z.object({
        processId: z.string(),
        deltaBase64: MaybeString(),
        closeStdin: z.boolean().optional(),
      }).meta({ id: "CommandExecWriteParams" }),
    result: Empty,
    ordering: "concurrent",
  }),
  "command/exec/resize": request({
    doc: "Gives the terminal of a running command another size.",
    params: () =>
      z.object({ processId: z.string(), size: TerminalSize() }).meta({
        id: "CommandExecResizeParams",
      }),
    result: Empty,
    ordering: "concurrent",
  }),
  "command/exec/terminate": request({
    doc: "Ends a running command and everything that it has started.",
    params: () => z.object({ processId: z.string() }).meta({ id: "CommandExecTerminateParams" }),
    result: Empty,
    ordering: "concurrent",
  }),
};
