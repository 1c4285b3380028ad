/**
 * `deno task test [FILES]`: builds the program, runs all tests against the source and what was built, then
 * checks the wire coverage; closed by one plain line. Knows no single test.
 */
import { buildFile, buildPackedFile } from "./built_file.ts";
import { countTests, type TestCounts } from "./test_counts.ts";

const ROOT = new URL("../", import.meta.url);
/** Ends the child that runs. */
const stop = new AbortController();

/** Runs one child of this script, passing its output on while it runs; resolves with what it printed. */
async function runPassingOn(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ code: number; output: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    env: { ...env },
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
    signal: stop.signal,
  }).spawn();
  const decoder = new TextDecoder();
  let output = "";
  for await (const chunk of child.stdout) {
    writeAll(chunk);
    output += decoder.decode(chunk, { stream: true });
  }
  return { code: (await child.status).code, output };
}

function writeAll(bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) written += Deno.stdout.writeSync(bytes.subarray(written));
}

/**
 * Every test writes which methods and notifications it saw on the wire into the folder of CODEX_WIRE_SEEN.
 * One that no test saw counts as one failed test. With a selection of tests the question makes no sense.
 */
async function isWireCovered(seen: string): Promise<boolean> {
  const { code } = await runPassingOn(["run", "-A", "--no-check", "scripts/check_wire_seen.ts"], {
    CODEX_WIRE_SEEN: seen,
  });
  return code === 0;
}

/** The built files under the names by which tests know them; see `tests/support/forms.ts`. */
type BuiltEnv = Readonly<Record<string, string>>;

/** Builds the program in each form that can be made here. Everything lands in `temp` or `dist/`. */
async function buildForms(temp: string): Promise<BuiltEnv> {
  const built = await buildFile();
  const packed = built.form === "packed" ? built : await buildPackedFile(temp);
  const runtimes = `${temp}/runtimes`;
  await unpack(packed.path, { runtimes, home: temp });
  console.log(`Built dist/codex (${built.form}, ${(built.bytes / 1e6).toFixed(1)} MB)`);
  return {
    CODEX_BUILT: packed.path,
    CODEX_RUNTIME_DIR: runtimes,
    ...built.form === "compiled" ? { CODEX_COMPILED: built.path } : {},
  };
}

/** Starts the packed program once: tests that all did it at the same time would wait for one another. */
async function unpack(
  file: string,
  { runtimes, home }: { readonly runtimes: string; readonly home: string },
): Promise<void> {
  const { success, stderr } = await new Deno.Command(file, {
    args: ["features", "list"],
    // Whatever goes wrong, the cache of the user is not touched.
    env: { CODEX_RUNTIME_DIR: runtimes, HOME: home, XDG_CACHE_HOME: "" },
    stdin: "null",
    stdout: "null",
  }).output();
  if (!success) throw new Error(`It does not start: ${new TextDecoder().decode(stderr).trim()}`);
  for await (const { name } of Deno.readDir(runtimes)) if (!name.startsWith(".")) return;
  throw new Error(`It cannot unpack to ${runtimes}; set TMPDIR to a folder that programs run from`);
}

async function runTests(selection: readonly string[], temp: string): Promise<TestCounts> {
  let built: BuiltEnv;
  try {
    built = await buildForms(temp);
  } catch (error) {
    console.error(`No test was run, as dist/codex cannot be built: ${messageOf(error)}`);
    return { passed: 0, failed: 1 };
  }
  const seen = `${temp}/wire`;
  await Deno.mkdir(seen);
  const flags = [
    "--parallel",
    "--preload=tests/support/preload.ts",
    "--no-check",
    "--hide-stacktraces",
    // A test closes what it opens.
    "--sanitize-ops",
    "--sanitize-resources",
  ];
  const targets = selection.length === 0 ? ["tests/"] : selection;
  const { code, output } = await runPassingOn(["test", "-A", ...flags, ...targets], {
    ...built,
    CODEX_WIRE_SEEN: seen,
    // The tests start programs whose log and terminal output they compare.
    ...Deno.stdout.isTerminal() ? {} : { NO_COLOR: "1" },
  });
  const counts = countTests(output, code);
  if (selection.length > 0) return counts;
  return await isWireCovered(seen) ? counts : { ...counts, failed: counts.failed + 1 };
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

async function main(): Promise<number> {
  const temp = await Deno.makeTempDir({ prefix: "codex_test_" });
  const tidyUp = () => Deno.removeSync(temp, { recursive: true });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => {
      stop.abort();
      tidyUp();
      Deno.exit(130);
    });
  }
  try {
    const { passed, failed } = await runTests(Deno.args, temp);
    console.log(`${passed} passed, ${failed} failed`);
    return failed === 0 && passed > 0 ? 0 : 1;
  } finally {
    tidyUp();
  }
}

if (import.meta.main) Deno.exit(await main());
