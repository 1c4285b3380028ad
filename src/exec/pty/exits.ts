/** Tells how children ended that the runtime has not started itself; must not know what they were. */
import { terminalSystem } from "./libc.ts";

const NO_HANG = 1;
/** Signals do not keep the program running while somebody waits for a child; a timer does, and looks as well. */
const LOOK_MS = 500;
const SIGNAL_NAMES: ReadonlyMap<number, string> = new Map([
  [1, "SIGHUP"],
  [2, "SIGINT"],
  [3, "SIGQUIT"],
  [6, "SIGABRT"],
  [9, "SIGKILL"],
  [11, "SIGSEGV"],
  [13, "SIGPIPE"],
  [14, "SIGALRM"],
  [15, "SIGTERM"],
]);

/** How a child ended; `code` is 128+n after signal n. */
export interface ChildExit {
  readonly code: number;
  readonly signal: string | null;
}

/** Those who wait, by process id. */
const waiting = new Map<number, (exit: ChildExit) => void>();
let looking: ReturnType<typeof setInterval> | undefined;

/**
 * Resolves when the child has ended. Only these very children are waited for, each without blocking, whenever the
 * system says that some child has ended: the runtime collects its own in the same way.
 */
export function exitOf(pid: number): Promise<ChildExit> {
  const { promise, resolve } = Promise.withResolvers<ChildExit>();
  if (waiting.size === 0) {
    Deno.addSignalListener("SIGCHLD", collect);
    looking = setInterval(collect, LOOK_MS);
  }
  waiting.set(pid, resolve);
  // It may have ended before anybody listened.
  queueMicrotask(collect);
  return promise;
}

/** Looks at all of them: signals that come close together are delivered as one. */
function collect(): void {
  if (waiting.size === 0) return;
  const { libc } = terminalSystem();
  const status = new Int32Array(1);
  for (const [pid, resolve] of waiting) {
    const result = libc.waitpid(pid, new Uint8Array(status.buffer), NO_HANG);
    if (result === 0) continue;
    waiting.delete(pid);
    // Anything but its own id is a child that somebody else has collected, which nobody here does.
    resolve(result === pid ? exitFrom(status[0] ?? 0) : { code: -1, signal: null });
  }
  if (waiting.size > 0) return;
  Deno.removeSignalListener("SIGCHLD", collect);
  clearInterval(looking);
}

/** The status word of `wait(2)`. */
export function exitFrom(status: number): ChildExit {
  const signal = status & 0x7f;
  if (signal === 0) return { code: (status >> 8) & 0xff, signal: null };
  return { code: 128 + signal, signal: SIGNAL_NAMES.get(signal) ?? `SIG${signal}` };
}
