/** What pages in a browser and broken clients try with each kind of listener. */
import { deepEqual, equal, rejects } from "node:assert/strict";
import { silentLogger } from "../../src/lib/log.ts";
import { systemClock } from "../../src/programs/host.ts";
import { listen } from "../../src/server/listen.ts";
import { Collector } from "../rpc/transport_pairs.ts";
import { frame } from "./frames.ts";
import { closed, HOST, LISTENER_KINDS, ListenLab, UPGRADE } from "./listen_lab.ts";

/** What pages may send without being asked for an `Origin`: images, frames, forms of old browsers, prefetches. */
const FROM_PAGES: readonly (readonly string[])[] = [
  ["GET /readyz HTTP/1.1", "Sec-Fetch-Mode: no-cors", "Referer: http://evil/"],
  ["HEAD /healthz HTTP/1.1", "Sec-Fetch-Site: cross-site"],
  ["GET /events HTTP/1.1", "Accept: text/event-stream"],
  ["POST /readyz HTTP/1.1", "Content-Type: text/plain", "Content-Length: 0"],
  ["POST / HTTP/1.1", "Content-Type: application/x-www-form-urlencoded", "Content-Length: 0"],
  ["OPTIONS /readyz HTTP/1.1", "Access-Control-Request-Method: GET"],
  ["OPTIONS / HTTP/1.1", "Access-Control-Request-Private-Network: true"],
];

for (const kind of LISTENER_KINDS) {
  Deno.test(`${kind} listener gives pages nothing to read and changes nothing for them`, async () => {
    await using lab = await ListenLab.open(kind);
    for (const [first = "", ...more] of FROM_PAGES) {
      const { status, headers } = await lab.ask([first, HOST, ...more]);
      const isHealth = /^(GET|HEAD) \/(readyz|healthz) /.test(first);
      equal(isHealth ? status === 200 : status >= 400, true, `${first}: ${status}`);
      const names = [...headers.keys()];
      deepEqual(names.filter((name) => name.startsWith("access-control")), [], first);
      // What a page embeds shows it a size.
      if (isHealth) equal(headers.get("content-length"), "0");
    }
    equal(lab.accepted.length, 0);
  });

  Deno.test(`${kind} listener answers a health check that asks for an upgrade`, async () => {
    await using lab = await ListenLab.open(kind);
    const { status, reason, body } = await lab.ask(["GET /readyz HTTP/1.1", HOST, ...UPGRADE]);
    deepEqual([status, reason, body], [200, "OK", ""]);
  });
}

Deno.test("loopback listener refuses a megabyte of headers, and serves others", async () => {
  await using lab = await ListenLab.open("loopback");
  const start = ["GET / HTTP/1.1", HOST, ...UPGRADE];
  const { status } = await lab.ask([...start, `Authorization: Bearer ${"x".repeat(1_000_000)}`]);
  // The runtime's server has no other word for it.
  equal(status, 400);
  equal((await lab.ask(["GET /readyz HTTP/1.1", HOST])).status, 200);
});

Deno.test("loopback listener ends what breaks the rules of the protocol, without a code", async () => {
  const sinks: Collector[] = [];
  await using lab = await ListenLab.open("loopback", {
    accept: (transport) => {
      const sink = new Collector();
      sinks.push(sink);
      transport.open(sink);
    },
  });
  const cases: readonly (readonly [string, Uint8Array])[] = [
    ["compressed", frame(0xc1, "hi")],
    ["reserved opcode", frame(0x83, "hi")],
    ["long ping", frame(0x89, "x".repeat(126))],
    ["continuation of nothing", frame(0x80, "x")],
    ["invalid UTF-8", frame(0x81, new Uint8Array([0xc3, 0x28]))],
    ["8 EiB", new Uint8Array([0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0])],
  ];
  for (const [name, bytes] of cases) {
    const socket = await lab.upgrade();
    socket.write(bytes);
    await closed(socket);
    await sinks.at(-1)?.closing.promise;
    deepEqual(sinks.at(-1)?.frames, [], name);
  }
  equal(lab.listener.connectionCount, 0);
});

Deno.test("listen says which addresses it cannot have, in upstream's words", async () => {
  const options = {
    accept: () => {},
    clock: systemClock(),
    log: silentLogger,
    authorizer: { authorize: () => Promise.reject(new Error("not asked")) },
  };
  // Reserved for documentation, so no machine has it.
  const elsewhere = { type: "tcp", hostname: "198.51.100.77", port: 0 } as const;
  await rejects(listen(elsewhere, options), {
    name: "CliError",
    message: "Address not available (os error 99)",
    exitCode: 1,
  });
});
