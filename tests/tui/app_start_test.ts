/** What is told, or asked, before there is a screen, when a command line does not lead to a thread by itself. */
import assert from "node:assert/strict";
import { say } from "../support/mock_model.ts";
import { type AppWorld, ended, enter, makeWorld, READY } from "./app_world.ts";

const NOBODY = "11111111-1111-4111-8111-111111111111";

/** Threads with these first prompts, all of one name; the last one is the most recent. */
async function namesakes(
  world: AppWorld,
  name: string,
  prompts: readonly string[],
): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const prompt of prompts) {
    world.model.push(say(`Answer to ${prompt}`));
    await using screen = await world.open();
    enter(screen, prompt);
    await screen.until(`• Answer to ${prompt.slice(0, 10)}`);
    enter(screen, `/rename ${name}`);
    await screen.until(/^• The session is called/m);
    screen.press("ctrl+d");
    await ended(screen);
    ids.push(/codex resume ([\da-f-]{36})/.exec(screen.scrollback())?.[1] ?? "");
  }
  return ids;
}

/** How a start ends that leads to no screen. */
async function refusal(
  world: AppWorld,
  words: readonly string[],
  { env = {}, mayOpen = false }: {
    readonly env?: Readonly<Record<string, string>>;
    /** Only the server knows, and it is not asked before. */
    readonly mayOpen?: boolean;
  } = {},
): Promise<string> {
  await using screen = await world.start(words, { env, columns: 200 });
  const { code } = await ended(screen);
  assert.equal(code, 1, words.join(" "));
  assert.deepEqual(screen.leftovers(), []);
  const wasOpen = screen.raw.includes("\u001b[?1049h");
  assert.ok(mayOpen || !wasOpen, `${words.join(" ")}: there was a screen`);
  assert.doesNotMatch(screen.scrollback(), /\bat .*\.ts:|Internal error/);
  return screen.scrollback();
}

Deno.test("a name of several threads is asked about, with what they began with", async () => {
  await using world = await makeWorld();
  const [older = ""] = await namesakes(world, "birds", ["about owls", "about crows"]);
  await using screen = await world.start(["resume", "birds"], { columns: 120 });
  await screen.until(/2 threads are called "birds"[^]*● [^\n]*about crows[^]*○ [^\n]*about owls/);
  screen.press("down");
  await screen.until(/● [^\n]*about owls/);
  screen.press("enter");
  await screen.until(/^› about owls\n\n• Answer to about owls$/m);
  screen.press("ctrl+d");
  await ended(screen);
  assert.match(screen.scrollback(), new RegExp(`codex resume ${older}$`, "m"));
  await using left = await world.start(["fork", "birds"]);
  await left.until(/threads are called "birds"/);
  left.press("esc");
  assert.equal((await ended(left)).code, 130);
});

Deno.test("what a command line names and nobody knows is told without a screen", async () => {
  await using world = await makeWorld();
  await using server = await world.serve("ws://127.0.0.1:0");
  const remote = ["--remote", server.urls[0] ?? ""];
  const [missing, file] = [`${world.root}/missing`, `${world.home}/config.toml`];
  for (
    const [words, pattern] of [
      [["resume", NOBODY], /No thread has the id or name "1{8}-[\d-]+"; see `codex resume --all`/],
      [["fork", NOBODY], /see `codex fork --all`/],
      [["fork", "nobody"], /No thread has the id or name "nobody"/],
      [["-C", missing], /Cannot work in .*missing: there is no such folder.*correct --cd/],
      [["-C", file], /no such folder/],
      [["-p", "nosuch"], /config profile `nosuch` not found; add \[profiles\.nosuch\] to/],
      [["-i", missing, "--", "hi"], /Cannot read the image .*missing/],
      [["--strict-config", "-c", "nonsense=1"], /Unknown config key `nonsense` .*--strict-config/],
      [["-c", "model=3"], /expected a string/],
    ] as const
  ) {
    assert.match(await refusal(world, words), pattern);
    const flag: string = words[0];
    // What a server takes for unknown is its own affair.
    if (flag === "--strict-config") continue;
    assert.match(await refusal(world, [...remote, ...words], { mayOpen: flag === "-p" }), pattern);
  }
});

Deno.test("a server that is not reached is told with what to do about it", async () => {
  await using world = await makeWorld();
  for (
    const [address, pattern] of [
      ["ws://127.0.0.1:9", /^Nothing listens there: start `codex app-server --listen/m],
      [`unix://${world.root}/no.sock`, /^No server has opened this socket/m],
      ["ws://no.such.machine.invalid:1", /^(No machine of that name|Names cannot be resolved)/m],
      ["http://box:1", /invalid remote address/],
    ] as const
  ) {
    assert.match(await refusal(world, ["--remote", address]), pattern);
  }
  const variable = ["--remote", "ws://127.0.0.1:9", "--remote-auth-token-env", "NOT_SET"];
  assert.match(await refusal(world, variable), /environment variable `NOT_SET` is not set/);
});

Deno.test("a configuration or a home that is broken is told by name", async () => {
  await using world = await makeWorld();
  const file = `${world.home}/config.toml`;
  const good = await Deno.readTextFile(file);
  for (
    const [text, pattern] of [
      [`${good}\nx = =\n`, /config\.toml:\d+:\d+: Invalid TOML/],
      [`approval_policy = "sometimes"\n${good.replace(/^approval.*$/m, "")}`, /`sometimes`/],
    ] as const
  ) {
    await Deno.writeTextFile(file, text);
    assert.match(await refusal(world, []), pattern);
  }
  const home = { CODEX_HOME: "/proc/self/nowhere", OPENAI_API_KEY: "sk-1" };
  assert.match(
    await refusal(world, ["--yolo"], { env: home }),
    /Cannot create the folder \/proc\/self\/nowhere/,
  );
});

Deno.test("the way back to a session on a server elsewhere names that server", async () => {
  await using world = await makeWorld({ responses: [say("Hello")] });
  await using server = await world.serve("ws://127.0.0.1:0");
  const [url = ""] = server.urls;
  const words = ["--remote", url, "--remote-auth-token-env", "TOKEN"];
  await using screen = await world.open(words, { env: { TOKEN: "t" }, columns: 160 });
  enter(screen, "hi");
  await screen.until("• Hello");
  screen.press("ctrl+d");
  await ended(screen);
  const [, line = ""] = /run codex (resume .*)$/m.exec(screen.scrollback()) ?? [];
  assert.match(
    line,
    new RegExp(`^resume [\\da-f-]{36} --remote ${url} --remote-auth-token-env TOKEN$`),
  );
  await using again = await world.start(line.split(" "), { env: { TOKEN: "t" } });
  await again.until(/^• Hello$/m);
});

Deno.test("a terminal that moves no cursor gets a list of threads, and the way on", async () => {
  await using world = await makeWorld();
  const [first = ""] = await namesakes(world, "x", ["about owls \u202E", "about crows"]);
  const env = { TERM: "dumb" };
  await using screen = await world.start(["resume"], { env, columns: 120 });
  await screen.until(
    /Continue which thread\?[^]*1\. .*about crows[^]*2\. .*about owls[^]*1-2 \[1\]:$/,
  );
  enter(screen, "2");
  assert.equal((await ended(screen)).code, 0);
  assert.match(screen.scrollback(), new RegExp(`run codex exec resume ${first} PROMPT$`));
  assert.ok(!screen.raw.includes("\u202E") && !screen.raw.includes("\u001b"));
  await using none = await world.start(["resume"], { env, cwd: world.root });
  assert.equal((await ended(none)).code, 1);
  assert.match(none.scrollback(), /There are no threads of .*; see --all/);
  for (const words of [[], ["fork"], ["resume", "x"]]) {
    assert.match(await refusal(world, words, { env }), /cannot move its cursor; use `codex exec/);
  }
});

Deno.test("a folder of --cd is looked for where the server is", async () => {
  await using world = await makeWorld();
  await using server = await world.serve("ws://127.0.0.1:0");
  const [url = ""] = server.urls;
  await Deno.mkdir(`${world.project}/in`);
  await using screen = await world.start(["--remote", url, "-C", "in"], {
    cwd: world.root,
    columns: 120,
  });
  await screen.until((text) => text.includes(READY) && text.includes(`${world.project}/in`), {
    why: "a folder below that of the server",
  });
});
