/** Makes a program the leader of its own session and group, cheaply; must not start anything itself. */
import { delimiter, resolve } from "node:path";

/** How a program is started as leader: by what is run, or by an option of the runtime. */
export type Leading =
  | {
    readonly type: "start";
    /** Where the program itself is. */
    readonly path: string;
    readonly program: string;
    readonly args: readonly string[];
    readonly detached: boolean;
  }
  | { readonly type: "notFound" };

const SETSID_PATHS = ["/usr/bin/setsid", "/bin/setsid"];
/** How programs start that the kernel can execute by itself; shells run any other file as a script. */
const EXECUTABLE_STARTS = ["\x7fELF", "#!"];

/**
 * A program that makes the other one leader: a generated one that costs next to nothing, or `setsid`, which takes
 * a millisecond. The runtime's own `detached` copies its whole address space for every child, which takes 2 ms
 * in a small server and grows with it.
 */
export function asLeader(spec: {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** The program makes itself leader. */
  readonly leads?: boolean;
  /** What the program sees as its name; lost where `setsid` or the runtime starts it. */
  readonly arg0?: string | undefined;
}): Leading {
  const [name = "", ...args] = spec.argv;
  // A program that is missing must be told from one that fails.
  const path = findProgram(name, spec);
  if (path === null) return { type: "notFound" };
  if (spec.leads) return { type: "start", path, program: path, args, detached: false };
  // What is there but cannot be run is left to the runtime, which says why.
  if (!isExecutable(path)) return { type: "start", path, program: path, args, detached: false };
  loading ??= load();
  if (image !== null && isForKernel(path)) {
    const [program, ...before] = image;
    return {
      type: "start",
      path,
      program,
      args: [...before, path, spec.arg0 ?? name, ...args],
      detached: false,
    };
  }
  setsid ??= SETSID_PATHS.find((path) => isExecutable(path)) ?? "";
  return setsid === ""
    ? { type: "start", path, program: path, args, detached: true }
    : { type: "start", path, program: setsid, args: [path, ...args], detached: false };
}

/** Empty: this machine has none. */
let setsid: string | null = null;
let image: readonly [string, ...string[]] | null = null;
let loading: Promise<void> | null = null;

/** Resolves when programs are started in the best way that there is here; for those that need an own name. */
export async function prepareLeader(): Promise<void> {
  await (loading ??= load());
}

/** Whether there is something at a path; unlike a `stat` that throws it costs next to nothing. */
let exists: ((path: string) => boolean) | null = null;

/** The first commands do not wait for it. */
async function load(): Promise<void> {
  ({ existsSync: exists } = await import("node:fs"));
  const { leaderImage } = await import("./leader_image.ts");
  const [program, ...before] = await leaderImage() ?? [];
  if (program !== undefined) image = [program, ...before];
}

function isForKernel(path: string): boolean {
  try {
    using file = Deno.openSync(path);
    const bytes = new Uint8Array(4);
    file.readSync(bytes);
    const start = String.fromCharCode(...bytes);
    return EXECUTABLE_STARTS.some((expected) => start.startsWith(expected));
  } catch {
    // It may be executed but not read.
    return false;
  }
}

/** Where the program is: named by a path, or the first of that name in the `PATH`. */
export function findProgram(
  name: string,
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): string | null {
  if (name.includes("/")) return resolve(cwd, name);
  for (const folder of (env["PATH"] ?? "").split(delimiter)) {
    const candidate = resolve(cwd, folder, name);
    if (exists?.(candidate) !== false && isExecutable(candidate)) return candidate;
  }
  return null;
}

function isExecutable(path: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && ((mode ?? 0) & 0o111) !== 0;
  } catch {
    // Not there, or not to be seen: not to be run either.
    return false;
  }
}
