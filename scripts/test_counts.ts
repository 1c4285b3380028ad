/** Reads how many tests passed and failed from what `deno test` printed; knows no test. */

/** How many tests ran. Steps of a test are part of it and not counted. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
}

const SUMMARY = /^(?:ok|FAILED) \| (\d+) passed[^|]*\| (\d+) failed/;
// deno-lint-ignore no-control-regex -- Deno colours its summary when the terminal wants it.
const COLOURS = /\u001b\[[0-9;]*m/g;

/**
 * The counts of the last summary line. A run that failed is never counted as without failure: a module
 * that does not load, or a process that died before its summary, is one failed test.
 */
export function countTests(output: string, exitCode: number): TestCounts {
  const lines = output.replace(COLOURS, "").split("\n").map((line) => SUMMARY.exec(line.trim()));
  const last = lines.findLast((match) => match !== null);
  const passed = Number(last?.[1] ?? 0);
  const failed = Number(last?.[2] ?? 0);
  const died = exitCode !== 0 && failed === 0;
  return { passed, failed: died || passed + failed === 0 ? failed + 1 : failed };
}
