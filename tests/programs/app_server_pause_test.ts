/** A real `codex app-server` that stands still for a while, as on a machine that is suspended. */
import assert from "node:assert/strict";
import { hastyClock, record, roam, stateIs, transcriptOf } from "../client/reconnect_world.ts";
import { gate, say } from "../support/mock_model.ts";
import { text } from "../support/server.ts";
import { makePlace } from "./exec_process.ts";
import { dial, meet, startSocketServer } from "./socket_server.ts";

const SOCKET = ["-c", 'sandbox_mode="danger-full-access"', "--listen", "unix://server.sock"];

Deno.test("clients notice that a server stands still, come back when it goes on, and have missed nothing", async () => {
  await using place = await makePlace([say("So far"), gate("rest"), say("And the rest")]);
  await using server = await startSocketServer(place, SOCKET);
  const [url = ""] = server.urls;
  const clock = hastyClock();
  using client = await roam((signal) => dial(url, { signal, clock }), { clock });
  const recording = record(client);
  const { thread, logId = "", seq = -1 } = await client.request("thread/start", {});
  const threadId = thread.id;
  const message = client.next("item/completed", ({ item }) => item.type === "agentMessage");
  await client.request("turn/start", { threadId, input: text("go") });
  await message;
  // One whose time does not run ahead has noticed nothing by then, and is heard when the server goes on.
  const patient = await meet(url);
  const lost = stateIs(client, "reconnecting");
  server.signal("SIGSTOP");
  const late = patient.request("thread/loaded/list", {});
  const state = await lost;
  assert.ok(state.type === "reconnecting");
  assert.match(state.reason, /^no sign of life for /);
  place.model.release("rest");
  const completed = client.next("turn/completed");
  const back = stateIs(client, "connected");
  server.signal("SIGCONT");
  await back;
  assert.equal((await completed).turn.status, "completed");
  assert.deepEqual((await late).data, [threadId]);
  assert.deepEqual(recording.gaps, []);
  const witness = await meet(url, { sessionExtensions: ["numberedEvents"] });
  const { replay } = await witness.request("thread/resume", { threadId, logId, afterSeq: seq });
  assert.ok(replay?.type === "events");
  assert.deepEqual(
    transcriptOf(recording.events, threadId),
    transcriptOf(replay.events, threadId),
  );
  for (const one of [patient, witness]) one.close();
});
