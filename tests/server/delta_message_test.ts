/** Deltas that an outbox merges: no text is lost, and the numbers say which ones they were. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { DeltaMessage, isDelta } from "../../src/server/delta_message.ts";
import { encodeEvent, withNumber } from "../../src/server/event_text.ts";

const METHOD = "item/agentMessage/delta";
const PLACE = { threadId: "t", turnId: "u", itemId: "i" };

Deno.test("merged deltas say the same text, and from which number to which", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "binary" }), { minLength: 1 }),
      fc.boolean(),
      (deltas, isNumbered) => {
        const messages = deltas.map((delta, index) =>
          message(delta, isNumbered ? 5 + index : null)
        );
        const [first, ...rest] = messages;
        assert.ok(first);
        const untouched = first.text;
        const growing = first.grow();
        for (const next of rest) growing.append(next);
        const { method, params } = JSON.parse(growing.text);
        assert.equal(method, METHOD);
        const numbers = isNumbered
          ? { logId: "log", seq: 4 + deltas.length, ...rest.length > 0 ? { seqFrom: 5 } : {} }
          : {};
        assert.deepEqual(params, {
          ...PLACE,
          delta: JSON.parse(JSON.stringify(deltas.join(""))),
          ...numbers,
        });
        // Other connections hold the same message.
        assert.equal(first.text, untouched);
        assert.ok(growing.chars >= deltas.join("").length);
      },
    ),
  );
});

Deno.test("deltas of another item, part or form have another key", () => {
  const keys = [
    message("a", null),
    message("a", 1),
    message("a", null, { itemId: "j" }),
    message("a", null, { summaryIndex: 0 }),
    message("a", null, { summaryIndex: 1 }),
    message("a", null, { contentIndex: 0 }),
  ].map(({ key }) => key);
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(message("b", null).key, message("a", null).key);
  assert.throws(() => message("a", 1).grow().append(message("b", null)));
});

Deno.test("a number stands in the text as if it had been encoded with it", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }),
      fc.nat(),
      (params, seq) => {
        const text = withNumber(encodeEvent({ method: METHOD, params }), { logId: "log", seq });
        const { logId: _log, seq: _seq, ...rest } = JSON.parse(text).params;
        const { logId: _l, seq: _s, ...expected } = JSON.parse(JSON.stringify(params));
        assert.deepEqual(rest, expected);
        assert.equal(JSON.parse(text).params.seq, seq);
        assert.equal(JSON.parse(text).params.logId, "log");
      },
    ),
  );
});

function message(
  delta: string,
  seq: number | null,
  place: Record<string, unknown> = {},
): DeltaMessage {
  const params = { ...PLACE, ...place, delta };
  assert.ok(isDelta(params));
  const number = seq === null ? null : { logId: "log", seq };
  return new DeltaMessage(METHOD, params, {
    number,
    text: encodeEvent({ method: METHOD, params }, number),
  });
}
