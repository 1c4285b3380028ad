import { deepEqual, equal, match } from "node:assert/strict";
import fc from "fast-check";
import { isUuid, parseUuid, uuidV7Maker } from "../../src/lib/uuid.ts";

const UUID = "018f2f6e-5a5a-7abc-8def-0123456789ab";
const CHARACTER = "invalid character: expected an optional prefix of `urn:uuid:` followed by " +
  "[0-9a-fA-F-], found ";

Deno.test("parseUuid accepts every form that upstream accepts", () => {
  const forms = [
    UUID,
    UUID.toUpperCase(),
    UUID.replaceAll("-", ""),
    `{${UUID}}`,
    `urn:uuid:${UUID}`,
  ];
  for (const form of forms) deepEqual(parseUuid(form), { ok: true, uuid: UUID });
});

/** Recorded from the real program. */
const REFUSED: readonly (readonly [string, string])[] = [
  ["nope", `${CHARACTER}\`n\` at 1`],
  ["", "invalid length: expected length 32 for simple format, found 0"],
  ["abcd", "invalid length: expected length 32 for simple format, found 4"],
  ["urn:uuid:nope", `${CHARACTER}\`n\` at 10`],
  ["{nope}", `${CHARACTER}\`n\` at 2`],
  [`{${UUID}`, `${CHARACTER}\`{\` at 1`],
  [`URN:UUID:${UUID}`, `${CHARACTER}\`U\` at 1`],
  ["ab😀c", `${CHARACTER}\`😀\` at 3`],
  ["é".repeat(16), `${CHARACTER}\`é\` at 1`],
  ["0".repeat(31) + "z", `${CHARACTER}\`z\` at 32`],
  [UUID.slice(0, -1), "invalid group length in group 4: expected 12, found 11"],
  [`${UUID}0`, "invalid group length in group 4: expected 12, found 13"],
  [`{${UUID.slice(0, -1)}}`, "invalid group length in group 4: expected 12, found 13"],
  ["018f2f6e5-a5a-7abc-8def-0123456789ab", "invalid group length in group 0: expected 8, found 9"],
  ["a-b-c-d-e", "invalid group length in group 0: expected 8, found 1"],
  ["a-b", "invalid group count: expected 5, found 2"],
  ["-".repeat(36), "invalid group count: expected 5, found 37"],
  ["{}", "invalid group count: expected 5, found 1"],
  ["urn:uuid:", "invalid group count: expected 5, found 1"],
  [`{${UUID.replaceAll("-", "")}}`, "invalid group count: expected 5, found 1"],
];

Deno.test("parseUuid refuses in the words of upstream", () => {
  for (const [text, problem] of REFUSED) deepEqual(parseUuid(text), { ok: false, problem }, text);
});

Deno.test("parseUuid accepts what is a UUID and nothing else", () => {
  fc.assert(fc.property(fc.uuid(), (uuid) => {
    deepEqual(parseUuid(uuid), { ok: true, uuid });
    deepEqual(parseUuid(uuid.toUpperCase()), { ok: true, uuid });
  }));
  fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
    const parsed = parseUuid(text);
    if (parsed.ok) equal(isUuid(parsed.uuid), true);
    else match(parsed.problem, /^invalid /);
  }));
});

Deno.test("uuidV7Maker makes ids that sort by time, whatever the clock does", () => {
  const times = fc.array(fc.integer({ min: 0, max: 2 ** 47 }), { minLength: 2, maxLength: 50 });
  fc.assert(fc.property(times, (moments) => {
    let at = 0;
    const next = uuidV7Maker({ now: () => moments[at++] ?? 0 }, (bytes) => void bytes.fill(at));
    const ids = moments.map(() => next());
    deepEqual([...ids].sort(), ids);
    equal(new Set(ids).size, ids.length);
    for (const id of ids) match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-/);
  }));
});

Deno.test("uuidV7Maker stays unique and ordered beyond 4096 ids in one millisecond", () => {
  const next = uuidV7Maker({ now: () => 1_700_000_000_000 }, (bytes) => {
    crypto.getRandomValues(bytes);
  });
  const ids = Array.from({ length: 20_000 }, next);
  equal(ids[0]?.slice(0, 13), "018bcfe5-6800");
  deepEqual([...ids].sort(), ids);
  equal(new Set(ids).size, ids.length);
});
