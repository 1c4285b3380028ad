/** Steps that many server tests share; must not assert anything. */
import type { Client } from "../../src/client/client.ts";
import type { Turn } from "../../src/protocol/turn_types.ts";
import { text } from "../support/server.ts";

/** Runs one turn to its end. */
export async function runTurn(client: Client, threadId: string, words: string): Promise<Turn> {
  const { turn } = await client.request("turn/start", { threadId, input: text(words) });
  return (await client.next("turn/completed", (params) => params.turn.id === turn.id)).turn;
}

/** A new thread on disk: it has one finished turn. */
export async function threadWithTurn(client: Client, words = "hi"): Promise<string> {
  const { thread } = await client.request("thread/start", {});
  await runTurn(client, thread.id, words);
  return thread.id;
}

/** The records of a rollout. */
// deno-lint-ignore no-explicit-any -- Raw records: each test reads the members that it is about.
export async function rolloutRecords(path: string | null): Promise<any[]> {
  const lines = (await Deno.readTextFile(path ?? "")).split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line));
}

/** Whether there is a file. */
export async function exists(path: string | null): Promise<boolean> {
  try {
    await Deno.stat(path ?? "");
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The text of everything that a model was sent as input. */
export function inputText(request: { readonly input: readonly unknown[] }): string {
  return JSON.stringify(request.input);
}
