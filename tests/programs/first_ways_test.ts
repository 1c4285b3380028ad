/** Ways out of what somebody meets on the first start: a key that is refused, a step back, a local server that does not run. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Screen } from "../support/screen.ts";
import { choose, leave, type Machine, withMachine } from "./first_machine.ts";

const NO_KEY = "There is no API key for OpenAI";
const COMPOSER = "Ask for anything";
const SETTLED = ["-a", "never", "-s", "read-only"] as const;
const KEY = "sk-test-0123456789";

/** Answers with these models whoever has the right key, or any where none is needed. */
async function withProvider(
  options: { readonly models: readonly string[]; readonly key?: string },
  test: (url: string) => Promise<void>,
): Promise<void> {
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    const isRight = options.key === undefined ||
      request.headers.get("authorization") === `Bearer ${options.key}`;
    return isRight
      ? Response.json({ data: options.models.map((id) => ({ id })) })
      : Response.json({ error: { message: "\u001b[2Jno" } }, { status: 401 });
  });
  try {
    await test(`http://127.0.0.1:${server.addr.port}/v1`);
  } finally {
    await server.shutdown();
  }
}

/** Until nothing is on its way any more: a key of the terminal is read as one. */
async function escape(screen: Screen, question: string | RegExp): Promise<void> {
  await screen.until(question);
  screen.press("esc");
}

Deno.test("a key that the provider refuses is asked for again, and the right one is stored", () =>
  withProvider({ models: [], key: KEY }, (url) =>
    withMachine(async ({ start, files }) => {
      await using screen = await start(SETTLED, { env: { OPENAI_BASE_URL: url } });
      await screen.until(NO_KEY);
      await choose(screen, "Paste an API key", 0);
      await screen.until("it will not be shown");
      screen.type("sk-of-somebody-else\n");
      await screen.until(/OpenAI refuses this key \(401\)[^]*not be shown\)\n│ {2}_/);
      assert.deepEqual(files(), {});
      screen.type(`${KEY}\n`);
      await screen.until(COMPOSER);
      assert.equal(JSON.parse(files()["auth.json"] ?? "")["OPENAI_API_KEY"], KEY);
      assert.ok(!screen.raw.includes("sk-") && !screen.raw.includes("nobody could check"));
    })));

Deno.test("Escape goes back to the choice, from wherever it led, and leaves from there", () =>
  withMachine(async ({ start, files }) => {
    await using screen = await start(SETTLED);
    await screen.until(NO_KEY);
    await choose(screen, "Paste an API key", 0);
    await escape(screen, "it will not be shown");
    await screen.until(/■ [^]*it will not be shown[^]*◆ [^]*● Paste an API key/);
    await choose(screen, "The demo model", 2);
    await escape(screen, "Use it from now on?");
    await screen.until(/■ [^]*Use it from now on[^]*◆ [^]*● Paste an API key/);
    await escape(screen, NO_KEY);
    await leave(screen, 130);
    assert.deepEqual(files(), {});
  }));

/** Local servers at these addresses. */
function configure({ home }: Machine, urls: Readonly<Record<string, string>>): void {
  const text = Object.entries(urls).map(([id, url]) =>
    `[model_providers.${id}]\nbase_url = "${url}"\n`
  ).join("");
  Deno.writeTextFileSync(join(home, "config.toml"), text);
}

const NOBODY = "http://127.0.0.1:9/v1";

Deno.test("--oss uses the local server that runs, with a model that it has", () =>
  withProvider(
    { models: ["one", "two\u001b[2J", "three"] },
    (url) =>
      withMachine(async (machine) => {
        configure(machine, { ollama: NOBODY, lmstudio: url });
        await using screen = await machine.start(["--oss", ...SETTLED]);
        await screen.until("Which model?");
        await choose(screen, "three", 1);
        await screen.until(/^ three · .*read only/m);
        await using named = await machine.start(["--oss", "-m", "mine", ...SETTLED]);
        await named.until(/^ mine · .*read only/m);
        assert.ok(!named.raw.includes("Which model?"));
      }),
  ));

Deno.test("--oss asks nothing where the usual model is there", () =>
  withProvider({ models: ["other", "gpt-oss:20b"] }, (url) =>
    withMachine(async (machine) => {
      configure(machine, { ollama: url, lmstudio: NOBODY });
      await using screen = await machine.start(["--oss", ...SETTLED]);
      await screen.until(/^ gpt-oss:20b · /m);
      assert.doesNotMatch(screen.raw, /Which model|No model server/);
    })));

Deno.test("--oss without a local server says where it looked, and looks again", () =>
  withMachine(async (machine) => {
    configure(machine, { ollama: NOBODY, lmstudio: NOBODY });
    await using screen = await machine.start(["--oss", ...SETTLED]);
    await screen.until(/No model server answers \(Ollama at .*:9[^]*LM Studio at/);
    await withProvider({ models: ["gpt-oss:20b"] }, async (url) => {
      configure(machine, { ollama: url, lmstudio: NOBODY });
      // The address was read before; what has changed is seen by the next start.
      await choose(screen, "Look again", 0);
      await screen.until(/◇ [^]*Look again[^]*◆ [^]*● Look again/);
      await choose(screen, "Quit", 1);
      await leave(screen, 0);
      assert.match(
        screen.scrollback(),
        /Without a local model: codex, or codex -c model_provider=demo/,
      );
      await using again = await machine.start(["--oss", ...SETTLED]);
      await again.until(/^ gpt-oss:20b · /m);
    });
    await using named = await machine.start(["--local-provider", "lmstudio", ...SETTLED]);
    const shown = await named.until("No model server answers");
    assert.doesNotMatch(shown, /Ollama/);
  }));
