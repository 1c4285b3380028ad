/** Makes time-ordered UUIDs and parses UUIDs as upstream does; must not know what an id names. */
import type { Clock } from "./clock.ts";
import { HYPHENATED_UUID } from "./uuid_form.ts";

/** Fills the array with random bytes. */
export type RandomSource = (bytes: Uint8Array<ArrayBuffer>) => void;

/** Result of `parseUuid`: the hyphenated lower-case form, or upstream's words for what is wrong. */
export type ParsedUuid =
  | { readonly ok: true; readonly uuid: string }
  | { readonly ok: false; readonly problem: string };

const CANONICAL = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const SIMPLE = /^[0-9a-f]{32}$/i;
const URN_PREFIX = "urn:uuid:";
const GROUP_LENGTHS = [8, 4, 4, 4, 12];
/** Bytes taken from the random source at a time: eight for each id. */
const POOL_BYTES = 512;
const COUNTER_MAX = 0xfff;

/** True for the form that this program writes: hyphenated, lower case. */
export function isUuid(text: string): boolean {
  return CANONICAL.test(text);
}

/** Accepts the hyphenated, simple, braced and `urn:uuid:` forms in any case, as upstream does. */
export function parseUuid(text: string): ParsedUuid {
  if (CANONICAL.test(text)) return { ok: true, uuid: text };
  const { body, offset } = unwrap(text);
  if (HYPHENATED_UUID.test(body)) return { ok: true, uuid: body.toLowerCase() };
  if (offset === 0 && SIMPLE.test(body)) return { ok: true, uuid: hyphenate(body.toLowerCase()) };
  return { ok: false, problem: describe(text, body, offset) };
}

/**
 * Returns a maker of version 7 UUIDs that never go backwards, even when the clock does.
 * The 12 bits after the time count within a millisecond; a full counter borrows the next millisecond.
 */
export function uuidV7Maker(clock: Pick<Clock, "now">, random: RandomSource): () => string {
  const pool = new Uint8Array(POOL_BYTES);
  let used = POOL_BYTES;
  let lastMs = -1;
  let counter = 0;
  return () => {
    if (used === POOL_BYTES) {
      random(pool);
      used = 0;
    }
    const bytes = pool.subarray(used, used += 8);
    const nowMs = clock.now();
    if (nowMs > lastMs) {
      lastMs = nowMs;
      // The counter starts in its lower half, so that it has room to grow.
      counter = ((byteAt(bytes, 0) << 8) | byteAt(bytes, 7)) & 0x7ff;
    } else if (++counter > COUNTER_MAX) {
      lastMs++;
      counter = 0;
    }
    return format(lastMs, counter, bytes);
  };
}

function format(timeMs: number, counter: number, random: Uint8Array): string {
  const time = hex(timeMs, 12);
  const variant = 0x80 | (byteAt(random, 0) & 0x3f);
  const group3 = hex((variant << 8) | byteAt(random, 1), 4);
  let node = "";
  for (let index = 2; index < 8; index++) node += hex(byteAt(random, index), 2);
  return `${time.slice(0, 8)}-${time.slice(8)}-${hex(0x7000 | counter, 4)}-${group3}-${node}`;
}

function hex(value: number, length: number): string {
  return value.toString(16).padStart(length, "0");
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}

function unwrap(text: string): { readonly body: string; readonly offset: number } {
  if (text.length >= 2 && text.startsWith("{") && text.endsWith("}")) {
    return { body: text.slice(1, -1), offset: 1 };
  }
  if (text.startsWith(URN_PREFIX)) {
    return { body: text.slice(URN_PREFIX.length), offset: URN_PREFIX.length };
  }
  return { body: text, offset: 0 };
}

function hyphenate(simple: string): string {
  const cuts = [simple.slice(0, 8), simple.slice(8, 12), simple.slice(12, 16)];
  return [...cuts, simple.slice(16, 20), simple.slice(20)].join("-");
}

/** Upstream's texts, which clients show: the first wrong character, else the shape. */
function describe(text: string, body: string, offset: number): string {
  const wrong = /[^0-9a-f-]/iu.exec(body);
  if (wrong) {
    // Everything before it is ASCII, so the index counts bytes too; upstream counts from 1.
    return "invalid character: expected an optional prefix of `urn:uuid:` followed by " +
      `[0-9a-fA-F-], found \`${wrong[0]}\` at ${wrong.index + offset + 1}`;
  }
  const groupCount = countGroups(body);
  if (groupCount === 1 && offset === 0) {
    return `invalid length: expected length 32 for simple format, found ${text.length}`;
  }
  if (groupCount !== 5) return `invalid group count: expected 5, found ${groupCount}`;
  return describeGroups(text, body.split("-"));
}

/** Counts without splitting: a peer may send megabytes of hyphens. */
function countGroups(body: string): number {
  let count = 1;
  for (let at = body.indexOf("-"); at >= 0; at = body.indexOf("-", at + 1)) count++;
  return count;
}

function describeGroups(text: string, groups: readonly string[]): string {
  for (const [index, group] of groups.slice(0, 4).entries()) {
    const expected = GROUP_LENGTHS[index];
    if (group.length === expected) continue;
    return `invalid group length in group ${index}: expected ${expected}, found ${group.length}`;
  }
  // Upstream measures the last group from the start of the text, prefix and closing brace included.
  return `invalid group length in group 4: expected 12, found ${text.length - 24}`;
}
