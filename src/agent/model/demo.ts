/** The embedded offline model as a `ModelClient`: streams what `demo_plan.ts` decides, calls real tools. */
import type { Clock } from "../../lib/clock.ts";
import type { ResponseItem } from "../../protocol/response_item.ts";
import type { TokenUsage } from "../../protocol/turn_types.ts";
import { callItem } from "./demo_calls.ts";
import { type DemoResponse, planDemoResponse } from "./demo_plan.ts";
import type { ModelClient, ModelEvent, ModelRequest } from "./port.ts";
import { pause } from "./retry.ts";

/** Roughly what tokenisers make of English text. */
const CHARS_PER_TOKEN = 4;

/** The demo model. It needs no key, no network and no randomness. */
export function createDemoClient(options: { readonly clock: Clock }): ModelClient {
  return {
    stream: async (request, { signal, onEvent }) => {
      signal.throwIfAborted();
      const response = planDemoResponse(request);
      // History only grows within a turn, so its length makes ids unique in the thread.
      const id = `demo_${request.turnId}_${request.input.length}`;
      if (response.text !== "") {
        const itemId = `msg_${id}`;
        await streamText(response, { itemId, clock: options.clock, signal, onEvent });
      }
      if (response.call) {
        const item = callItem(response.call, { id: `fc_${id}`, callId: `call_${id}` });
        onEvent({ type: "itemDone", item });
      }
      return { usage: usageOf(request, response) };
    },
  };
}

async function streamText(
  response: DemoResponse,
  options: {
    readonly itemId: string;
    readonly clock: Clock;
    readonly signal: AbortSignal;
    readonly onEvent: (event: ModelEvent) => void;
  },
): Promise<void> {
  const { itemId, clock, signal, onEvent } = options;
  const { text, wordPauseMs } = response;
  const message = (content: string): ResponseItem => ({
    type: "message",
    id: itemId,
    role: "assistant",
    content: content === "" ? [] : [{ type: "output_text", text: content }],
  });
  onEvent({ type: "itemAdded", item: message("") });
  for (const delta of text.match(/\s*\S+\s*?(?=\s|$)|\s+$/g) ?? []) {
    if (wordPauseMs > 0) await pause(wordPauseMs, { clock, signal });
    signal.throwIfAborted();
    onEvent({ type: "textDelta", itemId, delta });
  }
  onEvent({ type: "itemDone", item: message(text) });
}

/** An estimate: there is no tokeniser, since there is no model. */
function usageOf(request: ModelRequest, response: DemoResponse): TokenUsage {
  const chars = request.instructions.length + JSON.stringify(request.input).length;
  const inputTokens = Math.ceil(chars / CHARS_PER_TOKEN);
  const outputTokens = Math.ceil(
    (response.text.length + (response.call ? 100 : 0)) / CHARS_PER_TOKEN,
  );
  return {
    totalTokens: inputTokens + outputTokens,
    inputTokens,
    cachedInputTokens: 0,
    outputTokens,
    reasoningOutputTokens: 0,
  };
}
