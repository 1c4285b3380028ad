/** The OpenAI Responses API as a `ModelClient`; must not know threads, turns or the wire of clients. */
import type { Clock } from "../../lib/clock.ts";
import { streamError } from "./failure.ts";
import { endpointUrl, requestHeaders, type Sender } from "./headers.ts";
import { type HttpStream, postForStream } from "./http.ts";
import { httpClientFor } from "./network.ts";
import type { ModelClient, ModelEvent, ModelRequest } from "./port.ts";
import { rateLimitsOf } from "./rate_limits.ts";
import { responsesBody } from "./responses_body.ts";
import { parseResponsesEvent, type ResponseCompleted } from "./responses_events.ts";
import { withRequestRetries } from "./retry.ts";
import { createSseParser } from "./sse.ts";

/** What a client over HTTP is made of. */
export interface WireOptions extends Sender {
  readonly clock: Clock;
  /** A number from 0 to below 1. */
  readonly random: () => number;
}

/** A client of `POST {base_url}/responses`. */
export function createResponsesClient(options: WireOptions): ModelClient {
  return {
    stream: async (request, { signal, onEvent }) => {
      const stream = await openModelStream(options, {
        request,
        path: "responses",
        body: responsesBody(request),
        signal,
      });
      const rateLimits = rateLimitsOf(stream.headers);
      if (rateLimits) onEvent({ type: "rateLimits", rateLimits });
      return await readResponse(stream, { onEvent, clock: options.clock });
    },
  };
}

async function readResponse(
  stream: HttpStream,
  options: { readonly onEvent: (event: ModelEvent) => void; readonly clock: Clock },
): Promise<{ usage: ResponseCompleted["usage"] }> {
  let completed: ResponseCompleted | null = null;
  const now = () => options.clock.now();
  const parser = createSseParser((name, data) => {
    if (completed) return;
    const event = parseResponsesEvent(name, data, { now });
    if (event === null) return;
    if (event.type === "completed") completed = event;
    else options.onEvent(event);
  });
  await stream.pump((chunk) => {
    parser.feed(chunk);
    return completed !== null;
  });
  return { usage: finished(completed, stream).usage };
}

/** `response.completed` is the only good end. */
function finished(completed: ResponseCompleted | null, stream: HttpStream): ResponseCompleted {
  if (completed) return completed;
  throw streamError(notAStream(stream.headers) ?? "stream closed before response.completed");
}

/** What to say of an answer that never was a stream of events, or null. */
export function notAStream(headers: Headers): string | null {
  const type = headers.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase();
  if (type !== "text/html" && type !== "application/json") return null;
  return `the answer is ${type}, not a stream of events (check base_url and wire_api)`;
}

/** Sends one request of a wire, with its silent retries. */
export async function openModelStream(
  options: WireOptions,
  call: {
    readonly request: ModelRequest;
    readonly path: string;
    readonly body: string;
    readonly signal: AbortSignal;
  },
): Promise<HttpStream> {
  const { provider, clock, random, env } = options;
  const { signal, body } = call;
  signal.throwIfAborted();
  const url = endpointUrl(provider, call.path);
  const headers = await requestHeaders(options, call.request);
  const client = await httpClientFor(url, env);
  const idleTimeoutMs = provider.streamIdleTimeoutMs;
  return await withRequestRetries(
    () => postForStream(url, { headers, body, client, clock, idleTimeoutMs, signal }),
    { maxRetries: provider.requestMaxRetries, clock, random, signal },
  );
}
