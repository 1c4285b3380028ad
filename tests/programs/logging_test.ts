/** Tests of the log lines of a process: order, form, and what must never be in them. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { LogRecord } from "../../src/lib/log.ts";
import { formatJson, formatText } from "../../src/programs/log_format.ts";
import { createLogger } from "../../src/programs/logging.ts";

const clock = { now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6), after: () => () => {} };

function record(message: string, fields: Record<string, unknown> = {}): LogRecord {
  return { timeMs: clock.now(), level: "error", category: "agent", message, fields };
}

/** A logger and a promise of its first `count` lines. */
function collect(env: Record<string, string>, count: number) {
  const lines: string[] = [];
  const done = Promise.withResolvers<string[]>();
  const logging = createLogger({
    env,
    clock,
    write(line) {
      lines.push(line);
      if (lines.length === count) done.resolve(lines);
    },
  });
  return { ...logging, lines, done: done.promise };
}

Deno.test("createLogger writes errors only, in order, as text", async () => {
  const { log, done } = collect({}, 2);
  assert.equal(log.warn, undefined);
  log.child("agent").error?.("First", { bytes: 3 });
  log.child("rpc").error?.("Second {not} a template");
  assert.deepEqual(await done, [
    "2026-01-02T03:04:05.006Z ERROR agent: First bytes=3\n",
    "2026-01-02T03:04:05.006Z ERROR rpc: Second {not} a template\n",
  ]);
});

Deno.test("createLogger writes one JSON object per line with LOG_FORMAT=json", async () => {
  const { log, done } = collect({ LOG_FORMAT: "json", RUST_LOG: "trace" }, 1);
  log.child("agent").trace?.("Two\nlines", { path: "/a" });
  const [line = ""] = await done;
  assert.deepEqual(JSON.parse(line), {
    timestamp: "2026-01-02T03:04:05.006Z",
    level: "TRACE",
    fields: { message: "Two\nlines", path: "/a" },
    target: "agent",
  });
});

Deno.test("flush writes what is still waiting, once", async () => {
  const { log, lines, flush, done } = collect({}, 2);
  log.error?.("Last words");
  flush();
  assert.equal(lines.length, 1);
  log.error?.("After all");
  await done;
  assert.equal(lines.filter((line) => line.includes("Last words")).length, 1);
});

Deno.test("createLogger says which part of RUST_LOG it ignored", async () => {
  const { done } = collect({ RUST_LOG: "agent=loud" }, 1);
  assert.match((await done).join(), /RUST_LOG.*agent=loud/);
});

Deno.test("log lines never carry secrets", () => {
  const secret = "abcdef0123456789";
  const leaky = record(`Sent sk-${secret} and Authorization: Bearer ${secret}`, {
    apiKey: secret,
    access_token: secret,
    headers: { authorization: secret, "x-api-key": secret },
    error: new Error(`Bearer ${secret}`),
  });
  assert.ok(!formatText(leaky).includes(secret));
  assert.ok(!formatJson(leaky).includes(secret));
});

Deno.test("log lines are one line without control characters, whatever is logged", () => {
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  assert.match(formatText(record("Cycle", { cycle })), /not printable/);
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }),
      fc.dictionary(fc.string(), fc.anything()),
      (text, fields) => {
        for (const line of [formatText(record(text, fields)), formatJson(record(text, fields))]) {
          // deno-lint-ignore no-control-regex -- These are what must not be there.
          assert.ok(!/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(line.slice(0, -1)));
          assert.equal(line.at(-1), "\n");
        }
        JSON.parse(formatJson(record(text, fields)));
      },
    ),
  );
});
