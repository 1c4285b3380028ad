/** What a person meets before the screen on the first start, in a real terminal: questions, answers and the files they leave. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { modelIds } from "../../src/programs/first_questions/local_models.ts";
import { overrideOf } from "../../src/programs/first_questions/override_text.ts";
import { sessionTable } from "../../src/config/load.ts";
import fc from "fast-check";
import type { Screen } from "../support/screen.ts";
import { choose, leave, withMachine } from "./first_machine.ts";

const NO_KEY = "There is no API key for OpenAI";
const TRUST = "Do you trust what is in";
const COMPOSER = "Ask for anything";
const DEMO = ["-c", "model_provider=demo"] as const;

function modeOf(path: string): number {
  return (Deno.statSync(path).mode ?? 0) & 0o777;
}

Deno.test("the demo model and trust, both remembered, are asked for once and never again", () =>
  withMachine(async ({ home, folder, start, files }) => {
    const comments = "# mine\n\n[tui] # kept\nnotifications = true\n";
    Deno.writeTextFileSync(join(home, "config.toml"), comments);
    {
      await using screen = await start([], { columns: 40 });
      await screen.until(NO_KEY);
      await choose(screen, "The demo model", 2);
      await screen.until("Use it from now on?");
      await choose(screen, "Yes, remember it", 1);
      await screen.until(TRUST);
      assert.deepEqual(files(), { "config.toml": comments }, "nothing before the last answer");
      await choose(screen, "Yes, I trust it", 0);
      await screen.until(COMPOSER);
    }
    assert.deepEqual(files(), {
      "config.toml": '# mine\n\nmodel_provider = "demo"\n\n[tui] # kept\nnotifications = true\n' +
        `\n[projects.${JSON.stringify(folder)}]\ntrust_level = "trusted"\n`,
    });
    assert.equal(modeOf(join(home, "config.toml")), 0o600);
    await using again = await start();
    await again.until(/demo .*workspace/);
    assert.ok(!again.raw.includes(TRUST) && !again.raw.includes(NO_KEY));
  }));

Deno.test("a key that is pasted is stored as login does, and a distrusted folder is remembered as such", () =>
  withMachine(async ({ home, folder, start, files }) => {
    Deno.mkdirSync(join(folder, ".git"));
    Deno.mkdirSync(join(folder, "in"));
    // Nobody answers there, so nobody can say whether the key is right.
    const env = { OPENAI_BASE_URL: "http://127.0.0.1:9/v1" };
    await using screen = await start([], { cwd: join(folder, "in"), env });
    await screen.until(NO_KEY);
    await choose(screen, "Paste an API key", 0);
    await screen.until("Paste an API key of OpenAI");
    screen.type("sk two\n");
    await screen.until("That is not an API key");
    screen.press("ctrl+u");
    screen.type("sk-test-0123456789\n");
    await screen.until(TRUST);
    assert.match(screen.text(), /The key is kept, but nobody could check it/);
    assert.match(screen.text().replace(/\n│ */g, " "), /It is part of .*folder, and the answer/);
    assert.deepEqual(files(), {});
    await choose(screen, "No, go on without", 1);
    await screen.until(COMPOSER);
    assert.deepEqual(files(), {
      "auth.json": '{\n  "auth_mode": "apikey",\n  "OPENAI_API_KEY": "sk-test-0123456789"\n}',
      "config.toml": `[projects.${JSON.stringify(folder)}]\ntrust_level = "untrusted"\n`,
    });
    assert.equal(modeOf(join(home, "auth.json")), 0o600);
    assert.ok(!screen.raw.includes("sk-test"));
    await screen.until(/read-only|read only/i);
  }));

Deno.test("Ctrl-C at any question leaves with 130 and writes nothing", () =>
  withMachine(async ({ start, files }) => {
    const steps = [
      async (screen: Screen) => {
        await screen.until(NO_KEY);
        await choose(screen, "The demo model", 2);
      },
      async (screen: Screen) => {
        await screen.until("Use it from now on?");
        await choose(screen, "Yes, remember it", 1);
      },
      async (screen: Screen) => void await screen.until(TRUST),
    ];
    for (let count = 0; count < steps.length; count++) {
      await using screen = await start();
      for (const step of steps.slice(0, count)) await step(screen);
      await screen.until([NO_KEY, "Use it from now on?", TRUST][count] ?? "");
      screen.press("ctrl+c");
      await leave(screen, 130);
      assert.deepEqual(files(), {});
    }
  }));

Deno.test("whoever quits is told what to do, and nothing is written", () =>
  withMachine(async ({ start, files }) => {
    {
      await using screen = await start();
      await screen.until(NO_KEY);
      await choose(screen, "Quit", 3);
      await leave(screen, 0);
      const said = screen.scrollback().replaceAll("\n", "");
      assert.match(said, /codex login, or set OPENAI_API_KEY.*codex --oss .*model_provider=demo/);
    }
    await using screen = await start(DEMO);
    await screen.until(TRUST);
    await choose(screen, "Quit", 2);
    await leave(screen, 0);
    assert.match(screen.scrollback(), /Nothing was started, and nothing was written/);
    assert.deepEqual(files(), {});
  }));

Deno.test("a model of this machine is found, chosen and used for this time", () =>
  withMachine(async ({ home, folder, start, files }) => {
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () => Response.json({ data: [{ id: "one" }, { id: "two\u001b[2J" }, { id: "three" }] }),
    );
    try {
      const url = `http://127.0.0.1:${server.addr.port}/v1`;
      const config = `[model_providers.ollama]\nbase_url = "${url}"\n\n` +
        `[projects.${JSON.stringify(folder)}]\ntrust_level = "trusted"\n`;
      Deno.writeTextFileSync(join(home, "config.toml"), config);
      await using screen = await start();
      await screen.until(NO_KEY);
      await choose(screen, "A model on this machine", 1);
      await screen.until("Which model?");
      await choose(screen, "three", 1);
      await screen.until("Use it from now on?");
      screen.press("enter");
      await screen.until(COMPOSER);
      await screen.until(/three .*workspace/);
      assert.deepEqual(files(), { "config.toml": config });
    } finally {
      await server.shutdown();
    }
  }));

Deno.test("without a model server on this machine the choice comes again", () =>
  withMachine(async ({ home, start }) => {
    const dead = 'base_url = "http://127.0.0.1:9/v1"\n';
    Deno.writeTextFileSync(
      join(home, "config.toml"),
      `[model_providers.ollama]\n${dead}[model_providers.lmstudio]\n${dead}`,
    );
    await using screen = await start();
    await screen.until(NO_KEY);
    await choose(screen, "A model on this machine", 1);
    await screen.until(/No model server answers[^]*Start one, then[^]*What to use\?/);
    screen.press("ctrl+c");
    await leave(screen, 130);
  }));

Deno.test("a variable that the config asks for is named, with what it says about it", () =>
  withMachine(async ({ home, start }) => {
    Deno.writeTextFileSync(
      join(home, "config.toml"),
      'model_provider = "own"\n[model_providers.own]\nname = "Own\\u001b[2J"\n' +
        'base_url = "http://127.0.0.1:9/v1"\nenv_key = "OWN_KEY\\u001b]52;c;aGk=\\u0007"\n' +
        'env_key_instructions = "Ask Ada for one"\n',
    );
    await using screen = await start();
    const shown = await screen.until("What to use?");
    assert.match(shown, /The key for Own \(own\) is missing: OWN_KEY is not set/);
    assert.match(shown, /Ask Ada for one/);
    assert.doesNotMatch(shown, /Paste an API key/);
    await choose(screen, "Quit", 2);
    await leave(screen, 0);
    assert.match(screen.scrollback(), /set OWN_KEY\./);
    assert.deepEqual(screen.emulator.clipboard, []);
  }));

Deno.test("a command line that decides about approvals and sandbox needs no trust", () =>
  withMachine(async ({ start, files }) => {
    for (const words of [["--yolo"], ["-a", "never", "-s", "read-only"]]) {
      await using screen = await start([...DEMO, ...words]);
      await screen.until(COMPOSER);
      assert.ok(!screen.raw.includes(TRUST));
    }
    await using screen = await start([...DEMO, "-s", "read-only"]);
    await screen.until(TRUST);
    assert.deepEqual(files(), {});
  }));

Deno.test("where the config file cannot be written, the answers are true for this time", () =>
  withMachine(async ({ home, start }) => {
    // A link into a folder that is none cannot be replaced by anybody, root included.
    Deno.symlinkSync("/proc/self/limits/config.toml", join(home, "config.toml"));
    await using screen = await start([...DEMO]);
    await screen.until(TRUST);
    await choose(screen, "Yes, I trust it", 0);
    await screen.until(COMPOSER);
    assert.match(
      screen.raw,
      /Not remembered in .*config\.toml, but true for this time: Cannot /,
    );
    await screen.until("workspace");
  }));

Deno.test("login asks for the key on a terminal, in either manner", () =>
  withMachine(async ({ start, files, home }) => {
    for (
      const [key, env] of [["sk-one-0123456789", {}], ["sk-two-0123456789", {
        TERM: "dumb",
      }]] as const
    ) {
      await using screen = await start(["login"], { env });
      await screen.until(/Paste an API key of OpenAI[^]*[└>]/);
      screen.type(`${key}\n`);
      await leave(screen, 0);
      assert.match(screen.scrollback(), /Successfully logged in/);
      assert.ok(!screen.raw.includes("sk-"));
      assert.equal(JSON.parse(files()["auth.json"] ?? "")["OPENAI_API_KEY"], key);
      assert.equal(modeOf(join(home, "auth.json")), 0o600);
    }
    await using screen = await start(["login"]);
    await screen.until("└");
    screen.press("ctrl+c");
    await leave(screen, 130);
    assert.match(files()["auth.json"] ?? "", /sk-two/);
  }));

Deno.test("an override means what the edit means that it was made of", async () => {
  const part = fc.string({ unit: "grapheme", minLength: 1 });
  await fc.assert(fc.asyncProperty(part, part, async (path, value) => {
    const edit = { path: ["projects", path, "trust_level"], value };
    const { table } = await sessionTable(["other=1", overrideOf(edit)], {}).catch((error) => {
      // The value is checked, and not what this is about.
      assert.match(String(error), /trust_level/);
      return { table: { projects: { [path]: { trust_level: value } } } };
    });
    assert.deepEqual(table["projects"], { [path]: { trust_level: value } });
  }));
});

Deno.test("modelIds takes what a server of models may answer, and nothing from anything else", () => {
  const list = (...ids: readonly unknown[]) => JSON.stringify({ data: ids.map((id) => ({ id })) });
  assert.deepEqual(modelIds(list("a:1", "b/c", "a:1", "nomic-embed-text", "", " ", 3, null)), [
    "a:1",
    "b/c",
  ]);
  assert.equal(modelIds(list(...Array.from({ length: 999 }, (_, at) => `m${at}`))).length, 200);
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
    assert.ok(modelIds(text).every((id) => /^\S+$/.test(id)));
    assert.deepEqual(modelIds(JSON.stringify({ data: text })), []);
  }));
});
