/** What the flags of the command line change: seen in what the model is asked, with a server of its own and with one elsewhere. */
import assert from "node:assert/strict";
import { say } from "../support/mock_model.ts";
import { type AppWorld, ended, enter, makeWorld } from "./app_world.ts";

/** The smallest PNG there is: one pixel. */
const PNG = Uint8Array.fromBase64(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
);

/** Where the server is. */
const PLACES = ["own", "elsewhere"] as const;

/** Starts with these words, and answers what the model was asked first; another folder than the server's where that differs. */
async function askedWith(
  world: AppWorld,
  place: typeof PLACES[number],
  words: readonly string[],
): Promise<
  {
    readonly text: string;
    readonly body: Readonly<Record<string, unknown>>;
    readonly screen: string;
  }
> {
  const index = world.model.requests.length;
  // What an earlier thread had is on the screen as well.
  world.model.push(say(`Done ${index}`));
  await using server = place === "own" ? null : await world.serve("ws://127.0.0.1:0");
  const remote = server ? ["--remote", server.urls[0] ?? ""] : [];
  await using screen = await world.start([...remote, ...words, "look around"], {
    columns: 120,
    cwd: server ? world.root : world.project,
  });
  await screen.until(new RegExp(`^• Done ${index}$`, "m"));
  const shown = screen.text();
  const { text, body } = await world.model.request(index);
  screen.press("ctrl+d");
  assert.deepEqual(await ended(screen), { code: 0, signal: null });
  return { text, body, screen: shown };
}

for (const place of PLACES) {
  Deno.test(`model, policies, folder, search and overrides reach a server of ${place}`, async () => {
    await using world = await makeWorld();
    const [elsewhere, extra] = [`${world.root}/elsewhere`, `${world.root}/extra`];
    await Deno.mkdir(elsewhere);
    await Deno.mkdir(extra);
    const plain = await askedWith(world, place, []);
    assert.match(plain.text, /commands run without a sandbox/);
    assert.match(plain.text, /asked before every patch/);
    assert.ok(plain.text.includes(`<cwd>${world.project}</cwd>`));
    assert.doesNotMatch(JSON.stringify(plain.body["tools"]), /web_search/);

    const { text, body, screen } = await askedWith(world, place, [
      ...["-m", "other-model", "-s", "workspace-write", "-a", "on-request"],
      ...["-C", elsewhere, "--add-dir", extra, "--search"],
      ...["-c", 'model_reasoning_effort="low"'],
    ]);
    assert.equal(body["model"], "other-model");
    assert.match(text, /can write only below these folders[^"]*\/elsewhere[^"]*\/extra/);
    assert.match(text, /When one needs more/);
    assert.ok(text.includes(`<cwd>${elsewhere}</cwd>`));
    assert.deepEqual(body["reasoning"], { effort: "low" });
    assert.ok(Array.isArray(body["tools"]));
    assert.deepEqual(body["tools"].at(-1), { type: "web_search", external_web_access: true });
    assert.match(screen, /other-model .*elsewhere .*workspace/);

    const fullAuto = await askedWith(world, place, ["--full-auto"]);
    assert.match(fullAuto.text, /can write only below.*When one needs more/s);
    const yolo = await askedWith(world, place, ["--yolo"]);
    assert.match(yolo.text, /run without a sandbox.*nobody will be asked/s);
  });

  Deno.test(`a profile and a local model are known to a server of ${place}`, async () => {
    await using world = await makeWorld({ config: 'oss_provider = "lmstudio"\n' });
    const config = `${world.home}/config.toml`;
    const more = `[profiles.table]\nmodel = "of-table"\n[model_providers.lmstudio]\n` +
      `base_url = "${world.model.url}"\n`;
    await Deno.writeTextFile(config, more, { append: true });
    await Deno.writeTextFile(`${world.home}/filed.config.toml`, 'model = "of-file"\n');
    const table = await askedWith(world, place, ["-p", "table"]);
    assert.equal(table.body["model"], "of-table");
    const filed = await askedWith(world, place, ["-p", "filed"]);
    assert.equal(filed.body["model"], "of-file");
    if (place === "own") return;
    // One of our own is asked first what it has, which is tested where that is asked.
    const local = await askedWith(world, place, ["--oss", "-m", "small-model"]);
    assert.equal(local.body["model"], "small-model");
    const usual = await askedWith(world, place, ["--oss"]);
    assert.equal(usual.body["model"], "openai/gpt-oss-20b");
  });

  Deno.test(`images of this machine are sent along to a server of ${place}`, async () => {
    await using world = await makeWorld();
    for (const name of ["a", "b", "c"]) await Deno.writeFile(`${world.root}/${name}.png`, PNG);
    const [a, b, c] = ["a", "b", "c"].map((name) => `${world.root}/${name}.png`);
    const { text } = await askedWith(world, place, ["-i", `${a},${b}`, "-i", c ?? "", "--"]);
    assert.equal(text.split(`data:image/png;base64,${PNG.toBase64()}`).length - 1, 3);
    assert.ok(!text.includes(`${world.root}/a.png`));
  });

  Deno.test(`what is asked for wins over what an earlier thread had, with a server of ${place}`, async () => {
    await using world = await makeWorld();
    const elsewhere = `${world.root}/elsewhere`;
    await Deno.mkdir(elsewhere);
    await askedWith(world, place, []);
    for (const program of ["resume", "fork"]) {
      const { text, body, screen } = await askedWith(world, place, [
        ...[program, "--last", "--all", "-m", "other-model", "-C", elsewhere],
        ...["-s", "read-only", "-a", "never"],
      ]);
      assert.equal(body["model"], "other-model", program);
      assert.match(screen, /› look around[^]*› look around/);
      assert.match(screen, /other-model .*elsewhere .*read only/);
      // What held before is said in the same request.
      const [, now = ""] = text.split("look around");
      assert.match(now, /nothing can be written.*nobody will be asked/s);
      assert.ok(now.includes(`<cwd>${elsewhere}</cwd>`));
    }
  });
}

Deno.test("without the alternate screen the terminal keeps its own, with what was there", async () => {
  await using world = await makeWorld({ responses: [say("Hello")] });
  await using screen = await world.open(["--no-alt-screen"]);
  assert.equal(screen.emulator.modes.alternateScreen, false);
  enter(screen, "hi");
  await screen.until(/^• Hello$/m);
  assert.ok(!screen.raw.includes("\u001b[?1049h"));
  await using other = await world.open();
  assert.equal(other.emulator.modes.alternateScreen, true);
});
