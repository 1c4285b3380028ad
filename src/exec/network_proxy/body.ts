/** How long the body of an HTTP/1 message is, and how it is passed on; must not know where it goes. */
import { type ByteStream } from "./byte_stream.ts";
import { type Fields, valuesOf } from "./head.ts";
import { malformed } from "./refusal.ts";

/** `close`: it ends with the connection. */
export type Framing =
  | { readonly type: "none" }
  | { readonly type: "length"; readonly bytes: number }
  | { readonly type: "chunked" }
  | { readonly type: "close" };

const SIZE_LINE_BYTES_MAX = 1024;
const TRAILER_BYTES_MAX = 8192;
const CHUNK_SIZE = /^([0-9a-f]{1,12})[ \t]*(;[^\0\r\n]*)?\r\n$/i;
const ENCODER = new TextEncoder();
const LINE_END = ENCODER.encode("\r\n");
const LAST_CHUNK = ENCODER.encode("0\r\n\r\n");

/** The body of a request. Where two readers could disagree about its length, it is refused. */
export function requestFraming(fields: Fields, { minor }: { readonly minor: 0 | 1 }): Framing {
  const length = contentLength(fields);
  const encodings = valuesOf(fields, "transfer-encoding");
  if (encodings.length === 0) {
    return length === null ? { type: "none" } : { type: "length", bytes: length };
  }
  if (length !== null) throw malformed("Transfer-Encoding and Content-Length exclude each other");
  if (minor === 0) throw malformed("HTTP/1.0 has no Transfer-Encoding");
  if (encodings.length !== 1 || encodings[0]?.toLowerCase() !== "chunked") {
    throw malformed("Only the Transfer-Encoding chunked is known");
  }
  return { type: "chunked" };
}

/** The body of a response. */
export function responseFraming(
  fields: Fields,
  { status, method }: { readonly status: number; readonly method: string },
): Framing {
  if (method === "HEAD" || status === 204 || status === 304) return { type: "none" };
  const encodings = valuesOf(fields, "transfer-encoding");
  if (encodings.length > 0) {
    if (encodings.length !== 1 || encodings[0]?.toLowerCase() !== "chunked") {
      throw malformed("Only the Transfer-Encoding chunked is known");
    }
    return { type: "chunked" };
  }
  const length = contentLength(fields);
  return length === null ? { type: "close" } : { type: "length", bytes: length };
}

/** Passes a body on, framed by chunks or as it is. Ends early with an error if the body does. */
export async function passBody(
  from: ByteStream,
  { to, framing, asChunks }: {
    readonly to: ByteStream;
    readonly framing: Framing;
    readonly asChunks: boolean;
  },
): Promise<void> {
  const put = asChunks
    ? (part: Uint8Array) => putChunk(to, part)
    : (part: Uint8Array) => to.write(part);
  switch (framing.type) {
    case "none":
      return;
    case "length":
      await passBytes(from, { count: framing.bytes, put });
      break;
    case "chunked":
      await passChunks(from, put);
      break;
    case "close":
      for (let part = await from.read(); part !== null; part = await from.read()) await put(part);
  }
  if (asChunks) await to.write(LAST_CHUNK);
}

function contentLength(fields: Fields): number | null {
  const values = valuesOf(fields, "content-length");
  if (values.length === 0) return null;
  const [value = ""] = values;
  if (values.length > 1 || !/^\d{1,15}$/.test(value)) {
    throw malformed("Content-Length is no number");
  }
  return Number(value);
}

type Put = (part: Uint8Array) => Promise<void>;

async function putChunk(to: ByteStream, part: Uint8Array): Promise<void> {
  await to.write(ENCODER.encode(`${part.length.toString(16)}\r\n`));
  await to.write(part);
  await to.write(LINE_END);
}

async function passBytes(
  from: ByteStream,
  { count, put }: { readonly count: number; readonly put: Put },
): Promise<void> {
  for (let left = count; left > 0;) {
    const part = await from.read(left);
    if (part === null) throw malformed("The body is cut off");
    left -= part.length;
    await put(part);
  }
}

/** Extensions and trailers are dropped. */
async function passChunks(from: ByteStream, put: Put): Promise<void> {
  for (;;) {
    const size = CHUNK_SIZE.exec(await line(from, SIZE_LINE_BYTES_MAX))?.[1];
    if (size === undefined) throw malformed("The size of a chunk is malformed");
    const count = Number.parseInt(size, 16);
    if (count === 0) break;
    await passBytes(from, { count, put });
    if (await line(from, 2) !== "\r\n") throw malformed("A chunk is longer than it says");
  }
  for (let left = TRAILER_BYTES_MAX;;) {
    const trailer = await line(from, left);
    if (trailer === "\r\n") return;
    left -= trailer.length;
  }
}

async function line(from: ByteStream, max: number): Promise<string> {
  const bytes = await from.readUntil("\r\n", max);
  if (typeof bytes === "string") throw malformed("A line of a chunked body is too long or cut off");
  return String.fromCharCode(...bytes);
}
