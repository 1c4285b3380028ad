/** Fits the output of a command into what a model may be sent; must not know processes or tools. */
import { type Capture, captureText } from "../../exec/capture.ts";
import { lastBoundary, nextBoundary } from "../../exec/utf8.ts";

/** The usual estimate, which upstream uses too. */
const BYTES_PER_TOKEN = 4;
/** Short lines cost more tokens than their bytes suggest, so lines are limited as well. */
const MAX_LINES = 5_000;
const LINE_FEED = 0x0a;

/** Output as the model is sent it. */
export interface FittedOutput {
  readonly text: string;
  /** Estimate for the whole output, before anything was cut. */
  readonly originalTokens: number;
}

/** Keeps the beginning and the end of what a command wrote, and says what was cut in between. */
export function fitOutput(capture: Capture, maxTokens: number): FittedOutput {
  const originalTokens = tokensOf(capture.totalBytes);
  if (
    capture.omittedBytes === 0 && originalTokens <= maxTokens && capture.totalLines <= MAX_LINES
  ) {
    return { text: capture.head, originalTokens };
  }
  const source = new TextEncoder().encode(
    capture.omittedBytes === 0 ? capture.head : captureText(capture),
  );
  const half = Math.floor((maxTokens * BYTES_PER_TOKEN) / 2);
  const head = headOf(source, half);
  const tail = tailOf(source.subarray(head.length), half);
  const cutTokens = tokensOf(Math.max(0, capture.totalBytes - head.length - tail.length));
  const decoder = new TextDecoder();
  return {
    text: `Total output lines: ${capture.totalLines}\n\n` +
      `${decoder.decode(head)}…${cutTokens} tokens truncated…${decoder.decode(tail)}`,
    originalTokens,
  };
}

function tokensOf(bytes: number): number {
  return Math.ceil(bytes / BYTES_PER_TOKEN);
}

function headOf(bytes: Uint8Array, maxBytes: number): Uint8Array {
  let end = bytes.length <= maxBytes ? bytes.length : lastBoundary(bytes.subarray(0, maxBytes));
  let lines = 0;
  for (
    let at = bytes.indexOf(LINE_FEED);
    at >= 0 && at < end;
    at = bytes.indexOf(LINE_FEED, at + 1)
  ) {
    if (++lines === MAX_LINES / 2) end = at + 1;
  }
  return bytes.subarray(0, end);
}

function tailOf(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const from = Math.max(0, bytes.length - maxBytes);
  let start = from === 0 ? 0 : nextBoundary(bytes, from);
  let lines = 0;
  for (let at = bytes.length - 2; at >= start; at = bytes.lastIndexOf(LINE_FEED, at) - 1) {
    const feed = bytes.lastIndexOf(LINE_FEED, at);
    if (feed < start) break;
    if (++lines === MAX_LINES / 2) start = feed + 1;
  }
  return bytes.subarray(start);
}
