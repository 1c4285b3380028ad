/** Tests words that other versions of the command line have: those that mean the same here, and those that are refused with a way out. */
import assert from "node:assert/strict";
import { CODEX } from "../../src/cli/commands.ts";
import { parseCommandLine } from "../../src/cli/parse.ts";
import { CliError } from "../../src/lib/errors.ts";
import { startOf } from "../../src/programs/tui/target.ts";

function argsOf(...words: readonly string[]) {
  const line = parseCommandLine(words);
  return line.type === "run" ? line.args : assert.fail(line.type);
}

function errorOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof CliError && error.exitCode === 2, String(error));
    return error.message;
  }
  return assert.fail("no error");
}

Deno.test("parseCommandLine takes what newer versions take and what changes nothing here", () => {
  for (const program of [[], ["resume"], ["fork"]]) {
    const words = ["--no-daemon", "--strict-config", "--dangerously-bypass-hook-trust"];
    const args = argsOf(...program, ...words);
    assert.ok(words.every((word) => args.isSet(word.slice(2))));
  }
  assert.ok(argsOf("exec", "--strict-config", "hi").isSet("strict-config"));
});

Deno.test("parseCommandLine says why a flag of other versions is not there, and what is", () => {
  for (
    const [words, pattern] of [
      [["--worktree"], /git worktree add/],
      [["resume", "--worktree", "--last"], /git worktree add/],
      [["--approve-for-me", "hi"], /--full-auto/],
      [["login", "--device-auth"], /codex login --with-api-key/],
      [["login", "--with-access-token"], /codex login --with-api-key/],
    ] as const
  ) {
    const text = errorOf(() => parseCommandLine(words));
    assert.match(text, pattern);
    assert.match(text, /^error: '--[\w-]+' cannot be used: /);
  }
});

Deno.test("never to ask and when to ask contradict each other, as upstream", () => {
  for (const words of [["--yolo", "-a", "never"], ["resume", "-a", "never", "--yolo"]]) {
    assert.match(errorOf(() => parseCommandLine(words)), /cannot be used with '--/);
  }
  assert.ok(argsOf("--full-auto", "-s", "read-only").isSet("full-auto"));
});

Deno.test("the name of a program that only others have is no prompt, unless that is said", () => {
  for (const words of [["mcp"], ["mcp", "list"], ["review"], ["update"], ["-m", "x", "apply"]]) {
    assert.match(errorOf(() => parseCommandLine(words)), /^error: there is no program '[\w-]+'/);
  }
  assert.match(errorOf(() => parseCommandLine(["review"])), /'\/review'; .*'-- review'/);
  assert.equal(argsOf("--", "review").text("PROMPT"), "review");
  assert.equal(argsOf("review my change").text("PROMPT"), "review my change");
  assert.equal(argsOf("resume", "review").text("SESSION_ID"), "review");
  const own = new Set(CODEX.commands?.map(({ name }) => name));
  for (const name of own) assert.notEqual(argsOfHelp(name), null);
});

/** Programs of our own are not among those that are refused. */
function argsOfHelp(name: string) {
  return parseCommandLine([name, "--help"]).type === "help" ? name : null;
}

Deno.test("startOf tells prompt, id, name and images apart", () => {
  const start = (...words: readonly string[]) => startOf(argsOf(...words));
  assert.deepEqual(start("hi", "-i", "a.png,b.png", "-i", "c.png"), {
    target: { type: "new" },
    prompt: "hi",
    images: ["a.png", "b.png", "c.png"],
  });
  const flags = { isEverywhere: false, isOfExecToo: false };
  const last = { type: "last" };
  for (const type of ["resume", "fork"] as const) {
    const target = { type, ...flags };
    assert.deepEqual(start(type).target, { ...target, which: { type: "picked" } });
    assert.deepEqual(start(type, "the birds", "go on"), {
      target: { ...target, which: { type: "named", name: "the birds" } },
      prompt: "go on",
      images: [],
    });
    assert.deepEqual(start(type, "--last", "go on", "-i", "a"), {
      target: { ...target, which: last },
      prompt: "go on",
      images: ["a"],
    });
    assert.deepEqual(start(type, "--all", "--last").target, {
      ...target,
      isEverywhere: true,
      which: last,
    });
    assert.match(errorOf(() => start(type, "--last", "go", "on")), /--last "go on"'/);
  }
  const all = start("resume", "--include-non-interactive", "--last").target;
  assert.deepEqual(all, { type: "resume", ...flags, isOfExecToo: true, which: last });
});
