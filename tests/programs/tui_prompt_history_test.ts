import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { openPromptHistory, parseHistoryLine } from "../../src/programs/tui/prompt_history.ts";
import type { PromptHistory } from "../../src/tui/ports.ts";
import { realClock } from "../exec/real_clock.ts";
import { withTempDir } from "../store/temp_dir.ts";

function historyIn(
  dir: string,
  options: { maxBytes?: number; isWritten?: boolean } = {},
): PromptHistory {
  const { maxBytes = null, isWritten = true } = options;
  return openPromptHistory({
    path: join(dir, "home", "history.jsonl"),
    clock: realClock,
    isWritten,
    maxBytes,
  });
}

async function textsOf(history: PromptHistory): Promise<readonly string[]> {
  return (await history.load()).map(({ text }) => text);
}

Deno.test("prompts are kept in the file of the real program, private to the user", () =>
  withTempDir(async (dir) => {
    const history = historyIn(dir);
    assert.deepEqual(await history.load(), []);
    await history.add({ threadId: "t-1", timeS: 7, text: 'two\n"lines"' });
    const path = join(dir, "home", "history.jsonl");
    assert.equal(
      Deno.readTextFileSync(path),
      '{"session_id":"t-1","ts":7,"text":"two\\n\\"lines\\""}\n',
    );
    assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
    Deno.chmodSync(path, 0o644);
    await history.add({ threadId: "t-1", timeS: 8, text: "" });
    assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
    assert.deepEqual(await historyIn(dir).load(), [{
      threadId: "t-1",
      timeS: 7,
      text: 'two\n"lines"',
    }]);
  }));

Deno.test("torn and foreign lines are passed over, and a new one begins behind them", () =>
  withTempDir(async (dir) => {
    const history = historyIn(dir);
    const path = join(dir, "home", "history.jsonl");
    await history.add({ threadId: "t", timeS: 1, text: "first" });
    Deno.writeTextFileSync(path, 'no json\n[1]\n{"text":7}\n\n{"session_id":"t","ts":2,"te', {
      append: true,
    });
    await history.add({ threadId: "t", timeS: 3, text: "second" });
    assert.deepEqual(await textsOf(history), ["first", "second"]);
  }));

Deno.test("several programs append at once and lose nothing", () =>
  withTempDir(async (dir) => {
    const histories = [historyIn(dir), historyIn(dir, { maxBytes: 1 << 20 }), historyIn(dir)];
    const adding = histories.flatMap((history, one) =>
      Array.from({ length: 30 }, (_, at) =>
        history.add({ threadId: "t", timeS: at, text: `${one}-${at}` }))
    );
    await Promise.all(adding);
    assert.equal(new Set(await textsOf(historyIn(dir))).size, 90);
  }));

Deno.test("the newest prompts that fit stay when the file has a limit", () =>
  withTempDir(async (dir) => {
    const history = historyIn(dir, { maxBytes: 1000 });
    for (let at = 0; at < 100; at++) {
      await history.add({ threadId: "t", timeS: at, text: `prompt ${at}` });
    }
    const texts = await textsOf(history);
    assert.equal(Deno.statSync(join(dir, "home", "history.jsonl")).size <= 1000, true);
    assert.equal(texts.length > 10 && texts.length < 30, true, String(texts.length));
    assert.deepEqual(texts.at(-1), "prompt 99");
    assert.deepEqual(texts, texts.map((_, at) => `prompt ${100 - texts.length + at}`));
  }));

Deno.test("only the newest are loaded, however long the file is", () =>
  withTempDir(async (dir) => {
    const history = historyIn(dir);
    await history.add({ threadId: "t", timeS: 1, text: "old" });
    const line = `{"session_id":"t","ts":2,"text":"${"x".repeat(1000)}"}\n`;
    const path = join(dir, "home", "history.jsonl");
    Deno.writeTextFileSync(path, line.repeat(6000), { append: true });
    const texts = await textsOf(history);
    assert.equal(texts.length, 2000);
    assert.equal(texts.includes("old"), false);
  }));

Deno.test("nothing is written where history is off, and what cannot be written is no error", () =>
  withTempDir(async (dir) => {
    await historyIn(dir, { isWritten: false }).add({ threadId: "t", timeS: 1, text: "secret" });
    assert.deepEqual([...Deno.readDirSync(dir)], []);
    Deno.writeTextFileSync(join(dir, "home"), "a file");
    const history = historyIn(dir);
    await history.add({ threadId: "t", timeS: 1, text: "x" });
    await historyIn(dir, { maxBytes: 10 }).add({ threadId: "t", timeS: 1, text: "x" });
    assert.deepEqual(await history.load(), []);
  }));

Deno.test("any line is an entry or none", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (line) => {
    const entry = parseHistoryLine(line);
    assert.equal(entry === null || (typeof entry.text === "string" && entry.text !== ""), true);
  }));
});
