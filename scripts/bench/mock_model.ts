/** A model on loopback that answers with a given number of deltas; must cost next to nothing itself. */

/** A running mock model. */
export interface BenchModel {
  readonly url: string;
  close(): Promise<void>;
}

interface Answer {
  readonly begin: Uint8Array<ArrayBuffer>;
  readonly delta: Uint8Array<ArrayBuffer>;
  readonly end: Uint8Array<ArrayBuffer>;
}

/** The text of a delta: ten bytes. */
const DELTA = "ten bytes ";
/** Every so many deltas, one ends its line: a screen has no use for a line without end. */
const LINE_DELTAS = 40;
const LINE_END = "ten byte.\n";
/** What a paced answer is written with. */
const TICK_MS = 5;
const encoder = new TextEncoder();

/**
 * A prompt `deltas=N` is answered with N deltas, any other with one: at once, or `pace=N` of them a second, in lines,
 * the last of them `The end`.
 */
export async function startModel(): Promise<BenchModel> {
  const answers = new Map<number, Answer>();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => undefined },
    async (request) => {
      const text = await request.text();
      const asked = (name: string) =>
        Number([...text.matchAll(new RegExp(`${name}=(\\d+)`, "g"))].at(-1)?.[1] ?? NaN);
      const count = asked("deltas") || 1;
      const headers = { "content-type": "text/event-stream" };
      const pace = asked("pace");
      if (pace > 0) return new Response(pacedBody(count, pace), { headers });
      const answer = answers.get(count) ?? answerOf(DELTA.repeat(count), DELTA);
      answers.set(count, answer);
      return new Response(wholeBody(answer, count), { headers });
    },
  );
  await Promise.resolve();
  return { url: `http://127.0.0.1:${server.addr.port}/v1`, close: () => server.shutdown() };
}

function wholeBody({ begin, delta, end }: Answer, count: number): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(begin.length + delta.length * count + end.length);
  body.set(begin);
  for (let index = 0; index < count; index++) body.set(delta, begin.length + delta.length * index);
  body.set(end, body.length - end.length);
  return body;
}

function pacedBody(count: number, perSecond: number): ReadableStream<Uint8Array> {
  const texts: string[] = Array.from(
    { length: count },
    (_, index) => (index + 1) % LINE_DELTAS === 0 ? LINE_END : DELTA,
  );
  texts.push("\nThe end");
  const { begin, end } = answerOf(texts.join(""), "");
  let timer: ReturnType<typeof setInterval> | undefined;
  return new ReadableStream({
    start(controller) {
      controller.enqueue(begin);
      const startedMs = performance.now();
      let sent = 0;
      timer = setInterval(() => {
        const due = Math.floor((performance.now() - startedMs) / 1000 * perSecond);
        const part = texts.slice(sent, due);
        sent += part.length;
        if (part.length > 0) controller.enqueue(encoder.encode(part.map(deltaEvent).join("")));
        if (sent < texts.length) return;
        clearInterval(timer);
        controller.enqueue(end);
        controller.close();
      }, TICK_MS);
    },
    cancel: () => clearInterval(timer),
  });
}

function answerOf(text: string, delta: string): Answer {
  const item = { type: "message", id: "msg_1", role: "assistant" };
  const content = [{ type: "output_text", text, annotations: [] }];
  const usage = { input_tokens: 10, output_tokens: 10, total_tokens: 20 };
  const begin = [
    event({ type: "response.created", response: { id: "r" } }),
    event({ type: "response.output_item.added", output_index: 0, item: { ...item, content: [] } }),
  ];
  const end = [
    event({ type: "response.output_item.done", output_index: 0, item: { ...item, content } }),
    event({ type: "response.completed", response: { id: "r", status: "completed", usage } }),
  ];
  return {
    begin: encoder.encode(begin.join("")),
    delta: encoder.encode(deltaEvent(delta)),
    end: encoder.encode(end.join("")),
  };
}

function deltaEvent(delta: string): string {
  return event({ type: "response.output_text.delta", item_id: "msg_1", output_index: 0, delta });
}

function event(value: { readonly type: string } & Record<string, unknown>): string {
  return `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;
}
