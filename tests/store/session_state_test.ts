/** Outcomes and questions on disk: private, shared by processes, never silently forgotten. */
import assert from "node:assert/strict";
import { join } from "node:path";
import sqlite from "node:sqlite";
import { KEPT_MS, SESSION_STATE_FILE, SessionState } from "../../src/store/session_state.ts";
import { withTempDir } from "./temp_dir.ts";

Deno.test("an outcome is there for the next process, which sees one that did not end as started", () =>
  withTempDir((dir) => {
    const first = state(dir);
    assert.equal(first.begin("a", "p"), null);
    assert.equal(first.begin("b", "p"), null);
    first.finish("b", '{"x":1}');
    assert.equal(first.begin("c", "p"), null);
    first.finish("c", null);
    assert.equal(first.begin("d", "p"), null);
    first.forget("d");
    // Not closed: the process was killed. Another one looks at the same time.
    const second = state(dir);
    assert.deepEqual(second.begin("a", "q"), { params: "p", state: "started", result: null });
    assert.deepEqual(second.begin("b", "p"), { params: "p", state: "done", result: '{"x":1}' });
    assert.deepEqual(second.begin("c", "p"), { params: "p", state: "done", result: null });
    assert.equal(second.begin("d", "p"), null);
    first.close();
    second.close();
  }));

Deno.test("an outcome is forgotten after a day, also when the clock was put back meanwhile", () =>
  withTempDir((dir) => {
    let now = 10 * KEPT_MS;
    const store = state(dir, () => now);
    assert.equal(store.begin("a", "p"), null);
    now += KEPT_MS;
    assert.notEqual(store.begin("a", "p"), null);
    now -= KEPT_MS / 2;
    assert.notEqual(store.begin("a", "p"), null);
    now += KEPT_MS;
    assert.equal(store.begin("a", "p"), null);
    store.close();
  }));

Deno.test("questions are kept by thread, and asking for them makes no file", () =>
  withTempDir((dir) => {
    const first = state(dir);
    assert.deepEqual(first.questionsOf("t"), []);
    assert.deepEqual([...Deno.readDirSync(dir)], []);
    first.addQuestion("t", "1");
    first.addQuestion("t", "2");
    first.addQuestion("u", "3");
    first.removeQuestion("1");
    const second = state(dir);
    assert.deepEqual(second.questionsOf("t"), ["2"]);
    assert.deepEqual(second.questionsOf("u"), ["3"]);
    first.close();
    second.close();
  }));

Deno.test("the file is nobody else's", () =>
  withTempDir((dir) => {
    const store = state(dir);
    store.begin("a", "p");
    for (const { name } of Deno.readDirSync(dir)) {
      assert.equal((Deno.statSync(join(dir, name)).mode ?? 0) & 0o077, 0, name);
    }
    store.close();
  }));

Deno.test("a broken file is refused with what to do, and stays as it is", () =>
  withTempDir((dir) => {
    const path = join(dir, SESSION_STATE_FILE);
    const broken = "broken ".repeat(1000);
    Deno.writeTextFileSync(path, broken);
    const store = state(dir);
    const refusal = { kind: "io", message: /if it is broken, move it away$/ };
    assert.throws(() => store.begin("a", "p"), refusal);
    assert.throws(() => store.begin("a", "p"), refusal);
    assert.equal(Deno.readTextFileSync(path), broken);
    Deno.renameSync(path, `${path}.away`);
    assert.equal(store.begin("a", "p"), null);
    store.close();
    assert.throws(() => store.begin("a", "p"), /shutting down/);
  }));

function state(codexHome: string, now = () => 0): SessionState {
  return new SessionState({ codexHome, sqlite, now });
}
