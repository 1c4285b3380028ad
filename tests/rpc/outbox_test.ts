/** What waits for a peer that does not keep up: order, merging, limits; time is moved by hand. */
import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { ConnectionBudget } from "../../src/rpc/connection_limits.ts";
import type { Droppable, GrowingMessage } from "../../src/rpc/droppable.ts";
import { Outbox } from "../../src/rpc/outbox.ts";
import { FakeClock } from "./fake_clock.ts";
import { SlowTransport } from "./slow_transport.ts";

const LIMIT = 16 * 1024 * 1024;
const WINDOW = 256 * 1024;

/** A delta `SCOPE:STREAM:NUMBERS|`, whose merged form has all the numbers. */
class Delta implements Droppable {
  readonly scope: string;
  readonly key: string;
  readonly number: number;

  constructor(scope: string, stream: string, number: number) {
    this.scope = scope;
    this.key = `${scope}:${stream}`;
    this.number = number;
  }

  get text(): string {
    return `${this.key}:${this.number}`;
  }

  grow(): GrowingMessage {
    const { key } = this;
    const numbers = [this.number];
    return {
      key,
      append(next) {
        ok(next instanceof Delta && next.key === key);
        numbers.push(next.number);
      },
      get chars() {
        return key.length + numbers.length;
      },
      get text() {
        return `${key}:${numbers.join(",")}`;
      },
    };
  }
}

function box(options: { readonly tellsDrained?: boolean; readonly limitBytes?: number } = {}) {
  const transport = new SlowTransport(options);
  const clock = new FakeClock();
  const budget = new ConnectionBudget();
  const outbox = new Outbox({ transport, clock, budget, limitBytes: options.limitBytes ?? LIMIT });
  transport.open({ frame() {}, closed() {}, drained: () => outbox.drained() });
  return { transport, clock, outbox };
}

/** The peer reads until nothing comes any more. */
function readAll({ transport, clock }: Pick<ReturnType<typeof box>, "transport" | "clock">): void {
  for (let quiet = 0; quiet < 3;) {
    const before = transport.read.length;
    transport.take();
    clock.advance(50);
    quiet = transport.read.length === before ? quiet + 1 : 0;
  }
}

/** Fills the window and what goes out unmerged, so that deltas are merged from now on. */
function congest({ outbox }: ReturnType<typeof box>): void {
  outbox.send("x".repeat(WINDOW + 1), undefined);
  outbox.send("y".repeat(LIMIT / 4), undefined);
}

Deno.test("Outbox hands on at once what a peer that reads is sent, and looks at nothing", () => {
  const { transport, clock, outbox } = box();
  const untouchable: Droppable = {
    scope: "s",
    get key(): string {
      throw new Error("nobody asks");
    },
    text: "delta",
    grow: () => {
      throw new Error("nobody grows");
    },
  };
  for (let index = 0; index < 100; index++) ok(outbox.send("delta", untouchable));
  equal(outbox.keptBytes, 0);
  equal(clock.pending, 0);
  transport.take();
  equal(transport.read.length, 100);
});

Deno.test("Outbox gives a transport no more than a window, and the rest as it is taken", () => {
  for (const tellsDrained of [false, true]) {
    const made = box({ tellsDrained });
    const { transport, clock, outbox } = made;
    const texts = Array.from({ length: 4000 }, (_, index) => `${index}`.padEnd(1000));
    for (const text of texts) ok(outbox.send(text, undefined));
    ok(outbox.bufferedBytes >= 4_000_000);
    if (tellsDrained) equal(clock.pending, 0);
    readAll(made);
    deepEqual(transport.read, texts);
    ok(transport.mostBytes <= WINDOW + 1000);
    equal(outbox.bufferedBytes, 0);
    equal(clock.pending, 0);
  }
});

Deno.test("Outbox looks ever more seldom at a peer that takes nothing", () => {
  const made = box();
  congest(made);
  const { clock } = made;
  let looks = 0;
  const before = clock.pending;
  equal(before, 1);
  const { after } = clock;
  clock.after = (delayMs, callback) => {
    looks++;
    return after.call(clock, delayMs, callback);
  };
  for (let ms = 0; ms < 3200; ms++) clock.advance(1);
  ok(looks >= 100 && looks <= 110, `${looks}`);
});

Deno.test("Outbox merges the deltas of each scope, also when they alternate", () => {
  const made = box();
  const { transport, outbox } = made;
  congest(made);
  for (let number = 0; number < 3000; number++) {
    for (const scope of ["a", "b"]) outbox.send("", new Delta(scope, "s", number));
  }
  outbox.send("required", undefined);
  outbox.send("", new Delta("a", "s", 3000));
  outbox.send("", new Delta("a", "t", 3001));
  outbox.send("", new Delta("a", "s", 3002));
  readAll(made);
  const all = Array.from({ length: 3000 }, (_, number) => number).join(",");
  deepEqual(transport.read.slice(2), [
    `a:s:${all}`,
    `b:s:${all}`,
    "required",
    "a:s:3000",
    "a:t:3001",
    "a:s:3002",
  ]);
});

Deno.test("Outbox keeps refusals in little memory, and in their place", () => {
  const made = box();
  const { transport, outbox } = made;
  congest(made);
  const before = outbox.keptBytes;
  const refuse = (id: string | number | bigint) => `refused ${id}`.padEnd(100);
  const ids = Array.from({ length: 100_000 }, (_, id) => id);
  for (const id of ids) ok(outbox.sendAlike(id, refuse));
  ok(outbox.keptBytes - before < 2_000_000);
  outbox.send("answer", undefined);
  outbox.sendAlike("last", refuse);
  readAll(made);
  deepEqual(transport.read.slice(2), [...ids.map(refuse), "answer", refuse("last")]);
  equal(outbox.bufferedBytes, 0);
});

Deno.test("Outbox says when it is full, and does not count one long message", () => {
  const { outbox, transport } = box({ limitBytes: 10_000 });
  ok(outbox.send("x".repeat(50_000), undefined));
  for (let index = 0; index < 9; index++) ok(outbox.send("y".repeat(936), undefined));
  equal(outbox.bufferedBytes, 59_000);
  ok(outbox.send("y".repeat(936), undefined));
  ok(outbox.send("over the limit", undefined));
  equal(outbox.send("refused", undefined), false);
  equal(outbox.sendAlike(1, () => "refused"), false);
  outbox.flush();
  transport.take();
  equal(transport.read.length, 12);
});

Deno.test("Outbox.whenBelow calls back when the peer has taken enough, or never will", () => {
  const made = box();
  const { transport, clock, outbox } = made;
  const log: string[] = [];
  outbox.whenBelow(0, () => log.push("empty already"));
  for (let index = 0; index < 10; index++) outbox.send("x".repeat(1000), undefined);
  outbox.whenBelow(5000, () => log.push("half"));
  outbox.whenBelow(0, () => log.push("all"));
  transport.take(4);
  clock.advance(50);
  deepEqual(log, ["empty already"]);
  transport.take(1);
  clock.advance(50);
  deepEqual(log, ["empty already", "half"]);
  outbox.discard();
  deepEqual(log, ["empty already", "half", "all"]);
  equal(clock.pending, 0);
});

Deno.test("Outbox loses nothing and keeps the order of each scope, whatever is sent and taken when", () => {
  const step = fc.oneof(
    { weight: 10, arbitrary: fc.record({ type: fc.constant("delta"), stream: fc.nat(5) }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant("required"), stream: fc.nat(4000) }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant("alike"), stream: fc.nat(3) }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant("take"), stream: fc.nat(20) }) },
  );
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 50, maxLength: 200 }),
      fc.boolean(),
      (steps, tellsDrained) => {
        const made = box({ tellsDrained, limitBytes: 20_000 });
        const { transport, clock, outbox } = made;
        const encode = (id: string | number | bigint) => `alike:${id}`;
        // What is refused, as there is no room, would close a connection; here it just does not count.
        const isKept = steps.map(({ type, stream }, number) => {
          const delta = new Delta(`s${stream % 3}`, `${stream}`, number);
          if (type === "delta") return outbox.send(delta.text, delta);
          if (type === "required") return outbox.send(`all:${number}|`.padEnd(stream), undefined);
          if (type === "alike") return outbox.sendAlike(number, encode);
          transport.take(stream);
          clock.advance(stream);
          return false;
        });
        readAll(made);
        // Of each scope its deltas, and what is for all, in the order in which it was sent.
        for (const scope of ["s0", "s1", "s2"]) {
          const sent = steps.flatMap(({ type, stream }, number) =>
            isKept[number] && (type !== "delta" || `s${stream % 3}` === scope) ? [number] : []
          );
          const got = transport.read.flatMap((text) => {
            const [first = "", ...rest] = text.split("|")[0]?.split(":") ?? [];
            if (first.startsWith("s") && first !== scope) return [];
            return (rest.at(-1) ?? "").split(",").map(Number);
          });
          deepEqual(got, sent);
        }
        equal(outbox.bufferedBytes, 0);
        equal(clock.pending, 0);
      },
    ),
  );
});

Deno.test("Outbox keeps the whole of a long item behind its deltas", () => {
  const made = box({ limitBytes: 100_000 });
  const { transport, outbox } = made;
  const pieces = Array.from({ length: 90 }, (_, index) => `${index}`.padEnd(1000));
  for (const piece of pieces) ok(outbox.send(piece, undefined));
  const item = "i".repeat(90_000);
  ok(outbox.send(item, undefined));
  for (const end of ["completed", "idle"]) ok(outbox.send(end, undefined));
  readAll(made);
  deepEqual(transport.read, [...pieces, item, "completed", "idle"]);
});
