/** The interface begins, with a server of its own and with servers elsewhere. */
import assert from "node:assert/strict";
import { say } from "../support/mock_model.ts";
import type { SocketServer } from "../programs/socket_server.ts";
import { type AppWorld, ended, enter, makeWorld, READY } from "./app_world.ts";

const TOKEN = "a-token-of-this-test";

/** A server at three addresses, two of which want a token. */
async function serveAll(world: AppWorld): Promise<{
  readonly server: SocketServer;
  readonly urls: readonly [ws: string, wss: string, unix: string];
  readonly tokenFile: string;
}> {
  const tokenFile = `${world.root}/token`;
  await Deno.writeTextFile(tokenFile, `${TOKEN}\n`, { mode: 0o600 });
  const server = await world.serve("ws://127.0.0.1:0", [
    ...["--listen", "wss://127.0.0.1:0", "--listen", `unix://${world.root}/server.sock`],
    ...["--ws-auth", "capability-token", "--ws-token-file", tokenFile],
  ]);
  const [ws = "", wss = "", unix = ""] = server.urls;
  return { server, urls: [ws, wss, unix], tokenFile };
}

Deno.test("a server of its own is started, and ends with the interface", async () => {
  await using world = await makeWorld({ responses: [say("Hello **you**")] });
  await using screen = await world.open();
  assert.match(screen.text(), /^ mock-model · ~\/project · full access$/m);
  await screen.until(() => screen.emulator.title === "project", { why: "the title" });
  enter(screen, "say hello");
  await screen.until(/^• Hello you$/m);
  await screen.until(() => screen.emulator.title === "say hello", { why: "the title" });
  enter(screen, "/quit");
  assert.deepEqual(await ended(screen), { code: 0, signal: null });
  assert.deepEqual(screen.leftovers(), []);
  const lines = screen.scrollback().split("\n");
  assert.match(lines.at(-1) ?? "", /^To continue this session, run codex resume [\da-f-]{36}$/);
  assert.equal(lines.at(-2), "Token usage: 150");
  assert.equal(lines.at(-3), "• Hello you");
});

Deno.test("servers elsewhere are reached in every way that they can be named", async () => {
  await using world = await makeWorld({ responses: ["a", "b", "c", "d"].map((text) => say(text)) });
  const { server, urls: [ws, wss, unix], tokenFile } = await serveAll(world);
  await using _ = server;
  const fingerprint = /fingerprint: SHA256:([\da-f]{64})/.exec(server.stderr)?.[1] ?? "";
  const byVariable = ["--remote-auth-token-env", "MY_TOKEN"];
  const byFile = ["--remote-auth-token-file", tokenFile];
  const variable = { MY_TOKEN: TOKEN };
  for (
    const [words, env, answer] of [
      [["--remote", ws, ...byVariable], variable, "a"],
      [["--remote", ws, ...byFile], {}, "b"],
      [["--remote", wss, "--remote-tls-fingerprint", fingerprint, ...byFile], {}, "c"],
      [["--remote", unix], {}, "d"],
    ] as const
  ) {
    await using screen = await world.open(words, { env, columns: 160 });
    enter(screen, "go");
    await screen.until(new RegExp(`^• ${answer}$`, "m"));
    // The folder of the server, not of this machine.
    const [, url = ""] = words;
    await screen.until((text) => text.includes(world.project) && text.includes(`● ${url}`), {
      why: `the folder and ${url}`,
    });
    screen.press("ctrl+d");
    assert.deepEqual(await ended(screen), { code: 0, signal: null });
    assert.deepEqual(screen.leftovers(), []);
  }
});

Deno.test("the certificate of a new server is shown to the person, and known the next time", async () => {
  await using world = await makeWorld();
  const { server, urls: [, wss], tokenFile } = await serveAll(world);
  await using _ = server;
  const words = ["--remote", wss, "--remote-auth-token-file", tokenFile];
  await using refused = await world.start(words);
  await refused.until(/SHA256:[\da-f]{64}/);
  enter(refused, "no");
  assert.equal((await ended(refused)).code, 1);
  await using screen = await world.start(words);
  await screen.until(/SHA256:[\da-f]{64}/);
  enter(screen, "yes");
  await screen.until(READY);
  await using again = await world.open(words);
  assert.doesNotMatch(again.raw, /SHA256/);
});

Deno.test("what cannot be reached is told on the main screen", async () => {
  await using world = await makeWorld();
  const { server, urls: [ws], tokenFile } = await serveAll(world);
  await using _ = server;
  await Deno.writeTextFile(`${world.root}/wrong`, "wrong", { mode: 0o600 });
  for (
    const [words, pattern] of [
      [["--remote", ws], /401/],
      [["--remote", ws, "--remote-auth-token-file", `${world.root}/wrong`], /401/],
      [["--remote", `unix://${world.root}/nobody.sock`], /nobody\.sock/],
      [["--remote-auth-token-file", tokenFile], /requires `--remote`/],
      [["-c", "model_provider=nonsense"], /nonsense/],
      [["resume", "no such thread"], /No thread has the id or name "no such thread"/],
    ] as const
  ) {
    await using screen = await world.start(words);
    const { code } = await ended(screen);
    assert.equal(code, 1);
    assert.match(screen.scrollback(), pattern);
    assert.doesNotMatch(screen.scrollback(), /\bat .*\.ts:/);
    assert.deepEqual(screen.leftovers(), []);
  }
});
