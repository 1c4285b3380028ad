/** Tests `codex` as a process, in each form: what it prints, where, and its exit code. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describeFailure } from "../../src/programs/failure.ts";
import { codexHomeOf, syncWriter } from "../../src/programs/host.ts";
import { VERSION } from "../../src/lib/version.ts";
import { sanitizeText } from "../../src/lib/sanitize.ts";
import { CliError, CodexError, InvariantError } from "../../src/lib/errors.ts";
import { type Form, SOURCE, testEachForm } from "../support/forms.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function codex(
  form: Form,
  args: readonly string[],
  { stdin = "", home = "/nonexistent/codex-home" }: {
    readonly stdin?: string;
    readonly home?: string;
  } = {},
): Promise<Result> {
  const [program = "", ...words] = form.command;
  const child = new Deno.Command(program, {
    args: [...words, ...args],
    env: { NO_COLOR: "1", ...form.env, CODEX_HOME: home },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [{ code, stdout, stderr }] = await Promise.all([
    child.output(),
    // Most programs end without having read it.
    new Blob([stdin]).stream().pipeTo(child.stdin).catch(() => undefined),
  ]);
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

testEachForm("codex --version prints one line", async (form) => {
  const expected = { code: 0, stdout: `codex-cli ${VERSION}\n`, stderr: "" };
  assert.deepEqual(await codex(form, ["--version"]), expected);
  assert.deepEqual(await codex(form, ["-V"]), expected);
  assert.deepEqual(await codex(form, ["exec", "--version"]), expected);
});

Deno.test("main.ts statically imports the version only, and parsing loads no zod or TOML", async () => {
  const modulesOf = async (file: string) => {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--no-lock", file],
      cwd: ROOT,
      env: { NO_COLOR: "1" },
    }).output();
    const { modules } = JSON.parse(new TextDecoder().decode(stdout));
    return modules;
  };
  const staticImports = (modules: readonly unknown[], name: string): readonly string[] => {
    const module = modules.find((one) => String(Object(one).specifier).endsWith(name));
    return Object(module).dependencies.filter((one: unknown) => !Object(one).isDynamic)
      .map((one: unknown) => Object(one).specifier);
  };
  assert.deepEqual(staticImports(await modulesOf("main.ts"), "/main.ts"), [
    "./src/lib/version.ts",
  ]);
  const parser = JSON.stringify(await modulesOf("src/cli/parse.ts"));
  assert.ok(!/"npm:/.test(parser), "the parser needs no package");
});

testEachForm("codex prints help on stdout", async (form) => {
  const { code, stdout, stderr } = await codex(form, ["help", "exec"]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^Run a prompt without a terminal interface\n\nUsage: codex exec/);
  assert.deepEqual(await codex(form, ["exec", "--help"]), { code, stdout, stderr });
});

testEachForm("codex exits with 2 for a mistake on the command line", async (form) => {
  assert.deepEqual(await codex(form, ["logout", "--foo"]), {
    code: 2,
    stdout: "",
    stderr:
      "error: unexpected argument '--foo' found\n\nUsage: codex logout [OPTIONS]\n\nFor more information, try '--help'.\n",
  });
});

testEachForm("codex exits with 1 and one line for a failure", async (form) => {
  const bad = await codex(form, ["features", "list", "-c", "foo"]);
  assert.deepEqual(bad, {
    code: 1,
    stdout: "",
    stderr: "Error: error parsing -c overrides: Invalid override (missing '='): foo\n",
  });
  const unknown = await codex(form, ["features", "list", "--enable", "nosuch"]);
  assert.deepEqual(unknown, {
    code: 1,
    stdout: "",
    stderr: "Error: Unknown feature flag: nosuch\n",
  });
});

testEachForm("codex, resume and fork need a terminal", async (form) => {
  for (
    const [way, words] of [
      ["codex exec PROMPT", []],
      ["codex exec PROMPT", ["hello"]],
      ["codex exec resume --last PROMPT", ["resume", "--last"]],
      ["codex exec PROMPT", ["fork"]],
    ] as const
  ) {
    const stderr = `Error: stdin is not a terminal; without one there is \`${way}\`\n`;
    const expected = { code: 1, stdout: "", stderr };
    assert.deepEqual(await codex(form, words), expected, words.join(" "));
  }
});

testEachForm("no program but the interface is to be used elsewhere", async (form) => {
  const { code, stdout, stderr } = await codex(form, ["--remote", "ws://h:1", "exec", "hi"]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.equal(
    stderr,
    "Error: `--remote ws://h:1` is only supported for interactive TUI commands, not `codex exec`\n",
  );
});

testEachForm("codex features list shows what is on", async (form) => {
  const { code, stdout, stderr } = await codex(form, [
    "features",
    "list",
    "--enable",
    "memories",
    "-c",
    "features.use_app_server_tui=false",
  ]);
  assert.equal(code, 0);
  assert.equal(
    stdout,
    "memories            no effect     true\nuse_app_server_tui  removed       true\n",
  );
  assert.match(stderr, /^warning: `features.use_app_server_tui = false` is ignored/);
});

Deno.test("codex features list prints no control sequences of a configuration", async () => {
  const { code, stdout, stderr } = await codex(SOURCE, [
    "features",
    "list",
    "-c",
    'features."a\u001b[2Jb"=true',
  ]);
  assert.equal(code, 0, stderr);
  assert.ok(!(stdout + stderr).includes("\u001b"), JSON.stringify(stdout + stderr));
  assert.match(stdout + stderr, /\bab\b/);
});

testEachForm("codex login keeps a key, says so and forgets it", async (form) => {
  const home = await Deno.makeTempDir({ prefix: "codex_login_" });
  try {
    const run = (args: readonly string[], stdin = "") => codex(form, args, { home, stdin });
    const said = (code: number, stderr: string) => ({ code, stdout: "", stderr });
    assert.deepEqual(await run(["login", "status"]), said(1, "Not logged in\n"));
    assert.deepEqual(
      await run(["login", "--with-api-key"], "sk-test-abcdef1234567890\n"),
      said(0, "Reading API key from stdin...\nSuccessfully logged in\n"),
    );
    const { mode } = await Deno.stat(join(home, "auth.json"));
    assert.equal((mode ?? 0) & 0o777, 0o600);
    const masked = "Logged in using an API key - sk-test-***67890\n";
    assert.deepEqual(await run(["login", "status"]), said(0, masked));
    assert.deepEqual(await run(["logout"]), said(0, "Successfully logged out\n"));
    assert.deepEqual(await run(["logout"]), said(0, "Not logged in\n"));
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

testEachForm("codex completion prints a script that the shell accepts", async (form) => {
  const { code, stdout, stderr } = await codex(form, ["completion", "bash"]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /complete .*codex/);
  const child = new Deno.Command("bash", { args: ["-n"], stdin: "piped" }).spawn();
  await new Blob([stdout]).stream().pipeTo(child.stdin);
  assert.equal((await child.status).code, 0);
});

testEachForm("codex ends quietly when the reader of its output goes away", async (form) => {
  const endings = async (script: string) => {
    const { stdout, stderr } = await new Deno.Command("bash", {
      args: ["-c", script, "bash", ...form.command],
      env: { NO_COLOR: "1", ...form.env },
      stdin: "null",
    }).output();
    const text = new TextDecoder();
    return [text.decode(stdout), text.decode(stderr)];
  };
  // The reader is gone before the program starts, so that every write fails.
  const gone = (args: string) => `exec 3> >(exec true); wait $!; "$@" ${args} >&3; echo "code $?"`;
  for (const args of ["help", "completion zsh", "--version --verbose"]) {
    assert.deepEqual(await endings(gone(args)), ["code 0\n", ""], args);
  }
  // The script of a packed file answers this one itself, and a shell may end by the signal of a broken pipe.
  const expected = form.name === "packed" ? /^code (?:0|141)\n$/ : /^code 0\n$/;
  const [code = "", said] = await endings(gone("--version"));
  assert.match(code, expected);
  assert.equal(said, "");
  const head = await endings('"$@" completion zsh | head -1; echo "code ${PIPESTATUS[0]}"');
  assert.deepEqual(head, ["#compdef codex\ncode 0\n", ""]);
});

Deno.test("describeFailure maps each class of error to its exit code", () => {
  const described = (error: unknown) => {
    const { text, exitCode } = describeFailure(error);
    return [text.split("\n")[0], exitCode];
  };
  assert.deepEqual(described(new CliError("No")), ["Error: No", 1]);
  assert.deepEqual(described(new CliError("error: no", 2)), ["error: no", 2]);
  assert.deepEqual(described(new CliError("", 130)), ["", 130]);
  assert.deepEqual(described(new CodexError("io", "Cannot")), ["Error: Cannot", 1]);
  assert.deepEqual(described(new Error("other")), ["Error: other", 1]);
  const bug = "Error: Internal error, please report it: broken";
  assert.deepEqual(described(new InvariantError("broken")), [bug, 70]);
  assert.deepEqual(described(new Deno.errors.BrokenPipe("pipe")), ["", 0]);
});

Deno.test("describeFailure prints no control sequences of a server, a model or a file", () => {
  const evil = "no\u001b]52;c;ZXZpbA==\u0007\u001b[2J\u009b31m way\u202e";
  const errors = [new CliError(evil), new CliError(evil, 2), new CodexError("io", evil)];
  for (const error of [...errors, new Error(evil), new InvariantError(evil)]) {
    const { text } = describeFailure(error);
    assert.match(text, /no way/);
    assert.equal(text, sanitizeText(text));
    assert.doesNotMatch(text, /52;c|\[2J|31m/);
  }
});

Deno.test("syncWriter finishes partial writes and retries a full pipe", () => {
  const written: number[] = [];
  let isFull = true;
  const writer = syncWriter({
    isTerminal: () => false,
    writeSync(bytes) {
      isFull = !isFull;
      if (isFull) throw new Deno.errors.WouldBlock("full");
      const part = bytes.subarray(0, 3);
      written.push(...part);
      return part.length;
    },
  });
  assert.equal(writer.write("hällo wörld"), true);
  assert.equal(new TextDecoder().decode(new Uint8Array(written)), "hällo wörld");
});

Deno.test("syncWriter says when the reader is gone, and drops what follows", () => {
  // As the runtime tells that a terminal was closed.
  const closed = Object.assign(new Error("Input/output error (os error 5)"), { code: "EIO" });
  for (const gone of [new Deno.errors.BrokenPipe("gone"), closed]) {
    let calls = 0;
    const writer = syncWriter({
      isTerminal: () => false,
      writeSync() {
        calls++;
        throw gone;
      },
    });
    assert.equal(writer.gone.aborted, false);
    assert.equal(writer.write("a"), false);
    assert.equal(writer.gone.aborted, true);
    assert.equal(writer.write("b"), false);
    assert.equal(calls, 1);
  }
});

Deno.test("codexHomeOf prefers CODEX_HOME and makes it absolute", () => {
  assert.equal(codexHomeOf({ env: { CODEX_HOME: "/x", HOME: "/h" }, cwd: "/w" }), "/x");
  assert.equal(codexHomeOf({ env: { CODEX_HOME: "x" }, cwd: "/w" }), "/w/x");
  assert.equal(codexHomeOf({ env: { CODEX_HOME: "", HOME: "/h" }, cwd: "/w" }), "/h/.codex");
  assert.throws(() => codexHomeOf({ env: {}, cwd: "/w" }), CliError);
});
