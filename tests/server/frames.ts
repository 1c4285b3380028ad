/** WebSocket frames as bytes, also such as no client would send. */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";

/** How a frame is built. */
export interface FrameOptions {
  /** Clients must mask; false does not. */
  readonly isMasked?: boolean;
}

/** One frame; `first` is its first byte: 0x81 is a whole text, 0x01 its beginning, 0x80 the last piece. */
export function frame(
  first: number,
  payload: string | Uint8Array,
  { isMasked = true }: FrameOptions = {},
): Uint8Array {
  const body = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const { length } = body;
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const bytes = new Uint8Array(head + (isMasked ? 4 : 0) + length);
  const view = new DataView(bytes.buffer);
  bytes[0] = first;
  bytes[1] = (isMasked ? 0x80 : 0) | (head === 2 ? length : head === 4 ? 126 : 127);
  if (head === 4) view.setUint16(2, length);
  if (head === 10) view.setBigUint64(2, BigInt(length));
  // The mask is zero, so the payload stays as it is.
  bytes.set(body, bytes.length - length);
  return bytes;
}

/** The code of a frame that closes. */
export function closeFrame(code: number): Uint8Array {
  return frame(0x88, new Uint8Array([code >> 8, code & 0xff]));
}

/** The frames that come, until the connection ends: opcode and payload of each. */
export async function* framesOf(
  socket: Socket,
): AsyncGenerator<{ readonly opcode: number; readonly payload: Uint8Array }, void> {
  let bytes = Buffer.alloc(0);
  const chunks: AsyncIterable<Uint8Array> = socket;
  try {
    for await (const chunk of chunks) {
      bytes = Buffer.concat([bytes, chunk]);
      for (;;) {
        const size = sizeOf(bytes);
        if (size === null || bytes.length < size.end) break;
        yield { opcode: (bytes[0] ?? 0) & 0x0f, payload: bytes.subarray(size.start, size.end) };
        bytes = bytes.subarray(size.end);
      }
    }
  } catch (error) {
    // A reset is an end as well.
    if (!(error instanceof Error && "code" in error)) throw error;
  }
}

/** The code with which the other side closes; null when it ends without one. */
export async function closeCode(socket: Socket): Promise<number | null> {
  for await (const { opcode, payload } of framesOf(socket)) {
    const [high, low] = payload;
    if (opcode === 8) return high === undefined || low === undefined ? 1005 : high << 8 | low;
  }
  return null;
}

/** Frames of servers are not masked. */
function sizeOf(bytes: Uint8Array): { readonly start: number; readonly end: number } | null {
  const [, second] = bytes;
  if (second === undefined) return null;
  const short = second & 0x7f;
  const start = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < start) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const length = short < 126
    ? short
    : short === 126
    ? view.getUint16(2)
    : Number(view.getBigUint64(2));
  return { start, end: start + length };
}
