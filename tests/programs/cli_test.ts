/** Tests `main.ts` as a process: what it prints, where, and its exit code. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describeFailure } from "../../src/programs/failure.ts";
import { codexHomeOf, syncWriter } from "../../src/programs/host.ts";
import { VERSION } from "../../src/lib/version.ts";
import { CliError, CodexError, InvariantError } from "../../src/lib/errors.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function codex(args: readonly string[], env: Record<string, string> = {}): Promise<Result> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-check", "-A", "--no-prompt", join(ROOT, "main.ts"), ...args],
    env: { NO_COLOR: "1", CODEX_HOME: "/nonexistent/codex-home", ...env },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

Deno.test("codex --version prints one line and needs nothing but main.ts", async () => {
  const expected = { code: 0, stdout: `codex-cli ${VERSION}\n`, stderr: "" };
  assert.deepEqual(await codex(["--version"]), expected);
  assert.deepEqual(await codex(["-V"]), expected);
  assert.deepEqual(await codex(["exec", "--version"]), expected);
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

Deno.test("codex prints help on stdout", async () => {
  const { code, stdout, stderr } = await codex(["help", "exec"]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^Run a prompt without a terminal interface\n\nUsage: codex exec/);
  assert.deepEqual(await codex(["exec", "--help"]), { code, stdout, stderr });
});

Deno.test("codex exits with 2 for a mistake on the command line", async () => {
  assert.deepEqual(await codex(["logout", "--foo"]), {
    code: 2,
    stdout: "",
    stderr:
      "error: unexpected argument '--foo' found\n\nUsage: codex logout [OPTIONS]\n\nFor more information, try '--help'.\n",
  });
});

Deno.test("codex exits with 1 and one line for a failure", async () => {
  const bad = await codex(["features", "list", "-c", "foo"]);
  assert.deepEqual(bad, {
    code: 1,
    stdout: "",
    stderr: "Error: error parsing -c overrides: Invalid override (missing '='): foo\n",
  });
  const unknown = await codex(["features", "list", "--enable", "nosuch"]);
  assert.deepEqual(unknown, {
    code: 1,
    stdout: "",
    stderr: "Error: Unknown feature flag: nosuch\n",
  });
});

Deno.test("codex without a program says what to use", async () => {
  const { code, stdout, stderr } = await codex([]);
  assert.deepEqual([code, stdout], [1, ""]);
  assert.match(stderr, /^Error: This version has no terminal interface; use `codex exec PROMPT`/);
});

Deno.test("codex features list shows what is on", async () => {
  const { code, stdout, stderr } = await codex([
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

Deno.test("codex ends quietly when the reader of its output goes away", async () => {
  const main = `${Deno.execPath()} run --quiet --no-check -A --no-prompt '${
    join(ROOT, "main.ts")
  }'`;
  for (const args of ["help", "completion zsh", "--version"]) {
    const { stdout, stderr } = await new Deno.Command("bash", {
      // The reader is gone before the program starts, so that every write fails.
      args: ["-c", `exec 3> >(exec true); wait $!; ${main} ${args} >&3; echo "code $?"`],
      env: { NO_COLOR: "1" },
      stdin: "null",
    }).output();
    const text = new TextDecoder();
    assert.deepEqual([text.decode(stdout), text.decode(stderr)], ["code 0\n", ""], args);
  }
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
  let calls = 0;
  const writer = syncWriter({
    isTerminal: () => false,
    writeSync() {
      calls++;
      throw new Deno.errors.BrokenPipe("gone");
    },
  });
  assert.equal(writer.gone.aborted, false);
  assert.equal(writer.write("a"), false);
  assert.equal(writer.gone.aborted, true);
  assert.equal(writer.write("b"), false);
  assert.equal(calls, 1);
});

Deno.test("codexHomeOf prefers CODEX_HOME and makes it absolute", () => {
  assert.equal(codexHomeOf({ env: { CODEX_HOME: "/x", HOME: "/h" }, cwd: "/w" }), "/x");
  assert.equal(codexHomeOf({ env: { CODEX_HOME: "x" }, cwd: "/w" }), "/w/x");
  assert.equal(codexHomeOf({ env: { CODEX_HOME: "", HOME: "/h" }, cwd: "/w" }), "/h/.codex");
  assert.throws(() => codexHomeOf({ env: {}, cwd: "/w" }), CliError);
});
