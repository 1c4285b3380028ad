import { deepEqual, equal, match, rejects, throws } from "node:assert/strict";
import { connectWebSocket } from "../../src/rpc/websocket.ts";
import type { Transport } from "../../src/rpc/transport.ts";
import {
  isLoopback,
  listenBanner,
  type ListenOptions,
  listenWebSocket,
  type WebSocketListener,
} from "../../src/server/listen.ts";
import { Collector } from "../rpc/transport_pairs.ts";

const KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
const VERSION = "Sec-WebSocket-Version: 13";
const UPGRADE = ["Connection: Upgrade", "Upgrade: websocket", VERSION, KEY];
const PLAIN_TEXT = "text/plain; charset=utf-8";

interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Listens for the time of `test`; every client that comes is kept open. */
async function withListener(
  test: (listener: WebSocketListener, accepted: Transport[]) => Promise<void>,
  options: Partial<ListenOptions> = {},
): Promise<void> {
  const accepted: Transport[] = [];
  const listener = listenWebSocket({ hostname: "127.0.0.1", port: 0 }, {
    accept: (transport) => void accepted.push(transport),
    ...options,
  });
  try {
    await test(listener, accepted);
  } finally {
    await listener.shutdown();
  }
}

/** One request as bytes: `fetch` can send neither an empty Origin nor an upgrade. */
async function ask(port: number, request: readonly string[]): Promise<Answer> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode([...request, "", ""].join("\r\n")));
  let text = "";
  const buffer = new Uint8Array(4096);
  while (!text.includes("\r\n\r\n")) {
    const count = await connection.read(buffer);
    if (count === null) break;
    text += new TextDecoder("latin1").decode(buffer.subarray(0, count));
  }
  const [head = "", body = ""] = text.split("\r\n\r\n");
  const [first = "", ...lines] = head.split("\r\n");
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { status: Number(first.split(" ")[1]), headers: new Map(headers), body };
}

const HOST = "Host: 127.0.0.1";

/** What the real program answers: request, status, body. */
const HTTP: readonly (readonly [readonly string[], number, string])[] = [
  [["GET /readyz HTTP/1.1", HOST], 200, ""],
  [["GET /healthz?x=1 HTTP/1.1", HOST], 200, ""],
  [["HEAD /readyz HTTP/1.1", HOST], 200, ""],
  [["GET /readyz HTTP/1.1", HOST, ...UPGRADE], 200, ""],
  [["POST /readyz HTTP/1.1", HOST, "Content-Length: 0"], 405, ""],
  [["DELETE /healthz HTTP/1.1", HOST], 405, ""],
  [["GET / HTTP/1.1", HOST], 400, "Connection header did not include 'upgrade'"],
  [["GET /readyz/ HTTP/1.1", HOST], 400, "Connection header did not include 'upgrade'"],
  [
    ["GET /x HTTP/1.1", HOST, "Upgrade: websocket", VERSION, KEY],
    400,
    "Connection header did not include 'upgrade'",
  ],
  [
    ["GET / HTTP/1.1", HOST, "Connection: Upgrade", VERSION, KEY],
    400,
    "`Upgrade` header did not include 'websocket'",
  ],
  [
    ["GET / HTTP/1.1", HOST, "Connection: Upgrade", "Upgrade: h2c", VERSION, KEY],
    400,
    "`Upgrade` header did not include 'websocket'",
  ],
  [
    ["GET / HTTP/1.1", HOST, ...UPGRADE.slice(0, 2), "Sec-WebSocket-Version: 8", KEY],
    400,
    "`Sec-WebSocket-Version` header did not include '13'",
  ],
  [["GET / HTTP/1.1", HOST, ...UPGRADE.slice(0, 3)], 400, "`Sec-WebSocket-Key` header missing"],
  [["POST / HTTP/1.1", HOST, "Content-Length: 0"], 405, "Request method must be `GET`"],
  [["OPTIONS / HTTP/1.1", HOST], 405, "Request method must be `GET`"],
  [["GET / HTTP/1.1", HOST, ...UPGRADE], 101, ""],
  [["GET /any/path?q HTTP/1.1", HOST, ...UPGRADE], 101, ""],
  [["GET / HTTP/1.1", "Host: ][", ...UPGRADE], 101, ""],
  [["GET / HTTP/1.1", HOST, "Connection: keep-alive, Upgrade", ...UPGRADE.slice(1)], 101, ""],
];

Deno.test("listenWebSocket answers plain HTTP as upstream does", async () => {
  await withListener(async ({ port }) => {
    for (const [request, status, body] of HTTP) {
      const answer = await ask(port, request);
      deepEqual([answer.status, answer.body], [status, body], request.join(" | "));
      if (body !== "") equal(answer.headers.get("content-type"), PLAIN_TEXT);
      if (status === 405 && body === "") equal(answer.headers.get("allow"), "GET,HEAD");
    }
  });
});

Deno.test("listenWebSocket refuses any Origin on every path, before everything else", async () => {
  let asked = 0;
  const authorize = () => {
    asked++;
    return null;
  };
  await withListener(async ({ port }, accepted) => {
    for (const origin of ["http://127.0.0.1", `http://127.0.0.1:${port}`, "null", ""]) {
      for (const path of ["/", "/readyz", "/healthz", "/x"]) {
        for (const rest of [[], UPGRADE]) {
          const line = `GET ${path} HTTP/1.1`;
          const answer = await ask(port, [line, HOST, `Origin: ${origin}`, ...rest]);
          deepEqual([answer.status, answer.body], [403, ""]);
        }
      }
      const preflight = ["OPTIONS / HTTP/1.1", HOST, `Origin: ${origin}`];
      const answer = await ask(port, preflight);
      equal(answer.status, 403);
      equal([...answer.headers.keys()].some((name) => name.startsWith("access-control")), false);
    }
    equal(asked, 0);
    equal(accepted.length, 0);
  }, { authorize });
});

Deno.test("listenWebSocket negotiates neither a subprotocol nor compression", async () => {
  await withListener(async ({ port }) => {
    const extras = ["Sec-WebSocket-Protocol: a", "Sec-WebSocket-Extensions: permessage-deflate"];
    const answer = await ask(port, ["GET / HTTP/1.1", HOST, ...UPGRADE, ...extras]);
    equal(answer.status, 101);
    equal(answer.headers.get("sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    equal(answer.headers.has("sec-websocket-protocol"), false);
    equal(answer.headers.has("sec-websocket-extensions"), false);
  });
});

Deno.test("listenWebSocket sends what authorize answers instead of upgrading", async () => {
  await withListener(async (listener, accepted) => {
    const refused = await ask(listener.port, ["GET / HTTP/1.1", HOST, ...UPGRADE]);
    deepEqual([refused.status, refused.body], [401, "missing"]);
    equal((await ask(listener.port, ["GET /readyz HTTP/1.1", HOST])).status, 200);
    const client = await connectWebSocket(listener.url, { headers: { authorization: "x" } });
    client.close();
    equal(accepted.length, 1);
  }, {
    authorize: (request) =>
      request.headers.has("authorization") ? null : new Response("missing", { status: 401 }),
  });
});

Deno.test("listenWebSocket ignores binary messages and cuts off messages over 56 MiB", async () => {
  const sink = new Collector(1);
  await withListener(async (listener) => {
    const socket = new WebSocket(listener.url);
    const closed = new Promise<CloseEvent>((resolve) => socket.onclose = resolve);
    await new Promise((resolve) => socket.onopen = resolve);
    socket.send(new TextEncoder().encode('{"id":1,"method":"a"}'));
    socket.send("text");
    deepEqual(await sink.complete, ["text"]);
    // In UTF-8 it is larger than in UTF-16 units.
    socket.send("€".repeat(19 * 1024 * 1024));
    equal((await closed).code, 1009);
    match(await sink.closing.promise, /larger than 58720256 bytes/);
    deepEqual(sink.frames, ["text"]);
  }, { accept: (transport) => transport.open(sink) });
});

Deno.test("listenWebSocket survives an accept that throws and clients that vanish", async () => {
  const failures: string[] = [];
  let isBroken = true;
  await withListener(async (listener) => {
    const refused = new WebSocket(listener.url);
    await new Promise((resolve) => refused.onclose = resolve);
    deepEqual(failures, ["bug"]);
    isBroken = false;
    await ask(listener.port, ["GET / HTTP/1.1", HOST, ...UPGRADE]);
    const client = await connectWebSocket(listener.url);
    equal(listener.connectionCount >= 1, true);
    const gone = new Collector();
    client.open(gone);
    client.close("bye");
    equal(await gone.closing.promise, "bye");
  }, {
    accept: () => {
      if (isBroken) throw new Error("bug");
    },
    failed: (message) => failures.push(message),
  });
});

Deno.test("listener shutdown closes the sockets of its clients and takes no more", async () => {
  const accepted = Promise.withResolvers<Transport>();
  const listener = listenWebSocket({ hostname: "127.0.0.1", port: 0 }, {
    accept: accepted.resolve,
  });
  const [atClient, atServer] = [new Collector(), new Collector()];
  (await connectWebSocket(listener.url)).open(atClient);
  const transport = await accepted.promise;
  transport.open(atServer);
  transport.send("last words");
  await listener.shutdown("server shutdown");
  equal(await atServer.closing.promise, "server shutdown");
  match(await atClient.closing.promise, /^server shut/i);
  deepEqual(atClient.frames, ["last words"]);
  await rejects(connectWebSocket(listener.url), /^Error: Cannot connect to ws:/);
});

Deno.test("listenWebSocket fails in upstream's words", async () => {
  await withListener((listener) => {
    const { port } = listener;
    throws(
      () => listenWebSocket({ hostname: "127.0.0.1", port }, { accept: () => {} }),
      { name: "CliError", message: "Address in use (os error 98)", exitCode: 1 },
    );
    return Promise.resolve();
  });
  for (const [hostname, text] of [["0.0.0.0", "0.0.0.0"], ["::", "[::]"]] as const) {
    throws(() => listenWebSocket({ hostname, port: 9501 }, { accept: () => {} }), {
      message: `refusing to start non-loopback websocket listener ${text}:9501 without auth; ` +
        "configure `--ws-auth capability-token` or `--ws-auth signed-bearer-token`",
    });
  }
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

Deno.test("listenBanner is what upstream prints", () => {
  equal(
    listenBanner("ws://127.0.0.1:80"),
    `codex app-server (WebSockets)
  listening on: ws://127.0.0.1:80
  readyz: http://127.0.0.1:80/readyz
  healthz: http://127.0.0.1:80/healthz
  note: binds localhost only (use SSH port-forwarding for remote access)
`,
  );
  match(listenBanner("ws://[::1]:9502"), /listening on: ws:\/\/\[::1\]:9502\n[^]*localhost only/);
  match(
    listenBanner("ws://0.0.0.0:9501"),
    /note: websocket auth is required for non-localhost listeners\n$/,
  );
});

Deno.test("listenWebSocket listens on the IPv6 loopback and writes its address as upstream", async () => {
  const listener = listenWebSocket({ hostname: "::1", port: 0 }, { accept: () => {} });
  equal(listener.url, `ws://[::1]:${listener.port}`);
  (await connectWebSocket(listener.url)).close();
  await listener.shutdown();
});
