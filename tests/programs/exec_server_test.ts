/** `codex exec-server` as a process: its listener, its stdio, its signals, what it gives up, its tasks. */
import assert from "node:assert/strict";
import { connectWebSocket } from "../../src/rpc/websocket.ts";
import { stdioTransport } from "../../src/rpc/stdio.ts";
import { readProcess } from "../../src/exec/process_table.ts";
import { ExecClient } from "../support/exec_client.ts";
import { SOURCE } from "../support/forms.ts";

const PATH = "/usr/local/bin:/usr/bin:/bin";

interface Started extends AsyncDisposable {
  readonly url: string;
  readonly child: Deno.ChildProcess;
  connect(): Promise<ExecClient>;
}

function command(
  words: readonly string[],
  options: { readonly stdin: "piped" | "null"; readonly home: string },
): Deno.Command {
  const [program = "", ...args] = SOURCE.command;
  return new Deno.Command(program, {
    args: [...args, "exec-server", ...words],
    env: { CODEX_HOME: options.home, NO_COLOR: "1", RUST_LOG: "" },
    stdin: options.stdin,
    stdout: "piped",
    stderr: "piped",
  });
}

async function start(...words: string[]): Promise<Started> {
  const home = await Deno.makeTempDir({ prefix: "codex_exec_server_" });
  const child = command(words, { stdin: "null", home }).spawn();
  const reader = child.stdout.getReader();
  let printed = "";
  while (!printed.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) break;
    printed += new TextDecoder().decode(value);
  }
  const url = printed.trimEnd();
  const clients: ExecClient[] = [];
  return {
    url,
    child,
    connect: async () => {
      const client = new ExecClient(await connectWebSocket(url));
      clients.push(client);
      await client.initialize();
      return client;
    },
    [Symbol.asyncDispose]: async () => {
      for (const client of clients) client[Symbol.dispose]();
      try {
        child.kill("SIGTERM");
      } catch {
        // It has ended already.
      }
      const { code } = await child.status;
      await reader.cancel();
      const stderr = await new Response(child.stderr).text();
      await Deno.remove(home, { recursive: true });
      assert.deepEqual([code, stderr], [0, ""]);
    },
  };
}

Deno.test("exec-server prints where it listens and nothing else, and ends well at SIGTERM", async () => {
  await using exec = await start("--listen", "ws://127.0.0.1:0");
  assert.match(exec.url, /^ws:\/\/127\.0\.0\.1:\d+$/);
  const { sessionId } = await exec.connect();
  assert.match(sessionId, /-/);
});

Deno.test("exec-server answers readyz, and nobody but clients of this machine", async () => {
  await using exec = await start();
  const address = exec.url.replace("ws:", "http:");
  const ask = async (path: string, headers: Record<string, string>) => {
    // Not `fetch`, which sets the Host header by itself.
    const { port } = new URL(address);
    using socket = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
    const lines = Object.entries({ Connection: "close", ...headers })
      .map(([name, value]) => `${name}: ${value}\r\n`).join("");
    await socket.write(new TextEncoder().encode(`GET ${path} HTTP/1.1\r\n${lines}\r\n`));
    const bytes = new Uint8Array(64);
    await socket.read(bytes);
    return Number(new TextDecoder().decode(bytes).split(" ")[1]);
  };
  const host = new URL(address).host;
  assert.equal(await ask("/readyz", { Host: host }), 200);
  assert.equal(await ask("/readyz", { Host: "localhost:1" }), 200);
  assert.equal(await ask("/readyz", { Host: "evil.example:80" }), 403);
  assert.equal(await ask("/readyz", { Host: "127.attacker.example" }), 403);
  assert.equal(await ask("/readyz", { Host: host, Origin: "null" }), 403);
  assert.equal(await ask("/", { Host: host, Origin: `http://${host}` }), 403);
  const upgrade = {
    Host: host,
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
  };
  assert.equal(await ask("/", { ...upgrade, Origin: "http://evil.example" }), 403);
  assert.equal(await ask("/", { ...upgrade, Host: "evil.example" }), 403);
});

Deno.test("exec-server takes binary messages as text", async () => {
  await using exec = await start();
  const socket = new WebSocket(exec.url);
  const answer = Promise.withResolvers<string>();
  socket.onmessage = (event) => answer.resolve(String(event.data));
  await new Promise((resolve) => socket.onopen = resolve);
  const request = { id: 1, method: "initialize", params: { clientName: "t" } };
  socket.send(new TextEncoder().encode(JSON.stringify(request)));
  assert.match(JSON.parse(await answer.promise).result.sessionId, /-/);
  const closed = new Promise((resolve) => socket.onclose = resolve);
  socket.close();
  await closed;
});

Deno.test("exec-server without the network still runs terminals, whole trees and files", async () => {
  await using exec = await start();
  const client = await exec.connect();
  // What it gave up shows: Deno opens nothing below /proc any more, but files go another way.
  const status = await client.request("fs/readFile", { path: `/proc/${exec.child.pid}/status` });
  assert.ok(status.dataBase64.length > 100);
  await client.request("process/start", {
    processId: "t",
    argv: ["/bin/sh", "-c", "setsid sleep 1000 & echo $! $(tty); wait"],
    cwd: "/tmp",
    env: { PATH },
    tty: true,
  });
  const { chunk } = await client.next("process/output");
  const [pid = "", terminal = ""] = new TextDecoder().decode(Uint8Array.fromBase64(chunk)).split(
    " ",
  );
  assert.match(terminal, /^\/dev\//);
  await client.request("process/terminate", { processId: "t" });
  await client.next("process/exited");
  await client.next("process/closed");
  assert.equal(readProcess(Number(pid))?.isRunning ?? false, false);
});

Deno.test("exec-server makes requests over HTTP with --http alone, and within its ceiling", async () => {
  const site = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response());
  const url = `http://127.0.0.1:${site.addr.port}`;
  const ask = async (...words: string[]) => {
    await using exec = await start("--listen", "ws://127.0.0.1:0", ...words);
    const client = await exec.connect();
    const params = { method: "GET", url, requestId: "r" };
    return await client.raw("http/request", params).then(() => "", ({ message }) => message);
  };
  assert.equal(await ask("--http"), "");
  const refused = "http/request is not permitted: ";
  assert.equal(await ask(), `${refused}start the exec-server with --http to allow it`);
  assert.equal(
    await ask("--http", "--max-sandbox", "workspace-write"),
    `${refused}This server allows workspace-write at most, which excludes network access`,
  );
  assert.equal(
    await ask("--http", "-c", 'permissions.network.allow_domains=["example.com"]'),
    `${refused}only processes reach the domains of \`allow_domains\``,
  );
  await site.shutdown();
});

Deno.test("exec-server ends the processes of its clients with itself", async () => {
  let pid = 0;
  {
    await using exec = await start();
    const client = await exec.connect();
    await client.request("process/start", {
      processId: "p",
      argv: ["/bin/sh", "-c", "trap '' TERM; echo $$; while :; do sleep 0.05; done"],
      cwd: "/tmp",
      env: { PATH },
      tty: false,
    });
    const { chunk } = await client.next("process/output");
    pid = Number(new TextDecoder().decode(Uint8Array.fromBase64(chunk)));
  }
  assert.equal(readProcess(pid)?.isRunning ?? false, false);
});

Deno.test("exec-server over stdio ends with its input", async () => {
  const home = await Deno.makeTempDir({ prefix: "codex_exec_server_" });
  const child = command(["--listen", "stdio"], { stdin: "piped", home }).spawn();
  const stderr = new Response(child.stderr).text();
  {
    const transport = stdioTransport({ input: child.stdout, output: child.stdin });
    using client = new ExecClient(transport);
    await client.initialize();
    const { environmentInfo } = await client.request("initialize", { clientName: "again" })
      .catch(async () => ({
        environmentInfo: await client.request("environment/info", undefined),
      }));
    assert.match(environmentInfo.cwd, /^file:\/\//);
  }
  assert.deepEqual([(await child.status).code, await stderr], [0, ""]);
  await Deno.remove(home, { recursive: true });
});

Deno.test("exec-server refuses addresses that are none, and those of the network", async () => {
  const home = await Deno.makeTempDir({ prefix: "codex_exec_server_" });
  const fails = async (...words: string[]) => {
    const { code, stdout, stderr } = await command(words, { stdin: "null", home }).output();
    assert.equal(new TextDecoder().decode(stdout), "");
    return [code, new TextDecoder().decode(stderr)];
  };
  assert.deepEqual(await fails("--listen", "bogus"), [
    1,
    "Error: unsupported --listen URL `bogus`; expected `ws://IP:PORT`\n",
  ]);
  for (const address of ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"]) {
    const [code, stderr] = await fails("--listen", `ws://${address}`);
    assert.equal(code, 1);
    assert.match(String(stderr), /asks for no token/);
  }
  assert.equal((await fails("--max-tasks", "3"))[0], 2);
  assert.equal((await fails("--tasks", "--max-tasks", "0"))[0], 2);
  await Deno.remove(home, { recursive: true });
});

Deno.test("exec-server runs tasks with the settings of its command line, and ends with its client", async () => {
  const words = ["--tasks", "--exit-on-disconnect", "-c", "model_provider=demo"];
  await using exec = await start(...words, "-c", "sandbox_mode=danger-full-access");
  const client = await exec.connect();
  await Promise.all([1, 2, 3].map((number) =>
    client.request("task/start", {
      prompt: `run echo $((${number}*111))`,
      cwd: "/tmp",
      ephemeral: true,
    })
  ));
  for (let count = 0; count < 3; count++) {
    const { task } = await client.next("task/completed");
    assert.deepEqual([task.status, task.error], ["completed", null]);
  }
  const printed = client.seen.map(({ params }) => JSON.stringify(params["event"] ?? "")).join("");
  for (const output of ["111", "222", "333"]) {
    assert.ok(printed.includes(`"aggregated_output":"${output}\\n"`), output);
  }
  client.close();
  assert.equal((await exec.child.status).code, 0);
});
