/** Has the model name a thread, once and in the background; must not know who shows the name. */
import type { ReconnectingClient } from "../client/reconnect.ts";
import { lineStart } from "../lib/sanitize.ts";

/** Of a name, in characters: it is to fit into the title of a terminal. */
const NAME_MAX = 36;
/** Of the prompt; a name needs no more. */
const PROMPT_MAX = 2000;

const SCHEMA = {
  type: "object",
  properties: { title: { type: "string", minLength: 1, maxLength: NAME_MAX } },
  required: ["title"],
  additionalProperties: false,
};

/**
 * A short name for a task, by a thread of its own that leaves no trace and may do nothing; null when the model has none to
 * give. Never rejects: a name is a comfort, and nothing waits for it.
 */
export async function suggestTitle(
  client: ReconnectingClient,
  { prompt, model, modelProvider }: {
    readonly prompt: string;
    readonly model: string;
    readonly modelProvider: string;
  },
): Promise<string | null> {
  try {
    const { thread } = await client.request("thread/start", {
      ephemeral: true,
      threadSource: "thread_title",
      sandbox: "read-only",
      approvalPolicy: "never",
      model,
      modelProvider,
      config: { web_search: "disabled" },
    });
    const answer = lastMessage(client, thread.id);
    try {
      const input = [{ type: "text" as const, text: question(prompt), text_elements: [] }];
      await client.request("turn/start", { threadId: thread.id, input, outputSchema: SCHEMA });
      const text = await answer.promise;
      return text === null ? null : readTitle(text);
    } finally {
      answer.stop();
      await client.request("thread/unsubscribe", { threadId: thread.id });
    }
  } catch {
    return null;
  }
}

function question(prompt: string): string {
  return "Name the task below in at most five words, in its own language, without quotes or a full stop. " +
    'Answer with JSON such as {"title": "Fix the login form"} and do nothing else.\n\n' +
    prompt.slice(0, PROMPT_MAX);
}

/** What the agent said last when the turn of the thread ends; null when that failed. */
function lastMessage(
  client: ReconnectingClient,
  threadId: string,
): { readonly promise: Promise<string | null>; stop(): void } {
  const { promise, resolve } = Promise.withResolvers<string | null>();
  let text: string | null = null;
  const stops = [
    client.on("item/completed", ({ threadId: of, item }) => {
      if (of === threadId && item.type === "agentMessage") text = item.text;
    }),
    client.on("turn/completed", ({ threadId: of, turn }) => {
      if (of === threadId) resolve(turn.status === "completed" ? text : null);
    }),
    client.onNews((news) => {
      if (news.type === "lost" && news.threadId === threadId) resolve(null);
    }),
    client.onState(({ type }) => {
      if (type === "closed") resolve(null);
    }),
  ];
  return {
    promise,
    stop() {
      for (const stop of stops) stop();
    },
  };
}

/** The title in the answer; null where the model said something else. */
function readTitle(answer: string): string | null {
  try {
    const { title } = Object(JSON.parse(answer));
    if (typeof title !== "string") return null;
    return lineStart(title, NAME_MAX) || null;
  } catch {
    return null;
  }
}
