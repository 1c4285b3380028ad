/** Runs a short command of the system and keeps what it printed; must not know what it is for. */
import type { CheckContext } from "./check.ts";

/** Enough for a version or a complaint. */
const OUTPUT_CHARS_MAX = 4096;
/** Commands of the system get these and no keys. */
const PASSED_ON = ["PATH", "HOME", "TMPDIR"] as const;

/** How a command went. */
export type CommandOutcome =
  | {
    readonly type: "ended";
    readonly code: number;
    readonly stdout: string;
    readonly stderr: string;
  }
  | { readonly type: "notFound" }
  | { readonly type: "notStarted"; readonly message: string }
  /** It was ended because it took too long. */
  | { readonly type: "endless" };

/** Runs a command to its end, or until the limit. */
export async function runCommand(
  argv: readonly string[],
  options: { readonly context: CheckContext; readonly limitMs: number },
): Promise<CommandOutcome> {
  const { host: { clock, env, cwd }, processes } = options.context;
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const text = { stdout: "", stderr: "" };
  const passedOn = PASSED_ON.flatMap((name) => env[name] === undefined ? [] : [[name, env[name]]]);
  const started = processes.start({
    argv,
    cwd,
    env: { ...Object.fromEntries(passedOn), LC_ALL: "C" },
    stdin: "null",
    onOutput(stream, chunk) {
      if (text[stream].length >= OUTPUT_CHARS_MAX) return;
      text[stream] += decoders[stream].decode(chunk, { stream: true });
    },
  });
  if (started.type === "failed") {
    const { reason, message } = started;
    return reason === "notFound" ? { type: "notFound" } : { type: "notStarted", message };
  }
  const { process } = started;
  const late = Promise.withResolvers<null>();
  const cancel = clock.after(options.limitMs, () => late.resolve(null));
  const exit = await Promise.race([process.exited, late.promise]);
  cancel();
  if (exit === null) {
    await process.terminate();
    return { type: "endless" };
  }
  return { type: "ended", code: exit.code, ...text };
}
