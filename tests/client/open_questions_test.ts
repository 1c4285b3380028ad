/** Which questions of a server are one and the same, over several connections. */
import assert from "node:assert/strict";
import { OpenQuestions } from "../../src/client/open_questions.ts";

const PARAMS = { threadId: "t", itemId: "i", command: "touch a" };

/** Questions, and the signals of those that somebody was asked. */
function begin() {
  const questions = new OpenQuestions();
  const asked: AbortSignal[] = [];
  const ask = (params: object, id = "0") =>
    questions.ask(id, params, (_params, signal) => {
      asked.push(signal);
      return new Promise(() => {});
    });
  return { questions, asked, ask };
}

Deno.test("a question that is asked again before its thread is known to be read anew stays", () => {
  const { questions, asked, ask } = begin();
  const first = ask(PARAMS);
  questions.connected();
  assert.equal(ask(PARAMS), first);
  questions.forgetEarlier("t");
  assert.equal(asked.length, 1);
  assert.equal(asked[0]?.aborted, false);
  questions.forget("t");
  assert.equal(asked[0]?.aborted, true);
});

Deno.test("a question that is not asked again is withdrawn, and so is one that is asked again later", () => {
  const { questions, asked, ask } = begin();
  void ask(PARAMS);
  void ask({ ...PARAMS, threadId: "other" }, "1");
  questions.connected();
  questions.forgetEarlier("t");
  assert.deepEqual(asked.map(({ aborted }) => aborted), [true, false]);
  void ask(PARAMS);
  assert.deepEqual(asked.map(({ aborted }) => aborted), [true, false, false]);
});

Deno.test("another question under the same id is no answer to the first: a server may count from 0 again", () => {
  const { questions, asked, ask } = begin();
  const first = ask(PARAMS);
  questions.connected();
  assert.notEqual(ask({ ...PARAMS, command: "rm -rf /" }), first);
  assert.deepEqual(asked.map(({ aborted }) => aborted), [true, false]);
});
