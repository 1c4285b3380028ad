/** `codex doctor`: checks this installation and says what to do; must not load what it checks before it runs. */
import type { Invocation } from "./host.ts";

/** Prints a report, for people or with `--json`; the exit code is 1 after any error. */
export async function run(invocation: Invocation): Promise<number> {
  const { inspect } = await import("./doctor/inspect.ts");
  return await inspect(invocation);
}
