/** How a real `codex app-server` stops, reloads and comes back, and what its clients notice. */
import assert from "node:assert/strict";
import type { ReconnectingClient } from "../../src/client/reconnect.ts";
import { CLOSE_CODES } from "../../src/rpc/close_codes.ts";
import { writeCertificate } from "../server/listen_lab.ts";
import { hastyClock, roam } from "../client/reconnect_world.ts";
import { testEachForm } from "../support/forms.ts";
import { call, gate, say } from "../support/mock_model.ts";
import { text } from "../support/server.ts";
import { makePlace } from "./exec_process.ts";
import { dial, meet, startSocketServer } from "./socket_server.ts";

const SETTINGS = ["-c", 'sandbox_mode="danger-full-access"', "-c", 'approval_policy="untrusted"'];
const SOCKET = [...SETTINGS, "--listen", "unix://server.sock"];

/** A client that comes back by itself. */
async function connect(url: string): Promise<ReconnectingClient> {
  const clock = hastyClock();
  return await roam((signal) => dial(url, { signal, clock }), { clock });
}

Deno.test("a server that drains starts no turn, ends those that run, and says so to its clients", async () => {
  await using place = await makePlace([say("So far"), gate("end")]);
  await using server = await startSocketServer(place, SOCKET);
  const [url = ""] = server.urls;
  const client = await meet(url);
  const { thread } = await client.request("thread/start", {});
  const other = (await client.request("thread/start", {})).thread;
  const running = { threadId: thread.id, input: text("go on") };
  await client.request("turn/start", running);
  await place.model.reached("end");
  server.signal("SIGTERM");
  await server.said(/^Waiting for running turns; signal again to stop them$/m);

  const refusal = { code: -32001, data: { reason: "shuttingDown" } };
  await assert.rejects(client.request("turn/start", { threadId: other.id, input: text("no") }), {
    ...refusal,
    message: "The server is shutting down and starts no new turn; try again once it is back",
  });
  const command = { threadId: other.id, command: "true" };
  await assert.rejects(client.request("thread/shellCommand", command), refusal);
  // Whoever comes meanwhile can follow the turn, and add to it.
  const late = await meet(url);
  await late.request("thread/resume", { threadId: thread.id });
  place.model.push(say("The end"));
  await late.request("turn/start", { threadId: thread.id, input: text("and this") });
  place.model.release("end");
  const { turn } = await late.next("turn/completed");
  assert.equal(turn.status, "completed");
  assert.equal(await client.closed, "server shutdown");
  assert.deepEqual([client.closeCode, CLOSE_CODES.shutdown.code], [1001, 1001]);
  assert.equal(await server.ended(), 0);
  assert.match((await place.model.request(1)).text, /and this/);
});

Deno.test("a server that logs JSON says that it drains in JSON too", async () => {
  await using place = await makePlace([say("So far"), gate("end")]);
  const env = { RUST_LOG: "info", LOG_FORMAT: "json" };
  await using server = await startSocketServer(place, SOCKET, { env });
  const client = await meet(server.urls[0] ?? "");
  const { thread } = await client.request("thread/start", {});
  await client.request("turn/start", { threadId: thread.id, input: text("go on") });
  await place.model.reached("end");
  server.signal("SIGTERM");
  await server.said(/^{.*"message":"Waiting for running turns; signal again to stop them"/m);
  server.signal("SIGTERM");
  assert.equal(await server.ended(), 0);
  assert.doesNotMatch(server.stderr, /^Waiting/m);
});

Deno.test("a server that drains waits no longer than it was told to, and leaves no command behind", async () => {
  const command = "echo $$; exec sleep 1000";
  await using place = await makePlace(
    call("exec_command", { cmd: command, login: false, yield_time_ms: 30_000 }),
  );
  const settings = ["-c", 'sandbox_mode="danger-full-access"', "-c", 'approval_policy="never"'];
  await using server = await startSocketServer(
    place,
    [...settings, "--listen", "unix://server.sock", "--drain-timeout", "0"],
  );
  const client = await meet(server.urls[0] ?? "");
  const { thread } = await client.request("thread/start", {});
  await client.request("turn/start", { threadId: thread.id, input: text("sleep") });
  const { delta } = await client.next("item/commandExecution/outputDelta");
  const pid = Number(delta);
  Deno.kill(pid, "SIGCONT");
  server.signal("SIGTERM");
  assert.equal(await server.ended(), 0);
  assert.throws(() => Deno.kill(pid, "SIGCONT"), Deno.errors.NotFound);
});

Deno.test("an input that a draining server refuses goes to the next one by itself", async () => {
  await using place = await makePlace([say("So far"), gate("end")]);
  const draining = await startSocketServer(place, SOCKET);
  const [url = ""] = draining.urls;
  using client = await connect(url);
  const { thread } = await client.request("thread/start", {});
  const first = client.next("turn/completed");
  await client.request("turn/start", { threadId: thread.id, input: text("first") });
  await place.model.reached("end");
  const other = (await client.request("thread/start", {})).thread;
  draining.signal("SIGTERM");
  await draining.said(/^Waiting for running turns/m);
  const codes: (number | null)[] = [];
  client.onState((state) => void (state.type === "reconnecting" && codes.push(state.code)));
  place.model.push(say("Second"));
  const second = client.next("turn/completed", ({ threadId }) => threadId === other.id);
  const started = client.request("turn/start", { threadId: other.id, input: text("second") });
  place.model.release("end");
  assert.equal((await first).turn.status, "completed");
  assert.equal(await draining.ended(), 0);
  await using _next = await startSocketServer(place, SOCKET);
  const { turn } = await started;
  assert.equal((await second).turn.id, turn.id);
  assert.equal(place.model.requests.length, 2);
  assert.equal(codes[0], CLOSE_CODES.shutdown.code);
});

testEachForm(
  "after kill -9 and a new start on the same home, clients come back and know what became of all",
  async (form) => {
    await using place = await makePlace(
      [say("So far"), call("exec_command", { cmd: "touch made", login: false }, "asked")],
      say("Fresh"),
    );
    const killed = await startSocketServer(place, SOCKET, { form });
    const [url = ""] = killed.urls;
    using client = await connect(url);
    const asked = Promise.withResolvers<string>();
    const withdrawn = Promise.withResolvers<void>();
    client.onRequest("item/commandExecution/requestApproval", async (_, { id, signal }) => {
      asked.resolve(id);
      signal.addEventListener("abort", () => withdrawn.resolve());
      await withdrawn.promise;
      return { decision: "accept" };
    });
    const { thread } = await client.request("thread/start", {});
    const threadId = thread.id;
    const { turn } = await client.request("turn/start", { threadId, input: text("first") });
    const id = await asked.promise;
    const gaps: string[] = [];
    client.onNews((news) => void (news.type === "gap" && gaps.push(news.threadId)));
    const lost = stateIs(client, "reconnecting");
    killed.signal("SIGKILL");
    await killed.ended();
    await lost;
    // What is said meanwhile waits, and nothing of it is swallowed.
    const cancelled = client.next("serverRequest/resolved");
    const completed = client.next("turn/completed", (params) => params.turn.id !== turn.id);
    const back = stateIs(client, "connected");
    const started = client.request("turn/start", { threadId, input: text("second") });
    assert.equal(client.waitingCount, 1);

    await using next = await startSocketServer(place, SOCKET, { form });
    await back;
    assert.deepEqual(next.urls, [url]);
    assert.deepEqual(gaps, [threadId]);
    await withdrawn.promise;
    const { requestId, cancelledBy } = await cancelled;
    assert.deepEqual([requestId, cancelledBy], [id, "serverRestart"]);
    const second = (await started).turn;
    assert.equal((await completed).turn.id, second.id);
    const read = await client.request("thread/read", { threadId, includeTurns: true });
    assert.deepEqual(read.thread.turns.map(({ id, status }) => [id, status]), [
      [turn.id, "interrupted"],
      [second.id, "completed"],
    ]);
    const { text: body } = await place.model.request(1);
    assert.match(body, /first.*So far.*second/);
    await assert.rejects(Deno.stat(`${place.project}/made`), Deno.errors.NotFound);
    assert.equal(place.model.requests.length, 2);
  },
);

Deno.test("SIGHUP makes a server with sockets read its certificate and configuration again", async () => {
  await using place = await makePlace(say("One"));
  const file = `${place.outside}/server.pem`;
  await writeCertificate(file);
  await using server = await startSocketServer(
    place,
    ["--listen", "wss://127.0.0.1:0", "--ws-tls-cert", file, "--ws-tls-key", file],
    { env: { RUST_LOG: "info" } },
  );
  const [url = ""] = server.urls;
  const [, fingerprint = ""] = await server.said(/fingerprint: SHA256:(\w+)/);
  const early = await meet(url, { fingerprint });
  await early.request("thread/start", {});
  await writeCertificate(file);
  const config = `${place.home}/config.toml`;
  await Deno.writeTextFile(config, "model = 7\n");
  server.signal("SIGHUP");
  const [, renewed = ""] = await server.said(
    /Reloaded the TLS certificate fingerprint=([0-9a-f]{64})/,
  );
  assert.notEqual(renewed, fingerprint);
  await server.said(/ERROR reload: Cannot reload: .*model/);
  await assert.rejects(dial(url, { fingerprint }), /not the expected one/);
  (await meet(url, { fingerprint: renewed })).close();
  // Who was there stays, and so does the server.
  await early.request("thread/loaded/list", {});
  await Deno.writeTextFile(config, 'model_provider = "demo"\n');
  server.signal("SIGHUP");
  await server.said(/ INFO reload: Reloaded$/m);
  const { model } = await early.request("thread/start", { modelProvider: "demo" });
  assert.notEqual(model, "mock-model");
  await Deno.remove(file);
  server.signal("SIGHUP");
  await server.said(/Cannot reload: Cannot read the TLS certificate/);
  (await meet(url, { fingerprint: renewed })).close();
  early.close();
  server.signal("SIGTERM");
  assert.equal(await server.ended(), 0);
});

Deno.test("SIGHUP stops a server that has no socket", async () => {
  await using place = await makePlace();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", MAIN, "app-server"],
    cwd: place.project,
    env: { ...place.env, CODEX_APP_SERVER_LISTEN: "" },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const input = child.stdin.getWriter();
  const params = { clientInfo: { name: "t", version: "1" } };
  const request = JSON.stringify({ id: 1, method: "initialize", params });
  await input.write(new TextEncoder().encode(`${request}\n`));
  const output = child.stdout.getReader();
  await output.read();
  child.kill("SIGHUP");
  assert.equal((await child.status).code, 0);
  await output.cancel();
  await input.close().catch(() => undefined);
});

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

/** Resolves at the next change to a state of that type. */
function stateIs(client: ReconnectingClient, type: "connected" | "reconnecting"): Promise<void> {
  return new Promise((resolve) => {
    const stop = client.onState((state) => {
      if (state.type !== type) return;
      stop();
      resolve();
    });
  });
}
