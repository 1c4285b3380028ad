/**
 * `deno task demo`: the main job without a key and without a network, in a few seconds.
 *
 * A server, a client, one turn: a command and an edit are approved, the connection is cut in the middle,
 * and the turn goes on. Every line with a check mark was checked, and the exit code says so.
 */
import type { Client } from "../src/client/client.ts";
import { openStage, type Stage, tell } from "./demo/stage.ts";

const PROMPT = "run `sh check.sh`, then in notes.txt replace draft with release, " +
  "then run `sh slow.sh`, then run `sh check.sh`";
const CUT_AFTER = "step 2 of 8";
const DEADLINE_MS = 60_000;

/** Approves whatever the server asks for, and says so. */
function approveAll(client: Client): { readonly approved: string[] } {
  const approved: string[] = [];
  client.onRequest("item/commandExecution/requestApproval", ({ command }) => {
    approved.push(command ?? "a command");
    tell("?", `may run ${command}  → approved`);
    return { decision: "accept" };
  });
  client.onRequest("item/fileChange/requestApproval", () => {
    approved.push("patch");
    tell("?", "may change notes.txt  → approved");
    return { decision: "accept" };
  });
  return { approved };
}

/** Prints what a client sees of a turn: the beginnings of messages, the ends of outputs, the edits. */
function showTurn(client: Client): void {
  client.on("item/completed", ({ item }) => {
    if (item.type === "agentMessage") {
      tell("›", `codex: ${item.text.split("\n", 1).join()}${item.text.includes("\n") ? " …" : ""}`);
    }
    if (item.type === "commandExecution") {
      tell(" ", (item.aggregatedOutput ?? "").trimEnd().split("\n").slice(-3).join("\n"));
    }
    if (item.type === "fileChange") {
      const lines = item.changes.flatMap(({ diff }) => diff.split("\n"));
      tell(" ", lines.filter((line) => /^[-+]/.test(line)).join("\n"));
    }
  });
}

/** Plays the first act; returns when the slow command is running and the socket is closed. */
async function startAndLeave(stage: Stage): Promise<{ threadId: string; turnId: string }> {
  const client = await stage.connect();
  const { approved } = approveAll(client);
  showTurn(client);
  // Until commands can be confined, full access is said openly, and every step is asked for.
  const { thread } = await client.request("thread/start", {
    cwd: stage.project,
    sandbox: "danger-full-access",
    approvalPolicy: "untrusted",
  });
  tell("›", `you: ${PROMPT}`);
  const { turn } = await client.request("turn/start", {
    threadId: thread.id,
    input: [{ type: "text", text: PROMPT, text_elements: [] }],
  });
  await client.next("item/commandExecution/outputDelta", ({ delta }) => delta.includes(CUT_AFTER));
  check(approved.includes("patch"), "the patch was asked for");
  check(approved.length >= 3, "every command was asked for");
  check((await read(stage, "notes.txt")).includes("release"), "notes.txt was changed");
  client.close();
  tell("✂", `connection cut in the middle of the turn, after "${CUT_AFTER}"`);
  return { threadId: thread.id, turnId: turn.id };
}

/** Waits until the command has gone on although no client is there. */
async function watchFromOutside(stage: Stage): Promise<void> {
  const atCut = (await read(stage, "progress")).length;
  while ((await read(stage, "progress")).length < atCut + 4) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  tell("✓", "nobody is connected, and the command goes on");
}

/** Plays the second act: another connection finds the turn running and sees its end. */
async function returnAndFinish(
  stage: Stage,
  { threadId, turnId }: { readonly threadId: string; readonly turnId: string },
): Promise<void> {
  using client = await stage.connect();
  approveAll(client);
  showTurn(client);
  const { thread } = await client.request("thread/resume", { threadId });
  const running = thread.turns.find((turn) => turn.id === turnId);
  check(thread.status.type === "active", "the thread is still active");
  check(running?.status === "inProgress", "the same turn is still in progress");
  tell("✓", "connected again and resumed: the turn is still in progress");
  const { turn } = await client.next("turn/completed");
  check(turn.id === turnId && turn.status === "completed", "the turn completed");
  check((await read(stage, "progress")).trimEnd().endsWith("8"), "the slow command ran to its end");
  const { thread: stored } = await client.request("thread/read", { threadId, includeTurns: true });
  check(stored.turns.at(-1)?.status === "completed", "the stored turn is complete");
  tell("✓", "turn completed; notes.txt is changed and the thread is on disk");
}

function check(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new Error(`Not true: ${claim}`);
}

async function read(stage: Stage, name: string): Promise<string> {
  return await Deno.readTextFile(`${stage.project}/${name}`);
}

async function main(): Promise<number> {
  const startedAt = performance.now();
  console.log(
    "codex demo: offline, without a key; the model is a set of rules, the rest is real\n",
  );
  const deadline = setTimeout(() => {
    console.error("The demo did not end in time");
    Deno.exit(1);
  }, DEADLINE_MS);
  try {
    await using stage = await openStage();
    tell("✓", `codex app-server listens on ${stage.url}`);
    const turn = await startAndLeave(stage);
    await watchFromOutside(stage);
    await returnAndFinish(stage, turn);
  } catch (error) {
    console.error(`\nThe demo failed: ${error instanceof Error ? error.message : error}`);
    return 1;
  } finally {
    clearTimeout(deadline);
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`\nAll of it was checked, in ${seconds} s. README.md says what to try next.`);
  return 0;
}

if (import.meta.main) Deno.exit(await main());
