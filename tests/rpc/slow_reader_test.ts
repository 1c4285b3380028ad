/** A client that does not read, over real sockets: it loses no text, takes little memory and slows nobody. */
import { deepEqual, equal, ok } from "node:assert/strict";
import type { Socket } from "node:net";
import { Connection } from "../../src/rpc/connection.ts";
import { systemClock } from "../../src/programs/host.ts";
import { DeltaMessage } from "../../src/server/delta_message.ts";
import { encodeEvent } from "../../src/server/event_text.ts";
import { framesOf } from "../server/frames.ts";
import { ListenLab } from "../server/listen_lab.ts";
import { Collector } from "./transport_pairs.ts";

const METHOD = "item/agentMessage/delta";
const LIMIT_BYTES = 4 * 1024 * 1024;
/** More than the limit if each is kept as it is. How many the kernel takes first is not ours to say. */
const DELTA = "d".repeat(100);
const COUNT = 24_000;

/** Frames of text until one says `done`. */
async function textsOf(socket: Socket): Promise<string[]> {
  const texts: string[] = [];
  const decoder = new TextDecoder();
  const frames = framesOf(socket);
  for await (const { opcode, payload } of frames) {
    equal(opcode, 1);
    texts.push(decoder.decode(payload));
    if (texts.at(-1)?.includes("done")) break;
  }
  return texts;
}

for (const kind of ["loopback", "ws"] as const) {
  Deno.test(`${kind}: a client that does not read gets all text, merged, and others get it at once`, async () => {
    const connections: Connection[] = [];
    await using lab = await ListenLab.open(kind, {
      accept: (transport) => {
        connections.push(
          new Connection({
            transport,
            clock: systemClock(),
            limits: { outboxBytes: LIMIT_BYTES },
            request: () => null,
            notification: () => {},
          }),
        );
      },
    });
    const slow = await lab.upgrade();
    // It takes in more than its own buffers: those of the kernel are not ours to count.
    const reader = await lab.client();
    const sink = new Collector(COUNT + 1);
    reader.open(sink);
    while (connections.length < 2) await new Promise(setImmediate);
    const [toSlow, toReader] = connections;
    ok(toSlow && toReader);
    let mostBytes = 0;
    for (let seq = 1; seq <= COUNT; seq++) {
      const params = { threadId: "t", turnId: "u", itemId: "i", delta: `${seq}:${DELTA}` };
      const number = { logId: "log", seq };
      const text = encodeEvent({ method: METHOD, params }, number);
      const delta = new DeltaMessage(METHOD, params, { number, text });
      for (const connection of connections) connection.sendText(delta.text, delta);
      mostBytes = Math.max(mostBytes, toSlow.bufferedBytes);
      // As deltas come: a few with each turn of the event loop.
      if (seq % 50 === 0) await new Promise(setImmediate);
      // Who reads is ahead of the test, however slow the machine is.
      while (toReader.bufferedBytes > 0) await new Promise(setImmediate);
    }
    for (const connection of connections) connection.sendText('{"method":"done"}');
    equal((await sink.complete).length, COUNT + 1);
    deepEqual([toSlow.isClosed, toReader.isClosed], [false, false]);
    ok(mostBytes <= LIMIT_BYTES, `${mostBytes}`);

    const texts = await textsOf(slow);
    const messages = texts.slice(0, -1).map((text) => JSON.parse(text).params);
    let next = 1;
    for (const { seq, seqFrom = seq } of messages) {
      equal(seqFrom, next);
      next = seq + 1;
    }
    equal(next, COUNT + 1);
    equal(
      messages.map(({ delta }) => delta).join(""),
      Array.from({ length: COUNT }, (_, index) => `${index + 1}:${DELTA}`).join(""),
    );
    equal(toSlow.bufferedBytes, 0);
    reader.close();
    slow.destroy();
  });
}
