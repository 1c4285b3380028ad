/** The parts of listeners that decide: host names, limits, handshakes, signs of life. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Liveness } from "../../src/rpc/liveness.ts";
import { authority, isOwnHost, networkOf, plainAddress } from "../../src/server/listen/address.ts";
import { ConnectionCount } from "../../src/server/listen/connection_count.ts";
import { Handshakes } from "../../src/server/listen/handshakes.ts";
import { FakeClock } from "../rpc/fake_clock.ts";

Deno.test("isOwnHost takes addresses, localhost and the names it was given", () => {
  const names = new Set(["box", "box.lan"]);
  const own = [
    "127.0.0.1:4500",
    "localhost",
    "LOCALHOST:1",
    "[::1]:80",
    "192.168.1.5",
    "[fd00::1]",
  ];
  for (const host of [...own, "box", "BOX.lan:65535"]) assert.ok(isOwnHost(host, names), host);
  for (const host of ["box", "box.lan:1"]) assert.equal(isOwnHost(host), false, host);
  const others = [
    "evil:4500",
    "127.attacker.example",
    "localhost.evil",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::ffff:0:1]",
    "[::]",
    "localhost.",
    "box.",
    "user@127.0.0.1",
    "0.0.0.0:1",
    "127.1",
    "0177.0.0.1",
    "",
    "127.0.0.1:4500:1",
    "127.0.0.1:",
    "127.0.0.1:65536",
    "127.0.0.1.evil.com",
    "127.0.0.1, 127.0.0.1",
    " 127.0.0.1",
  ];
  for (const host of others) assert.equal(isOwnHost(host, names), false, host);
  assert.equal(isOwnHost(null, names), false);
});

Deno.test("isOwnHost takes no name that anybody could register", () => {
  fc.assert(fc.property(fc.domain(), (name) => {
    fc.pre(name.toLowerCase() !== "localhost");
    assert.equal(isOwnHost(name), false);
    assert.equal(isOwnHost(`${name}:80`), false);
  }));
  fc.assert(fc.property(fc.string(), (text) => void isOwnHost(text)));
  fc.assert(fc.property(fc.ipV4(), (ip) => assert.equal(isOwnHost(ip), ip !== "0.0.0.0")));
});

Deno.test("networkOf joins the addresses of one machine, and no others", () => {
  assert.equal(networkOf("10.0.0.1"), "10.0.0.1");
  assert.equal(networkOf(""), "");
  assert.equal(networkOf("2001:db8:1:2:3:4:5:6"), networkOf("2001:db8:1:2::9"));
  assert.notEqual(networkOf("2001:db8:1:2::9"), networkOf("2001:db8:1:3::9"));
  assert.equal(networkOf("::1"), "0:0:0:0");
  fc.assert(fc.property(fc.ipV6(), (ip) => assert.equal(networkOf(ip).split(":").length, 4)));
  assert.equal(plainAddress("::ffff:10.0.0.1"), "10.0.0.1");
  assert.equal(plainAddress("::1"), "::1");
  assert.equal(authority("0:0::1", 5), "[::1]:5");
});

Deno.test("ConnectionCount gives places back once, and tells which limit it was", () => {
  const count = new ConnectionCount({ total: 3, perAddress: 2 });
  const refusal = (address: string) => {
    const slot = count.take(address);
    return "refusal" in slot ? slot.refusal : slot;
  };
  const first = count.take("10.0.0.1");
  assert.ok("release" in first);
  assert.equal(typeof refusal("10.0.0.1"), "object");
  assert.match(String(refusal("10.0.0.1")), /from this address/);
  assert.equal(typeof refusal("10.0.0.2"), "object");
  assert.match(String(refusal("10.0.0.3")), /^Too many connections; try later$/);
  first.release();
  first.release();
  assert.equal(count.total, 2);
  assert.equal(typeof refusal("10.0.0.1"), "object");
});

Deno.test("ConnectionCount knows no address on this machine, unless it is told a limit", () => {
  const count = new ConnectionCount({ total: 5000, perAddress: null });
  const taken = (address: string) => {
    let places = 0;
    while (places < 2000 && "release" in count.take(address)) places++;
    return places;
  };
  assert.equal(taken("127.0.0.1"), 2000);
  assert.equal(taken("10.0.0.1"), 1000);
  assert.equal(taken(""), 2000);
});

/** A socket that knows whether it was let go. */
class FakeSocket {
  isDestroyed = false;
  destroy(): void {
    this.isDestroyed = true;
  }
}

Deno.test("Handshakes never exceed their limits, whatever happens in whatever order", () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant("began" as const), address: fc.constantFrom("a", "b", "c") }),
    fc.record({ type: fc.constant("ended" as const), index: fc.nat(30) }),
    fc.record({ type: fc.constant("advance" as const), ms: fc.nat(3000) }),
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const clock = new FakeClock();
    const limits = { handshakes: 4, handshakesPerAddress: 2, handshakeMs: 5000 };
    const handshakes = new Handshakes(limits, clock);
    const sockets: { socket: FakeSocket; address: string; atMs: number; hasEnded: boolean }[] = [];
    for (const one of steps) {
      if (one.type === "advance") clock.advance(one.ms);
      else if (one.type === "ended") {
        const known = sockets[one.index];
        if (!known) continue;
        known.hasEnded = true;
        handshakes.ended(known.socket);
      } else {
        const socket = new FakeSocket();
        sockets.push({ socket, address: one.address, atMs: clock.now(), hasEnded: false });
        handshakes.began(socket, socket, one.address);
        // The newest always stays.
        assert.equal(socket.isDestroyed, false);
      }
      const open = sockets.filter(({ socket, hasEnded }) => !hasEnded && !socket.isDestroyed);
      assert.ok(open.length <= 4);
      for (const address of ["a", "b", "c"]) {
        assert.ok(open.filter((each) => each.address === address).length <= 2);
      }
      assert.ok(open.every(({ atMs }) => clock.now() - atMs < 5000));
      assert.equal(handshakes.size, open.length);
      assert.equal(clock.pending, open.length);
    }
    handshakes.close();
    assert.equal(clock.pending, 0);
    assert.ok(sockets.every(({ socket, hasEnded }) => hasEnded || socket.isDestroyed));
  }));
});

Deno.test("Liveness pings the silent, spares who takes a backlog, and needs no timer without peers", () => {
  const clock = new FakeClock();
  const liveness = new Liveness({ clock, pingMs: 10, idleMs: 30, forgivesOwnSleep: true });
  const peer = (more: object) => ({
    bytesRead: 0,
    bufferedBytes: 0,
    backlogsTaken: 0,
    pings: 0,
    reason: "",
    ping() {
      this.pings++;
    },
    lost(reason: string) {
      this.reason = reason;
    },
    ...more,
  });
  const [silent, slow, stuck, refilled] = [
    peer({}),
    peer({ bufferedBytes: 100 }),
    peer({ bufferedBytes: 9 }),
    peer({ bufferedBytes: 9 }),
  ];
  for (const one of [silent, slow, stuck, refilled]) liveness.add(one);
  for (let round = 0; round < 3; round++) {
    slow.bufferedBytes--;
    refilled.backlogsTaken++;
    clock.advance(10);
  }
  assert.deepEqual([silent.pings, slow.pings, stuck.pings], [2, 0, 0]);
  assert.deepEqual([silent.reason, slow.reason, stuck.reason], [
    "no sign of life for 0.03 s",
    "",
    "no sign of life for 0.03 s",
  ]);
  assert.deepEqual([refilled.pings, refilled.reason], [0, ""]);
  for (const one of [silent, slow, stuck, refilled]) liveness.delete(one);
  assert.equal(clock.pending, 0);
});

Deno.test("Liveness of a server that stood still gives its clients time anew, that of a client does not", () => {
  for (const forgivesOwnSleep of [true, false]) {
    const clock = new FakeClock();
    const liveness = new Liveness({ clock, pingMs: 10, idleMs: 30, forgivesOwnSleep });
    const lostAt: number[] = [];
    const peer = {
      bytesRead: 0,
      bufferedBytes: 0,
      backlogsTaken: 0,
      ping: () => {},
      lost: () => {
        lostAt.push(clock.now());
        liveness.delete(peer);
      },
    };
    liveness.add(peer);
    clock.advance(10);
    // All of it in one step: no timer runs meanwhile.
    clock.advance(1000);
    for (let round = 0; round < 4; round++) clock.advance(10);
    assert.deepEqual(lostAt, forgivesOwnSleep ? [1040] : [1010]);
    assert.equal(clock.pending, 0);
  }
});
