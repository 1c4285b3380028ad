/** The entry of `codex`: picks a program, loads it, and prints the one final error; must not do a program's work. */
import { VERSION } from "./src/lib/version.ts";

/** Deno permissions that the small programs never need; dropped before they load. */
const UNUSED_BY_CHORES = ["run", "ffi", "net"] as const;

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
    void fail(event.reason).then((code) => Deno.exit(code));
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
  // At once rather than one after the other: clients wait for the first answer of a server.
  const [{ parseCommandLine }, { systemHost }] = await Promise.all([
    import("./src/cli/parse.ts"),
    import("./src/programs/host.ts"),
    words[0] === "app-server" ? import("./src/programs/app_server.ts") : null,
  ]);
  const line = parseCommandLine(words);
  if (line.type === "version") return printVersion();
  const host = systemHost();
  if (line.type === "help") {
    const { renderHelp } = await import("./src/cli/help.ts");
    host.stdout.write(renderHelp(line.at));
    return 0;
  }
  const program = line.args.path[0] ?? "";
  const { run } = await load(program);
  return await run({ args: line.args, host });
}

/** The table of programs. The imports are literal, so that a bundler splits them. */
async function load(program: string) {
  switch (program) {
    case "exec":
      return await import("./src/programs/exec.ts");
    case "app-server":
      return await import("./src/programs/app_server.ts");
  }
  for (const name of UNUSED_BY_CHORES) Deno.permissions.revokeSync({ name });
  switch (program) {
    case "login":
      return await import("./src/programs/login.ts");
    case "logout":
      return await import("./src/programs/logout.ts");
    case "completion":
      return await import("./src/programs/completion.ts");
    case "features":
      return await import("./src/programs/features.ts");
    default:
      return await import("./src/programs/help.ts");
  }
}

function printVersion(): number {
  try {
    Deno.stdout.writeSync(new TextEncoder().encode(`codex-cli ${VERSION}\n`));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
  return 0;
}
