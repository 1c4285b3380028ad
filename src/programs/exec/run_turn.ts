/** Runs one turn and follows it to its end; must not know how anything is shown. */
import type { Client } from "../../client/client.ts";
import type { UserInput } from "../../protocol/item.ts";
import type { Turn } from "../../protocol/turn_types.ts";
import { concerns, type ServerNotification } from "./notification.ts";

/** What a run was asked to do. */
export interface TurnRequest {
  readonly threadId: string;
  readonly input: readonly UserInput[];
  readonly outputSchema: unknown;
}

/** How a run ended. */
export interface Outcome {
  readonly status: Turn["status"];
  /** The last message of the agent, or null when it said nothing. */
  readonly lastMessage: string | null;
}

/** Options of a run. */
export interface FollowOptions {
  /** Interrupts the turn when it aborts. */
  readonly signal: AbortSignal;
  readonly onNotification: (notification: ServerNotification) => void;
}

/** Prompt and images as input; images come first, as upstream. */
export function turnInput(prompt: string, images: readonly string[]): UserInput[] {
  const files = images.map((path): UserInput => ({ type: "localImage", path }));
  return [...files, { type: "text", text: prompt, text_elements: [] }];
}

/** Starts a turn and resolves when it has ended. Questions are declined: nobody is there to ask. */
export async function runTurn(
  client: Client,
  request: TurnRequest,
  options: FollowOptions,
): Promise<Outcome> {
  client.onRequest("item/commandExecution/requestApproval", () => ({ decision: "decline" }));
  client.onRequest("item/fileChange/requestApproval", () => ({ decision: "decline" }));
  const notifications = client.notifications();
  const { turn } = await client.request("turn/start", {
    threadId: request.threadId,
    input: [...request.input],
    ...request.outputSchema === null ? {} : { outputSchema: request.outputSchema },
  });
  const interrupt = interrupter(client, { threadId: request.threadId, turnId: turn.id });
  if (options.signal.aborted) interrupt();
  options.signal.addEventListener("abort", interrupt, { once: true });
  try {
    return await follow(notifications, { ...options, threadId: request.threadId, turnId: turn.id });
  } finally {
    options.signal.removeEventListener("abort", interrupt);
  }
}

function interrupter(client: Client, turn: { threadId: string; turnId: string }): () => void {
  return () => {
    client.request("turn/interrupt", turn).catch(() => {
      // The turn ended by itself in the meantime; its end is on the way.
    });
  };
}

async function follow(
  notifications: AsyncIterable<ServerNotification>,
  options: FollowOptions & { readonly threadId: string; readonly turnId: string },
): Promise<Outcome> {
  let lastMessage: string | null = null;
  for await (const notification of notifications) {
    if (!concerns(notification, options.threadId)) continue;
    if (notification.method === "item/completed") {
      const { item } = notification.params;
      if (item.type === "agentMessage") lastMessage = item.text;
    }
    options.onNotification(notification);
    if (notification.method !== "turn/completed") continue;
    const { turn } = notification.params;
    if (turn.id === options.turnId) return { status: turn.status, lastMessage };
  }
  // The server lives in this process, so only a bug or a forced end closes the connection.
  return { status: "interrupted", lastMessage };
}
