/** Writes to a terminal without waiting for it, however slow it is; must not know what is written. */
import { joinBytes } from "../../lib/bytes.ts";
import type { ByteSink } from "./terminal_device.ts";

/** More than this, not taken yet, counts as congestion: a large screen in colours. */
const CONGESTED_BYTES = 32 * 1024;
const PAUSE_MIN_MS = 1;
const PAUSE_MAX_MS = 32;
/** How long the last words wait for a terminal that takes nothing, in pauses of so many milliseconds. */
const LAST_TRIES_MAX = 40;
const LAST_PAUSE_MS = 5;

/** The output of a terminal. Invariant: bytes leave in the order in which they came. */
export class OutputQueue {
  readonly #sink: ByteSink;
  readonly #onGone: () => void;
  readonly #encoder = new TextEncoder();
  readonly #drained = new Set<() => void>();
  readonly #flushed = new Set<() => void>();
  #rest: Uint8Array<ArrayBuffer> = new Uint8Array();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pauseMs = PAUSE_MIN_MS;
  #isClosed = false;

  constructor(sink: ByteSink, options: { readonly onGone: () => void }) {
    this.#sink = sink;
    this.#onGone = options.onGone;
  }

  get isCongested(): boolean {
    return this.#rest.length > CONGESTED_BYTES;
  }

  /** Calls back whenever nothing is left to write. */
  onDrained(listener: () => void): () => void {
    this.#drained.add(listener);
    return () => this.#drained.delete(listener);
  }

  write(text: string): void {
    if (this.#isClosed || text === "") return;
    this.#append(text);
    if (this.#timer === undefined) this.#write();
  }

  /** Resolves when all has been taken, or nobody will take it. */
  flushed(): Promise<void> {
    if (this.#isClosed || this.#rest.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#flushed.add(resolve));
  }

  /**
   * Writes what is left and this, at once; nothing is written afterwards. False when the terminal takes nothing: then
   * `finish` may try again.
   */
  lastWords(text: string): boolean {
    if (this.#isClosed) return true;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#append(text);
    const isTaken = this.finish();
    this.#settleFlushed();
    return isTaken;
  }

  /** Writes what is left of the last words; false when the terminal still takes nothing. */
  finish(): boolean {
    let before = this.#rest.length;
    for (let tries = 0; !this.#writeSome(); tries++) {
      if (this.#rest.length < before) tries = 0;
      before = this.#rest.length;
      if (tries >= LAST_TRIES_MAX) return false;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LAST_PAUSE_MS);
    }
    return true;
  }

  #append(text: string): void {
    const bytes = this.#encoder.encode(text);
    this.#rest = this.#rest.length === 0 ? bytes : joinBytes([this.#rest, bytes]);
  }

  #write(): void {
    this.#timer = undefined;
    const before = this.#rest.length;
    if (this.#writeSome()) {
      this.#pauseMs = PAUSE_MIN_MS;
      this.#settle();
      return;
    }
    this.#pauseMs = this.#rest.length < before
      ? PAUSE_MIN_MS
      : Math.min(this.#pauseMs * 2, PAUSE_MAX_MS);
    this.#timer = setTimeout(() => this.#write(), this.#pauseMs);
  }

  /** As much as is taken now; false when something is left that may be taken later. */
  #writeSome(): boolean {
    try {
      while (this.#rest.length > 0) {
        const count = this.#sink.writeSync(this.#rest);
        if (count === 0) return false;
        this.#rest = this.#rest.subarray(count);
      }
    } catch (error) {
      void error;
      // A terminal that went away says EIO; whatever it is, it cannot be shown to anybody.
      this.#rest = new Uint8Array();
      if (!this.#isClosed) this.#onGone();
      this.#isClosed = true;
    }
    return true;
  }

  #settle(): void {
    this.#settleFlushed();
    for (const listener of [...this.#drained]) listener();
  }

  #settleFlushed(): void {
    for (const resolve of this.#flushed) resolve();
    this.#flushed.clear();
  }
}
