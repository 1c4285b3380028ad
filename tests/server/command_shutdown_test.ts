/** The real server as a process: when it ends in good order, so does everything that was started for its clients. */
import assert from "node:assert/strict";
import { leftOf } from "../exec/process_run.ts";
import { makePlace } from "../programs/exec_process.ts";
import { startChild } from "./child_server.ts";
import { Deltas, sh } from "./command_steps.ts";

const ESCAPES = "setsid sh -c 'echo pid $$; exec sleep 1000' & " +
  "setsid -f sh -c 'trap \"\" TERM HUP; echo pid $$; exec >/dev/null; while :; do sleep 1000; done'; " +
  "echo pid $$; exec sleep 1000";

function pidsIn(text: string): number[] {
  return [...text.matchAll(/pid (\d+)/g)].map(([, pid]) => Number(pid));
}

Deno.test("commands of clients and users end with the server, whatever they have done to escape", async () => {
  await using place = await makePlace();
  const child = await startChild(place);
  const { client } = child;
  const deltas = new Deltas(client);
  const { thread } = await client.request("thread/start", {});
  await client.request("thread/shellCommand", { threadId: thread.id, command: ESCAPES });
  let shown = "";
  await client.next("item/commandExecution/outputDelta", ({ delta }) => {
    shown += delta;
    return pidsIn(shown).length === 3;
  });
  const answer = sh(client, ESCAPES, {
    processId: "p",
    streamStdoutStderr: true,
    disableTimeout: true,
  });
  const refused = assert.rejects(answer);
  const text = await deltas.sees("p", /(?:pid \d+[^]*){3}/);
  const pids = [...pidsIn(shown), ...pidsIn(text)];
  assert.equal(pids.length, 6);
  assert.equal(await child.stop(), 0);
  await refused;
  assert.deepEqual(await leftOf(pids), []);
});
