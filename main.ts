/**
 * The entry of `codex`: picks a program, takes from this process what that program does not need, loads it,
 * and prints the one final error; must not do a program's work.
 */
import { VERSION } from "./src/lib/version.ts";

/** The kinds of Deno permissions. A kind can only be given up whole. */
export const ALL_KINDS = ["read", "write", "net", "env", "run", "sys", "ffi", "import"] as const;

/** One of them. */
export type Kind = (typeof ALL_KINDS)[number];

/**
 * The table of programs: how each is loaded, and the kinds of permissions that it keeps (`README.md` says why).
 * `none` is the terminal interface, which has no name. The imports are literal, so that a bundler splits them.
 */
export const PROGRAMS = {
  "exec": { load: () => import("./src/programs/exec.ts"), holds: ALL_KINDS },
  "app-server": { load: () => import("./src/programs/app_server.ts"), holds: ALL_KINDS },
  "sandbox": {
    load: () => import("./src/programs/sandbox.ts"),
    // The proxy for `allow_domains` needs the network, and Deno shows `/dev/shm` to nothing less.
    holds: ALL_KINDS,
  },
  // Gives up the network itself once it listens, unless it runs tasks.
  "exec-server": { load: () => import("./src/programs/exec_server.ts"), holds: ALL_KINDS },
  "login": {
    load: () => import("./src/programs/login.ts"),
    // What asks for the key looks at the terminal's variables.
    holds: ["read", "write", "env"],
  },
  "logout": { load: () => import("./src/programs/logout.ts"), holds: ["write"] },
  "completion": { load: () => import("./src/programs/completion.ts"), holds: [] },
  "features": { load: () => import("./src/programs/features.ts"), holds: ["read"] },
  "doctor": {
    load: () => import("./src/programs/doctor.ts"),
    holds: ["read", "net", "run", "sys", "ffi"],
  },
  // Deno shows neither `/dev/shm` nor the processes in `/proc` to less.
  "cache": { load: () => import("./src/programs/cache.ts"), holds: ALL_KINDS },
  // Its server, an editor and what reads the clipboard are children; terminals take a call of the C library.
  "none": { load: () => import("./src/programs/tui.ts"), holds: ALL_KINDS },
  "resume": { load: () => import("./src/programs/tui.ts"), holds: ALL_KINDS },
  "fork": { load: () => import("./src/programs/tui.ts"), holds: ALL_KINDS },
} as const satisfies Readonly<Record<string, { load(): unknown; readonly holds: readonly Kind[] }>>;

type Program = (typeof PROGRAMS)[keyof typeof PROGRAMS];
type Invocation = Parameters<Awaited<ReturnType<Program["load"]>>["run"]>[0];

/** Of a program that cannot even say what went wrong (sysexits.h). */
const BUG_EXIT_CODE = 70;

// Not awaited: V8 stores its code cache only once this module has been evaluated.
if (import.meta.main) void main(Deno.args).then((code) => Deno.exit(code));

/** Runs one command line and returns the exit code of the process. */
async function main(words: readonly string[]): Promise<number> {
  // Scripts and editors ask for the version at every start, so nothing else is loaded for it.
  if (words.length === 1 && (words[0] === "--version" || words[0] === "-V")) {
    return printVersion();
  }
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    // What fails here again would be told here again, for ever.
    void fail(event.reason).then((code) => Deno.exit(code), () => Deno.exit(BUG_EXIT_CODE));
  });
  try {
    return await dispatch(words);
  } catch (error) {
    return await fail(error);
  }
}

async function fail(error: unknown): Promise<number> {
  const { reportFailure } = await import("./src/programs/failure.ts");
  return reportFailure(error);
}

async function dispatch(words: readonly string[]): Promise<number> {
  // With the parser rather than after it: clients wait for the first answer of a server. It gives up nothing,
  // so it may load first; what fails here fails again below, unless this is a line that asks for help.
  if (words[0] === "app-server") void PROGRAMS["app-server"].load().catch(() => null);
  const [{ parseCommandLine }, { systemHost }] = await Promise.all([
    import("./src/cli/parse.ts"),
    import("./src/programs/host.ts"),
  ]);
  const line = parseCommandLine(words);
  if (line.type === "version" && !line.isVerbose) return printVersion();
  const host = systemHost();
  if (line.type === "version") {
    const { versionReport } = await import("./src/programs/version.ts");
    host.stdout.write(versionReport(host.packaging));
    return 0;
  }
  if (line.type === "help") {
    const { renderHelp } = await import("./src/cli/help.ts");
    host.stdout.write(renderHelp(line.at));
    return 0;
  }
  const program = programOf(line.args.path[0]);
  await keepOnly(program.holds, host);
  const { run } = await program.load();
  return await run({ args: line.args, host });
}

function programOf(name = "none"): Program {
  const found = Object.entries(PROGRAMS).find(([one]) => one === name);
  if (!found) throw new TypeError(`The command line knows ${name}, the table of programs does not`);
  return found[1];
}

/** Revokes every other kind, before any code of the program is let in. */
async function keepOnly(kinds: readonly Kind[], host: Invocation["host"]): Promise<void> {
  const others = ALL_KINDS.filter((kind) => !kinds.includes(kind));
  if (kinds.length > 0 && others.length > 0) {
    const { livesInSpecialFolder } = await import("./src/programs/special_folders.ts");
    if (livesInSpecialFolder(host)) return;
  }
  for (const name of others) Deno.permissions.revokeSync({ name });
}

function printVersion(): number {
  try {
    Deno.stdout.writeSync(new TextEncoder().encode(`codex-cli ${VERSION}\n`));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
  return 0;
}
