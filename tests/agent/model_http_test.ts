import assert from "node:assert/strict";
import { join } from "node:path";
import type { ModelClientDeps } from "../../src/agent/model/create.ts";
import { closeHttpClients } from "../../src/agent/model/network.ts";
import { proxyFor } from "../../src/lib/proxy.ts";
import {
  client,
  modelRequest,
  outcome,
  provider,
  streamedText,
} from "../support/model_fixtures.ts";
import {
  fail,
  gate,
  hang,
  raw,
  redirect,
  say,
  splitEvery,
  startMockModel,
} from "../support/mock_model.ts";
import { manualClock } from "../support/scripted_model.ts";

const IDLE = "stream disconnected before completion: idle timeout waiting for SSE";

Deno.test("model silence after the first bytes ends in an idle timeout that may be retried", async () => {
  await using mock = await startMockModel({ responses: [[say("hel"), gate("quiet"), hang()]] });
  const clock = manualClock();
  const model = await client(provider(mock.url, { streamIdleTimeoutMs: 1000 }), { clock });
  const seen = Promise.withResolvers<void>();
  const streaming = model.stream(modelRequest(), {
    signal: new AbortController().signal,
    onEvent: (event) => event.type === "itemDone" && seen.resolve(),
  });
  await seen.promise;
  mock.release("quiet");
  clock.advance(999);
  clock.advance(2);
  await assert.rejects(streaming, { name: "ModelError", message: IDLE, retryable: true });
  assert.equal(await (await mock.request(0)).over, "cancelled");
  assert.deepEqual(clock.pending, []);
});

Deno.test("model silence before any answer ends in an idle timeout, without silent retries", async () => {
  await using mock = await startMockModel({ responses: [[gate("never")]] });
  const clock = manualClock();
  const model = await client(provider(mock.url, { streamIdleTimeoutMs: 1000 }), { clock });
  const result = outcome(model);
  await mock.request(0);
  clock.advance(1000);
  assert.equal((await result).error?.message, IDLE);
  assert.equal(mock.requests.length, 1);
});

Deno.test("a clock that is put back an hour puts the idle timeout off once, not for an hour", async () => {
  await using mock = await startMockModel({ responses: [[gate("never")]] });
  const clock = manualClock();
  let shiftMs = 0;
  const shifted = {
    now: () => clock.now() + shiftMs,
    after: (...timer: Parameters<typeof clock.after>) => clock.after(...timer),
  };
  const model = await client(provider(mock.url, { streamIdleTimeoutMs: 1000 }), { clock: shifted });
  const result = outcome(model);
  await mock.request(0);
  shiftMs = -3_600_000;
  for (let look = 0; look < 3; look++) clock.advance(1000);
  assert.equal((await result).error?.message, IDLE);
});

Deno.test("bytes put off the idle timeout", async () => {
  await using mock = await startMockModel({
    responses: [[raw(": a\n\n"), gate("one"), say("b"), gate("two"), say("c")]],
  });
  const clock = manualClock();
  const model = await client(provider(mock.url, { streamIdleTimeoutMs: 1000 }), { clock });
  const texts: string[] = [];
  let progress = Promise.withResolvers<void>();
  const streaming = model.stream(modelRequest(), {
    signal: new AbortController().signal,
    onEvent: (event) => {
      if (event.type !== "itemDone") return;
      texts.push(event.type);
      progress.resolve();
    },
  });
  await mock.reached("one");
  clock.advance(900);
  mock.release("one");
  await progress.promise;
  progress = Promise.withResolvers();
  clock.advance(900);
  mock.release("two");
  await streaming;
  assert.equal(texts.length, 2);
});

Deno.test("an abort ends a stream at once with its own reason", async () => {
  await using mock = await startMockModel({ responses: [[say("a"), hang()], [gate("x")]] });
  for (const index of [0, 1]) {
    const controller = new AbortController();
    const model = await client(provider(mock.url));
    const streaming = outcome(model, modelRequest(), controller.signal);
    await mock.request(index);
    controller.abort(new Error("interrupted"));
    await assert.rejects(streaming, /^Error: interrupted$/);
  }
  const aborted = outcome(
    await client(provider(mock.url)),
    modelRequest(),
    AbortSignal.abort("no"),
  );
  await assert.rejects(aborted, (reason) => reason === "no");
  assert.equal(mock.requests.length, 2);
});

Deno.test("a response arrives whole when it is cut at every byte", async () => {
  await using mock = await startMockModel({ responses: [[splitEvery(1), say("grüße 🙂")]] });
  const result = await outcome(await client(provider(mock.url)));
  assert.equal(streamedText(result.events), "grüße 🙂");
});

Deno.test("a response with an endless line fails without a retry", async () => {
  const chunk = new Uint8Array(1 << 20).fill(120);
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => undefined }, () => {
    let sent = 0;
    const body = new ReadableStream({
      pull: (controller) => {
        controller.enqueue(sent === 0 ? new TextEncoder().encode("data: ") : chunk);
        if (sent++ > 1000) controller.close();
      },
    });
    return new Response(body);
  });
  const before = Deno.memoryUsage().rss;
  const model = await client(provider(`http://127.0.0.1:${server.addr.port}/v1`));
  const { error } = await outcome(model);
  assert.match(error?.message ?? "", /an event is larger than 16 MiB/);
  assert.equal(error?.retryable, false);
  assert.ok(Deno.memoryUsage().rss - before < 300 * 1024 * 1024);
  await server.shutdown();
});

Deno.test("a redirect within the origin is followed with method, body and key", async () => {
  await using mock = await startMockModel({
    responses: [redirect("/v1/moved/responses"), say("here")],
  });
  const model = await client(provider(mock.url, { bearerToken: "sk-secret" }));
  const result = await outcome(model);
  assert.equal(streamedText(result.events), "here");
  const moved = await mock.request(1);
  assert.deepEqual([moved.method, moved.path], ["POST", "/v1/moved/responses"]);
  assert.equal(moved.headers["authorization"], "Bearer sk-secret");
  assert.equal(moved.text, (await mock.request(0)).text);
});

Deno.test("a redirect to another origin is refused and takes no key there", async () => {
  await using other = await startMockModel({ responses: [say("stolen")] });
  for (const status of [301, 302, 303, 307, 308]) {
    await using mock = await startMockModel({
      responses: [redirect(`${other.url}/responses`, status)],
    });
    const { error } = await outcome(await client(provider(mock.url, { bearerToken: "sk-secret" })));
    assert.match(
      error?.message ?? "",
      /redirects to http:\/\/127\.0\.0\.1:\d+; the key was not sent/,
    );
    assert.equal(error?.retryable, false);
    assert.equal(mock.requests.length, 1);
  }
  assert.equal(other.requests.length, 0);
});

Deno.test("redirects in a circle end", async () => {
  const circle = redirect("/v1/responses");
  await using mock = await startMockModel({ responses: Array.from({ length: 9 }, () => circle) });
  const { error } = await outcome(await client(provider(mock.url)));
  assert.match(error?.message ?? "", /Too many or unusable redirects \(307\)/);
  assert.equal(mock.requests.length, 4);
});

Deno.test("the proxy of the environment is used, with its password, and NO_PROXY is respected", async () => {
  await using mock = await startMockModel({ responses: [say("direct")] });
  const seen: (string | null)[] = [];
  const proxy = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => undefined },
    (request) => {
      seen.push(request.url, request.headers.get("proxy-authorization"));
      return new Response('data: {"type":"response.completed","response":{}}\n\n', {
        headers: { "content-type": "text/event-stream" },
      });
    },
  );
  const HTTP_PROXY = `http://user:pass@127.0.0.1:${proxy.addr.port}`;
  const far = provider("http://model.example/v1");
  const proxied = await outcome(await client(far, { env: { HTTP_PROXY } }));
  assert.equal(proxied.error, null);
  assert.deepEqual(seen, ["http://model.example/v1/responses", `Basic ${btoa("user:pass")}`]);
  const env = { HTTP_PROXY, NO_PROXY: "localhost,127.0.0.0/8" };
  const direct = await outcome(await client(provider(mock.url), { env }));
  assert.equal(streamedText(direct.events), "direct");
  assert.equal(seen.length, 2);
  await closeHttpClients();
  await proxy.shutdown();
});

Deno.test("proxies are chosen as curl does", () => {
  const env = {
    HTTPS_PROXY: "proxy:3128",
    http_proxy: "http://p:1",
    NO_PROXY: "a.com, .b.com,c.com:8443",
  };
  const cases: readonly [string, string | null][] = [
    ["https://x.com/", "http://proxy:3128"],
    ["http://x.com/", "http://p:1"],
    ["https://a.com/", null],
    ["https://sub.a.com/", null],
    ["https://nota.com/", "http://proxy:3128"],
    ["https://x.b.com/", null],
    ["https://c.com/", "http://proxy:3128"],
    ["https://c.com:8443/", null],
  ];
  for (const [url, expected] of cases) assert.equal(proxyFor(url, env), expected, url);
  assert.equal(proxyFor("https://x.com", { ...env, NO_PROXY: "*" }), null);
  assert.equal(
    proxyFor("http://10.1.2.3", { http_proxy: "http://p:1", no_proxy: "10.0.0.0/8" }),
    null,
  );
  assert.equal(proxyFor("http://11.1.2.3", { ALL_PROXY: "socks5://p:1" }), "socks5://p:1");
  assert.equal(proxyFor("http://x.com", {}), null);
});

interface Certificates {
  readonly ca: string;
  readonly caFile: string;
  readonly key: string;
  readonly valid: string;
  readonly expired: string;
}

/** A certificate authority of its own, and two certificates for localhost. */
async function makeCertificates(dir: string): Promise<Certificates> {
  const file = (name: string) => join(dir, name);
  const openssl = async (...args: string[]) => {
    const { success, stderr } = await new Deno.Command("openssl", { args, cwd: dir }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
  };
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await openssl(
    "req",
    "-x509",
    ...ec,
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
    "-subj",
    "/CN=Test CA",
  );
  await openssl("req", ...ec, "-keyout", "key.pem", "-out", "csr.pem", "-subj", "/CN=localhost");
  await Deno.writeTextFile(
    file("ext"),
    "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n",
  );
  const sign = (out: string, days: string) =>
    openssl(
      ...["x509", "-req", "-in", "csr.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"],
      ...["-out", out, "-extfile", "ext", "-days", days],
    );
  await sign("valid.pem", "2");
  await sign("expired.pem", "-1");
  const [ca, key, valid, expired] = await Promise.all(
    ["ca.pem", "key.pem", "valid.pem", "expired.pem"].map((name) => Deno.readTextFile(file(name))),
  );
  assert.ok(ca && key && valid && expired);
  return { ca, caFile: file("ca.pem"), key, valid, expired };
}

/** Needs the openssl program; where there is none the test is skipped in sight. */
const openssl = await new Deno.Command("openssl", { args: ["version"] }).output()
  .then((output) => output.success, () => false);

Deno.test({
  name: "TLS needs a trusted, valid certificate, and private authorities come from the environment",
  ignore: !openssl,
  fn: async () => {
    const dir = await Deno.makeTempDir();
    try {
      const { caFile, key, valid, expired } = await makeCertificates(dir);
      const connect = async (cert: string, env: ModelClientDeps["env"]) => {
        await using mock = await startMockModel({ responses: [say("safe")], tls: { cert, key } });
        const result = await outcome(await client(provider(mock.url), { env }));
        await closeHttpClients();
        return { ...result, requests: mock.requests.length };
      };
      for (const variable of ["CODEX_CA_CERTIFICATE", "SSL_CERT_FILE"]) {
        const good = await connect(valid, { [variable]: caFile });
        assert.equal(streamedText(good.events), "safe");
      }
      const unknown = await connect(valid, {});
      assert.match(
        unknown.error?.message ?? "",
        /^The TLS certificate of localhost:\d+ was refused: UnknownIssuer .*CODEX_CA_CERTIFICATE/,
      );
      const late = await connect(expired, { CODEX_CA_CERTIFICATE: caFile });
      assert.match(
        late.error?.message ?? "",
        /^The TLS certificate of localhost:\d+ was refused: .*[Ee]xpired/,
      );
      for (const { error, requests } of [unknown, late]) {
        assert.deepEqual([error?.retryable, requests], [false, 0]);
      }
      const missing = await connect(valid, {
        SSL_CERT_FILE: caFile,
        CODEX_CA_CERTIFICATE: `${dir}/no`,
      });
      assert.match(
        missing.error?.message ?? "",
        /^CODEX_CA_CERTIFICATE names .*\/no, which cannot be read: /,
      );
      const empty = await connect(valid, { SSL_CERT_FILE: join(dir, "key.pem") });
      assert.match(empty.error?.message ?? "", /which holds no PEM certificate$/);
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});

Deno.test("connections are used again after complete responses and failures", async () => {
  const answers = [
    say("a"),
    say("b"),
    fail(429),
    say("c"),
    fail(400),
    say("d"),
    say("e"),
    say("f"),
  ];
  await using mock = await startMockModel({ responses: answers });
  const model = await client(provider(mock.url), { clock: manualClock() });
  for (let n = 0; n < answers.length; n++) await outcome(model);
  assert.equal(mock.requests.length, answers.length);
  // The next request may be sent before the last bytes of the answer before it are in.
  assert.ok(new Set(mock.requests.map((request) => request.peerPort)).size <= 2);
});
