/** Where `codex app-server` listens, as told by flags, environment and configuration; in a process of its own. */
import assert from "node:assert/strict";
import { Client } from "../../src/client/client.ts";
import { connectRemote, type NamedRemote } from "../../src/client/connect.ts";
import { systemClock } from "../../src/programs/host.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** What a server is started with. */
interface Place {
  readonly home: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly config?: string;
}

async function withHome(test: (home: string) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir({ prefix: "codex_listening_" });
  try {
    await test(home);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

/** Runs a server until `lines` lines of banner have come, or it has ended; then `test`, then its end. */
async function withServer(
  words: readonly string[],
  { home, env = {}, config = "" }: Place,
  test: (banner: string) => Promise<void>,
): Promise<void> {
  await Deno.writeTextFile(`${home}/config.toml`, `model_provider = "demo"\n${config}`);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", MAIN, "app-server", ...words],
    cwd: home,
    env: { CODEX_HOME: home, CODEX_APP_SERVER_LISTEN: "", RUST_LOG: "", NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let banner = "";
  // Each banner ends with one of these.
  const end = /note: .*\n$|unix:\/\/.*\n$/;
  const asked = words.filter((word) => word === "--listen").length || 1;
  let isOver = false;
  while (!(end.test(banner) && banner.match(/listening on:/g)?.length === asked)) {
    const { value, done } = await reader.read();
    if (done) {
      isOver = true;
      break;
    }
    banner += value;
  }
  try {
    await test(banner);
  } finally {
    if (!isOver) child.kill("SIGTERM");
    await child.status;
    await reader.cancel();
  }
}

function portIn(banner: string): number {
  return Number(/listening on: wss?:\/\/127\.0\.0\.1:(\d+)/.exec(banner)?.[1]);
}

/** The answer to `initialize` over a connection. */
async function hello(remote: NamedRemote, fingerprint: string | null = null): Promise<string> {
  const transport = await connectRemote(remote, {
    token: () => Promise.resolve(null),
    clock: systemClock(),
    authorities: [],
    proxyFor: () => null,
    trust: {
      fingerprint,
      known: { fingerprintOf: () => null, remember: () => {} },
      acceptNew: () => Promise.resolve(false),
    },
  });
  const client = await Client.connect(transport, {
    clientInfo: { name: "test", version: "1" },
    clock: systemClock(),
  });
  const { config } = await client.request("config/read", {});
  client.close();
  return String(config.model_provider);
}

Deno.test("app-server serves several listeners at once: TCP, TLS and a unix socket", async () => {
  await withHome(async (home) => {
    const words = "--listen ws://127.0.0.1:0 --listen wss://127.0.0.1:0 --listen unix://own.sock";
    await withServer(words.split(" "), { home }, async (banner) => {
      const urls = [...banner.matchAll(/listening on: (.*)/g)].map(([, url = ""]) => url);
      assert.deepEqual(urls.map((url) => url.replace(/\d+$/, "0")), [
        "ws://127.0.0.1:0",
        "wss://127.0.0.1:0",
        `unix://${home}/own.sock`,
      ]);
      const fingerprint = /fingerprint: SHA256:([0-9a-f]{64})\n/.exec(banner)?.[1] ?? "";
      const tcp = (url: string, isSecure: boolean) => ({
        type: "tcp" as const,
        host: "127.0.0.1",
        port: Number(/\d+$/.exec(url)?.[0]),
        isSecure,
      });
      assert.equal(await hello(tcp(urls[0] ?? "", false)), "demo");
      assert.equal(await hello(tcp(urls[1] ?? "", true), fingerprint), "demo");
      await assert.rejects(hello(tcp(urls[1] ?? "", true), "0".repeat(64)), /not the expected one/);
      assert.equal(await hello({ type: "unix", path: `${home}/own.sock` }), "demo");
    });
    assert.equal([...Deno.readDirSync(home)].some(({ name }) => name === "own.sock"), false);
    // The certificate stays as it is, so what clients have pinned holds.
    const first = await Deno.readTextFile(`${home}/app-server-tls/server.pem`);
    await withServer(["--listen", "wss://127.0.0.1:0"], { home }, async (banner) => {
      assert.match(banner, /^ {2}readyz: https:/m);
      await Promise.resolve();
    });
    assert.equal(await Deno.readTextFile(`${home}/app-server-tls/server.pem`), first);
  });
});

Deno.test("app-server keeps its default socket in its home, where nobody else can look", async () => {
  await withHome(async (home) => {
    await withServer(["--listen", "unix://"], { home }, async (banner) => {
      const folder = `${home}/app-server-control`;
      const path = `${folder}/app-server-control.sock`;
      assert.ok(banner.endsWith(`listening on: unix://${path}\n`), banner);
      assert.equal((Deno.statSync(folder).mode ?? 0) & 0o777, 0o700);
      assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
      assert.equal(await hello({ type: "unix", path }), "demo");
      await withServer(["--listen", "unix://"], { home }, (second) => {
        assert.equal(
          second,
          `Error: Another server listens on ${path} already; stop it, or use another path\n`,
        );
        return Promise.resolve();
      });
    });
  });
});

Deno.test("app-server listens where the environment says, else the configuration; flags overrule both", async () => {
  await withHome(async (home) => {
    const config = '[app_server]\nlisten = "unix://configured.sock"\n';
    const env = { CODEX_APP_SERVER_LISTEN: "ws://127.0.0.1:0" };
    await withServer([], { home, config }, (banner) => {
      assert.match(banner, /listening on: unix:.*configured\.sock\n$/);
      return Promise.resolve();
    });
    await withServer([], { home, config, env }, async (banner) => {
      const answer = await fetch(`http://127.0.0.1:${portIn(banner)}/readyz`);
      await answer.body?.cancel();
      assert.equal(answer.status, 200);
    });
    await withServer(["--listen", "unix://flag.sock"], { home, config, env }, (banner) => {
      assert.match(banner, /listening on: unix:.*flag\.sock\n$/);
      return Promise.resolve();
    });
    // A list is as good as a text, and a service with nothing on its input ends with it.
    const list = '[app_server]\nlisten = ["stdio://"]\n';
    await withServer([], { home, config: list }, (banner) => {
      assert.equal(banner, "");
      return Promise.resolve();
    });
  });
});

for (
  const [words, env, message] of [
    [[], { CODEX_APP_SERVER_LISTEN: "ws://localhost:1" }, /`CODEX_APP_SERVER_LISTEN`: invalid web/],
    [["--listen", "wss://0.0.0.0:0"], {}, /refusing to start non-loopback websocket listener 0\.0/],
    [["--listen", "wss://127.0.0.1:0", "--ws-tls-cert", "a"], {}, /need each other$/],
    [["--ws-tls-client-ca", "a"], {}, /needs a listener with TLS: --listen wss:/],
    [["--listen", "ws://127.0.0.1:0", "--listen", "unix:///proc/no/a"], {}, /\/proc\/no/],
    [
      "--listen wss://127.0.0.1:0 --ws-tls-cert a.pem --ws-tls-key b.pem".split(" "),
      {},
      /Cannot read the TLS certificate \/.*\/a\.pem/,
    ],
  ] as const
) {
  Deno.test(`app-server refuses ${JSON.stringify(env)} ${words.join(" ")}`, async () => {
    await withHome(async (home) => {
      await withServer(words, { home, env }, (banner) => {
        assert.match(banner.trim().split("\n").at(-1) ?? "", /^Error: /);
        assert.match(banner.trim(), message);
        return Promise.resolve();
      });
    });
  });
}
