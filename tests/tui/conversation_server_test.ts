/** Blocks of a thread as they stream from the real server, beside those of the same thread loaded again. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Conversation } from "../../src/tui/conversation.ts";
import type { Block } from "../../src/tui/blocks.ts";
import { systemClock } from "../../src/programs/host.ts";
import { Recorder } from "../server/recorder.ts";
import {
  call,
  custom,
  say,
  type ScriptedResponse,
  think,
  webSearch,
} from "../support/scripted_model.ts";
import { startServer, text } from "../support/server.ts";

/** What of a block is the same however it came: not how often it changed, nor when this client saw it begin. */
function outline(blocks: readonly Block[]) {
  return blocks.filter(isOfThread).map((block) => {
    const { revision: _revision, ...rest } = block;
    return rest.type === "command" ? { ...rest, startedMs: null } : rest;
  });
}

/** Threads do not keep plans and passing troubles. */
function isOfThread({ type }: Block): boolean {
  return type !== "plan" && type !== "notice";
}

const addFile = "*** Begin Patch\n*** Add File: new.txt\n+one\n+two\n*** End Patch";

const step = fc.constantFrom<ScriptedResponse>(
  [
    think("**Looking** around"),
    say("Let me see.\n\n- one\n- two"),
    call("exec_command", { cmd: "echo hi" }),
  ],
  [call("exec_command", { cmd: "printf 'a\\nb'; exit 3" })],
  [custom("apply_patch", addFile)],
  [webSearch("deno"), call("exec_command", { cmd: "true" })],
  [call("update_plan", { plan: [{ step: "one", status: "in_progress" }] })],
  [say("Now this"), call("nothing_of_this_name", {})],
);

Deno.test("a thread that was streamed and the same thread loaded have the same blocks", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { maxLength: 3 }), { minLength: 1, maxLength: 3 }),
      async (turns) => {
        const responses = turns.flatMap((steps) => [...steps, say("Done **now**", { chunks: 4 })]);
        await using server = await startServer({ responses });
        const client = await server.connect();
        const recorder = new Recorder(client);
        const { thread } = await client.request("thread/start", {
          approvalPolicy: "never",
          sandbox: "danger-full-access",
        });
        const streamed = new Conversation({ clock: systemClock() });
        for (const index of turns.keys()) {
          for (const event of await recorder.turn(thread.id, `turn ${index}`)) {
            streamed.apply(
              event,
            );
          }
        }
        const loaded = new Conversation({ clock: systemClock() });
        const read = await client.request("thread/read", {
          threadId: thread.id,
          includeTurns: true,
        });
        loaded.load(read.thread.turns);
        assert.deepEqual(outline(loaded.blocks), outline(streamed.blocks));
        assert.equal(new Set(streamed.blocks.map(({ id }) => id)).size, streamed.blocks.length);
        assert.ok(streamed.blocks.every((block) => block.isFinal || block.type === "command"));
      },
    ),
    { numRuns: 12 },
  );
});

Deno.test("turns that were interrupted or failed leave the same blocks, streamed and loaded", async () => {
  const sleep = [say("Wait"), call("exec_command", { cmd: "sleep 60" })];
  await using server = await startServer({ responses: [sleep] });
  const client = await server.connect();
  const recorder = new Recorder(client);
  const { thread } = await client.request("thread/start", {
    approvalPolicy: "never",
    sandbox: "danger-full-access",
  });
  const threadId = thread.id;
  const streamed = new Conversation({ clock: systemClock() });
  const { turn } = await client.request("turn/start", { threadId, input: text("sleep") });
  const isCommand = ({ item }: { item: { type: string } }) => item.type === "commandExecution";
  for (const event of await recorder.until("item/started", isCommand)) streamed.apply(event);
  await client.request("turn/interrupt", { threadId, turnId: turn.id });
  for (const event of await recorder.until("turn/completed")) streamed.apply(event);
  // The script has no more answers, so this one fails.
  for (const event of await recorder.turn(threadId, "again")) streamed.apply(event);
  const loaded = new Conversation({ clock: systemClock() });
  const read = await client.request("thread/read", { threadId, includeTurns: true });
  loaded.load(read.thread.turns);
  assert.deepEqual(outline(loaded.blocks), outline(streamed.blocks));
  const ends = streamed.blocks.flatMap((block) => block.type === "turnEnd" ? [block] : []);
  assert.deepEqual(ends.map(({ status }) => status), ["interrupted", "failed"]);
  assert.notEqual(ends[1]?.error, null);
});
