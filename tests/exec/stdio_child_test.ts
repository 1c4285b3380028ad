/** Tests that a child over stdio tells its end with all that it said about it. */
import assert from "node:assert/strict";
import { startStdioChild } from "../../src/exec/stdio_child.ts";

function start(script: string) {
  const env = { PATH: "/usr/bin:/bin" };
  return startStdioChild({ argv: ["/bin/sh", "-c", script], cwd: "/", env });
}

Deno.test("the end of a child comes with what it wrote to stderr, however late that arrives", async () => {
  // Written only once the child itself is long gone.
  const child = start("exec 3<&0; (read -r line <&3; echo $line >&2) & exit 3");
  await child.output.cancel();
  const writer = child.input.getWriter();
  await writer.write(new TextEncoder().encode("the reason\n"));
  await writer.close();
  assert.deepEqual(await child.end, { code: 3, signal: null, lastErrors: "the reason\n" });
});

Deno.test("of a long story on stderr the end is kept, and a signal is told", async () => {
  const child = start("printf '%09999d' 7 >&2; kill -9 $$");
  const [{ signal, lastErrors }] = await Promise.all([
    child.end,
    child.output.cancel(),
    child.input.close(),
  ]);
  assert.deepEqual([signal, lastErrors.length, lastErrors.at(-1)], ["SIGKILL", 4000, "7"]);
});
