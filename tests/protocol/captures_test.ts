/** Holds recordings of the real clients and servers, where they are at hand, against the protocol tables. */
import assert from "node:assert/strict";
import {
  judgeAnswer,
  judgeClientMessage,
  judgeResult,
  judgeServerMessage,
  type Message,
  type Verdict,
} from "./wire.ts";

const CAPTURES = new URL("../../../shared/peer/captures/", import.meta.url);

/** What real servers do differently from what this protocol promises, and why that is right. */
const SERVER_EXCEPTIONS: readonly { readonly problem: RegExp; readonly why: string }[] = [
  {
    problem: /^(thread|data\.\d+)\.(sessionId|recencyAt|threadSource|projectId): .*undefined$/,
    why: "0.120 servers do not have these members; 0.169 clients need them",
  },
  {
    problem: /^(startedAtMs|completedAtMs): .*undefined$/,
    why: "0.120 servers do not send times; 0.169 clients need them",
  },
  {
    problem: /^data\.\d+\.supportedReasoningEfforts\.\d+\.reasoningEffort: /,
    why: "0.169 servers offer efforts over which 0.120 clients refuse the whole list",
  },
  {
    problem: /^type: Invalid input: expected "apiKey"$/,
    why: "a login with ChatGPT is refused here",
  },
  { problem: /^layers: .*undefined$/, why: "0.169 servers leave out what 0.120 ones send as null" },
  { problem: /^turn\.itemsView: /, why: "turns here are never summaries" },
];

interface Line {
  readonly conn: number;
  readonly dir: string;
  readonly msg: Message;
}

const files = await captureFiles();

Deno.test({
  name: "every message of the recorded clients and servers fits the tables",
  ignore: files.length === 0,
  fn: async () => {
    let judged = 0;
    const problems = new Set<string>();
    for (const file of files) {
      const methods = new Map<string, string>();
      for (const { conn, dir, msg } of linesOf(await Deno.readTextFile(file))) {
        const verdict = await judge(msg, { fromClient: dir === "c>s", methods, conn });
        if (verdict) judged++;
        for (const problem of verdict ?? []) {
          const excused = dir === "s>c" &&
            SERVER_EXCEPTIONS.some((one) => one.problem.test(problem));
          if (!excused) problems.add(`${dir} ${msg.method ?? "result"} ${problem}`);
        }
      }
    }
    assert.deepEqual([...problems], []);
    assert.ok(judged > 500, `Only ${judged} messages were judged`);
  },
});

/** A response is judged by the method of the request that it answers. */
async function judge(
  msg: Message,
  { fromClient, methods, conn }: {
    fromClient: boolean;
    methods: Map<string, string>;
    conn: number;
  },
): Promise<Verdict> {
  const key = `${conn} ${fromClient} ${JSON.stringify(msg.id)}`;
  if (typeof msg.method === "string") {
    if (msg.id !== undefined) methods.set(key, msg.method);
    return fromClient ? await judgeClientMessage(msg) : await judgeServerMessage(msg);
  }
  const method = methods.get(`${conn} ${!fromClient} ${JSON.stringify(msg.id)}`);
  if (method === undefined || msg.result === undefined) return null;
  return fromClient ? await judgeAnswer(method, msg.result) : await judgeResult(method, msg.result);
}

function linesOf(text: string): Line[] {
  const concrete = text.replaceAll("$LAB", "/lab").replaceAll("$CODEX_HOME", "/home/.codex");
  return concrete.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line))
    .filter((line) => typeof line.msg === "object" && line.msg !== null);
}

async function captureFiles(): Promise<URL[]> {
  try {
    const names: string[] = [];
    for await (const entry of Deno.readDir(CAPTURES)) names.push(entry.name);
    return names.filter((name) => name.endsWith(".jsonl")).map((name) => new URL(name, CAPTURES));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
