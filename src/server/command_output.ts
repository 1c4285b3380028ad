/** The output of a client's command: kept for the answer or sent as it comes; must not know processes. */
import { outputText } from "../exec/output_text.ts";
import { joinBytes } from "../lib/bytes.ts";
import type { Peer } from "./peer.ts";

/** More than this is never kept for one answer, also where the client asks for no limit. */
const KEPT_BYTES_MAX = 128 * 1024 * 1024;
/**
 * A client that has this much to take gets no more for now, and then the command waits. With less, what is written
 * and what is made ready wait for each other; with more, it waits as strings (see `rpc/line_buffer.ts`).
 */
const PENDING_BYTES_MAX = 1536 * 1024;

/** Receives one stream. */
export interface OutputReceiver {
  /** Holds the stream back while the returned promise is pending. */
  push(chunk: Uint8Array): Promise<void> | undefined;
  /** What belongs into the answer. */
  text(): string;
}

/** Keeps the first bytes of a stream. */
export class KeptOutput implements OutputReceiver {
  readonly #chunks: Uint8Array[] = [];
  #room: number;

  /** `cap` in bytes; null: none. */
  constructor(cap: number | null) {
    this.#room = Math.min(cap ?? KEPT_BYTES_MAX, KEPT_BYTES_MAX);
  }

  push(chunk: Uint8Array): undefined {
    if (this.#room === 0) return;
    const kept = chunk.slice(0, this.#room);
    this.#room -= kept.length;
    this.#chunks.push(kept);
  }

  text(): string {
    return outputText(joinBytes(this.#chunks));
  }
}

/** Sends a stream as `command/exec/outputDelta`, no faster than the client takes it. */
export class SentOutput implements OutputReceiver {
  readonly #peer: Peer;
  /** The message up to the bytes, encoded once. */
  readonly #start: string;
  readonly #isWanted: boolean;
  #room: number | null;

  constructor(options: {
    readonly peer: Peer;
    readonly processId: string;
    readonly stream: "stdout" | "stderr";
    readonly cap: number | null;
  }) {
    const { peer, processId, stream } = options;
    this.#peer = peer;
    this.#room = options.cap;
    this.#isWanted = peer.wants(METHOD);
    const params = JSON.stringify({ processId, stream }).slice(0, -1);
    this.#start = `{"method":"${METHOD}","params":${params},"deltaBase64":"`;
  }

  push(chunk: Uint8Array): Promise<void> | undefined {
    // Upstream marks the chunk that reaches the limit, and sends nothing after it.
    if (this.#room === -1) return;
    let bytes = chunk;
    if (this.#room !== null) {
      bytes = chunk.subarray(0, this.#room);
      this.#room -= bytes.length;
    }
    const isLast = this.#room === 0;
    if (isLast) this.#room = -1;
    if (!this.#isWanted) return;
    const end = isLast ? '","capReached":true}}' : '","capReached":false}}';
    this.#peer.sendText(this.#start + bytes.toBase64() + end);
    if (this.#isFull) return this.#emptied();
  }

  text(): string {
    return "";
  }

  get #isFull(): boolean {
    const { connection } = this.#peer;
    return !connection.isClosed && connection.bufferedBytes > PENDING_BYTES_MAX;
  }

  #emptied(): Promise<void> {
    const { connection } = this.#peer;
    return new Promise((resolve) => connection.whenBelow(PENDING_BYTES_MAX, resolve));
  }
}

const METHOD = "command/exec/outputDelta";
