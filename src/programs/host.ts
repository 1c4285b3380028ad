/** The outside world as the programs see it: environment, clock, randomness and streams; must not know any program. */
import type { Args } from "../cli/args.ts";
import { CliError } from "../lib/errors.ts";
import type { Clock } from "../lib/clock.ts";
import { absolutePath } from "../lib/absolute_path.ts";
import { type Packaging, takePackaging } from "./packaging.ts";

/** Writes text to one of the standard streams. */
export interface TextWriter {
  /** Writes all of it before it returns; false once the reader has closed the stream. */
  write(text: string): boolean;
  /** Aborts when the reader has closed the stream, so that a program can end quietly. */
  readonly gone: AbortSignal;
  readonly isTerminal: boolean;
}

/** Reads from standard input. */
export interface TextReader {
  readAll(): Promise<string>;
  readonly readable: ReadableStream<Uint8Array>;
  readonly isTerminal: boolean;
}

/** Everything that a program may take from the process it runs in. */
export interface Host {
  readonly packaging: Packaging;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly clock: Clock;
  /** A random (version 4) UUID. */
  randomId(): string;
  randomBytes(length: number): Uint8Array;
  readonly stdin: TextReader;
  readonly stdout: TextWriter;
  readonly stderr: TextWriter;
}

/** What `main.ts` hands to the `run` function of a program. */
export interface Invocation {
  readonly args: Args;
  readonly host: Host;
}

/** The host that is this very process. */
export function systemHost(): Host {
  const packaging = takePackaging();
  return {
    packaging,
    env: Deno.env.toObject(),
    cwd: Deno.cwd(),
    clock: systemClock(),
    randomId: () => crypto.randomUUID(),
    randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
    stdin: systemStdin(),
    stdout: syncWriter(Deno.stdout),
    stderr: syncWriter(Deno.stderr),
  };
}

/** The clock of the machine; its background timers do not keep the process alive. */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    after(delayMs, callback, options) {
      const timer = setTimeout(callback, delayMs);
      if (options?.background) Deno.unrefTimer(timer);
      return () => clearTimeout(timer);
    },
  };
}

/** The folder that holds config, credentials and threads: `$CODEX_HOME`, else `~/.codex`. */
export function codexHomeOf(host: Pick<Host, "env" | "cwd">): string {
  const named = host.env["CODEX_HOME"];
  if (named) return absolutePath(named, host.cwd);
  const home = host.env["HOME"] ?? host.env["USERPROFILE"];
  if (!home) throw new CliError("Cannot find the home directory; set HOME or CODEX_HOME");
  return absolutePath(".codex", home);
}

/** Where `syncWriter` writes to; a port so that tests can break it. */
export interface SyncSink {
  writeSync(bytes: Uint8Array): number;
  isTerminal(): boolean;
}

/**
 * A writer that finishes every write and survives a closed pipe.
 *
 * `console.log` is not used: it swallows EPIPE and can loop for ever on a closed pipe.
 */
export function syncWriter(sink: SyncSink): TextWriter {
  const encoder = new TextEncoder();
  const gone = new AbortController();
  return {
    gone: gone.signal,
    isTerminal: sink.isTerminal(),
    write(text) {
      let rest = encoder.encode(text);
      while (rest.length > 0 && !gone.signal.aborted) {
        try {
          rest = rest.subarray(sink.writeSync(rest));
        } catch (error) {
          if (error instanceof Deno.errors.WouldBlock) waitAMoment();
          else if (isGone(error)) gone.abort(error);
          else throw error;
        }
      }
      return !gone.signal.aborted;
    },
  };
}

/** The reader of a pipe has closed it, or the terminal was closed. */
function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe ||
    (error instanceof Error && "code" in error && error.code === "EIO");
}

/** Blocks for a millisecond: another process has made the shared pipe non-blocking, and it is full. */
function waitAMoment(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
}

function systemStdin(): TextReader {
  return {
    get readable() {
      return Deno.stdin.readable;
    },
    isTerminal: Deno.stdin.isTerminal(),
    readAll: () => new Response(Deno.stdin.readable).text(),
  };
}
