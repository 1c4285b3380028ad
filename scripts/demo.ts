/**
 * `deno task demo`: the main job without a key and without a network, in a few seconds.
 *
 * The built file as a server, a client, one turn: a command and an edit are approved, the connection is cut
 * in the middle, and the turn goes on. Every line with a check mark was checked, and the exit code says so.
 */
import { relative } from "node:path";
import type { Client } from "../src/client/client.ts";
import { freshFile } from "./built_file.ts";
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
  // It must also run where nothing can confine commands, so every step is asked for instead.
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

/** Plays the whole story against `file`. Whatever comes of it, `root` is gone in the end. */
async function play(file: string, root: string): Promise<void> {
  let stage: Stage | undefined;
  const giveUp = (why: string) => {
    stage?.abandon();
    Deno.removeSync(root, { recursive: true });
    console.error(`\nThe demo failed: ${why}`);
    Deno.exit(1);
  };
  const onSignal = () => giveUp("it was interrupted");
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, onSignal);
  const deadline = setTimeout(() => giveUp("it did not end in time"), DEADLINE_MS);
  try {
    stage = await openStage(file, root);
    tell("✓", `codex app-server listens on ${stage.url}`);
    const turn = await startAndLeave(stage);
    await watchFromOutside(stage);
    await returnAndFinish(stage, turn);
  } finally {
    await stage?.[Symbol.asyncDispose]();
    clearTimeout(deadline);
    for (const signal of signals) Deno.removeSignalListener(signal, onSignal);
    await Deno.remove(root, { recursive: true });
  }
}

async function main(): Promise<number> {
  console.log(
    "codex demo: offline, without a key; the model is a set of rules, the rest is real\n",
  );
  try {
    const file = await freshFile((why) => tell(" ", `${why}: building it takes some seconds`));
    const startedAt = performance.now();
    await play(file, await Deno.realPath(await Deno.makeTempDir({ prefix: "codex_demo_" })));
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.log(`\nAll of it was checked, in ${seconds} s, with the program in ${shown(file)}.`);
    console.log("README.md says what to try next.");
    return 0;
  } catch (error) {
    console.error(`\nThe demo failed: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
}

function shown(file: string): string {
  return relative(Deno.cwd(), file) || file;
}

if (import.meta.main) Deno.exit(await main());
