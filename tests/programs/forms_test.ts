/** What a start must leave as it is, in each form: arguments, environment, umask, working directory, name. */
import assert from "node:assert/strict";
import { basename, dirname, relative } from "node:path";
import { COMPILED, type Form, FORMS, PACKED, SOURCE, testEachForm } from "../support/forms.ts";
import { call, say } from "../support/mock_model.ts";
import { type Ended, jsonLines, makePlace, type Place } from "./exec_process.ts";

/** Shells set these in whatever they start. */
const OF_SHELLS: ReadonlySet<string> = new Set(["PWD", "OLDPWD", "SHLVL", "_"]);

/** Runs a form in exactly this environment, through `prefix` if given. */
async function run(form: Form, options: {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly prefix?: readonly string[];
}): Promise<Ended> {
  const [program = "", ...args] = [...options.prefix ?? [], ...form.command, ...options.args];
  const output = await new Deno.Command(program, {
    args,
    cwd: options.cwd,
    env: { PATH: Deno.env.get("PATH") ?? "", HOME: options.cwd, ...form.env, ...options.env },
    clearEnv: true,
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return {
    code: output.code,
    stdout: text.decode(output.stdout),
    stderr: text.decode(output.stderr),
  };
}

/** What a command of the agent prints. */
async function commandOutput(form: Form, cmd: string, options: {
  readonly place: Place;
  readonly env?: Readonly<Record<string, string>>;
  readonly prefix?: readonly string[];
}): Promise<string> {
  const { place, prefix = [] } = options;
  place.model.push(call("exec_command", { cmd, login: false }), say("Done"));
  const { code, stdout, stderr } = await run(form, {
    args: ["exec", "--json", "-s", "danger-full-access", "go"],
    cwd: place.project,
    env: { ...place.env, ...options.env },
    prefix,
  });
  assert.equal(code, 0, stderr);
  const { item } =
    jsonLines(stdout).findLast(({ item }) => Object(item).type === "command_execution") ??
      assert.fail(stdout);
  return String(Object(item).aggregated_output);
}

testEachForm(
  "options that the user has set for Node reach the commands, not this program",
  async (form) => {
    await using place = await makePlace();
    // Editors set this in their terminals: what it names must not run in our process.
    const env = { NODE_OPTIONS: `--require ${place.outside}/missing.cjs`, NODE_CHANNEL_FD: "99" };
    const seen = (await commandOutput(form, "env -0", { place, env })).split("\0");
    assert.deepEqual(seen.filter((line) => line.startsWith("NODE_")), [
      `NODE_OPTIONS=${env.NODE_OPTIONS}`,
    ]);
  },
  { forms: [PACKED] },
);

testEachForm("commands of the agent see what the user has set, also for Deno", async (form) => {
  await using place = await makePlace();
  const own = { DENO_DIR: "/the/users/own", ODD: " c\nd'\"$x" };
  // From source the packages are found through it, so it must be a real one there.
  const env = form === SOURCE ? { ...own, ...SOURCE.env } : own;
  const seen = (await commandOutput(form, "env -0", { place, env })).split("\0");
  assert.ok(seen.includes(`ODD=${own.ODD}`));
  assert.deepEqual(seen.filter((line) => line.startsWith("DENO_")), [`DENO_DIR=${env.DENO_DIR}`]);
});

testEachForm("commands of the agent see no variable of ours", async (form) => {
  await using place = await makePlace();
  const given = { ...place.env, ...form.env, PATH: "", HOME: "" };
  const seen = (await commandOutput(form, "env -0", { place })).split("\0").filter(Boolean)
    .map((line) => line.split("=", 1).join());
  const added = seen.filter((name) => !(name in given) && !OF_SHELLS.has(name)).sort();
  assert.deepEqual(added, [
    // Meant for commands.
    ...["CODEX_COMMAND_ID", "CODEX_PROJECT_ROOT", "CODEX_THREAD_ID", "CODEX_WORKTREE_PATH"],
    ...["COLORTERM", "GH_PAGER", "GIT_PAGER", "PAGER", "TERM"],
  ]);
});

testEachForm("umask and working directory of commands are those of outside", async (form) => {
  await using place = await makePlace();
  const prefix = ["sh", "-c", 'umask 027 && exec "$@"', "sh"];
  const output = await commandOutput(form, "umask; pwd", { place, prefix });
  assert.equal(output, `0027\n${place.project}\n`);
});

testEachForm("arguments arrive as they were given", async (form) => {
  await using place = await makePlace();
  const prompts = [
    "  a  b\t\n\nlines\n",
    `'single' "double" \`back\` $HOME $(id) \\ \\n * ? ~ ; & | < > # ! %s`,
    "käse 漢字 🦊 e\u0301",
  ];
  for (const [index, prompt] of prompts.entries()) {
    place.model.push(say("Read"));
    const args = ["exec", "--json", "--", prompt];
    const { code, stderr } = await run(form, { args, cwd: place.project, env: place.env });
    assert.equal(code, 0, stderr);
    const { body } = await place.model.request(index);
    assert.ok(JSON.stringify(body.input).includes(JSON.stringify(prompt)), prompt);
  }
  const odd = await run(form, { args: ["logout", "", "x"], cwd: place.project, env: place.env });
  assert.equal(odd.code, 2);
  assert.match(odd.stderr, /^error: unexpected argument '' found\n/);
});

testEachForm(
  "a built file starts through links, PATH and relative paths, whatever its folder is called",
  async (form) => {
    await using place = await makePlace();
    const [file = ""] = form.command;
    const folder = `${place.outside}/it's a "folder" $x`;
    await Deno.mkdir(`${folder}/bin`, { recursive: true });
    await Deno.symlink(file, `${folder}/bin/codex`);
    await Deno.symlink("bin/codex", `${folder}/linked`);
    const path = `${folder}/bin:${Deno.env.get("PATH") ?? ""}`;
    const ways: { command: string[]; cwd?: string; env?: Record<string, string> }[] = [
      { command: [`${folder}/bin/codex`] },
      { command: [`${folder}/linked`] },
      { command: ["./linked"], cwd: folder },
      { command: ["../bin/codex"], cwd: `${folder}/bin` },
      { command: [relative(place.project, file)] },
      { command: ["env", "codex"], env: { PATH: path } },
      { command: ["sh", "-c", 'codex "$@"', "sh"], env: { PATH: path } },
      ...form === PACKED
        ? [{ command: ["sh", file] }, {
          command: ["sh", `./${basename(file)}`],
          cwd: dirname(file),
        }]
        : [],
    ];
    for (const { command, cwd = place.project, env = {} } of ways) {
      const started: Form = { ...form, command };
      const args = ["features", "list", "--enable", "memories"];
      const { code, stdout, stderr } = await run(started, {
        args,
        cwd,
        env: { ...place.env, ...env },
      });
      assert.deepEqual([code, stderr], [0, ""], command.join(" "));
      assert.match(stdout, /^memories +no effect +true$/m);
    }
  },
  { forms: [PACKED, COMPILED] },
);

Deno.test("a form that is missing is ignored under a name that says why", () => {
  for (const form of FORMS) assert.equal(form.isMissing, form.reason !== "", form.name);
  assert.equal(SOURCE.isMissing, false);
});
