/** Tests what a server that many clients share has ready before they ask: all code early, the agent once it matters. */
import assert from "node:assert/strict";
import { silentLogger } from "../../src/lib/log.ts";
import type { Runtime } from "../../src/server/runtime.ts";
import { Server, type ServerOptions } from "../../src/server/server.ts";
import { manualClock } from "../support/scripted_model.ts";
import { RawPeer } from "./raw_peer.ts";

const CONFIG_BROKEN = "The configuration is broken";

/** A server that tells what it begins; its agent cannot be started. */
function makeServer(options: Pick<ServerOptions, "preload"> | { readonly isAlone: true }) {
  const clock = manualClock();
  const begun: string[] = [];
  const preload = () => Promise.resolve(void begun.push("preload"));
  const server = new Server({
    identity: {
      version: "0.0.0-test",
      codexHome: "/nowhere",
      platformText: "(test 1; x86_64) dumb",
      platformFamily: "unix",
      platformOs: "linux",
    },
    clock,
    log: silentLogger,
    startRuntime: (): Promise<Runtime> => {
      begun.push("start");
      return Promise.reject(new Error(CONFIG_BROKEN));
    },
    ...("isAlone" in options ? {} : { preload, ...options }),
  });
  return { server, clock, begun };
}

Deno.test("the first client has code loaded, the second one the agent started, no other anything", async () => {
  const { server, clock, begun } = makeServer({});
  await RawPeer.initialized(server);
  assert.deepEqual(begun, [], "the answer goes out first");
  clock.advance(0);
  assert.deepEqual(begun, ["preload"]);
  await RawPeer.initialized(server);
  clock.advance(0);
  assert.deepEqual(begun, ["preload", "start"]);
  await RawPeer.initialized(server);
  clock.advance(0);
  assert.deepEqual(begun, ["preload", "start"]);
});

Deno.test("an agent that could not be started early is started again by the request that needs it", async () => {
  const { server, clock, begun } = makeServer({
    preload: () => Promise.reject(new Error("A file is missing")),
  });
  await RawPeer.initialized(server);
  clock.advance(0);
  const peer = await RawPeer.initialized(server);
  clock.advance(0);
  // Another round trip: by then the start has failed.
  await peer.refusal("initialize", {});
  const { code } = await peer.refusal("thread/loaded/list", {});
  assert.equal(code, -32603);
  assert.deepEqual(begun, ["start", "start"]);
});

Deno.test("a server with one client starts nothing before it is asked", async () => {
  const { server, clock, begun } = makeServer({ isAlone: true });
  await RawPeer.initialized(server);
  await RawPeer.initialized(server);
  clock.advance(0);
  assert.deepEqual(begun, []);
});

Deno.test("a server that has closed starts nothing any more", async () => {
  const { server, clock, begun } = makeServer({});
  await RawPeer.initialized(server);
  await server.close();
  clock.advance(0);
  assert.deepEqual(begun, []);
});
