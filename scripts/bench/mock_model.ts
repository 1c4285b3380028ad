/** A model on loopback that answers at once with a given number of deltas; must cost next to nothing itself. */

/** A running mock model. */
export interface BenchModel {
  readonly url: string;
  close(): Promise<void>;
}

/** A prompt `deltas=N` is answered with N deltas of ten bytes, any other with one. */
export async function startModel(): Promise<BenchModel> {
  const bodies = new Map<number, Uint8Array<ArrayBuffer>>();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => undefined },
    async (request) => {
      const text = await request.text();
      const asked = [...text.matchAll(/deltas=(\d+)/g)].at(-1)?.[1];
      const count = Number(asked ?? 1);
      const body = bodies.get(count) ?? new TextEncoder().encode(responseText(count));
      bodies.set(count, body);
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    },
  );
  await Promise.resolve();
  return { url: `http://127.0.0.1:${server.addr.port}/v1`, close: () => server.shutdown() };
}

function responseText(count: number): string {
  const delta = "ten bytes ";
  const item = { type: "message", id: "msg_1", role: "assistant" };
  const content = [{ type: "output_text", text: delta.repeat(count), annotations: [] }];
  const usage = { input_tokens: 10, output_tokens: 10, total_tokens: 20 };
  return [
    event({ type: "response.created", response: { id: "r" } }),
    event({ type: "response.output_item.added", output_index: 0, item: { ...item, content: [] } }),
    event({ type: "response.output_text.delta", item_id: "msg_1", output_index: 0, delta }).repeat(
      count,
    ),
    event({ type: "response.output_item.done", output_index: 0, item: { ...item, content } }),
    event({ type: "response.completed", response: { id: "r", status: "completed", usage } }),
  ].join("");
}

function event(value: { readonly type: string } & Record<string, unknown>): string {
  return `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;
}
