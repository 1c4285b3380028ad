/** Tests of the logger port and of the filter language. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { LOG_LEVELS, type LogRecord, makeLogger, silentLogger } from "../../src/lib/log.ts";
import { parseLogFilter } from "../../src/lib/log_filter.ts";

function levels(text: string, ...categories: string[]): (string | null)[] {
  const filter = parseLogFilter(text);
  return categories.map((category) => filter.levelOf(category));
}

Deno.test("makeLogger has no method for a disabled level, so its arguments are never built", () => {
  const written: LogRecord[] = [];
  const log = makeLogger({
    category: "",
    levelOf: () => "warn",
    now: () => 5,
    write: (record) => written.push(record),
  }).child("agent").child("model");
  let built = 0;
  log.info?.(`${built++}`);
  log.warn?.("Slow", { ms: 7 });
  assert.equal(built, 0);
  assert.deepEqual(written, [{
    timeMs: 5,
    level: "warn",
    category: "agent::model",
    message: "Slow",
    fields: { ms: 7 },
  }]);
});

Deno.test("silentLogger has no levels at any depth", () => {
  for (const level of LOG_LEVELS) assert.equal(silentLogger.child("a")[level], undefined);
});

Deno.test("parseLogFilter defaults to error and takes one level for everything", () => {
  assert.deepEqual(levels("", "agent"), ["error"]);
  assert.deepEqual(levels("DEBUG", "agent"), ["debug"]);
  assert.deepEqual(levels("off", "agent"), [null]);
});

Deno.test("parseLogFilter lets the longest target decide, and of equals the last", () => {
  const text = "warn, agent=debug,agent::model=trace,agent=info";
  assert.deepEqual(levels(text, "agent", "agent::model::http", "agents", "rpc"), [
    "info",
    "trace",
    "warn",
    "warn",
  ]);
});

Deno.test("parseLogFilter understands the targets of the real program", () => {
  const text = "codex_app_server=debug,codex_core=trace";
  assert.deepEqual(levels(text, "server", "rpc::stdio", "agent", "mcp"), [
    "debug",
    "debug",
    "trace",
    "error",
  ]);
});

Deno.test("parseLogFilter ignores and reports what makes no sense", () => {
  const filter = parseLogFilter("agent=loud,a=b=c,[span],info");
  assert.deepEqual(filter.ignored, ["agent=loud", "a=b=c", "[span]"]);
  assert.equal(filter.levelOf("agent"), "info");
});

Deno.test("parseLogFilter accepts any text", () => {
  fc.assert(fc.property(fc.string(), fc.string(), (text, category) => {
    const level = parseLogFilter(text).levelOf(category);
    assert.ok(level === null || LOG_LEVELS.includes(level));
  }));
});
