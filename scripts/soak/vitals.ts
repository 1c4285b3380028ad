/** What a process holds, as Linux tells it, and whether that is back where it was; must not know what the process does. */

/** What a process holds at one moment. */
export interface Vitals {
  readonly rssMib: number;
  readonly threads: number;
  /** Open descriptors by kind. */
  readonly descriptors: Readonly<Record<string, number>>;
  /** Watches of files, whatever descriptors they share. */
  readonly watches: number;
  /** Processes below it. */
  readonly children: number;
  /** How often it woke up in a second in which nobody asked for anything: what its timers cost. */
  readonly wakeups: number;
}

const MIB = 1024 * 1024;
/** Long enough to see a timer of a second. */
const IDLE_WINDOW_MS = 3000;

/** How much more than at the baseline is no leak. */
export const TOLERANCES = {
  /** Collections come when they like: with the same work the heap swings by this much. */
  rssMib: 96,
  /** Over the last third of the churn. */
  rssGrowthMib: 32,
  /** The blocking pool keeps threads for a while. */
  threads: 8,
  descriptors: 4,
  watches: 0,
  children: 0,
  wakeups: 20,
} as const;

/** Looks at a process for some seconds. */
export async function vitalsOf(pid: number): Promise<Vitals> {
  const before = switchesOf(pid);
  await new Promise((resolve) => setTimeout(resolve, IDLE_WINDOW_MS));
  return {
    rssMib: rssMibOf(pid),
    threads: Number(statusOf(`/proc/${pid}/status`, "Threads")),
    ...holdingsOf(pid),
    wakeups: switchesBetween(before, switchesOf(pid)) * 1000 / IDLE_WINDOW_MS,
  };
}

/** The part that can be read at once. */
export function holdingsOf(pid: number): Pick<Vitals, "descriptors" | "watches" | "children"> {
  const descriptors: Record<string, number> = {};
  let watches = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/fd`)) {
    const kind = kindOf(`/proc/${pid}/fd/${name}`);
    if (kind === null) continue;
    descriptors[kind] = (descriptors[kind] ?? 0) + 1;
    if (kind !== "anon_inode:inotify") continue;
    const text = Deno.readTextFileSync(`/proc/${pid}/fdinfo/${name}`);
    watches += text.split("\n").filter((line) => line.startsWith("inotify ")).length;
  }
  return { descriptors, watches, children: childrenOf(pid) };
}

/** Resident memory. */
export function rssMibOf(pid: number): number {
  return Number(statusOf(`/proc/${pid}/status`, "VmRSS").replace(" kB", "")) * 1024 / MIB;
}

/** How many descriptors are open. */
export function descriptorCount({ descriptors }: Pick<Vitals, "descriptors">): number {
  return Object.values(descriptors).reduce((sum, count) => sum + count, 0);
}

/** What is more than at the baseline, one line each. */
export function leaks(baseline: Vitals, end: Vitals): string[] {
  const rows: [string, number, number, number][] = [
    ["resident MiB", baseline.rssMib, end.rssMib, TOLERANCES.rssMib],
    ["threads", baseline.threads, end.threads, TOLERANCES.threads],
    ["descriptors", descriptorCount(baseline), descriptorCount(end), TOLERANCES.descriptors],
    // Nobody is connected, so nobody can want any.
    ["file watches", 0, end.watches, TOLERANCES.watches],
    ["child processes", 0, end.children, TOLERANCES.children],
    ["wakeups per idle second", baseline.wakeups, end.wakeups, TOLERANCES.wakeups],
  ];
  return rows.filter(([, before, after, tolerance]) => after > before + tolerance).map(
    ([name, before, after, tolerance]) =>
      `${name}: ${before.toFixed(0)} before, ${
        after.toFixed(0)
      } after (allowed: ${tolerance} more)`,
  );
}

/** What a line through the samples gains from the first to the last (least squares). */
export function growthOf(samples: readonly number[]): number {
  const middle = (samples.length - 1) / 2;
  const mean = samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
  let [above, below] = [0, 0];
  samples.forEach((sample, index) => {
    above += (index - middle) * (sample - mean);
    below += (index - middle) ** 2;
  });
  return below === 0 ? 0 : above / below * (samples.length - 1);
}

function kindOf(path: string): string | null {
  try {
    const target = Deno.readLinkSync(path);
    return target.startsWith("/") ? target : target.replace(/:\[\d+\]$/, "");
  } catch {
    // It was closed since the folder was read.
    return null;
  }
}

function childrenOf(pid: number): number {
  let count = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    const text = readIfThere(`/proc/${pid}/task/${name}/children`);
    count += text.split(" ").filter(Boolean).length;
  }
  return count;
}

/** By thread: those that end take their counts with them. */
function switchesOf(pid: number): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    const path = `/proc/${pid}/task/${name}/status`;
    counts.set(name, Number(statusOf(path, "voluntary_ctxt_switches")));
  }
  return counts;
}

function switchesBetween(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): number {
  let count = 0;
  for (const [thread, switches] of after) {
    count += Math.max(0, switches - (before.get(thread) ?? switches));
  }
  return count;
}

function statusOf(path: string, field: string): string {
  return new RegExp(`^${field}:\\s+(.*)$`, "m").exec(readIfThere(path))?.[1] ?? "0";
}

function readIfThere(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    // It has ended since it was listed.
    return "";
  }
}
