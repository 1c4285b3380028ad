/** Starts real processes for tests and watches what they write; must not assert anything. */
import { captureText, HeadTailBuffer } from "../../src/exec/capture.ts";
import type { Process, Processes, ProcessSpec, StartResult } from "../../src/exec/process.ts";
import type { TerminalSize } from "../../src/exec/pty.ts";

export const PATH = "/usr/local/bin:/usr/bin:/bin";

/** A process with its output so far. */
export interface Run {
  readonly process: Process;
  text(): string;
  /** Resolves once the output contains the text, or matches. */
  sees(text: string | RegExp): Promise<string>;
}

/** Runs a script of `sh`; throws when it cannot be started. */
export function run(
  processes: Processes,
  script: string,
  options: Partial<ProcessSpec> = {},
): Run {
  const buffer = new HeadTailBuffer(1 << 20);
  const waiting: { isThere: () => boolean; resolve: () => void }[] = [];
  const text = () => captureText(buffer.snapshot());
  const result = processes.start({
    argv: ["/bin/sh", "-c", script],
    cwd: "/",
    env: { PATH },
    stdin: "null",
    onOutput: (_stream, chunk) => {
      buffer.push(chunk);
      for (const each of waiting) if (each.isThere()) each.resolve();
    },
    ...options,
  });
  return {
    process: started(result),
    text,
    async sees(expected) {
      const isThere = () => {
        return typeof expected === "string" ? text().includes(expected) : expected.test(text());
      };
      if (!isThere()) {
        await new Promise<void>((resolve) => waiting.push({ isThere, resolve }));
      }
      return text();
    },
  };
}

/** The same on a terminal. */
export async function runOnTerminal(
  processes: Processes,
  script: string,
  options: Partial<ProcessSpec> & { readonly size?: TerminalSize } = {},
): Promise<Run> {
  const { size = { rows: 24, cols: 80 }, ...rest } = options;
  const terminal = await processes.openTerminal(size);
  if ("type" in terminal) throw new Error(terminal.message);
  return run(processes, script, { ...rest, terminal });
}

export function started(result: StartResult): Process {
  if (result.type !== "started") throw new Error(`Not started: ${result.message}`);
  return result.process;
}

/** Whether a process runs: a zombie that waits for its parent does not. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || String(error).includes("ESRCH")) return false;
    throw error;
  }
}

/** Zombies among the children of this process. */
export function zombies(): number[] {
  const pids: number[] = [];
  for (const { name } of Deno.readDirSync(`/proc/${Deno.pid}/task`)) {
    const children = Deno.readTextFileSync(`/proc/${Deno.pid}/task/${name}/children`);
    for (const pid of children.split(" ").filter(Boolean).map(Number)) {
      if (!isRunning(pid)) pids.push(pid);
    }
  }
  return pids;
}

/** Numbers and names of the terminals that this process has open. */
export function openTerminals(): string[] {
  return openFiles().filter((file) => /\/dev\/(?:ptmx|pts)/.test(file));
}

/** Numbers and names of the files that this process has open. */
export function openFiles(): string[] {
  const files: string[] = [];
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      files.push(`${name} ${Deno.readLinkSync(`/proc/self/fd/${name}`)}`);
    } catch (error) {
      // The one that the list is read with.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return files.sort();
}

/** Those of the processes that still run after ten seconds, or none as soon as all have ended. */
export async function leftOf(pids: readonly number[]): Promise<number[]> {
  for (let look = 0; look < 1000 && pids.some(isRunning); look++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return pids.filter(isRunning);
}
