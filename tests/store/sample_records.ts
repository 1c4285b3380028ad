/** Rollouts for tests, made of the records that the agent writes; must not read any. */
import * as records from "../../src/store/rollout_items.ts";
import { type RolloutItem, rolloutPath, RolloutWriter } from "../../src/store/rollout.ts";

/** A version 7 UUID of a given time. */
export function threadIdAt(atMs: number, count = 0): string {
  const time = atMs.toString(16).padStart(12, "0");
  const tail = count.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${tail}`;
}

/** Metadata with everything that a test does not care about. */
export function sampleMeta(
  threadId: string,
  change: Partial<records.SessionMeta> = {},
): RolloutItem {
  return records.sessionMeta({
    threadId,
    createdAtMs: 1_795_168_800_000,
    cwd: "/project",
    originator: "test",
    cliVersion: "1.2.3",
    source: "vscode",
    modelProvider: "mock",
    baseInstructions: null,
    gitInfo: null,
    forkedFromId: null,
    ...change,
  });
}

/** A finished turn: prompt, answer, and the model's view of both. */
export function sampleTurn(turnId: string, prompt: string): RolloutItem[] {
  return [
    records.taskStarted({ turnId, startedAt: 100, modelContextWindow: 1000 }),
    userItem(prompt),
    records.userMessage(prompt),
    assistantItem(`re: ${prompt}`),
    records.agentMessage(`re: ${prompt}`),
    records.taskComplete({ turnId, lastAgentMessage: null, completedAt: 105, durationMs: 5000 }),
  ];
}

/** A user's message in the model's context. */
export function userItem(text: string): RolloutItem {
  return records.responseItem({
    type: "message",
    role: "user",
    content: [{ type: "input_text", text }],
  });
}

/** The model's message in the model's context. */
export function assistantItem(text: string): RolloutItem {
  return records.responseItem({
    type: "message",
    role: "assistant",
    content: [{ type: "output_text", text }],
  });
}

/** Writes a thread with one turn into a home; returns its path. */
export function writeThread(codexHome: string, thread: {
  readonly threadId: string;
  readonly atMs: number;
  readonly prompt: string;
  readonly meta?: Partial<records.SessionMeta>;
}): string {
  const path = rolloutPath(codexHome, { threadId: thread.threadId, createdAtMs: thread.atMs });
  const writer = RolloutWriter.create(path);
  const meta = sampleMeta(thread.threadId, { createdAtMs: thread.atMs, ...thread.meta });
  writer.append([meta, ...sampleTurn("t1", thread.prompt)], thread.atMs);
  writer.close();
  const at = new Date(thread.atMs);
  Deno.utimeSync(path, at, at);
  return path;
}
