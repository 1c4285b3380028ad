/** Tests what `codex doctor` finds about the network: real servers, proxies and certificates on loopback. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { askEndpoint, type Reachability } from "../../src/agent/model/reachable.ts";
import { closeHttpClients } from "../../src/agent/model/network.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { clockCheck, clockFinding } from "../../src/programs/doctor/clock.ts";
import { endpointCheck, endpointFinding } from "../../src/programs/doctor/endpoint.ts";
import { systemClock } from "../../src/programs/host.ts";
import { provider } from "../support/model_fixtures.ts";
import { found, impatientClock, inTempDir } from "./doctor_world.ts";

interface Asked {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** An HTTP server that gives one answer to everything, and remembers what it was asked. */
async function withServer(
  answer: () => Response,
  use: (server: { readonly port: number; readonly asked: readonly Asked[] }) => Promise<void>,
  tls: { readonly cert?: string; readonly key?: string } = {},
): Promise<void> {
  const asked: Asked[] = [];
  const options = { port: 0, hostname: "127.0.0.1", onListen: () => undefined };
  const answering = (request: Request) => {
    asked.push({ url: request.url, headers: Object.fromEntries(request.headers) });
    return answer();
  };
  const { cert, key } = tls;
  const server = cert && key
    ? Deno.serve({ ...options, cert, key }, answering)
    : Deno.serve(options, answering);
  try {
    await use({ port: server.addr.port, asked });
  } finally {
    await closeHttpClients();
    await server.shutdown();
  }
}

/** A port on which nobody listens. */
function closedPort(): number {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  return listener.addr.port;
}

/** What the check says about a provider at an address. */
async function endpointAt(
  baseUrl: string,
  options: {
    readonly env?: Record<string, string>;
    readonly clock?: Clock;
    readonly table?: string;
  } = {},
): Promise<string> {
  let lines = "";
  await inTempDir(async (folder) => {
    const config = `model_provider = "mine"
[model_providers.mine]
base_url = "${baseUrl}"
env_key = "MINE_KEY"
${options.table ?? ""}
`;
    await Deno.writeTextFile(join(folder, "config.toml"), config);
    const env = { CODEX_HOME: folder, MINE_KEY: "sk-mine-secret", ...options.env };
    const clock = options.clock ?? systemClock();
    lines = (await found(endpointCheck, { env, clock })).join("\n");
    await closeHttpClients();
  });
  return lines;
}

Deno.test("doctor endpoint takes any answer, sends no credentials and follows no redirect", async () => {
  for (const status of [200, 401, 404, 500]) {
    await withServer(
      () => new Response("x".repeat(100_000), { status }),
      async ({ port, asked }) => {
        const line = await endpointAt(`http://name:pass@127.0.0.1:${port}/v1?key=secret#part`, {
          table:
            'http_headers = { "x-secret" = "header-secret" }\nquery_params = { k = "query-secret" }',
        });
        assert.match(
          line,
          new RegExp(
            `^ok: http://127\\.0\\.0\\.1:${port}/v1 answered after \\d+ ms \\(HTTP ${status}\\)$`,
          ),
        );
        assert.deepEqual(asked.map(({ url }) => url), [`http://127.0.0.1:${port}/v1`]);
        const sent = JSON.stringify(asked);
        assert.ok(!/secret|authorization|pass/i.test(sent), sent);
      },
    );
  }
  await withServer(() => new Response(null, { status: 404 }), async (target) => {
    const location = `http://127.0.0.1:${target.port}/elsewhere`;
    await withServer(() => Response.redirect(location, 307), async ({ port }) => {
      assert.match(await endpointAt(`http://127.0.0.1:${port}/v1`), /^ok: .*\(HTTP 307\)$/);
    });
    assert.deepEqual(target.asked, []);
  });
});

Deno.test("doctor endpoint needs no address for the demo, and no network to say that none is known", async () => {
  await inTempDir(async (folder) => {
    const env = { CODEX_HOME: folder };
    assert.deepEqual(await found(endpointCheck, { env, words: ["-c", "model_provider=demo"] }), [
      "ok: The demo model is built in and needs no address",
    ]);
    const unknown = await found(endpointCheck, { env, words: ["-c", "model=1"] });
    assert.match(unknown.join("\n"), /^warning: Not asked: no provider is known/);
  });
});

Deno.test("doctor endpoint tells a closed port, an unknown name and silence apart", async () => {
  const port = closedPort();
  assert.match(
    await endpointAt(`http://127.0.0.1:${port}/v1`),
    new RegExp(
      `^error: http://127\\.0\\.0\\.1:${port}/v1 cannot be reached: nothing listens there .* -> Start the model server`,
    ),
  );
  assert.match(
    await endpointAt("http://name.invalid/v1"),
    /^error: .*: the name name\.invalid cannot be resolved .* -> Check the network and DNS/,
  );
  // The system accepts the connection, and nobody ever reads from it.
  using silent = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  assert.match(
    await endpointAt(`http://127.0.0.1:${silent.addr.port}/v1`, { clock: impatientClock(100) }),
    /^error: .* cannot be reached: no answer in time -> Look for a firewall/,
  );
  assert.match(await endpointAt("http://127.0.0.1:9/v1"), /^error: .*: no request could be sent/);
});

Deno.test("doctor endpoint tells failures of a proxy from those of the endpoint", async () => {
  const gone = `http://me:proxy-secret@127.0.0.1:${closedPort()}`;
  for (const baseUrl of ["http://model.invalid/v1", "https://model.invalid/v1"]) {
    const env = { http_proxy: gone, https_proxy: gone };
    const line = await endpointAt(baseUrl, { env });
    assert.match(
      line,
      /cannot be reached through the proxy 127\.0\.0\.1:\d+: the proxy fails .* -> Correct https_proxy/,
    );
    assert.ok(!line.includes("proxy-secret"));
  }
  const answers: readonly (readonly [number, RegExp])[] = [
    [200, /^ok: http:\/\/model\.invalid\/v1 answered through the proxy/],
    [407, /^error: The proxy 127\.0\.0\.1:\d+ asks for credentials/],
    [502, /^warning: .* which may be the proxy's own answer/],
  ];
  for (const [status, expected] of answers) {
    await withServer(() => new Response(null, { status }), async ({ port }) => {
      const env = { http_proxy: `http://127.0.0.1:${port}` };
      assert.match(await endpointAt("http://model.invalid/v1", { env }), expected);
      assert.match(
        await endpointAt("http://model.invalid/v1", { env: { ...env, no_proxy: "model.invalid" } }),
        /^error: .*: the name model\.invalid cannot be resolved/,
      );
    });
  }
  for (const status of [403, 407, 502]) {
    await withServer(() => new Response(null, { status }), async ({ port }) => {
      const env = { https_proxy: `http://127.0.0.1:${port}` };
      const line = await endpointAt("https://model.invalid/v1", { env });
      assert.match(line, /^error: .*: the proxy fails/, `${status}: ${line}`);
    });
  }
});

/** Needs the openssl program; where there is none the test is skipped in sight. */
const hasOpenssl = await new Deno.Command("openssl", { args: ["version"] }).output()
  .then((output) => output.success, () => false);

Deno.test({
  name: "doctor endpoint names what is wrong with TLS",
  ignore: !hasOpenssl,
  fn: async () => {
    await withServer(() => new Response(), async ({ port }) => {
      assert.match(
        await endpointAt(`https://127.0.0.1:${port}/v1`),
        /^error: .*: no secure connection .* -> Nothing there speaks TLS/,
      );
    });
    await inTempDir(async (folder) => {
      const words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 " +
        "-keyout key.pem -out cert.pem -subj /CN=localhost -addext subjectAltName=DNS:localhost " +
        "-addext basicConstraints=critical,CA:FALSE";
      const made = await new Deno.Command("openssl", { args: words.split(" "), cwd: folder })
        .output();
      assert.ok(made.success);
      const cert = await Deno.readTextFile(join(folder, "cert.pem"));
      const key = await Deno.readTextFile(join(folder, "key.pem"));
      await withServer(() => new Response(null, { status: 404 }), async ({ port }) => {
        const baseUrl = `https://localhost:${port}/v1`;
        assert.match(
          await endpointAt(baseUrl),
          /^error: .*: no secure connection \(invalid peer certificate: .* -> Set CODEX_CA_CERTIFICATE/,
        );
        const env = { CODEX_CA_CERTIFICATE: join(folder, "cert.pem") };
        assert.match(await endpointAt(baseUrl, { env }), /^ok: .*\(HTTP 404\)$/);
        const missing = { CODEX_CA_CERTIFICATE: join(folder, "no.pem") };
        assert.match(
          await endpointAt(baseUrl, { env: missing }),
          /^error: .*: no request could be sent \(CODEX_CA_CERTIFICATE names .*no\.pem/,
        );
      }, { cert, key });
    });
  },
});

Deno.test("endpointFinding has a thing to do for each reason", () => {
  const reasons = ["dns", "refused", "tls", "proxy", "timeout", "setup", "other"] as const;
  const fixes = reasons.map((reason) => {
    const finding = endpointFinding({
      type: "unreachable",
      address: "https://model.example/v1",
      proxy: null,
      reason,
      detail: "words",
    });
    return finding.status === "ok" ? "" : finding.fix;
  });
  assert.equal(new Set(fixes).size, reasons.length);
});

Deno.test("doctor clock compares with the endpoint's answer", async () => {
  const ask = async (ageSeconds: number | null): Promise<string> => {
    let lines = "";
    const clock = systemClock();
    // The date is rounded down to a second, as in every HTTP answer.
    const date = () => new Date(clock.now() - 600_000).toUTCString();
    const headers = () => ({
      date: date(),
      ...ageSeconds === null ? {} : { age: String(ageSeconds) },
    });
    await withServer(() => new Response(null, { headers: headers() }), async ({ port }) => {
      await inTempDir(async (folder) => {
        const words = [
          "-c",
          `model_providers.mine.base_url="http://127.0.0.1:${port}"`,
          "-c",
          "model_provider=mine",
        ];
        lines = (await found(clockCheck, { env: { CODEX_HOME: folder }, words })).join("\n");
      });
    });
    return lines;
  };
  assert.match(
    await ask(null),
    /^warning: .* UTC, (59\d|60\d) s ahead of the clock of the endpoint -> Set/,
  );
  assert.match(await ask(600), /^ok: .* UTC, as the endpoint has it$/, "a cache kept the answer");
});

Deno.test("clockFinding warns beyond a minute, and of an impossible time", () => {
  const nowMs = Date.UTC(2026, 10, 21, 7, 0, 0);
  const answered = (dateMs: number | null): Reachability => ({
    type: "answered",
    address: "http://a/",
    proxy: null,
    status: 200,
    dateMs,
    answeredAtMs: nowMs,
    tookMs: 2000,
  });
  const status = (dateMs: number | null) => clockFinding(nowMs, answered(dateMs)).status;
  assert.deepEqual([0, 55_000, -55_000, 70_000, -70_000].map((skew) => status(nowMs + skew)), [
    "ok",
    "ok",
    "ok",
    "warning",
    "warning",
  ]);
  assert.match(
    clockFinding(nowMs, answered(nowMs + 600_000)).message,
    / behind the clock of the endpoint$/,
  );
  assert.match(clockFinding(nowMs, answered(null)).message, /no other clock/);
  assert.match(
    clockFinding(nowMs, null).message,
    /^2026-11-21 07:00:00 UTC; there was no other clock/,
  );
  for (const impossible of [0, Date.UTC(2020, 0, 1), Date.UTC(2099, 0, 1), 1e300, -1e300]) {
    const finding = clockFinding(impossible, null);
    assert.equal(finding.status, "warning");
    assert.match(finding.message, /^The clock is wrong: it says /);
  }
});

Deno.test("askEndpoint stops at its limit and leaves no timer behind", async () => {
  const waits: number[] = [];
  let running = 0;
  const clock: Clock = {
    now: () => 1000,
    after(delayMs, callback) {
      waits.push(delayMs);
      running++;
      const cancel = systemClock().after(delayMs > 1000 ? 50 : delayMs, callback);
      return () => (running--, cancel());
    },
  };
  using silent = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const baseUrl = `http://127.0.0.1:${silent.addr.port}`;
  const late = await askEndpoint(provider(baseUrl), { env: {}, clock, limitMs: 5000 });
  assert.deepEqual([late.type === "unreachable" && late.reason, waits, running], [
    "timeout",
    [5000],
    0,
  ]);
});
