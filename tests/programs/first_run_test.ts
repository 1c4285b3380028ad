/** The first command that somebody runs, with an empty home and nothing configured, in each form. */
import assert from "node:assert/strict";
import { type Form, testEachForm } from "../support/forms.ts";
import { workingBackends } from "../exec/sandbox/test_sandbox.ts";
import type { Ended } from "./exec_process.ts";

/** An empty machine: a home that is empty, a plain folder with two files, and no variable beyond PATH. */
async function withEmptyMachine(
  test: (machine: {
    readonly home: string;
    readonly folder: string;
    exec(...words: string[]): Promise<Ended>;
  }) => Promise<void>,
  form: Form,
): Promise<void> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "codex_first_" }));
  const [home, folder] = [`${root}/home`, `${root}/folder`];
  try {
    await Deno.mkdir(home);
    await Deno.mkdir(`${folder}/src`, { recursive: true });
    await Deno.writeTextFile(`${folder}/notes.txt`, "one\n");
    const [program = "", ...args] = form.command;
    const exec = async (...words: string[]) => {
      const { code, stdout, stderr } = await new Deno.Command(program, {
        args: [...args, "exec", ...words],
        cwd: folder,
        env: { PATH: Deno.env.get("PATH") ?? "", HOME: home, ...form.env },
        clearEnv: true,
        stdin: "null",
      }).output();
      const text = new TextDecoder();
      return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
    };
    await test({ home, folder, exec });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const DEMO = ["-c", "model_provider=demo"] as const;

testEachForm(
  "the demo lists files as the first command ever, outside of any repository",
  async (form) => {
    await withEmptyMachine(async ({ home, folder, exec }) => {
      const { code, stdout, stderr } = await exec(...DEMO, "list the files here");
      assert.equal(
        stdout,
        `These are the files in \`${folder}\`:\n\n\`\`\`\nnotes.txt\nsrc/\n\`\`\`\n\n` +
          "(The demo model: built-in rules, not an AI.)\n",
      );
      assert.equal(code, 0, stderr);
      assert.match(stderr, /^sandbox: read-only$/m);
      assert.doesNotMatch(stderr, /error|warning|download/i);
      assert.deepEqual(Array.from(Deno.readDirSync(home), ({ name }) => name), [".codex"]);
      assert.equal(((await Deno.stat(`${home}/.codex`)).mode ?? 0) & 0o077, 0);

      const again = await exec("resume", "--last", ...DEMO, "list the files in src");
      assert.match(again.stdout, /^There is nothing in `\/.*\/folder\/src`\./);
      assert.equal(again.code, 0);
    }, form);
  },
);

testEachForm(
  "the demo runs a command, confined, or says what to do where none can be",
  async (form) => {
    const isConfined = (await workingBackends()).length > 0;
    await withEmptyMachine(async ({ exec }) => {
      const first = await exec(...DEMO, "run `cat notes.txt; touch made.txt`");
      // The turn completes, also when a tool is refused: as upstream.
      assert.equal(first.code, 0, first.stderr);
      if (isConfined) {
        assert.match(first.stdout, /```\none\n.*made\.txt.*(Read-only|Permission denied)/s);
      } else {
        assert.match(first.stdout, /^That was not allowed, so I stopped there:/);
        assert.match(first.stdout, /start again with `-s danger-full-access`/);
      }
      const allowed = await exec(...DEMO, "-s", "danger-full-access", "run `cat notes.txt`");
      assert.match(allowed.stdout, /^I ran `cat notes\.txt` \(exit code 0\)\.\n\n```\none\n```/);
    }, form);
  },
);

testEachForm("only the demo may work outside of a repository without being told", async (form) => {
  await withEmptyMachine(async ({ exec }) => {
    const refusal = "Not inside a trusted directory and --skip-git-repo-check was not specified.\n";
    const other = await exec("list the files here");
    assert.deepEqual([other.code, other.stdout], [1, ""]);
    assert.ok(other.stderr.endsWith(`\n${refusal}`), other.stderr);
    const named = await exec("resume", ...DEMO, "01a1fbe2-0000-7fd3-b1cd-a5e4a9642ab7", "hi");
    assert.deepEqual([named.code, named.stderr], [1, refusal], "it may be of another provider");
  }, form);
});
