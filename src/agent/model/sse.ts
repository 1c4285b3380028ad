/** Server-sent events out of byte chunks, bounded; must not know what an event means. */
import { createParser } from "eventsource-parser";
import { ModelError } from "./port.ts";

/** An event whose text grows beyond this many characters ends the stream. */
export const MAX_EVENT_CHARS = 16 * 1024 * 1024;
/** A whole response beyond this many characters ends the stream: no answer of a model is that long. */
export const MAX_STREAM_CHARS = 256 * 1024 * 1024;

/** Feeds on bytes cut anywhere, even inside a character. */
export interface SseParser {
  feed(chunk: Uint8Array): void;
}

/**
 * Parses a stream of server-sent events, calling `onEvent` synchronously.
 *
 * Bytes that are not UTF-8 become U+FFFD. An event without an `event:` field has the name "".
 * Throws a `ModelError` that is not worth a retry once a limit is exceeded: lines that can never
 * become an event count too, so that an endless line ends although nothing of it is kept.
 */
export function createSseParser(
  onEvent: (name: string, data: string) => void,
  options: { readonly maxEventChars?: number; readonly maxStreamChars?: number } = {},
): SseParser {
  const maxEventChars = options.maxEventChars ?? MAX_EVENT_CHARS;
  const maxStreamChars = options.maxStreamChars ?? MAX_STREAM_CHARS;
  const decoder = new TextDecoder();
  let sinceEvent = 0;
  let total = 0;
  const parser = createParser({
    onEvent: (event) => {
      sinceEvent = 0;
      onEvent(event.event ?? "", event.data);
    },
  });
  return {
    feed: (chunk) => {
      const text = decoder.decode(chunk, { stream: true });
      sinceEvent += text.length;
      total += text.length;
      parser.feed(text);
      if (sinceEvent > maxEventChars) throw tooLarge("an event", maxEventChars);
      if (total > maxStreamChars) throw tooLarge("the response", maxStreamChars);
    },
  };
}

function tooLarge(what: string, limit: number): ModelError {
  const size = limit >= 1048576 ? `${Math.floor(limit / 1048576)} MiB` : `${limit} characters`;
  return new ModelError(`stream disconnected before completion: ${what} is larger than ${size}`, {
    retryable: false,
    info: "other",
  });
}
