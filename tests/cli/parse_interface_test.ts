/** Tests the words of the terminal interface, and which other programs refuse them. */
import assert from "node:assert/strict";
import { parseCommandLine } from "../../src/cli/parse.ts";
import { argsOf, errorOf } from "./parsed.ts";

Deno.test("parseCommandLine knows resume, fork and the flags for a server elsewhere", () => {
  const args = argsOf(..."--remote ws://h:1 -m a resume --last --all -i x.png,y.png".split(" "));
  assert.deepEqual(args.path, ["resume"]);
  assert.equal(args.text("remote"), "ws://h:1");
  assert.equal(args.text("model"), "a");
  assert.ok(args.isSet("last") && args.isSet("all") && !args.isSet("include-non-interactive"));
  assert.deepEqual(args.texts("image"), ["x.png", "y.png"]);
  const fork = argsOf("fork", "--no-alt-screen", "01a1", "go on", "--remote=unix://");
  assert.deepEqual([fork.text("SESSION_ID"), fork.text("PROMPT")], ["01a1", "go on"]);
  assert.equal(fork.text("remote"), "unix://");
  assert.ok(!fork.knows("include-non-interactive"));
  assert.match(
    errorOf("--remote-auth-token-env", "A", "--remote-auth-token-file", "b"),
    /^error: the argument '--remote-auth-token-env <ENV_VAR>' cannot be used with '--remote-auth-token-file <FILE>'/,
  );
});

Deno.test("parseCommandLine refuses a server elsewhere for every other program, in upstream's words", () => {
  const programs = [
    ["exec hi", "exec"],
    ["e hi", "exec"],
    ["exec resume --last hi", "exec"],
    ["login", "login"],
    ["login status", "login"],
    ["logout", "logout"],
    ["app-server", "app-server"],
    ["app-server generate-ts --out x", "app-server generate-ts"],
    ["completion bash", "completion"],
    ["features list", "features list"],
    ["exec-server", "exec-server"],
    ["sandbox true", "sandbox"],
    ["doctor", "doctor"],
    ["cache clean", "cache clean"],
  ];
  for (const [line = "", name] of programs) {
    const flags = [["--remote ws://h:1", "--remote ws://h:1"], ["--remote-tls-fingerprint x"]];
    for (const [written = "", shown = "--remote-tls-fingerprint"] of flags) {
      assert.throws(() => parseCommandLine(`${written} ${line}`.split(" ")), {
        exitCode: 1,
        message:
          `\`${shown}\` is only supported for interactive TUI commands, not \`codex ${name}\``,
      });
    }
  }
  assert.equal(parseCommandLine(["--remote", "ws://h:1", "exec", "--help"]).type, "help");
  // What clap would find comes first.
  assert.match(errorOf("--remote", "ws://h:1", "exec", "--nope"), /unexpected argument '--nope'/);
  assert.match(errorOf("exec", "--remote", "x"), /unexpected argument '--remote' found/);
});
