/** Tests the completion scripts, each in its own shell where that is installed. */
import assert from "node:assert/strict";
import { completionScript } from "../../src/cli/completion.ts";

/** What bash offers after the words, with the last one half typed. */
async function bashOffers(...words: readonly string[]): Promise<readonly string[]> {
  const quoted = words.map((word) => `'${word}'`).join(" ");
  const script = `${completionScript("bash")}
COMP_WORDS=(codex ${quoted}); COMP_CWORD=${words.length}
_codex; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return (await shell("bash", script)).split("\n").filter((line) => line !== "");
}

async function shell(program: string, script: string, ...args: readonly string[]): Promise<string> {
  const child = new Deno.Command(program, {
    args: [...args],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(script));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  assert.ok(success, text.decode(stderr));
  assert.equal(text.decode(stderr), "");
  return text.decode(stdout);
}

function isInstalled(program: string): boolean {
  const folders = (Deno.env.get("PATH") ?? "").split(":");
  return folders.some((folder) => {
    try {
      return Deno.statSync(`${folder}/${program}`).isFile;
    } catch {
      return false;
    }
  });
}

Deno.test("completionScript for bash completes programs, flags and values", {
  ignore: !isInstalled("bash"),
}, async () => {
  assert.deepEqual(await bashOffers("lo"), ["login", "logout"]);
  assert.deepEqual(await bashOffers("login", ""), [
    "status",
    "help",
    "--config",
    "-c",
    "--enable",
    "--disable",
    "--with-api-key",
    "--help",
    "-h",
  ]);
  assert.deepEqual(await bashOffers("exec", "--out"), ["--output-last-message", "--output-schema"]);
  assert.deepEqual(await bashOffers("e", "resume", "--la"), ["--last"]);
  assert.deepEqual(await bashOffers("re"), ["resume"]);
  assert.deepEqual(await bashOffers("fork", "--re"), [
    "--remote",
    "--remote-auth-token-env",
    "--remote-auth-token-file",
    "--remote-tls-fingerprint",
  ]);
  assert.deepEqual(await bashOffers("resume", "--include"), ["--include-non-interactive"]);
  assert.deepEqual(await bashOffers("--no-a"), ["--no-alt-screen"]);
  const modes = ["read-only", "workspace-write", "danger-full-access"];
  assert.deepEqual(await bashOffers("exec", "-s", ""), modes);
  assert.deepEqual(await bashOffers("exec", "--sandbox", "=", "w"), ["workspace-write"]);
  assert.deepEqual(await bashOffers("exec", "--sandbox", "="), modes);
  assert.deepEqual(await bashOffers("completion", "z"), ["zsh"]);
  assert.deepEqual(await bashOffers("exec", "-m", "x"), []);
});

Deno.test("completionScript for zsh is valid zsh", { ignore: !isInstalled("zsh") }, async () => {
  await shell("zsh", completionScript("zsh"), "-n");
});

Deno.test("completionScript for fish is valid fish", { ignore: !isInstalled("fish") }, async () => {
  await shell("fish", completionScript("fish"), "--no-execute");
});

Deno.test("completionScript offers every program in every shell", () => {
  for (const kind of ["bash", "zsh", "fish"] as const) {
    const script = completionScript(kind);
    const names = ["exec", "resume", "app-server", "generate-json-schema", "login", "status"];
    for (const name of names) assert.ok(script.includes(name), `${kind}: ${name}`);
    assert.ok(!script.includes("undefined"), kind);
  }
});
