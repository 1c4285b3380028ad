/** `codex app-server` as a process, in each form: listeners, signals, end of input, refused flags. */
import assert from "node:assert/strict";
import { Client } from "../../src/client/client.ts";
import { systemClock } from "../../src/programs/host.ts";
import { connectWebSocket } from "../../src/rpc/websocket.ts";
import { startChild } from "../server/child_server.ts";
import { runTurn } from "../server/turn_steps.ts";
import { type Form, testEachForm } from "../support/forms.ts";
import { call, gate, say } from "../support/mock_model.ts";
import { text } from "../support/server.ts";
import { makePlace } from "./exec_process.ts";

/** A running `codex app-server` with its own home. */
async function startAppServer(form: Form, args: readonly string[]) {
  const home = await Deno.makeTempDir({ prefix: "codex-app-server-" });
  await Deno.writeTextFile(
    `${home}/config.toml`,
    `model_provider = "demo"\nsandbox_mode = "danger-full-access"\n`,
  );
  const [program = "", ...words] = form.command;
  const child = new Deno.Command(program, {
    args: [...words, "app-server", ...args],
    cwd: home,
    env: { CODEX_HOME: home, RUST_LOG: "", LOG_FORMAT: "", ...form.env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stdin = child.stdin.getWriter();
  const stdout = lines(child.stdout);
  const stderr = lines(child.stderr);
  return {
    child,
    stdin,
    stdout,
    stderr,
    /** Reads the banner up to the line that names the address. */
    url: async () => {
      for (;;) {
        const { value, done } = await stderr.next();
        if (done) throw new Error("The server ended before it listened");
        const url = /listening on: (ws:\S+)/.exec(value)?.[1];
        if (url) return url;
      }
    },
    [Symbol.asyncDispose]: async () => {
      await stdin.close().catch(() => undefined);
      await child.status;
      await Promise.all([drain(stdout), drain(stderr)]);
      await Deno.remove(home, { recursive: true });
    },
  };
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
  if (rest !== "") yield rest;
}

async function drain(source: AsyncGenerator<string, void>): Promise<string[]> {
  return await Array.fromAsync(source);
}

async function connect(url: string): Promise<Client> {
  return await Client.connect(await connectWebSocket(url), {
    clientInfo: { name: "test", version: "1" },
    clock: systemClock(),
  });
}

testEachForm("app-server over stdio answers line by line and ends with its input", async (form) => {
  await using server = await startAppServer(form, []);
  const request = {
    id: 1,
    method: "initialize",
    params: { clientInfo: { name: "t", version: "1" } },
  };
  await server.stdin.write(new TextEncoder().encode(`not json\n${JSON.stringify(request)}\n`));
  const { value } = await server.stdout.next();
  const answer = JSON.parse(value ?? "");
  assert.equal(answer.id, 1);
  assert.match(answer.result.userAgent, /^t\/\d+\.\d+\.\d+ \(/);
  assert.equal("jsonrpc" in answer, false);
  await server.stdin.close();
  assert.equal((await server.child.status).code, 0);
});

testEachForm(
  "app-server over stdio runs a turn, and ends when its client hangs up in another",
  async (form) => {
    await using place = await makePlace(
      call("exec_command", { cmd: "cat a.txt", login: false }),
      say("Read"),
      [say("So far"), gate("never")],
    );
    await Deno.writeTextFile(`${place.project}/a.txt`, "from the file\n");
    await using server = await startChild(place, { form });
    const { client } = server;
    const { thread } = await client.request("thread/start", {});
    assert.equal((await runTurn(client, thread.id, "read a.txt")).status, "completed");
    assert.match((await place.model.request(1)).text, /from the file/);
    await client.request("turn/start", { threadId: thread.id, input: text("again") });
    await client.next("item/completed", ({ item }) => item.type === "agentMessage");
    assert.equal(await server.stop(), 0);
  },
);

testEachForm("app-server on a WebSocket says where, is ready and runs a turn", async (form) => {
  await using server = await startAppServer(form, ["--listen", "ws://127.0.0.1:0"]);
  const banner: string[] = [];
  for (let line = 0; line < 5; line++) banner.push((await server.stderr.next()).value ?? "");
  const host = /ws:\/\/(\S+)$/.exec(banner[1] ?? "")?.[1] ?? assert.fail(banner.join("\n"));
  assert.deepEqual(banner, [
    "codex app-server (WebSockets)",
    `  listening on: ws://${host}`,
    `  readyz: http://${host}/readyz`,
    `  healthz: http://${host}/healthz`,
    "  note: binds localhost only (use SSH port-forwarding for remote access)",
  ]);
  for (const path of ["readyz", "healthz"]) {
    const answer = await fetch(`http://${host}/${path}`);
    assert.deepEqual([answer.status, await answer.text()], [200, ""]);
  }
  using client = await connect(`ws://${host}`);
  const { thread } = await client.request("thread/start", {});
  assert.equal((await runTurn(client, thread.id, "run `echo hi`")).status, "completed");
  const { turns } = (await client.request("thread/resume", { threadId: thread.id })).thread;
  assert.match(JSON.stringify(turns), /I ran `echo hi` \(exit code 0\)/);
  server.child.kill("SIGINT");
  assert.equal((await server.child.status).code, 0);
});

testEachForm(
  "app-server on a WebSocket ends at once on SIGTERM when nothing runs",
  async (form) => {
    await using server = await startAppServer(form, ["--listen", "ws://127.0.0.1:0"]);
    const client = await connect(await server.url());
    server.child.kill("SIGTERM");
    assert.equal((await server.child.status).code, 0);
    await client.closed;
  },
);

testEachForm(
  "app-server lets a running turn finish after the first SIGTERM, then exits 0",
  async (form) => {
    await using server = await startAppServer(form, ["--listen", "ws://127.0.0.1:0"]);
    const url = await server.url();
    const client = await connect(url);
    const { thread } = await client.request("thread/start", {});
    await client.request("turn/start", { threadId: thread.id, input: text("count slowly to 5") });
    await client.next("item/agentMessage/delta");
    server.child.kill("SIGTERM");
    // It keeps serving meanwhile.
    const ready = await fetch(`${url.replace("ws", "http")}/readyz`);
    await ready.body?.cancel();
    assert.equal(ready.status, 200);
    const { turn } = await client.next("turn/completed");
    assert.equal(turn.status, "completed");
    assert.equal((await server.child.status).code, 0);
  },
);

testEachForm("app-server interrupts a running turn on the second SIGTERM", async (form) => {
  await using server = await startAppServer(form, ["--listen", "ws://127.0.0.1:0"]);
  const client = await connect(await server.url());
  const { thread } = await client.request("thread/start", {});
  await client.request("turn/start", { threadId: thread.id, input: text("count slowly to 500") });
  await client.next("item/agentMessage/delta");
  server.child.kill("SIGTERM");
  // Two signals at once would count as one.
  for await (const line of server.stderr) if (line.startsWith("Waiting for")) break;
  server.child.kill("SIGTERM");
  assert.equal((await server.child.status).code, 0);
  await client.closed;
});

for (
  const [args, code, message] of [
    [["--listen", "off"], 1, /^Error: no transport configured/m],
    [["--listen", "ws://localhost:1"], 2, /invalid websocket --listen URL/],
    [["--ws-auth", "capability-token"], 1, /`--ws-token-file` or `--ws-token-sha256` is required/],
    [["--listen", "ws://0.0.0.0:0"], 1, /refusing to start non-loopback websocket listener/],
  ] as const
) {
  testEachForm(`app-server ${args.join(" ")} is refused with exit code ${code}`, async (form) => {
    await using server = await startAppServer(form, args);
    assert.equal((await server.child.status).code, code);
    assert.match((await drain(server.stderr)).join("\n"), message);
  });
}
