/** `codex --version`, and what it says beyond that with `--verbose`. */
import assert from "node:assert/strict";
import { COMMIT, VERSION } from "../../src/lib/version.ts";
import { versionReport } from "../../src/programs/version.ts";
import { type Form, testEachForm } from "../support/forms.ts";

async function codex({ command: [program = "", ...args], env }: Form, words: readonly string[]) {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args, ...words],
    env: { ...env, NO_COLOR: "1", CODEX_HOME: "/nonexistent/codex-home" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

testEachForm("codex --version --verbose says what exactly is running", async (form) => {
  const commit = form.name === "source"
    ? "none, runs from source"
    : "(unknown|[0-9a-f]{40}(-dirty)?)";
  const lines = [
    `codex-cli ${VERSION.replaceAll(".", "\\.")}`,
    `commit: ${commit}`,
    `form: ${form.name}`,
    "runtime: Deno \\d+\\.\\d+\\.\\d+, V8 \\d+\\.\\S+",
    `target: ${Deno.build.target}`,
  ];
  for (const words of [["--version", "--verbose"], ["-V", "--verbose"], ["--verbose", "-V"]]) {
    const { code, stdout, stderr } = await codex(form, words);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, new RegExp(`^${lines.join("\n")}\n$`));
  }
});

testEachForm("codex --verbose without --version is a usage error", async (form) => {
  const { code, stdout, stderr } = await codex(form, ["--verbose"]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(
    stderr,
    /^error: the following required arguments were not provided:\n {2}--version/,
  );
});

Deno.test("versionReport names the form, and no commit from source", () => {
  assert.equal(COMMIT, null);
  for (const form of ["source", "packed", "compiled"] as const) {
    assert.ok(versionReport({ form }).split("\n").includes(`form: ${form}`));
  }
});
