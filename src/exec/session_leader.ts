/** Makes a program the leader of its own session and group, cheaply; must not start anything itself. */
import { delimiter, resolve } from "node:path";

/** How a program is started as leader: by what is run, or by an option of the runtime. */
export type Leading =
  | {
    readonly type: "start";
    readonly program: string;
    readonly args: readonly string[];
    readonly detached: boolean;
  }
  | { readonly type: "notFound" };

const SETSID_PATHS = ["/usr/bin/setsid", "/bin/setsid"];

/**
 * `setsid PROGRAM` where there is one. The runtime's own `detached` copies its whole address space for every
 * child, which takes 1 to 2 ms and grows with the server; `setsid` takes half a millisecond.
 */
export function asLeader(spec: {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}): Leading {
  const [program = "", ...args] = spec.argv;
  setsid ??= SETSID_PATHS.find((path) => isExecutable(path)) ?? "";
  // `setsid` would report a missing program only through its exit code.
  const path = findProgram(program, spec);
  if (path === null) return { type: "notFound" };
  // What is there but cannot be run is left to the runtime, which says why.
  if (setsid === "" || !isExecutable(path)) {
    return { type: "start", program, args, detached: true };
  }
  return { type: "start", program: setsid, args: [path, ...args], detached: false };
}

/** Empty: this machine has none. */
let setsid: string | null = null;

/** Where the program is: named by a path, or the first of that name in the `PATH`. */
function findProgram(
  name: string,
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): string | null {
  if (name.includes("/")) return resolve(cwd, name);
  for (const folder of (env["PATH"] ?? "").split(delimiter)) {
    const candidate = resolve(cwd, folder, name);
    if (isExecutable(candidate)) return candidate;
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
