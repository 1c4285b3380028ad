/** `deno task test`: all tests and the wire coverage, closed by one plain line; knows no single test. */
import { countTests, type TestCounts } from "./test_counts.ts";

const ROOT = new URL("../", import.meta.url);

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

async function runTests(selection: readonly string[]): Promise<TestCounts> {
  const seen = await Deno.makeTempDir({ prefix: "codex_wire_" });
  try {
    const flags = [
      "--parallel",
      "--no-check",
      "--hide-stacktraces",
      // A test closes what it opens.
      "--sanitize-ops",
      "--sanitize-resources",
    ];
    const targets = selection.length === 0 ? ["tests/"] : selection;
    const { code, output } = await runPassingOn(["test", "-A", ...flags, ...targets], {
      CODEX_WIRE_SEEN: seen,
      // The tests start programs whose log and terminal output they compare.
      ...Deno.stdout.isTerminal() ? {} : { NO_COLOR: "1" },
    });
    const counts = countTests(output, code);
    if (selection.length > 0) return counts;
    return await isWireCovered(seen) ? counts : { ...counts, failed: counts.failed + 1 };
  } finally {
    await Deno.remove(seen, { recursive: true });
  }
}

async function main(): Promise<number> {
  const { passed, failed } = await runTests(Deno.args);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
