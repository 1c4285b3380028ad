/** The Chat Completions API of local servers as a `ModelClient`; must not know threads or turns. */
import { chatBody } from "./chat_messages.ts";
import { ChatStream } from "./chat_stream.ts";
import { streamError } from "./failure.ts";
import type { HttpStream } from "./http.ts";
import { objectOf, parseJson } from "./json.ts";
import type { ModelClient, ModelEvent, ModelRequest } from "./port.ts";
import { notAStream, openModelStream, type WireOptions } from "./responses.ts";
import { createSseParser, MAX_EVENT_CHARS } from "./sse.ts";

/** Once the model has stopped, how long a server without `[DONE]` is waited for to send the usage. */
const USAGE_WAIT_MS = 2000;

/** A client of `POST {base_url}/chat/completions`. */
export function createChatClient(options: WireOptions): ModelClient {
  return {
    stream: async (request, { signal, onEvent }) => {
      const body = chatBody(request);
      const call = { request, path: "chat/completions", body, signal };
      const stream = await openModelStream(options, call);
      const chat = chatStream(options, { request, onEvent });
      if (isWholeJson(stream.headers)) await readWhole(stream, chat);
      else await readChunks(stream, chat);
      return { usage: chat.usage };
    },
  };
}

function chatStream(
  options: WireOptions,
  call: { readonly request: ModelRequest; readonly onEvent: (event: ModelEvent) => void },
): ChatStream {
  const { request, onEvent } = call;
  const customTools = request.tools.filter((tool) => tool.type === "custom");
  return new ChatStream({
    customTools: new Set(customTools.map((tool) => tool.name)),
    usedCallIds: new Set(request.input.flatMap((item) => "call_id" in item ? [item.call_id] : [])),
    newId: () => randomHex(options.random),
    now: () => options.clock.now(),
    onEvent,
  });
}

async function readChunks(stream: HttpStream, chat: ChatStream): Promise<void> {
  let done = false;
  const parser = createSseParser((_name, data) => {
    if (done) return;
    if (data.trim() === "[DONE]") {
      done = true;
      return;
    }
    const chunk = objectOf(parseJson(data));
    if (chunk) chat.push(chunk);
  });
  await stream.pump((bytes) => {
    parser.feed(bytes);
    return done;
  }, {
    idleTimeoutMs: () => chat.hasFinished ? USAGE_WAIT_MS : null,
    onIdle: () => chat.hasFinished,
  });
  if (!done && !chat.hasFinished) {
    throw streamError(notAStream(stream.headers) ?? "stream closed before it was complete");
  }
  chat.finish();
}

/** Some servers ignore `stream: true` and answer at once. */
async function readWhole(stream: HttpStream, chat: ChatStream): Promise<void> {
  const decoder = new TextDecoder();
  let text = "";
  await stream.pump((bytes) => {
    text += decoder.decode(bytes, { stream: true });
    if (text.length > MAX_EVENT_CHARS) throw streamError("the answer is larger than 16 MiB");
    return false;
  });
  const answer = objectOf(parseJson(text));
  if (answer) chat.push(answer);
  if (!chat.hasFinished) throw streamError("the answer holds no completion");
  chat.finish();
}

function isWholeJson(headers: Headers): boolean {
  return headers.get("content-type")?.toLowerCase().startsWith("application/json") ?? false;
}

/** Enough digits that ids of one thread do not meet. */
function randomHex(random: () => number): string {
  let text = "";
  while (text.length < 24) text += Math.floor(random() * 0x1000000).toString(16).padStart(6, "0");
  return text;
}
