/** The codes with which listeners of every kind close connections, as clients hear them. */
import assert from "node:assert/strict";
import { silentLogger } from "../../src/lib/log.ts";
import { CLOSE_CODES } from "../../src/rpc/close_codes.ts";
import type { Transport } from "../../src/rpc/transport.ts";
import { closeAtExpiry } from "../../src/server/auth/expiry.ts";
import { CapabilityToken, sha256 } from "../../src/server/auth/capability_token.ts";
import { FakeClock } from "../rpc/fake_clock.ts";
import { LISTENER_KINDS, ListenLab, NETWORK_KINDS } from "./listen_lab.ts";

/** How the connection of a client has ended. */
function endOf(transport: Transport): Promise<{ reason: string; code: number | undefined }> {
  return new Promise((resolve) => {
    transport.open({ frame() {}, closed: (reason, code) => resolve({ reason, code }) });
  });
}

for (const kind of LISTENER_KINDS) {
  Deno.test(`${kind} listener tells its clients when it is shut down`, async () => {
    await using lab = await ListenLab.open(kind);
    const end = endOf(await lab.client());
    const [accepted] = lab.accepted;
    assert.ok(accepted);
    const ownEnd = endOf(accepted);
    await lab.listener.shutdown("server shutdown");
    assert.deepEqual(await ownEnd, { reason: "server shutdown", code: 1001 });
    const { code } = await end;
    assert.equal(code, CLOSE_CODES.shutdown.code);
  });

  Deno.test(`${kind} listener carries every code to the other side`, async () => {
    await using lab = await ListenLab.open(kind);
    for (const { code } of Object.values(CLOSE_CODES)) {
      const end = endOf(await lab.client());
      const accepted = lab.accepted.at(-1);
      assert.ok(accepted);
      const ownEnd = endOf(accepted);
      accepted.close("for a reason", code);
      assert.deepEqual(await end, { reason: "for a reason", code });
      assert.deepEqual(await ownEnd, { reason: "for a reason", code });
    }
  });

  Deno.test(`${kind} listener knows no code of a client that vanishes`, async () => {
    await using lab = await ListenLab.open(kind);
    const socket = await lab.upgrade();
    while (lab.accepted.length === 0) await new Promise((resolve) => setTimeout(resolve));
    const [accepted] = lab.accepted;
    assert.ok(accepted);
    const end = endOf(accepted);
    socket.destroy();
    assert.equal((await end).code, undefined);
  });

  Deno.test(`${kind} listener says that it has made a mistake when it cannot serve`, async () => {
    await using lab = await ListenLab.open(kind, {
      log: silentLogger,
      accept: () => {
        throw new Error("A bug");
      },
    });
    assert.equal((await endOf(await lab.client())).code, CLOSE_CODES.serverError.code);
  });
}

for (const kind of NETWORK_KINDS) {
  Deno.test(`${kind} listener lets go of a client without a sign of life with the code for that`, async () => {
    const clock = new FakeClock();
    await using lab = await ListenLab.open(kind, { clock });
    const socket = await lab.upgrade();
    while (lab.accepted.length === 0) await new Promise((resolve) => setTimeout(resolve));
    const [accepted] = lab.accepted;
    assert.ok(accepted);
    const end = endOf(accepted);
    // Nobody answers its pings.
    socket.pause();
    for (let second = 0; second <= 150; second += 30) clock.advance(30_000);
    const { reason, code } = await end;
    assert.deepEqual([reason, code], ["no sign of life for 120 s", CLOSE_CODES.idle.code]);
  });
}

Deno.test("a token that expires ends its connection, however far away that is, and no other", async () => {
  const clock = new FakeClock();
  const farMs = 100 * 24 * 3600 * 1000;
  const expiries = [farMs, null, farMs * 2];
  const token = new CapabilityToken(() => sha256("sesame"));
  const stops: (() => void)[] = [];
  const accepted: Transport[] = [];
  await using lab = await ListenLab.open("loopback", {
    authorizer: {
      authorize: async (credentials) => {
        const admission = await token.authorize(credentials);
        if (admission.type === "refused") return admission;
        return { ...admission, expiresAtMs: expiries[accepted.length] ?? null };
      },
    },
    accept: (transport, { expiresAtMs }) => {
      accepted.push(transport);
      stops.push(closeAtExpiry(transport, { expiresAtMs, clock }));
    },
  });
  const clients = [];
  for (let count = 1; count <= expiries.length; count++) {
    clients.push(await lab.client("sesame"));
    while (accepted.length < count) await new Promise((resolve) => setTimeout(resolve));
  }
  const ends = clients.map(endOf);
  // A third that has gone by itself is not waited for.
  stops[2]?.();
  assert.equal(clock.pending, 1);
  for (let day = 0; day < 99; day++) clock.advance(24 * 3600 * 1000);
  assert.equal(clock.pending, 1);
  for (let hour = 0; hour <= 24; hour++) clock.advance(3600 * 1000);
  assert.deepEqual(await ends[0], {
    reason: "the token has expired",
    code: CLOSE_CODES.tokenExpired.code,
  });
  assert.equal(clock.pending, 0);
  const [, second, third] = accepted;
  second?.close("over");
  third?.close("over");
  assert.deepEqual((await Promise.all(ends)).map(({ code }) => code), [4001, 1000, 1000]);
});
