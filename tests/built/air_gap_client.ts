/** What a client does in the tests of the air gap; started as a program, it does so over a WebSocket. */
import { Client } from "../../src/client/client.ts";
import type { Transport } from "../../src/rpc/transport.ts";
import { connectWebSocket } from "../../src/rpc/websocket.ts";
import { runTurn } from "../server/turn_steps.ts";
import { wireCheck } from "../support/wire_check.ts";

/** What a client saw of two turns. */
export interface Conversation {
  readonly statuses: readonly string[];
  /** Of all commands that were run, as the thread was read afterwards. */
  readonly outputs: readonly (string | null)[];
}

/** A client whose every message is checked. */
export interface CheckedClient {
  readonly client: Client;
  assertClean(): void;
}

/** Introduces a client. */
export async function checkedClient(transport: Transport): Promise<CheckedClient> {
  const checked = wireCheck(transport);
  const client = await Client.connect(checked.transport, {
    clientInfo: { name: "test", version: "1" },
  });
  return { client, assertClean: checked.assertClean };
}

/** Lets the demo model run one turn with a command, and one that needs its timers; returns the thread. */
export async function converse(client: Client, command: string): Promise<string> {
  const { thread } = await client.request("thread/start", { sandbox: "danger-full-access" });
  await runTurn(client, thread.id, `run \`${command}\``);
  await runTurn(client, thread.id, "count slowly to 3");
  return thread.id;
}

/** Reads a thread back. */
export async function readConversation(client: Client, threadId: string): Promise<Conversation> {
  const { thread } = await client.request("thread/read", { threadId, includeTurns: true });
  const items = thread.turns.flatMap((turn) => turn.items);
  return {
    statuses: thread.turns.map(({ status }) => status),
    outputs: items.flatMap((item) =>
      item.type === "commandExecution" ? [item.aggregatedOutput] : []
    ),
  };
}

/** A second client reads what the first one did: the server has lived on without a client. */
async function main(url: string, command: string): Promise<void> {
  const first = await checkedClient(await connectWebSocket(url));
  const threadId = await converse(first.client, command);
  first.client.close();
  const second = await checkedClient(await connectWebSocket(url));
  const conversation = await readConversation(second.client, threadId);
  second.client.close();
  for (const { assertClean } of [first, second]) assertClean();
  console.log(JSON.stringify(conversation));
}

if (import.meta.main) await main(Deno.args[0] ?? "", Deno.args[1] ?? "");
