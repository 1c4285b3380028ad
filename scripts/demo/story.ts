/** The story of the demo: one turn, and a connection that is cut in its middle; must not know what it is played on. */
import type { ConnectionState, ReconnectingClient } from "../../src/client/reconnect.ts";
import type { Stage } from "./stage.ts";
import { Transcript } from "./transcript.ts";

/** What stands before a line: it was checked, said, asked, cut, tried again, or none of these. */
export type Mark = "✓" | "›" | "?" | "✂" | "↻" | " ";
/** Prints a line with a mark in front of it. */
export type Tell = (mark: Mark, text: string) => void;

interface Play {
  readonly stage: Stage;
  readonly client: ReconnectingClient;
  readonly transcript: Transcript;
  readonly approved: string[];
  readonly tell: Tell;
}

/** A turn that is running. */
interface Running {
  readonly threadId: string;
  readonly turnId: string;
  /** The slow command. */
  readonly itemId: string;
  readonly completed: Promise<{ readonly id: string; readonly status: string }>;
}

const PROMPT = "run `sh check.sh`, then in notes.txt replace draft with release, " +
  "then run `sh slow.sh`, then run `sh check.sh`";
const CUT_AFTER = "step 2 of 10";
const STEPS = 10;
/** Steps that nobody sees when they happen. */
const UNSEEN_STEPS = 3;
/** The commands and the patch. */
const APPROVALS = 4;

/** Plays all of it; rejects when something that is claimed does not hold. */
export async function playStory(stage: Stage, tell: Tell): Promise<void> {
  using client = await stage.wire.connect();
  tell("✓", "a client is connected, over a line that can be cut");
  const transcript = record(client);
  const play = { stage, client, transcript, approved: approveAll(client, tell), tell };
  showTurn(play);
  const running = await start(play);
  await cutAndResume(play, running);
  await finish(play, running);
}

/** Hears everything that a client is told, from the moment on when it opens its thread. */
function record(client: ReconnectingClient): Transcript {
  const transcript = new Transcript();
  client.onNews((news) => {
    if (news.type === "opened") transcript.opened(news.result);
    else transcript.problems.push(`The thread could not be followed: ${news.type}`);
  });
  client.onAny((notification) => transcript.take(notification));
  return transcript;
}

/** Approves whatever the server asks for, and says so. */
function approveAll(client: ReconnectingClient, tell: Tell): string[] {
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
  return approved;
}

/** Prints what a client sees of a turn: the beginnings of messages, the ends of outputs, the edits. */
function showTurn({ client, tell }: Play): void {
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

/** Returns when the slow command is running. */
async function start({ stage, client, approved, tell }: Play): Promise<Running> {
  // It must also run where nothing can confine commands, so every step is asked for instead.
  const { thread } = await client.request("thread/start", {
    cwd: stage.project,
    sandbox: "danger-full-access",
    approvalPolicy: "untrusted",
  });
  const isSlow = client.next(
    "item/commandExecution/outputDelta",
    ({ delta }) => delta.includes(CUT_AFTER),
  );
  const completed = client.next("turn/completed").then(({ turn }) => turn);
  tell("›", `you: ${PROMPT}`);
  const { turn } = await client.request("turn/start", {
    threadId: thread.id,
    input: [{ type: "text", text: PROMPT, text_elements: [] }],
  });
  const { itemId } = await isSlow;
  check(approved.includes("patch"), "the patch was asked for");
  check(approved.length === APPROVALS - 1, "every command was asked for");
  check((await stage.read("notes.txt")).includes("release"), "notes.txt was changed");
  return { threadId: thread.id, turnId: turn.id, itemId, completed };
}

/** Cuts the line until the command has gone on without anybody, then waits for the client to come back by itself. */
async function cutAndResume(play: Play, { itemId }: Running): Promise<void> {
  const { stage, client, transcript, tell } = play;
  const [lost, connected] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const stopTelling = client.onState((state) => {
    if (state.type === "connected") return connected.resolve();
    lost.resolve();
    tellOfAttempt(state, tell);
  });
  tell("✂", "connection cut in the middle of the turn");
  stage.wire.cut();
  await lost.promise;
  const [lastSeq, lastOutput] = [transcript.seq, transcript.outputOf(itemId)];
  const stepsAtCut = await stepsOf(stage);
  while (await stepsOf(stage) < stepsAtCut + UNSEEN_STEPS) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  check(transcript.seq === lastSeq, "nothing came over a line that was cut");
  tell("✓", `nobody is connected, and the command goes on; event ${lastSeq} was the last one`);
  stage.wire.mend();
  await connected.promise;
  stopTelling();
  const missed = transcript.outputOf(itemId).slice(lastOutput.length);
  check(transcript.outputOf(itemId).startsWith(lastOutput), "what was seen stays as it was");
  check(transcript.seq > lastSeq, "what was missed came before anything else");
  check(missed.split("\n").length > UNSEEN_STEPS, "every step that nobody saw was replayed");
  checkNone(transcript.problems);
  tell("✓", `connected again by itself; events ${lastSeq + 1} to ${transcript.seq} were replayed`);
  tell(" ", missed);
}

function tellOfAttempt(state: ConnectionState, tell: Tell): void {
  if (state.type !== "reconnecting" || state.nextMs === null) return;
  const seconds = (Math.max(0, state.nextMs - Date.now()) / 1000).toFixed(1);
  tell("↻", `reconnecting in ${seconds} s`);
}

/** Sees the end of the turn, and compares all that was told with what the server has stored. */
async function finish(play: Play, { threadId, turnId, completed }: Running): Promise<void> {
  const { stage, client, transcript, approved, tell } = play;
  const turn = await completed;
  check(turn.id === turnId && turn.status === "completed", "the turn completed");
  check(await stepsOf(stage) === STEPS, "the slow command ran to its end, once");
  check(approved.length === APPROVALS, "nothing was asked for twice");
  const { thread } = await client.request("thread/read", { threadId, includeTurns: true });
  const stored = thread.turns.at(-1);
  check(stored?.id === turnId && stored.status === "completed", "the stored turn is complete");
  transcript.compare(stored.items);
  checkNone(transcript.problems);
  tell("✓", "turn completed; notes.txt is changed and the thread is on disk");
  tell("✓", `${transcript.seq} events, each of them once and in order, as the server has them`);
}

async function stepsOf(stage: Stage): Promise<number> {
  return (await stage.read("progress")).trimEnd().split("\n").length;
}

function check(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new Error(`Not true: ${claim}`);
}

function checkNone(problems: readonly string[]): void {
  if (problems.length > 0) throw new Error(problems.join("\n"));
}
