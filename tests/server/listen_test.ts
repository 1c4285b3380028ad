/** What every listener does, whichever adapter serves it. */
import { deepEqual, equal, match, rejects } from "node:assert/strict";
// @ts-types="@types/ws"
import { WebSocket as WsClient } from "ws";
import { connectWebSocket } from "../../src/rpc/websocket.ts";
import type { Transport } from "../../src/rpc/transport.ts";
import type { Admission, Authorizer, Credentials } from "../../src/server/auth/authorizer.ts";
import { isLoopback } from "../../src/server/listen/address.ts";
import { listenBanner } from "../../src/server/listen/banner.ts";
import type { ListenClient } from "../../src/server/listen/gate.ts";
import { silentLogger } from "../../src/lib/log.ts";
import { systemClock } from "../../src/programs/host.ts";
import { listen } from "../../src/server/listen.ts";
import { Collector } from "../rpc/transport_pairs.ts";
import { closeCode, closeFrame, frame } from "./frames.ts";
import { closed, HOST, LISTENER_KINDS, ListenLab, UPGRADE } from "./listen_lab.ts";

const [CONNECTION = "", UPGRADES = "", VERSION = "", KEY = ""] = UPGRADE;
const PLAIN_TEXT = "text/plain; charset=utf-8";

/** What the real program answers: request, status, body. */
const HTTP: readonly (readonly [readonly string[], number, string])[] = [
  [["GET /readyz HTTP/1.1", HOST], 200, ""],
  [["GET /healthz?x=1 HTTP/1.1", HOST], 200, ""],
  [["GET http://elsewhere/healthz HTTP/1.1", HOST], 200, ""],
  [["HEAD /readyz HTTP/1.1", HOST], 200, ""],
  [["GET /readyz HTTP/1.1", HOST, ...UPGRADE], 200, ""],
  [["POST /readyz HTTP/1.1", HOST, "Content-Length: 0"], 405, ""],
  [["DELETE /healthz HTTP/1.1", HOST], 405, ""],
  [["GET / HTTP/1.1", HOST], 400, "Connection header did not include 'upgrade'"],
  [["GET /readyz/ HTTP/1.1", HOST], 400, "Connection header did not include 'upgrade'"],
  [
    ["GET /x HTTP/1.1", HOST, UPGRADES, VERSION, KEY],
    400,
    "Connection header did not include 'upgrade'",
  ],
  [
    ["GET / HTTP/1.1", HOST, CONNECTION, VERSION, KEY],
    400,
    "`Upgrade` header did not include 'websocket'",
  ],
  [
    ["GET / HTTP/1.1", HOST, CONNECTION, "Upgrade: h2c", VERSION, KEY],
    400,
    "`Upgrade` header did not include 'websocket'",
  ],
  [
    ["GET / HTTP/1.1", HOST, CONNECTION, UPGRADES, "Sec-WebSocket-Version: 8", KEY],
    400,
    "`Sec-WebSocket-Version` header did not include '13'",
  ],
  [
    ["GET / HTTP/1.1", HOST, CONNECTION, UPGRADES, VERSION],
    400,
    "`Sec-WebSocket-Key` header missing",
  ],
  [["POST / HTTP/1.1", HOST, "Content-Length: 0"], 405, "Request method must be `GET`"],
  [["OPTIONS / HTTP/1.1", HOST], 405, "Request method must be `GET`"],
  [["GET / HTTP/1.1", HOST, ...UPGRADE], 101, ""],
  [["GET /any/path?q HTTP/1.1", HOST, ...UPGRADE], 101, ""],
  [["GET / HTTP/1.1", HOST, "Connection: keep-alive, Upgrade", UPGRADES, VERSION, KEY], 101, ""],
];

/** Lets in whoever shows this, as `admission` says. */
function tokenAuthorizer(token: string, seen: Credentials[] = []): Authorizer {
  const missing: Admission = {
    type: "refused",
    status: 401,
    text: "missing websocket bearer token",
    reason: "missing",
    isLogged: true,
  };
  return {
    authorize(credentials) {
      seen.push(credentials);
      const isRight = credentials.authorization.includes(`Bearer ${token}`);
      return Promise.resolve(
        isRight ? { type: "admitted", principal: "alice", expiresAtMs: 4711 } : missing,
      );
    },
  };
}

for (const kind of LISTENER_KINDS) {
  const isNetwork = kind !== "loopback";

  Deno.test(`${kind} listener answers plain HTTP as upstream does`, async () => {
    await using lab = await ListenLab.open(kind);
    for (const [request, status, body] of HTTP) {
      const answer = await lab.ask(request);
      deepEqual([answer.status, answer.body], [status, body], request.join(" | "));
      if (body !== "") equal(answer.headers.get("content-type"), PLAIN_TEXT);
      if (status === 405 && body === "") equal(answer.headers.get("allow"), "GET,HEAD");
    }
  });

  Deno.test(`${kind} listener refuses any Origin on every path, before everything else`, async () => {
    const seen: Credentials[] = [];
    await using lab = await ListenLab.open(kind, { authorizer: tokenAuthorizer("t", seen) });
    for (const origin of ["http://127.0.0.1", "http://evil:80", "null", ""]) {
      for (const path of ["/", "/readyz", "/healthz", "/x"]) {
        for (const rest of [[], UPGRADE]) {
          const request = [`GET ${path} HTTP/1.1`, HOST, `Origin: ${origin}`, ...rest];
          const answer = await lab.ask(request);
          deepEqual([answer.status, answer.body], [403, ""], request.join(" | "));
        }
      }
      for (const method of ["OPTIONS", "POST"]) {
        const preflight = ["Access-Control-Request-Private-Network: true", "Content-Length: 0"];
        const answer = await lab.ask([
          `${method} /readyz HTTP/1.1`,
          HOST,
          `Origin: ${origin}`,
          ...preflight,
        ]);
        equal(answer.status, 403);
        const names = [...answer.headers.keys()];
        equal(names.some((name) => name.startsWith("access-control")), false);
      }
    }
    deepEqual([seen.length, lab.accepted.length], [0, 0]);
  });

  Deno.test(`${kind} listener negotiates neither a subprotocol nor compression`, async () => {
    await using lab = await ListenLab.open(kind);
    const extras = [
      "Sec-WebSocket-Protocol: a, b",
      "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
      "X-Codex-App-Server-Compression: zstd-stream-v1",
    ];
    const answer = await lab.ask(["GET / HTTP/1.1", HOST, ...UPGRADE, ...extras]);
    equal(answer.status, 101);
    equal(answer.headers.get("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    for (const name of ["protocol", "extensions"]) {
      equal(answer.headers.has(`sec-websocket-${name}`), false, name);
    }
  });

  Deno.test(`${kind} listener ignores binary messages and takes text with it`, async () => {
    const sink = new Collector(2);
    await using lab = await ListenLab.open(kind, { accept: (transport) => transport.open(sink) });
    const socket = await lab.upgrade();
    socket.write(frame(0x82, "binary"));
    socket.write(frame(0x81, "one"));
    // In fragments, with a ping between them.
    socket.write(frame(0x01, "t"));
    socket.write(frame(0x89, "ping"));
    socket.write(frame(0x80, "wo"));
    deepEqual(await sink.complete, ["one", "two"]);
  });

  Deno.test(`${kind} listener closes with 1009 what is over the limit, in one piece`, async () => {
    const sink = new Collector();
    await using lab = await ListenLab.open(kind, {
      accept: (transport) => transport.open(sink),
      limits: { messageBytes: 1000 },
    });
    const socket = await lab.upgrade();
    // In UTF-8 it is larger than in UTF-16 units.
    socket.write(frame(0x81, "x".repeat(1000)));
    socket.write(frame(0x81, "€".repeat(334)));
    equal(await closeCode(socket), 1009);
    await sink.closing.promise;
    deepEqual(sink.frames, ["x".repeat(1000)]);
  });

  Deno.test(`${kind} listener closes its clients and takes no more after shutdown`, async () => {
    const accepted = Promise.withResolvers<Transport>();
    const lab = await ListenLab.open(kind, { accept: accepted.resolve });
    const [atClient, atServer] = [new Collector(), new Collector()];
    const client = isNetwork ? await lab.client() : await connectWebSocket(lab.listener.url);
    client.open(atClient);
    const transport = await accepted.promise;
    transport.open(atServer);
    transport.send("last words");
    await lab.listener.shutdown("server shutdown");
    equal(await atServer.closing.promise, "server shutdown");
    match(await atClient.closing.promise, /^server shut/i);
    deepEqual(atClient.frames, ["last words"]);
    equal(lab.listener.connectionCount, 0);
    await rejects(lab.client(), /^Error: Cannot connect to /);
    await lab[Symbol.asyncDispose]();
  });

  Deno.test(`${kind} listener survives an accept that throws and clients that vanish`, async () => {
    const failures: string[] = [];
    let isBroken = true;
    const opened = Promise.withResolvers<void>();
    await using lab = await ListenLab.open(kind, {
      accept: () => {
        if (isBroken) throw new Error("bug");
        opened.resolve();
      },
      log: { ...silentLogger, error: (message) => failures.push(message) },
    });
    equal(await closeCode(await lab.upgrade()), 1011);
    deepEqual(failures, ["bug"]);
    isBroken = false;
    const vanished = await lab.dial();
    vanished.write(["GET / HTTP/1.1", HOST, ...UPGRADE, "", ""].join("\r\n"));
    vanished.destroy();
    const client = await lab.upgrade();
    await opened.promise;
    equal(lab.listener.connectionCount >= 1, true);
    client.destroy();
  });

  Deno.test(`${kind} listener refuses connections above its limits with 503`, async () => {
    const refusals: unknown[] = [];
    await using lab = await ListenLab.open(kind, {
      limits: { connections: 3, connectionsPerAddress: 2 },
      log: { ...silentLogger, warn: (_, fields) => refusals.push(fields?.["reason"]) },
    });
    const first = await lab.upgrade();
    await lab.upgrade();
    const answer = await lab.ask(["GET / HTTP/1.1", HOST, ...UPGRADE]);
    deepEqual([answer.status, answer.body], [
      503,
      "Too many connections from this address; close some of them",
    ]);
    deepEqual(refusals, ["tooManyConnections"]);
    // Health is asked without a place.
    equal((await lab.ask(["GET /readyz HTTP/1.1", HOST])).status, 200);
    equal(lab.listener.connectionCount, 2);
    first.write(closeFrame(1000));
    await closed(first);
    await lab.upgrade();
  });
}

for (const kind of ["loopback", "ws", "tls"] as const) {
  Deno.test(`${kind} listener without tokens refuses foreign names, and takes allowed ones`, async () => {
    await using lab = await ListenLab.open(kind, { allowedHosts: ["Box.lan"] });
    const foreign = [
      "evil:4500",
      "127.attacker.example",
      "localhost.evil",
      "localhost.",
      "127.0.0.1.",
      "[::ffff:127.0.0.1]",
      "[0:0:0:0:0:ffff:7f00:1]",
      "user@127.0.0.1",
      "127.0.0.1:4500:1",
      "127.0.0.1:99999",
      "0.0.0.0:4500",
      "2130706433",
      "0x7f.1",
      "][",
      "evil.box.lan",
    ];
    for (const host of foreign) {
      for (const rest of [[], UPGRADE]) {
        for (const path of ["/", "/readyz"]) {
          const answer = await lab.ask([`GET ${path} HTTP/1.1`, `Host: ${host}`, ...rest]);
          deepEqual([answer.status === 101, answer.status >= 400], [false, true], host);
        }
      }
    }
    deepEqual((await lab.ask(["GET /readyz HTTP/1.1", "Host: evil"])).status, 403);
    const twice = await lab.ask(["GET /readyz HTTP/1.1", HOST, "Host: evil"]);
    equal(twice.status >= 400, true);
    // Another port is that of a tunnel.
    const own = ["127.0.0.1:9", "localhost", "LOCALHOST:1", "[::1]:80", "10.1.2.3", "box.LAN:1"];
    for (const host of own) {
      equal((await lab.ask(["GET / HTTP/1.1", `Host: ${host}`, ...UPGRADE])).status, 101, host);
    }
  });

  Deno.test(`${kind} listener asks for a token, and passes on whose it is`, async () => {
    const seen: Credentials[] = [];
    const clients: ListenClient[] = [];
    await using lab = await ListenLab.open(kind, {
      authorizer: tokenAuthorizer("right", seen),
      accept: (_, client) => void clients.push(client),
    });
    equal(lab.listener.isOpen, false);
    const refused = await lab.ask(["GET / HTTP/1.1", HOST, ...UPGRADE]);
    deepEqual([refused.status, refused.body], [401, "missing websocket bearer token"]);
    equal(refused.headers.get("content-type"), PLAIN_TEXT);
    equal((await lab.ask(["GET /readyz HTTP/1.1", "Host: box"])).status, 200);
    const doubled = ["Authorization: Bearer wrong", "Authorization: Bearer other"];
    equal((await lab.ask(["GET / HTTP/1.1", HOST, ...UPGRADE, ...doubled])).status, 401);
    await lab.upgrade(["Authorization: Bearer right"]);
    const answer = await lab.ask([
      "GET /?token=right HTTP/1.1",
      "Host: box",
      ...UPGRADE,
    ]);
    equal(answer.status, 401);
    deepEqual(clients, [{ principal: "alice", expiresAtMs: 4711, address: "127.0.0.1" }]);
    deepEqual([...new Set(seen.map(({ address }) => address))], ["127.0.0.1"]);
    equal(lab.listener.connectionCount, 1);
  });
}

Deno.test("listeners that ask nobody call their clients local", async () => {
  for (const kind of ["loopback", "ws"] as const) {
    const accepted = Promise.withResolvers<ListenClient>();
    await using lab = await ListenLab.open(kind, {
      accept: (_, client) => accepted.resolve(client),
    });
    equal(lab.listener.isOpen, true);
    await lab.upgrade();
    const expected = { principal: "local", expiresAtMs: null, address: "127.0.0.1" };
    deepEqual(await accepted.promise, expected);
  }
});

Deno.test("a real client that is refused for want of a token is told so", async () => {
  await using lab = await ListenLab.open("tls", { authorizer: tokenAuthorizer("right") });
  await rejects(lab.client(), /refused the connection: 401 missing websocket bearer token/);
  (await lab.client("right")).close();
  const plain = new WsClient(lab.listener.url, { rejectUnauthorized: false });
  const response = await new Promise<number | undefined>((resolve) => {
    plain.on("unexpected-response", (_, { statusCode }) => resolve(statusCode));
    plain.on("error", () => {});
  });
  plain.terminate();
  equal(response, 401);
});

Deno.test("listen fails in upstream's words", async () => {
  const options = { accept: () => {}, clock: systemClock(), log: silentLogger };
  for (const kind of ["loopback", "ws"] as const) {
    await using lab = await ListenLab.open(kind);
    const { port } = lab;
    await rejects(listen({ type: "tcp", hostname: "127.0.0.1", port }, options), {
      name: "CliError",
      message: "Address in use (os error 98)",
      exitCode: 1,
    });
    const files = { certFile: "/nowhere", keyFile: "/nowhere", clientCaFile: null };
    for (
      const [hostname, text] of [
        ["0.0.0.0", "0.0.0.0"],
        ["::", "[::]"],
        ["10.0.0.1", "10.0.0.1"],
        ["::ffff:127.0.0.1", "[::ffff:7f00:1]"],
      ] as const
    ) {
      for (const tls of [{}, { tls: files }]) {
        await rejects(listen({ type: "tcp", hostname, port: 9501, ...tls }, options), {
          message: `refusing to start non-loopback websocket listener ${text}:9501 without auth; ` +
            "configure `--ws-auth capability-token` or `--ws-auth signed-bearer-token`",
        });
      }
    }
  }
});

Deno.test("a listener on every address serves whoever has a token", async () => {
  const listener = await listen({ type: "tcp", hostname: "0.0.0.0", port: 0 }, {
    accept: () => {},
    clock: systemClock(),
    log: silentLogger,
    authorizer: tokenAuthorizer("right"),
  });
  match(listener.url, /^ws:\/\/0\.0\.0\.0:[1-9]\d*$/);
  const url = listener.url.replace("0.0.0.0", "127.0.0.1");
  await rejects(connectWebSocket(url), /Cannot connect/);
  const client = await connectWebSocket(url, { headers: { authorization: "Bearer right" } });
  const gone = new Collector();
  client.open(gone);
  await listener.shutdown();
  await gone.closing.promise;
});

Deno.test("isLoopback knows only addresses that never leave the machine", () => {
  for (const hostname of ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "0:0:0:0:0:0:0:1"]) {
    equal(isLoopback(hostname), true, hostname);
  }
  const others = [
    "0.0.0.0",
    "::",
    "10.0.0.1",
    "::ffff:127.0.0.1",
    "127.attacker.example",
    "localhost",
    "127.0.0.1.evil",
    "",
    "::2",
  ];
  for (const hostname of others) equal(isLoopback(hostname), false, hostname);
});

Deno.test("listenBanner is what upstream prints, with the fingerprint of a certificate", () => {
  const plain = (url: string) => listenBanner({ url, fingerprint: null });
  equal(
    plain("ws://127.0.0.1:80"),
    `codex app-server (WebSockets)
  listening on: ws://127.0.0.1:80
  readyz: http://127.0.0.1:80/readyz
  healthz: http://127.0.0.1:80/healthz
  note: binds localhost only (use SSH port-forwarding for remote access)
`,
  );
  match(plain("ws://[::1]:9502"), /listening on: ws:\/\/\[::1\]:9502\n[^]*localhost only/);
  equal(
    listenBanner({ url: "wss://0.0.0.0:9501", fingerprint: "ab01" }),
    `codex app-server (WebSockets)
  listening on: wss://0.0.0.0:9501
  readyz: https://0.0.0.0:9501/readyz
  healthz: https://0.0.0.0:9501/healthz
  fingerprint: SHA256:ab01
  note: websocket auth is required for non-localhost listeners
`,
  );
  equal(
    plain("unix:///run/a.sock"),
    "codex app-server (unix socket)\n  listening on: unix:///run/a.sock\n",
  );
});

Deno.test("listen writes an IPv6 address as upstream does", async () => {
  const listener = await listen({ type: "tcp", hostname: "::1", port: 0 }, {
    accept: () => {},
    clock: systemClock(),
    log: silentLogger,
  });
  match(listener.url, /^ws:\/\/\[::1\]:[1-9]\d*$/);
  (await connectWebSocket(listener.url)).close();
  await listener.shutdown();
});
