import assert from "node:assert/strict";
import { join } from "node:path";
import { framesOf, MODES, startFixture } from "./screen_support.ts";

const CLEAR = "\u001b[2J";
const FAMILY = "👨‍👩‍👧";

for (const mode of MODES) {
  Deno.test(`nothing flickers: all is drawn in frames, and only the first clears (${mode})`, async () => {
    // Nothing but frames: no answer that the program acts on.
    await using screen = await startFixture(mode, { kind: "silent" });
    const before = screen.rawLength;
    screen.type("/stream 40\n");
    await screen.until("streamed");
    const raw = screen.raw.slice(before);
    const frames = framesOf(raw);
    assert.ok(frames.length > 0);
    assert.equal(
      frames.reduce((rest, frame) => rest.replace(frame, ""), raw).replace(
        // deno-lint-ignore no-control-regex -- Frames are marked with control sequences.
        /\u001b\[\?2026[hl]/g,
        "",
      ),
      "",
    );
    assert.ok(!raw.includes(CLEAR), JSON.stringify(raw));
  });

  Deno.test(`a changed line costs a line, not a screen (${mode})`, async () => {
    await using screen = await startFixture(mode, { columns: 100, rows: 40, kind: "silent" });
    screen.type("/stream 60\n");
    await screen.until("streamed");
    // The frame after the key, with what moves the cursor.
    const before = screen.rawLength;
    screen.type("k");
    await screen.until("> k");
    assert.ok(screen.rawLength - before < 300, `${screen.rawLength - before} characters`);
  });

  Deno.test(`the size changes in the middle of a stream, and nothing stale is left (${mode})`, async () => {
    await using screen = await startFixture(mode, { columns: 80, rows: 24 });
    screen.type("/stream 200\n");
    await screen.until(/^line [2-9]\d$/m);
    screen.resize(40, 10);
    await screen.until(/^line \d+\n(?:.+\n)+ready\n>$/m);
    screen.resize(120, 30);
    await screen.until("streamed");
    const rows = screen.text().split("\n");
    assert.equal(rows.length, 30);
    assert.deepEqual(rows.slice(-3), ["streamed", "ready", ">"]);
    assert.deepEqual(
      rows.slice(0, 27),
      Array.from({ length: 27 }, (_, row) => `line ${174 + row}`),
    );
    screen.type("/stop bye\n");
    await screen.exit;
    assert.deepEqual(screen.leftovers(), []);
    assert.match(screen.scrollback(), /^line 199\nline 200\nstreamed\nbye$/m);
  });

  Deno.test(`wide characters fit into 40 columns (${mode})`, async () => {
    await using screen = await startFixture(mode, { columns: 40, rows: 12 });
    const words = `${"漢字".repeat(12)} ${FAMILY} שלום 🇩🇪 é ${"x".repeat(50)}`;
    screen.type(`${words}\n`);
    const text = await screen.until(/x{10}\n+ready\n>$/);
    assert.equal(text.replaceAll(/\s/g, ""), `${words}ready>`.replaceAll(/\s/g, ""));
    assert.equal(text.split("\n")[0], "漢字".repeat(10));
    assert.ok(screen.cells(0).some((cell) => cell.char === "漢"));
  });
}

Deno.test("colours follow the background of the terminal, its kind, and NO_COLOR", async () => {
  const cases = [
    { kind: "dark", env: {}, told: "dark", background: "236" },
    { kind: "light", env: {}, told: "light", background: "254" },
    { kind: "kitty", env: {}, told: "dark", background: "236" },
    { kind: "silent", env: { COLORFGBG: "0;15" }, told: "light", background: "254" },
    { kind: "silent", env: {}, told: "null", background: "236" },
    { kind: "light", env: { NO_COLOR: "1" }, told: "light", background: "default" },
  ] as const;
  for (const { kind, env, told, background } of cases) {
    await using screen = await startFixture("alternate", { kind, env });
    screen.type("/background\n");
    await screen.until(`background ${told}`);
    // The theme is drawn with the same frame or the next.
    await screen.until(() => screen.cells(22)[0]?.background === background, {
      why: `${background} on ${kind}`,
    });
  }
});

Deno.test("the title, notifications, the bell and the clipboard reach the terminal, clean", async () => {
  await using screen = await startFixture("alternate");
  const { emulator } = screen;
  screen.paste("/title fix \u202ethe bug\u0007\n");
  screen.press("enter");
  await screen.until(() => emulator.title !== "", { why: "a title" });
  assert.equal(emulator.title, "fix the bug");
  screen.type("/notify Done: the tests pass\n");
  await screen.until(() => emulator.bells > 0 && emulator.notifications.length > 0, {
    why: "a bell and a notification",
  });
  assert.equal(emulator.bells, 1);
  assert.deepEqual(emulator.notifications, ["Done: the tests pass"]);
  screen.type("/copy grün 漢\n");
  await screen.until(() => emulator.clipboard.length > 0, { why: "a copy" });
  assert.deepEqual(emulator.clipboard, ["grün 漢"]);
});

Deno.test("a terminal that takes nothing gets the newest frame, not all of them", async () => {
  const folder = await Deno.makeTempDir();
  const file = join(folder, "mark");
  const watcher = Deno.watchFs(folder);
  try {
    await using screen = await startFixture("alternate", {
      columns: 200,
      rows: 60,
      env: { MARK_FILE: file },
    });
    screen.stall();
    const before = screen.rawLength;
    // More than all buffers on the way hold, then frames that would each be some kilobytes.
    screen.type("/fill 1000000\n/stream 300\n");
    for await (const event of watcher) if (event.paths.includes(file)) break;
    screen.flow();
    await screen.until("streamed");
    const frames = framesOf(screen.raw.slice(before));
    assert.ok(frames.length < 10, `${frames.length} frames`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
