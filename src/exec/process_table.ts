/** Reads the table of processes from `/proc`; must not know which of them are ours. Null where there is none. */
import { listKernelFolder, readKernelFile } from "./ffi_libc.ts";

/** One process as the kernel shows it. */
export interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** False for zombies, which nobody has to end any more. */
  readonly isRunning: boolean;
  /** When it started, in clock ticks since the machine did: tells it from a later one of the same id. */
  readonly startTicks: number;
}

/** This many rows are read before other work gets its turn: about a millisecond. */
const ROWS_PER_SLICE = 64;
const DECODER = new TextDecoder("latin1");

/** Every process of this machine that can be seen; null without a `/proc`. Other work goes on between slices. */
export async function readProcessTable(): Promise<readonly ProcessRow[] | null> {
  const pids = listPids();
  if (pids === null || pids.length === 0) return null;
  const rows: ProcessRow[] = [];
  for (const [index, pid] of pids.entries()) {
    if (index % ROWS_PER_SLICE === ROWS_PER_SLICE - 1) await yieldTurn();
    const row = readProcess(pid);
    if (row) rows.push(row);
  }
  return rows;
}

/** Waits until everything else that is ready has run. */
export function yieldTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** One process; null when it has ended, or where there is no `/proc`. */
export function readProcess(pid: number): ProcessRow | null {
  const text = readText(`/proc/${pid}/stat`);
  return text === null ? null : parseStat(text);
}

/** The number of the thread that calls; 0 without a `/proc`. */
export function currentThread(): number {
  try {
    return Number(Deno.readLinkSync("/proc/thread-self").split("/").at(-1));
  } catch {
    // Not there, or not to be seen.
    return 0;
  }
}

/** The text of `/proc/PID/stat` as a row; null for anything else. */
export function parseStat(text: string): ProcessRow | null {
  // The name may hold spaces and brackets; everything else follows its last bracket.
  const nameEnd = text.lastIndexOf(")");
  const pid = Number.parseInt(text, 10);
  const fields = text.slice(nameEnd + 2).trimEnd().split(" ");
  const [state = "", parent, group, session] = fields;
  const startTicks = Number(fields[19]);
  const row = { pid, parent: Number(parent), group: Number(group), session: Number(session) };
  const isComplete = nameEnd > 0 && [...Object.values(row), startTicks].every(Number.isSafeInteger);
  return isComplete ? { ...row, isRunning: !/^[ZX]$/.test(state), startTicks } : null;
}

/**
 * The value of a variable in the environment that a process was started with; null when it has none, or is
 * not ours to look at (a set-uid program, for instance).
 */
export function startVariable(pid: number, name: string): string | null {
  const environment = readText(`/proc/${pid}/environ`);
  if (environment === null) return null;
  const text = `\0${environment}`;
  const at = text.indexOf(`\0${name}=`);
  if (at < 0) return null;
  const start = at + name.length + 2;
  const end = text.indexOf("\0", start);
  return text.slice(start, end < 0 ? undefined : end);
}

/** The runtime's own calls refuse `/proc` to a program that gave up any permission; the system does not. */
let isHidden = false;

function listPids(): number[] | null {
  const names = listNames("/proc");
  return names && names.filter((name) => /^\d+$/.test(name)).map(Number);
}

function listNames(path: string): readonly string[] | null {
  if (isHidden) return listKernelFolder(path);
  try {
    return [...Deno.readDirSync(path)].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    isHidden = Deno.build.os === "linux";
    return isHidden ? listKernelFolder(path) : null;
  }
}

function readText(path: string): string | null {
  try {
    return isHidden ? readKernelFile(path) : DECODER.decode(Deno.readFileSync(path));
  } catch (error) {
    if (!isHidden && error instanceof Deno.errors.NotCapable && Deno.build.os === "linux") {
      isHidden = true;
      return readText(path);
    }
    // It ended while the list was read, or it is not ours to look at.
    return null;
  }
}
