import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import fc from "fast-check";
import { type ConnectOptions, connectRemote, HandshakeRefused } from "../../src/client/connect.ts";
import { checkTokenTarget, parseRemote, remoteUrl } from "../../src/client/remote.ts";
import { tokenSource } from "../../src/client/remote_token.ts";
import { parseFingerprint } from "../../src/client/trust.ts";
import { CliError } from "../../src/lib/errors.ts";
import { systemClock } from "../../src/programs/host.ts";
import { proxyFor } from "../../src/lib/proxy.ts";
import type { Transport } from "../../src/rpc/transport.ts";
import { KnownServersFile } from "../../src/store/known_servers.ts";
import { certificate, certificateOf, echoHost, proxyHost } from "./remote_hosts.ts";

/** What a client knows about servers, unless a test says otherwise: nothing, and it trusts nobody. */
function optionsOf(
  overrides: Partial<Omit<ConnectOptions, "trust">> & {
    readonly trust?: Partial<ConnectOptions["trust"]>;
  } = {},
): ConnectOptions {
  return {
    token: () => Promise.resolve(null),
    clock: systemClock(),
    authorities: [],
    proxyFor: () => null,
    ...overrides,
    trust: {
      fingerprint: null,
      known: { fingerprintOf: () => null, remember: () => assert.fail("remembered") },
      acceptNew: () => Promise.resolve(false),
      ...overrides.trust,
    },
  };
}

function withToken(token: string): Pick<ConnectOptions, "token"> {
  return { token: () => Promise.resolve(token) };
}

async function echoes(transport: Transport): Promise<string> {
  const answer = Promise.withResolvers<string>();
  const closed = Promise.withResolvers<string>();
  transport.open({ frame: answer.resolve, closed: closed.resolve });
  transport.send("hello");
  const text = await answer.promise;
  transport.close("done");
  await closed.promise;
  return text;
}

async function inFolder(test: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "codex-test-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Over TLS to a port of this machine. */
function secured(port: number, host = "127.0.0.1") {
  return { type: "tcp", host, port, isSecure: true } as const;
}

function plain(port: number) {
  return { type: "tcp", host: "127.0.0.1", port, isSecure: false } as const;
}

function fingerprintOf(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase();
}

Deno.test("parseRemote reads what upstream reads, and refuses the rest in its words", () => {
  const urls = [
    "ws://127.0.0.1:1",
    "wss://box.example:65535",
    "ws://[::1]:80",
    "unix:///a b",
    "unix://",
  ];
  for (const url of urls) assert.equal(remoteUrl(parseRemote(url)), url);
  assert.equal(remoteUrl(parseRemote("WSS://Box:1/")), "wss://Box:1");
  const bad = [
    ...["", "http://x", "ws://", "ws://host", "ws://host:65536", "wss://host:1/path", "ws://a@b:1"],
    ...["ws://host:1?token=x", "ws://[::1:80", "ws://host:-1", "host:1", " ws://h:1", "unix:/x"],
  ];
  for (const url of bad) {
    assert.throws(() => parseRemote(url), {
      message: `invalid remote address \`${url}\`; expected \`ws://host:port\`, ` +
        "`wss://host:port`, `unix://`, or `unix://PATH`",
    });
  }
  fc.assert(fc.property(fc.webUrl({ validSchemes: ["ws", "wss"] }), (url) => {
    try {
      assert.match(remoteUrl(parseRemote(url)), /^wss?:\/\//);
    } catch (error) {
      assert.ok(error instanceof CliError);
    }
  }));
});

Deno.test("a token goes over TLS, a unix socket or to this machine, and nowhere else", () => {
  const fine = ["wss://box:1", "unix:///s", "ws://127.0.0.1:1", "ws://127.9.9.9:1", "ws://[::1]:1"];
  for (const url of [...fine, "ws://localhost:1"]) checkTokenTarget(parseRemote(url));
  const open = [
    ...["ws://box:1", "ws://10.0.0.1:1", "ws://127.attacker.example:1", "ws://localhost.evil:1"],
    ...["ws://[::ffff:127.0.0.1]:1", "ws://127.1:1", "ws://0.0.0.0:1"],
  ];
  for (const url of open) {
    assert.throws(() => checkTokenTarget(parseRemote(url)), /wss:.*ssh -L 1:/);
  }
});

Deno.test("connectRemote reaches TCP and unix sockets, with the token that is right now", async () => {
  await inFolder(async (folder) => {
    await using host = await echoHost();
    assert.equal(await echoes(await connectRemote(plain(host.port), optionsOf())), "hello");
    let renewals = 0;
    const token = () => Promise.resolve(`token-${++renewals}`);
    for (const _ of [1, 2]) {
      await echoes(await connectRemote(plain(host.port), optionsOf({ token })));
    }
    assert.deepEqual(host.authorizations, [undefined, "Bearer token-1", "Bearer token-2"]);

    const path = join(folder, "socket");
    await using local = await echoHost({ path });
    const transport = await connectRemote({ type: "unix", path }, optionsOf(withToken("t")));
    assert.equal(await echoes(transport), "hello");
    assert.deepEqual(local.authorizations, ["Bearer t"]);
  });
});

Deno.test("a token is not even sent towards a server that others could listen in on", async () => {
  const remote = { type: "tcp", host: "box.invalid", port: 1, isSecure: false } as const;
  await assert.rejects(connectRemote(remote, optionsOf(withToken("secret"))), /ssh -L/);
});

Deno.test("connectRemote checks a pinned certificate before it sends the token", async () => {
  const pem = await certificate("box.example");
  await using host = await echoHost({ pem });
  const right = optionsOf({ ...withToken("t"), trust: { fingerprint: fingerprintOf(pem) } });
  // The name does not matter: the certificate is the very one.
  assert.equal(await echoes(await connectRemote(secured(host.port), right)), "hello");
  const other = fingerprintOf(await certificate("box.example"));
  const wrong = optionsOf({ ...withToken("t"), trust: { fingerprint: other } });
  await assert.rejects(connectRemote(secured(host.port), wrong), (error: Error) => {
    assert.ok(error.message.includes(`SHA256:${other}`), error.message);
    assert.ok(error.message.includes(`SHA256:${fingerprintOf(pem)}`), error.message);
    return error.message.includes("No token was sent");
  });
  assert.deepEqual(host.authorizations, ["Bearer t"]);
});

Deno.test("a server that nobody vouches for is asked about once, and a change is refused", async () => {
  await inFolder(async (folder) => {
    const pem = await certificate("127.0.0.1");
    const known = new KnownServersFile(join(folder, "known_servers"));
    const asked: string[] = [];
    const options = (answer: boolean) =>
      optionsOf({
        ...withToken("t"),
        trust: {
          known,
          acceptNew: (server, fingerprint) => {
            asked.push(`${server} ${fingerprint}`);
            return Promise.resolve(answer);
          },
        },
      });
    let port: number;
    {
      await using host = await echoHost({ pem });
      port = host.port;
      const remote = secured(port);
      await assert.rejects(
        connectRemote(remote, options(false)),
        new RegExp(`Nobody vouches.*--remote-tls-fingerprint ${fingerprintOf(pem)}$`),
      );
      assert.deepEqual(host.authorizations, []);
      await echoes(await connectRemote(remote, options(true)));
      await echoes(await connectRemote(remote, options(false)));
      assert.deepEqual(asked, Array(2).fill(`127.0.0.1:${port} ${fingerprintOf(pem)}`));
      assert.deepEqual(host.authorizations, ["Bearer t", "Bearer t"]);
    }
    // The same server, as the client knows it, with another certificate.
    const text = await Deno.readTextFile(join(folder, "known_servers"));
    assert.equal(text, `127.0.0.1:${port} sha256:${fingerprintOf(pem)}\n`);
    await using impostor = await echoHost({ pem: await certificate("127.0.0.1") });
    known.remember(`127.0.0.1:${impostor.port}`, fingerprintOf(pem));
    await assert.rejects(
      connectRemote(secured(impostor.port), options(true)),
      /is not the expected/,
    );
    assert.deepEqual(impostor.authorizations, []);
  });
});

Deno.test("a private authority vouches for the names in its certificates only", async () => {
  const pem = await certificate("127.0.0.1", "box.example");
  await using host = await echoHost({ pem });
  const options = optionsOf({ authorities: [pem] });
  assert.equal(await echoes(await connectRemote(secured(host.port), options)), "hello");
  // Another of its names leads there as well, but is not what was asked for.
  await assert.rejects(connectRemote(secured(host.port, "localhost"), options), /Nobody vouches/);
});

Deno.test("connectRemote goes through the proxy that the environment names", async () => {
  const pem = await certificate("box.invalid");
  await using host = await echoHost({ pem });
  await using proxy = await proxyHost();
  const env = { HTTPS_PROXY: `http://me:pass%20word@127.0.0.1:${proxy.port}` };
  const remote = secured(host.port, "box.invalid");
  const options = optionsOf({
    ...withToken("t"),
    authorities: [pem],
    proxyFor: (url) => proxyFor(url, env),
  });
  assert.equal(await echoes(await connectRemote(remote, options)), "hello");
  assert.deepEqual(proxy.targets, [`box.invalid:${host.port}`]);
  assert.deepEqual(proxy.authorizations, [`Basic ${btoa("me:pass word")}`]);
  assert.deepEqual(host.authorizations, ["Bearer t"]);

  await using refusing = await proxyHost({ refuses: true });
  const other = { HTTPS_PROXY: `http://me:secret@127.0.0.1:${refusing.port}` };
  const refused = connectRemote(remote, { ...options, proxyFor: (url) => proxyFor(url, other) });
  await assert.rejects(refused, {
    message: `Cannot connect to wss://box.invalid:${host.port} over the proxy ` +
      `127.0.0.1:${refusing.port}: It answered 403 Forbidden`,
  });
});

Deno.test("what stays on this machine goes past every proxy, and so does its token", async () => {
  await using host = await echoHost();
  await using proxy = await proxyHost();
  const env = { all_proxy: `http://127.0.0.1:${proxy.port}` };
  const options = optionsOf({ ...withToken("t"), proxyFor: (url) => proxyFor(url, env) });
  const own = [plain(host.port), { ...plain(host.port), host: "localhost" }];
  for (const remote of own) {
    assert.equal(await echoes(await connectRemote(remote, options)), "hello");
  }
  assert.deepEqual(proxy.targets, []);
  assert.deepEqual(host.authorizations, ["Bearer t", "Bearer t"]);
});

Deno.test("a server is known by its name in any spelling", async () => {
  await using host = await echoHost({ pem: await certificate("127.0.0.1") });
  const known = { fingerprintOf: () => "00".repeat(32), remember: () => assert.fail("remembered") };
  const asked: string[] = [];
  const fingerprintOf = (server: string) => {
    asked.push(server);
    return known.fingerprintOf();
  };
  const options = optionsOf({ trust: { known: { ...known, fingerprintOf } } });
  const remote = secured(host.port, "LocalHost");
  await assert.rejects(connectRemote(remote, options), /is not the expected one/);
  assert.deepEqual(asked, [`localhost:${host.port}`]);
});

Deno.test("an authority does not vouch for a certificate that has expired", async () => {
  const pem = await certificateOf({ names: ["127.0.0.1"], now: 0 });
  await using host = await echoHost({ pem });
  const options = optionsOf({ ...withToken("t"), authorities: [pem] });
  await assert.rejects(connectRemote(secured(host.port), options), /Nobody vouches/);
  assert.deepEqual(host.authorizations, []);
});

Deno.test("a server that refuses cannot write to the terminal of its client", async () => {
  const text = "no\u001b]0;title\u0007 \u001b[2Jway\r\nout\u202e";
  await using host = await echoHost({ refuse: { status: 403, text } });
  await assert.rejects(connectRemote(plain(host.port), optionsOf()), {
    message: `ws://127.0.0.1:${host.port} refused the connection: 403 no way out`,
  });
});

Deno.test("what stands in the way is said in one sentence", async () => {
  await using refusing = await echoHost({ refuse: { status: 401, text: "wrong token" } });
  const refused = connectRemote(plain(refusing.port), optionsOf(withToken("secret")));
  await assert.rejects(refused, (error: Error) => {
    assert.ok(error instanceof HandshakeRefused && error.status === 401);
    return error.message === `ws://127.0.0.1:${refusing.port} refused the connection: ` +
        "401 wrong token; pass the server's token with --remote-auth-token-file or " +
        "--remote-auth-token-env";
  });
  await using plainHost = await echoHost();
  await assert.rejects(
    connectRemote(secured(plainHost.port), optionsOf()),
    /^Error: Cannot connect to wss:\/\/127\.0\.0\.1:\d+: .*is it a ws:\/\/ listener\?$/,
  );
  const gone = plain(await closedPort());
  await assert.rejects(connectRemote(gone, optionsOf()), /Cannot connect to .*ECONNREFUSED/);
  const abort = new AbortController();
  abort.abort(new Error("no more"));
  await assert.rejects(
    connectRemote(plain(plainHost.port), optionsOf({ signal: abort.signal })),
    /no more/,
  );
});

async function closedPort(): Promise<number> {
  await using host = await echoHost();
  return host.port;
}

Deno.test("tokens come from a variable or a file, and are never repeated in an error", async () => {
  await inFolder(async (folder) => {
    const file = join(folder, "token");
    await Deno.writeTextFile(file, "one\n");
    const fromFile = tokenSource({ variable: null, file }, {});
    assert.equal(await fromFile(), "one");
    await Deno.writeTextFile(file, "two\n");
    assert.equal(await fromFile(), "two");
    await Deno.writeTextFile(file, "sec ret\n");
    await assert.rejects(fromFile(), (error: Error) => !error.message.includes("sec"));
    await Deno.writeTextFile(file, "\n");
    await assert.rejects(fromFile(), { message: `${file} is empty` });
    await Deno.remove(file);
    await assert.rejects(fromFile(), /Cannot read the token in .*token/);

    assert.equal(await tokenSource({ variable: "T", file: null }, { T: " x " })(), "x");
    assert.equal(await tokenSource({ variable: null, file: null }, {})(), null);
    assert.throws(() => tokenSource({ variable: "T", file: null }, {}), {
      message: "environment variable `T` is not set",
    });
  });
});

Deno.test("fingerprints are read in every usual spelling", () => {
  const hex = "0a".repeat(32);
  const colons = hex.toUpperCase().replaceAll(/..(?=.)/g, "$&:");
  for (const text of [hex, colons, `SHA256:${hex}`, `sha-256:${colons}`]) {
    assert.equal(parseFingerprint(text), hex, text);
  }
  for (const text of ["", "0a", `${hex}0`, `md5:${hex}`, hex.replace("0", "g")]) {
    assert.equal(parseFingerprint(text), null, text);
  }
});

Deno.test("the file of known servers survives what others write into it", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "home", "known_servers");
    const known = new KnownServersFile(path);
    assert.equal(known.fingerprintOf("a:1"), null);
    known.remember("a:1", "11".repeat(32));
    known.remember("a:2", "22".repeat(32));
    known.remember("a:1", "33".repeat(32));
    await Deno.writeTextFile(path, "a:1\n# note\na:1 md5:44\n\0\n", { append: true });
    assert.equal(known.fingerprintOf("a:1"), "33".repeat(32));
    assert.equal(known.fingerprintOf("a:2"), "22".repeat(32));
    assert.equal(known.fingerprintOf("a"), null);
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
  });
});
