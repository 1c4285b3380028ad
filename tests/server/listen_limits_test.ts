/** What listeners that face a network bear: silence, floods, broken frames; time is moved by hand. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { connect as connectTcp, type Socket } from "node:net";
import type { Transport } from "../../src/rpc/transport.ts";
import { FakeClock } from "../rpc/fake_clock.ts";
import { Collector } from "../rpc/transport_pairs.ts";
import { closeCode, closeFrame, frame, framesOf } from "./frames.ts";
import { closed, HOST, ListenLab, NETWORK_KINDS, UPGRADE } from "./listen_lab.ts";

const HANDSHAKE_MS = 10_000;
const PING_MS = 30_000;
const IDLE_MS = 120_000;

/** A clock that tells when so many timers are set: the listener has seen so many sockets then. */
class SeenClock extends FakeClock {
  #waiting: { readonly count: number; readonly resolve: () => void } | null = null;
  #set = 0;

  /** Timers that were ever set. */
  get set(): number {
    return this.#set;
  }

  override after(delayMs: number, callback: () => void): () => void {
    this.#set++;
    if (this.#waiting && this.#set >= this.#waiting.count) this.#waiting.resolve();
    return super.after(delayMs, callback);
  }

  seen(count: number): Promise<void> {
    if (this.#set >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting = { count, resolve });
  }
}

/** Plain TCP, so without the TLS that the listener waits for. */
async function dialBare(lab: ListenLab): Promise<Socket> {
  const socket = lab.kind === "tls"
    ? connectTcp({ port: lab.port, host: "127.0.0.1" })
    : await lab.dial();
  socket.on("error", () => {});
  return socket;
}

for (const kind of NETWORK_KINDS) {
  Deno.test(`${kind} listener ends handshakes that are not over in 10 s`, async () => {
    const clock = new SeenClock();
    const base = clock.set;
    await using lab = await ListenLab.open(kind, {
      clock,
      authorizer: { authorize: () => new Promise(() => {}) },
    });
    const timers = clock.pending;
    const [silent, half, slow] = [await dialBare(lab), await lab.dial(), await lab.dial()];
    half.write("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
    // On a unix socket nobody asks for a token, so this one is let in.
    if (kind !== "unix") {
      slow.write(["GET / HTTP/1.1", HOST, ...UPGRADE, "", ""].join("\r\n"));
    }
    const ends = [silent, half, slow].map(closed);
    await clock.seen(base + timers + 3);
    clock.advance(HANDSHAKE_MS - 1);
    ok([silent, half, slow].every((socket) => !socket.closed));
    clock.advance(1);
    await Promise.all(ends);
    equal(lab.accepted.length, 0);
    equal((await lab.ask(["GET /readyz HTTP/1.1", HOST])).status, 200);
  });

  Deno.test(`${kind} listener lets go of the oldest handshake when there are too many`, async () => {
    for (const limits of [{ handshakes: 3 }, { handshakesPerAddress: 3 }]) {
      const clock = new SeenClock();
      await using lab = await ListenLab.open(kind, { clock, limits });
      const timers = clock.set;
      const sockets: Socket[] = [];
      for (let index = 0; index < 3; index++) {
        sockets.push(await lab.dial());
        await clock.seen(timers + index + 1);
      }
      // A client that means it gets in, however many others hold their sockets open.
      await lab.upgrade();
      await closed(sockets[0] ?? await lab.dial());
      deepEqual(sockets.map((socket) => socket.closed), [true, false, false]);
    }
  });

  Deno.test(`${kind} listener refuses headers over 16 KiB`, async () => {
    await using lab = await ListenLab.open(kind);
    const start = ["GET / HTTP/1.1", HOST, ...UPGRADE];
    equal((await lab.ask([...start, `X: ${"x".repeat(12_000)}`])).status, 101);
    equal((await lab.ask([...start, `X: ${"x".repeat(17_000)}`])).status, 431);
    const many = Array.from({ length: 3000 }, (_, index) => `X-${index}: 1`);
    equal((await lab.ask([...start, ...many])).status, 431);
    // Sent without an end; whether the refusal is read before the reset is up to the kernel.
    const endless = await lab.dial();
    endless.write(`GET / HTTP/1.1\r\nX: ${"x".repeat(1_000_000)}`);
    await closed(endless);
  });

  Deno.test(`${kind} listener refuses what is no HTTP`, async () => {
    await using lab = await ListenLab.open(kind);
    for (const line of ["garbage", "GET / HTTP/9.9", "PRI * HTTP/2.0", "GET /\x01 HTTP/1.1"]) {
      equal((await lab.ask([line, HOST])).status, 400, line);
    }
    const connect = await lab.dial();
    connect.write("CONNECT evil:1 HTTP/1.1\r\nHost: evil:1\r\n\r\n");
    await closed(connect);
  });

  Deno.test(`${kind} listener closes with 1009 what grows over the limit in fragments`, async () => {
    const sink = new Collector();
    await using lab = await ListenLab.open(kind, {
      accept: (transport) => transport.open(sink),
      limits: { messageBytes: 100_000 },
    });
    const socket = await lab.upgrade();
    const piece = new Uint8Array(40_000).fill(0x78);
    socket.write(frame(0x01, piece));
    // Goes on without looking, far beyond what is taken.
    for (let index = 0; index < 100; index++) socket.write(frame(0x00, piece));
    equal(await closeCode(socket), 1009);
    await sink.closing.promise;
    deepEqual(sink.frames, []);
    socket.destroy();
  });

  Deno.test(`${kind} listener closes what breaks the rules of the protocol`, async () => {
    const cases: readonly (readonly [string, Uint8Array, number])[] = [
      ["unmasked", frame(0x81, "hi", { isMasked: false }), 1002],
      ["compressed", frame(0xc1, "hi"), 1002],
      ["reserved opcode", frame(0x83, "hi"), 1002],
      ["long ping", frame(0x89, "x".repeat(126)), 1002],
      ["ping in fragments", frame(0x09, "x"), 1002],
      ["continuation of nothing", frame(0x80, "x"), 1002],
      ["invalid UTF-8", frame(0x81, new Uint8Array([0xc3, 0x28])), 1007],
      ["half a character", frame(0x81, new Uint8Array([0xe2, 0x82])), 1007],
    ];
    await using lab = await ListenLab.open(kind);
    for (const [name, bytes, code] of cases) {
      const socket = await lab.upgrade();
      socket.write(bytes);
      equal(await closeCode(socket), code, name);
      socket.destroy();
    }
    const socket = await lab.upgrade();
    const crumbs = new Uint8Array(20_000 * 6);
    for (let index = 0; index < 20_000; index++) crumbs.set(frame(0x00, ""), index * 6);
    socket.write(frame(0x01, "x"));
    socket.write(crumbs);
    equal(await closeCode(socket), 1008);
    socket.destroy();
  });

  Deno.test(`${kind} listener does not hoard answers to pings that nobody reads`, async () => {
    const accepted: Transport[] = [];
    await using lab = await ListenLab.open(kind, {
      accept: (transport) => {
        transport.open(new Collector());
        accepted.push(transport);
      },
    });
    const flood = await lab.upgrade();
    const pings = new Uint8Array(131 * 1000);
    for (let index = 0; index < 1000; index++) pings.set(frame(0x89, "x".repeat(125)), index * 131);
    for (let round = 0; round < 30; round++) flood.write(pings);
    // Others are served meanwhile.
    for (let index = 0; index < 5; index++) (await lab.upgrade()).destroy();
    ok((accepted[0]?.bufferedBytes ?? Infinity) < 1_000_000);
    flood.destroy();
  });

  Deno.test(`${kind} listener pings, and lets go of who stays silent for 120 s`, async () => {
    const clock = new SeenClock();
    const sinks: Collector[] = [];
    await using lab = await ListenLab.open(kind, {
      clock,
      accept: (transport) => {
        const sink = new Collector(1);
        sinks.push(sink);
        transport.open(sink);
      },
    });
    const dead = await lab.upgrade();
    const alive = await lab.upgrade();
    const frames = framesOf(alive);
    for (let passed = 0; passed < IDLE_MS; passed += PING_MS) {
      clock.advance(PING_MS);
      if (passed + PING_MS === IDLE_MS) break;
      equal((await frames.next()).value?.opcode, 9);
      alive.write(frame(0x8a, ""));
      alive.write(frame(0x81, "here"));
      // The text shows that the pong before it has come.
      const sink = sinks[1];
      while (sink && sink.frames.length < passed / PING_MS + 1) await new Promise(setImmediate);
    }
    equal(await sinks[0]?.closing.promise, "no sign of life for 120 s");
    await closed(dead);
    equal(alive.closed, false);
    equal(lab.listener.connectionCount, 1);
    await frames.return();
  });

  Deno.test(`${kind} listener is as before after many have come and gone`, async () => {
    const clock = new SeenClock();
    await using lab = await ListenLab.open(kind, {
      clock,
      accept: (transport) => transport.open(new Collector()),
    });
    const timers = clock.pending;
    const descriptors = openDescriptors();
    for (let round = 0; round < 20; round++) {
      const sockets = await Promise.all(Array.from({ length: 10 }, () => lab.upgrade()));
      for (const [index, socket] of sockets.entries()) {
        // Some leave politely, some without a word.
        if (index % 2 === 0) socket.write(closeFrame(1000));
        else socket.destroy();
      }
      await Promise.all(sockets.map(closed));
    }
    while (lab.listener.connectionCount > 0) await new Promise(setImmediate);
    equal(clock.pending, timers);
    while (openDescriptors() > descriptors) await new Promise(setImmediate);
  });
}

function openDescriptors(): number {
  return Deno.build.os === "linux" ? [...Deno.readDirSync("/proc/self/fd")].length : 0;
}
