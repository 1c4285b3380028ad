/** Listeners stay on the address they were asked for, whatever `DENO_SERVE_ADDRESS` says. */
import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url).pathname;
/** The runtime binds the first instead of the address asked for, the second besides it. */
const OVERRIDES = ["tcp:0.0.0.0:0", "duplicate,tcp:0.0.0.0:0"];

interface Started {
  readonly child: Deno.ChildProcess;
  /** What it wrote on stderr, up to and with the first match, or all of it. */
  until(pattern: RegExp): Promise<string>;
}

/** Runs words of Deno with the variable set; whatever is left of it is killed in the end. */
async function withDeno(
  words: readonly string[],
  override: string,
  test: (started: Started) => Promise<void>,
): Promise<void> {
  const home = await Deno.makeTempDir({ prefix: "codex_listen_" });
  const stop = new AbortController();
  const child = new Deno.Command(Deno.execPath(), {
    args: [...words],
    signal: stop.signal,
    cwd: home,
    env: { CODEX_HOME: home, DENO_SERVE_ADDRESS: override, NO_COLOR: "1", RUST_LOG: "" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  async function until(pattern: RegExp): Promise<string> {
    while (!pattern.test(text)) {
      const { value, done } = await reader.read();
      if (done) break;
      text += value;
    }
    return text;
  }
  try {
    await test({ child, until });
  } finally {
    stop.abort();
    await child.status;
    await reader.cancel();
    await Deno.remove(home, { recursive: true });
  }
}

/** Local addresses of the TCP sockets on which a process listens, as the kernel writes them. */
async function listeningOn(pid: number): Promise<string[]> {
  const own = new Set<string>();
  for await (const { name } of Deno.readDir(`/proc/${pid}/fd`)) {
    const target = await Deno.readLink(`/proc/${pid}/fd/${name}`).catch(() => "");
    own.add(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? "");
  }
  const tables = await Promise.all(
    ["tcp", "tcp6"].map((name) => Deno.readTextFile(`/proc/${pid}/net/${name}`).catch(() => "")),
  );
  return tables.join("").split("\n").map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === "0A" && own.has(inode ?? "none"))
    .map(([, local = ""]) => local);
}

for (const override of OVERRIDES) {
  Deno.test({
    name: `app-server on loopback listens there alone with DENO_SERVE_ADDRESS=${override}`,
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      const words = ["run", "-A", "--no-check", "--quiet", `${ROOT}main.ts`];
      const asked = ["app-server", "--listen", "ws://127.0.0.1:0"];
      await withDeno([...words, ...asked], override, async ({ child, until }) => {
        const port = /listening on: ws:\/\/127\.0\.0\.1:(\d+)\n/.exec(await until(/note:.*\n/))
          ?.[1];
        const local = `0100007F:${Number(port).toString(16).toUpperCase().padStart(4, "0")}`;
        assert.deepEqual(await listeningOn(child.pid), [local]);
      });
    },
  });
}

Deno.test("a loopback listener refuses another address than the one it asked for", async () => {
  const script = `
    import { listen } from "${ROOT}src/server/listen.ts";
    try {
      await listen({ type: "tcp", hostname: "127.0.0.1", port: 0 }, { accept() {}, log: {} });
    } catch (error) {
      console.error(error.name, error.message);
    }`;
  for (const override of ["tcp:0.0.0.0:0", "tcp:127.0.0.2:0", "unix:other.sock"]) {
    const words = ["eval", "--quiet", "--config", `${ROOT}deno.json`, script];
    await withDeno(words, override, async ({ child, until }) => {
      assert.match(
        await until(/\n/),
        /^CliError Asked to listen on 127\.0\.0\.1:0, .* another address: unset DENO_SERVE_ADDRESS\n$/,
        override,
      );
      // Nothing is left that would keep the process alive.
      assert.equal((await child.status).code, 0);
    });
  }
});
