/** Makes a program the leader of its own session and group, cheaply; must not start anything itself. */
import { delimiter, resolve } from "node:path";
import { executability } from "./executable.ts";
import { exists } from "./sandbox/links.ts";

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
  | { readonly type: "notFound" }
  /** The kernel refuses it with that error. */
  | { readonly type: "failed"; readonly errno: number };

const SETSID_PATHS = ["/usr/bin/setsid", "/bin/setsid"];
/** Where programs are looked for without a `PATH`, as the C library of upstream does. */
const DEFAULT_PATH = "/usr/local/bin:/bin:/usr/bin";

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
  const outcome = executability(path);
  if (outcome.type === "fails") return { type: "failed", errno: outcome.errno };
  if (outcome.type === "unknown") {
    return { type: "start", path, program: path, args, detached: true };
  }
  if (image !== null) {
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

/** The first commands do not wait for it. */
async function load(): Promise<void> {
  const { leaderImage } = await import("./leader_image.ts");
  const [program, ...before] = await leaderImage() ?? [];
  if (program !== undefined) image = [program, ...before];
}

/** Where the program is: named by a path, or the first of that name in the `PATH` that can be executed, if any can. */
export function findProgram(
  name: string,
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): string | null {
  if (name.includes("/")) return resolve(cwd, name);
  let forbidden: string | null = null;
  for (const folder of (env["PATH"] ?? DEFAULT_PATH).split(delimiter)) {
    const candidate = resolve(cwd, folder, name);
    if (!exists(candidate)) continue;
    if (isExecutable(candidate)) return candidate;
    forbidden ??= isFile(candidate) ? candidate : null;
  }
  return forbidden;
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

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    // Not there, or not to be seen.
    return false;
  }
}
