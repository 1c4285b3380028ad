import assert from "node:assert/strict";
import fc from "fast-check";
import { fromShell } from "../../src/agent/tools/patch_shell.ts";

const PATCH = "*** Begin Patch\n*** Add File: a\n+x\n*** End Patch\n";

function bash(script: string): string[] {
  return ["/bin/bash", "-lc", script];
}

Deno.test("fromShell finds patches in commands", async () => {
  const cases: [string[], string | null][] = [
    [["apply_patch", PATCH], null],
    [["applypatch", PATCH], null],
    [bash(`apply_patch <<'EOF'\n${PATCH}EOF\n`), null],
    [bash(`apply_patch <<"PATCH"\n${PATCH}PATCH`), null],
    [bash(`apply_patch <<EOF\n${PATCH}EOF`), null],
    [bash(`applypatch <<-'EOF'\n\t${PATCH.replaceAll("\n", "\n\t")}EOF`), null],
    [bash(`apply_patch '${PATCH}'`), null],
    [bash(`apply_patch "${PATCH}"`), null],
    [["sh", "-c", `apply_patch '${PATCH}'`], null],
    [bash(`cd sub && apply_patch <<'EOF'\n${PATCH}EOF`), "sub"],
    [bash(`cd 'a b/c' && apply_patch <<'EOF'\n${PATCH}EOF`), "a b/c"],
  ];
  for (const [argv, cwd] of cases) {
    assert.deepEqual(await fromShell(argv), { input: PATCH, cwd }, argv.join(" "));
  }
});

Deno.test("fromShell finds nothing where the shell would do anything else", async () => {
  const heredoc = `<<'EOF'\n${PATCH}EOF`;
  const scripts = [
    `apply_patch ${heredoc}\nrm -rf /`,
    `rm x; apply_patch ${heredoc}`,
    `rm x && apply_patch ${heredoc}`,
    `cd a && cd b && apply_patch ${heredoc}`,
    `cd a || apply_patch ${heredoc}`,
    `cd a; apply_patch ${heredoc}`,
    `cd a && rm x && apply_patch ${heredoc}`,
    `cd $HOME && apply_patch ${heredoc}`,
    `cd ~ && apply_patch ${heredoc}`,
    `cd - && apply_patch ${heredoc}`,
    `cd a b && apply_patch ${heredoc}`,
    `cd * && apply_patch ${heredoc}`,
    `apply_patch ${heredoc} | tee log`.replace("EOF'\n", "EOF' | tee log\n"),
    `apply_patch <<'EOF' > log\n${PATCH}EOF`,
    `apply_patch <<'EOF' &\n${PATCH}EOF`,
    `apply_patch 3<<'EOF'\n${PATCH}EOF`,
    `X=1 apply_patch ${heredoc}`,
    `apply_patch x ${heredoc}`,
    `apply_patch <<EOF\n${PATCH.replace("x", "$(id)")}EOF`,
    `apply_patch <<EOF\n${PATCH.replace("x", "$HOME")}EOF`,
    `apply_patch "$(cat p)"`,
    "apply_patch < file",
    "apply_patch <<< text",
    `(apply_patch ${heredoc}\n)`,
    `if true; then apply_patch ${heredoc}\nfi`,
    `echo apply_patch ${heredoc}`,
    `./apply_patch ${heredoc}`,
    "apply_patch",
    "apply_patch 'unfinished",
  ];
  for (const script of scripts) assert.equal(await fromShell(bash(script)), null, script);
  assert.equal(await fromShell(["apply_patch"]), null);
  assert.equal(await fromShell(["apply_patch", "a", "b"]), null);
  assert.equal(await fromShell(["python", "-c", `apply_patch '${PATCH}'`]), null);
  assert.equal(await fromShell([]), null);
});

Deno.test("fromShell answers any command, and changes nothing of a quoted heredoc", async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.string()), async (argv) => {
    const found = await fromShell(argv);
    assert.ok(found === null || argv.includes(found.input));
  }));
  await fc.assert(fc.asyncProperty(fc.string(), async (script) => {
    await fromShell(bash(`apply_patch ${script}`));
  }));
  const line = fc.string().filter((text) => !/[\n\r\0]/.test(text) && text !== "EOF");
  await fc.assert(fc.asyncProperty(fc.array(line), async (lines) => {
    const input = lines.map((each) => `${each}\n`).join("");
    const found = await fromShell(bash(`apply_patch <<'EOF'\n${input}EOF\n`));
    assert.deepEqual(found, { input, cwd: null });
  }));
});
