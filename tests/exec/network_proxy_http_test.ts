import assert from "node:assert/strict";
import fc from "fast-check";
import { parseRequestHead, parseResponseHead } from "../../src/exec/network_proxy/head.ts";
import { ProxyRefusal } from "../../src/exec/network_proxy/refusal.ts";
import {
  ask,
  echo,
  type Lab,
  PUBLIC,
  readAll,
  readHead,
  sayHello,
  startLab,
  writeAll,
} from "./network_proxy_lab.ts";

const GET = "GET http://allowed.test/path?q=1 HTTP/1.1\r\nHost: allowed.test\r\n\r\n";

function statusOf(answer: string): string {
  return /^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? JSON.stringify(answer);
}

Deno.test("network proxy: a plain request reaches its server, and hop-by-hop fields do not", async () => {
  await using lab = await startLab();
  const answer = await ask(
    lab,
    "GET http://ALLOWED.test:80?q=1 HTTP/1.1\r\nhost: allowed.test\r\nX-Kept: caf\xe9 \r\n" +
      "Proxy-Authorization: secret\r\nConnection: x-named, close\r\nX-Named: gone\r\n" +
      "TE: trailers\r\nUpgrade: h2c\r\n\r\n",
  );
  assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
  const [, got] = answer.split("got ");
  assert.equal(
    got,
    "GET /?q=1 HTTP/1.1\r\nHost: allowed.test\r\nX-Kept: caf\xe9\r\nConnection: close\r\n\r\n",
  );
  assert.deepEqual(lab.seen.resolved, ["allowed.test"]);
  assert.deepEqual(lab.seen.dialed, [`${PUBLIC} 80`]);
});

Deno.test("network proxy: a tunnel carries whatever follows, also what came with the request", async () => {
  await using lab = await startLab({ answer: echo });
  const answer = await ask(
    lab,
    "CONNECT x.wild.test:443 HTTP/1.1\r\nHost: x.wild.test\r\n\r\n\x16\x03early",
  );
  assert.equal(answer, "HTTP/1.1 200 Connection established\r\n\r\n\x16\x03early");
  assert.deepEqual(lab.seen.dialed, [`${PUBLIC} 443`]);
});

/** Each must be refused without a single look-up or connection. */
const REFUSED: readonly (readonly [status: string, request: string])[] = [
  ["403", "CONNECT evil.test:443 HTTP/1.1\r\n\r\n"],
  ["403", "CONNECT wild.test:443 HTTP/1.1\r\n\r\n"],
  ["403", "CONNECT allowed.test:22 HTTP/1.1\r\n\r\n"],
  ["403", "CONNECT 93.184.216.34:443 HTTP/1.1\r\n\r\n"],
  ["403", "CONNECT 127.0.0.1:443 HTTP/1.1\r\n\r\n"],
  ["403", "CONNECT 2130706433:443 HTTP/1.1\r\n\r\n"],
  ["403", "CONNECT 0x7f.1:443 HTTP/1.1\r\n\r\n"],
  ["403", "CONNECT [::1]:443 HTTP/1.1\r\n\r\n"],
  ["403", "CONNECT [::ffff:127.0.0.1]:443 HTTP/1.1\r\n\r\n"],
  ["403", "CONNECT 169.254.169.254:80 HTTP/1.1\r\n\r\n"],
  ["403", "CONNECT localhost:443 HTTP/1.1\r\n\r\n"],
  ["400", "CONNECT allowed.test:443@evil.test HTTP/1.1\r\n\r\n"],
  ["400", "CONNECT a.wild.test:443@evil.test:443 HTTP/1.1\r\n\r\n"],
  ["400", "CONNECT allowed.test@evil.test:443 HTTP/1.1\r\n\r\n"],
  ["400", "CONNECT allowed.test HTTP/1.1\r\n\r\n"],
  ["400", "CONNECT allowed.test:443/ HTTP/1.1\r\n\r\n"],
  ["400", "CONNECT http://allowed.test:443 HTTP/1.1\r\n\r\n"],
  ["400", "CONNECT allowed.test:443#.evil.test:443 HTTP/1.1\r\n\r\n"],
  ["400", "CONNECT allowed.test%00.evil.test:443 HTTP/1.1\r\n\r\n"],
  ["400", "CONNECT allowed.test:443 HTTP/1.1\r\nHost: evil.test:443\r\n\r\n"],
  ["400", "CONNECT allowed.test:443 HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"],
  ["400", "CONNECT allowed.test:443 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["400", "CONNECT allowed.test:443 HTTP/2.0\r\n\r\n"],
  ["403", "GET http://evil.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n"],
  ["403", "GET http://allowed.test:8080/ HTTP/1.1\r\nHost: allowed.test:8080\r\n\r\n"],
  ["400", "GET http://evil.test/ HTTP/1.1\r\nHost: allowed.test\r\n\r\n"],
  ["400", "GET http://allowed.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n"],
  ["400", "GET http://allowed.test/ HTTP/1.1\r\nHost: allowed.test\r\nHost: evil.test\r\n\r\n"],
  ["400", "GET http://allowed.test/ HTTP/1.1\r\nHost: allowed.test, evil.test\r\n\r\n"],
  ["400", "GET http://allowed.test/ HTTP/1.1\r\n\r\n"],
  ["400", "GET http://allowed.test/ HTTP/1.1\r\nHost : allowed.test\r\n\r\n"],
  ["400", "GET http://allowed.test/ HTTP/1.1\r\nHost: allowed.test\r\n Host: evil.test\r\n\r\n"],
  ["400", "GET http://allowed.test/ HTTP/1.1\r\nHost: allowed.test\nX: y\r\n\r\n"],
  ["400", "GET http://allowed.test/ HTTP/1.1\r\nHost: allowed.test\rX: y\r\n\r\n"],
  ["400", "GET http://allowed.test/ HTTP/1.1\r\nHost: allowed.test\r\nX: \0\r\n\r\n"],
  ["400", "GET http://u:p@allowed.test/ HTTP/1.1\r\nHost: allowed.test\r\n\r\n"],
  ["400", "GET http://allowed.test@evil.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n"],
  ["400", "GET http://allowed.test\\@evil.test/ HTTP/1.1\r\nHost: allowed.test\r\n\r\n"],
  ["400", "GET https://allowed.test/ HTTP/1.1\r\nHost: allowed.test\r\n\r\n"],
  ["400", "GET / HTTP/1.1\r\nHost: allowed.test\r\n\r\n"],
  ["400", "GET ftp://allowed.test/ HTTP/1.1\r\nHost: allowed.test\r\n\r\n"],
  ["400", "GET http://allowed.test/#x HTTP/1.1\r\nHost: allowed.test\r\n\r\n"],
  ["400", "GET  http://allowed.test/ HTTP/1.1\r\nHost: allowed.test\r\n\r\n"],
  ["400", "GET http://allowed.test/ http://x HTTP/1.1\r\nHost: allowed.test\r\n\r\n"],
  ["400", "GET http://allowed.test/ HTTP/1.1\r\nHost: allowed.test\r\nConnection: host\r\n\r\n"],
  ["400", "\r\nGET http://allowed.test/ HTTP/1.1\r\nHost: allowed.test\r\n\r\n"],
  ["400", "\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n"],
];
const POST = "POST http://allowed.test/ HTTP/1.1\r\nHost: allowed.test\r\n";
const REFUSED_BODIES: readonly string[] = [
  "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
  "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
  "Content-Length: 5, 5\r\n\r\nhello",
  "Content-Length: +5\r\n\r\nhello",
  "Content-Length: 0x5\r\n\r\nhello",
  "Content-Length: -1\r\n\r\n",
  "Content-Length:\r\n\r\n",
  "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
  "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
  "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
  "Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
  "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
  "Connection: content-length\r\nContent-Length: 5\r\n\r\nhello",
];

Deno.test("network proxy: what is not allowed, or not clear, is refused and logged", async () => {
  await using lab = await startLab();
  const all = [...REFUSED, ...REFUSED_BODIES.map((rest) => ["400", `${POST}${rest}`] as const)];
  for (const [index, [status, request]] of all.entries()) {
    assert.equal(statusOf(await ask(lab, request)), status, JSON.stringify(request));
    assert.equal(lab.seen.logged.length, index + 1, JSON.stringify(request));
  }
  assert.deepEqual([lab.seen.resolved, lab.seen.dialed], [[], []]);
});

Deno.test("network proxy: a refusal says which rule refused and how to allow it", async () => {
  await using lab = await startLab();
  const answer = await ask(lab, "GET http://evil.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n");
  assert.match(answer, /^HTTP\/1\.1 403 Blocked by allow_domains\r\n/);
  assert.match(answer, /\r\nCodex-Network-Rule: not_allowed\r\n/);
  assert.match(
    answer,
    /evil\.test is not in \[permissions\.network\] allow_domains.*adds "evil\.test"/,
  );
  assert.equal(lab.seen.logged[0]?.["target"], "evil.test:80");
});

Deno.test("network proxy: names that lead to where nobody may go are refused", async () => {
  const places = [
    "127.0.0.1",
    "10.1.2.3",
    "169.254.169.254",
    "100.64.1.1",
    "0.0.0.0",
    "::1",
    "::ffff:93.184.216.34",
    "64:ff9b::5db8:d822",
    "2002:5db8:d822::",
    "fd00::1",
    "fe80::1%2",
    "nonsense",
    "93.184.216.35",
  ];
  for (const place of places) {
    await using lab = await startLab({ resolve: () => [place], ownAddresses: ["93.184.216.35"] });
    const answer = await ask(lab, "CONNECT allowed.test:443 HTTP/1.1\r\n\r\n");
    assert.equal(statusOf(answer), "403", place);
    assert.match(answer, /Codex-Network-Rule: forbidden_address/);
    assert.deepEqual(lab.seen.dialed, [], place);
  }
});

Deno.test("network proxy: a listed address may be private, and is never looked up", async () => {
  await using lab = await startLab({ allowDomains: ["10.1.2.3"], answer: echo });
  assert.equal(statusOf(await ask(lab, "CONNECT 10.1.2.3:443 HTTP/1.1\r\n\r\n")), "200");
  assert.equal(statusOf(await ask(lab, "CONNECT 10.1.2.4:443 HTTP/1.1\r\n\r\n")), "403");
  assert.deepEqual([lab.seen.resolved, lab.seen.dialed], [[], ["10.1.2.3 443"]]);
});

Deno.test("network proxy: a name is looked up once, and what was checked is connected to", async () => {
  // The second answer of such a name server is the attack.
  let count = 0;
  await using lab = await startLab({
    resolve: () => count++ === 0 ? ["10.0.0.1", PUBLIC] : ["127.0.0.1"],
    answer: echo,
  });
  assert.equal(statusOf(await ask(lab, "CONNECT allowed.test:443 HTTP/1.1\r\n\r\n")), "200");
  assert.deepEqual(lab.seen.dialed, [`${PUBLIC} 443`]);
  assert.deepEqual(lab.seen.resolved, ["allowed.test"]);
  assert.equal(statusOf(await ask(lab, "CONNECT allowed.test:443 HTTP/1.1\r\n\r\n")), "403");
});

Deno.test("network proxy: every request on a kept connection is checked anew", async () => {
  await using lab = await startLab();
  const evil = "GET http://evil.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n";
  const answer = await ask(lab, `${GET}${GET}${evil}${GET}`);
  const statuses = [...answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status);
  assert.deepEqual(statuses, ["200", "200", "403"]);
  assert.equal(lab.seen.dialed.length, 2);
});

Deno.test("network proxy: bodies are framed anew, and what follows them is another request", async () => {
  await using lab = await startLab({ answer: collectBody });
  const chunked =
    "Transfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: x\r\n\r\n";
  const answer = await ask(lab, `${POST}${chunked}${POST}Content-Length: 3\r\n\r\nxyz`);
  const bodies = [...answer.matchAll(/body (\S*)/g)].map(([, body]) => body);
  assert.deepEqual(bodies, ["3|abc|2|de|0||", "xyz"]);
});

/** Answers with the bytes of the body, line ends shown as bars. */
async function collectBody(connection: Deno.Conn): Promise<void> {
  let text = await readHead(connection);
  const isChunked = /chunked/.test(text);
  const isComplete = () => isChunked ? /\r\n0\r\n\r\n$/.test(text) : /xyz$/.test(text);
  const buffer = new Uint8Array(1024);
  while (!isComplete()) {
    const count = await connection.read(buffer);
    if (count === null) break;
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  const body = `body ${text.slice(text.indexOf("\r\n\r\n") + 4).replaceAll("\r\n", "|")} `;
  await writeAll(connection, `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
}

Deno.test("network proxy: a body that breaks off, or is no body, ends the connection to the server", async () => {
  for (const rest of ["Content-Length: 9\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\nzz\r\n"]) {
    const ended = Promise.withResolvers<string>();
    await using lab = await startLab({
      answer: async (connection) => ended.resolve(await readAll(connection)),
    });
    await ask(lab, `${POST}${rest}`);
    assert.match(await ended.promise, /^POST \/ HTTP\/1\.1\r\n/);
  }
});

const ANSWERS: readonly (readonly [name: string, sent: string, got: RegExp])[] = [
  [
    "chunks",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    /\r\n2\r\nab\r\n0\r\n\r\n$/,
  ],
  ["until the end", "HTTP/1.1 200 OK\r\n\r\nabc", /chunked\r\n[^]*\r\n3\r\nabc\r\n0\r\n\r\n$/],
  [
    "none",
    "HTTP/1.1 204 No Content\r\n\r\n",
    /^HTTP\/1\.1 204 No Content\r\nConnection: \S+\r\n\r\n$/,
  ],
  [
    "interim",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
    /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*a$/,
  ],
  ["no HTTP", "SSH-2.0-OpenSSH\r\n\r\n", /^HTTP\/1\.1 502 .*bad_answer/s],
  ["other protocol", "HTTP/1.1 101 Switching Protocols\r\n\r\n", /^HTTP\/1\.1 502 /],
  ["nothing", "", /^HTTP\/1\.1 502 /],
  [
    "both framings",
    "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
    /^(?![^]*Content-Length)[^]*\r\n1\r\na\r\n0\r\n\r\n$/,
  ],
];

for (const [name, sent, got] of ANSWERS) {
  Deno.test(`network proxy: an answer is passed on: ${name}`, async () => {
    await using lab = await startLab({
      answer: async (connection) => {
        await readHead(connection);
        await writeAll(connection, sent);
      },
    });
    assert.match(await ask(lab, GET), got);
  });
}

Deno.test("network proxy: an old client gets no chunks", async () => {
  await using lab = await startLab({
    answer: async (connection) => {
      await readHead(connection);
      await writeAll(
        connection,
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
      );
    },
  });
  const answer = await ask(lab, "GET http://allowed.test/ HTTP/1.0\r\n\r\n");
  assert.equal(answer, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nab");
});

Deno.test("network proxy: heads that are too long are refused", async () => {
  await using lab = await startLab();
  const long = (count: number) => `${GET.slice(0, -2)}X: ${"y".repeat(count)}\r\n\r\n`;
  assert.equal(statusOf(await ask(lab, long(20_000))), "200");
  assert.equal(statusOf(await ask(lab, long(40_000))), "431");
  assert.equal(statusOf(await ask(lab, `${GET.slice(0, -2)}${"X: y\r\n".repeat(300)}\r\n`)), "400");
});

Deno.test("network proxy: any bytes get an answer or an end, and reach nobody who is not allowed", async () => {
  await using lab: Lab = await startLab({ answer: sayHello });
  const piece = fc.constantFrom(
    "GET ",
    "CONNECT ",
    "http://",
    "allowed.test",
    "evil.test",
    ":443",
    "@",
    " HTTP/1.1\r\n",
    "Host: ",
    "\r\n",
    "\r\n\r\n",
    "Content-Length: 3",
    "Transfer-Encoding: chunked",
    "\0",
    " ",
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(piece, fc.string()), { maxLength: 20 }), async (pieces) => {
      const answer = await ask(lab, pieces.join("").replace(/[^\0-\xff]/g, "?"));
      assert(answer === "" || answer.startsWith("HTTP/1.1 "), JSON.stringify(answer));
    }),
    { numRuns: 200 },
  );
  assert.deepEqual(
    lab.seen.resolved.filter((name) => !/^(allowed\.test|.*\.wild\.test)$/.test(name)),
    [],
  );
});

Deno.test("network proxy: any bytes are a head or a refusal", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    for (const parse of [parseRequestHead, parseResponseHead]) {
      try {
        parse(bytes);
      } catch (error) {
        assert(error instanceof ProxyRefusal);
      }
    }
  }));
});
