/** A model on loopback that does what the last prompt says, as slowly as it says; must not know who asks or why. */
import {
  call,
  itemEvents,
  type Json,
  say,
  type ScriptStep,
} from "../../tests/support/model_script.ts";

/** A running model. */
export interface SoakModel {
  readonly url: string;
  close(): Promise<void>;
}

const PAUSE_MS = 20;

/**
 * `say N` is answered with N deltas, `slowly N` with N that take their time, and `run COMMAND` has the shell run it.
 * The prompt may begin with anything.
 */
export async function startModel(): Promise<SoakModel> {
  let answers = 0;
  const listener = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => undefined },
    async (request) => {
      const { input } = await request.json();
      const { step, pauseMs } = planOf(Array.isArray(input) ? input : []);
      const events = itemEvents(step, { responseId: `r${++answers}`, index: 0 });
      return new Response(bodyOf(events, pauseMs), {
        headers: { "content-type": "text/event-stream" },
      });
    },
  );
  await Promise.resolve();
  return {
    url: `http://127.0.0.1:${listener.addr.port}/v1`,
    close: () => listener.shutdown(),
  };
}

type ItemStep = Extract<ScriptStep, { kind: "item" }>;

function planOf(input: readonly unknown[]): { readonly step: ItemStep; readonly pauseMs: number } {
  const last = Object(input.at(-1));
  if (String(last.type).endsWith("_output")) return { step: itemOf(say("Done")), pauseMs: 0 };
  const prompt = JSON.stringify(last.content ?? "");
  const command = /\brun `([^`]+)`/.exec(prompt)?.[1];
  if (command !== undefined) {
    return { step: itemOf(call("shell", { command: ["sh", "-c", command] })), pauseMs: 0 };
  }
  const [, how = "say", count = "1"] = /\b(say|slowly) (\d+)/.exec(prompt) ?? [];
  const text = Array.from({ length: Number(count) }, (_, index) => `word ${index}, `).join("");
  return {
    step: itemOf(say(text, { chunks: Number(count) })),
    pauseMs: how === "slowly" ? PAUSE_MS : 0,
  };
}

function itemOf(step: ScriptStep): ItemStep {
  if (step.kind !== "item") throw new TypeError("The script has no item");
  return step;
}

function bodyOf(events: readonly Json[], pauseMs: number): ReadableStream<Uint8Array> {
  const usage = { input_tokens: 10, output_tokens: 10, total_tokens: 20 };
  const end = { type: "response.completed", response: { id: "r", status: "completed", usage } };
  const all = [{ type: "response.created", response: { id: "r" } }, ...events, end];
  return ReadableStream.from((async function* () {
    for (const event of all) {
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      yield new TextEncoder().encode(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
    }
  })());
}
