/** The port that moves text frames between two peers, and its in-memory form; must not know what a frame says. */

/** Receives what a transport delivers. No method may throw: a transport has nobody to tell. */
export interface TransportSink {
  /** One frame, in the order it was sent. */
  frame(text: string): void;
  /**
   * The peer sends nothing more but may still read; `closed` follows only after `close`.
   * A sink without it gets `closed` instead.
   */
  ended?(): void;
  /** The peer has taken some or all of what was sent: `bufferedBytes` has fallen. Only if the transport tells. */
  drained?(): void;
  /**
   * The last call, made once: nothing is delivered or sent any more. `code` is what either side closed a WebSocket
   * with (`close_codes.ts`), absent where there was none.
   */
  closed(reason: string, code?: number): void;
}

/** One way to a peer. Frames that arrive before `open` are kept for it. */
export interface Transport {
  /** Starts delivery; called once. Frames come in microtasks or later, never inside `open` or `send`. */
  open(sink: TransportSink): void;
  /** Queues a frame; ignored once the transport is closed. */
  send(text: string): void;
  /** What has been sent but not yet handed to the operating system or the peer; about bytes. */
  readonly bufferedBytes: number;
  /** True when the sink is told of room; else somebody who waits for it has to look. */
  readonly tellsDrained?: boolean;
  /** Reads no more than is on its way already until `resume`; absent where that cannot be had. */
  pause?(): void;
  /** Reads on. */
  resume?(): void;
  /** Sends what is queued, then closes, with `code` (`close_codes.ts`) where the transport has such. */
  close(reason?: string, code?: number): void;
  /** Who is at the other end, for logs. */
  readonly peer: string;
}

/** Two connected in-process transports: what one sends, the other delivers in the same tick. */
export function memoryTransportPair(): [Transport, Transport] {
  const left = new MemoryTransport("memory:left");
  const right = new MemoryTransport("memory:right");
  left.connect(right);
  right.connect(left);
  return [left, right];
}

class MemoryTransport implements Transport {
  readonly peer: string;
  readonly tellsDrained = true;
  #other: MemoryTransport | undefined;
  #sink: TransportSink | undefined;
  /** Frames that wait for delivery here. */
  #inbox: string[] = [];
  #inboxChars = 0;
  #isDraining = false;
  #closeReason: string | undefined;
  #closeCode: number | undefined;
  #isClosed = false;

  constructor(peer: string) {
    this.peer = peer;
  }

  get bufferedBytes(): number {
    return this.#other?.inboxChars ?? 0;
  }

  get inboxChars(): number {
    return this.#inboxChars;
  }

  connect(other: MemoryTransport): void {
    this.#other = other;
  }

  open(sink: TransportSink): void {
    this.#sink = sink;
    this.#schedule();
  }

  send(text: string): void {
    if (this.#closeReason === undefined) this.#other?.receive(text);
  }

  close(reason = "closed", code?: number): void {
    if (this.#closeReason !== undefined) return;
    // What this side has not read yet is lost, as with a socket.
    this.#inbox = [];
    this.#inboxChars = 0;
    this.end(reason, code);
    this.#other?.end(reason, code);
  }

  receive(text: string): void {
    if (this.#closeReason !== undefined) return;
    this.#inbox.push(text);
    this.#inboxChars += text.length;
    this.#schedule();
  }

  /** The other side has read everything. */
  drained(): void {
    if (this.#closeReason === undefined) this.#sink?.drained?.();
  }

  /** Frames that were sent before the end are still delivered. */
  end(reason: string, code: number | undefined): void {
    if (this.#closeReason !== undefined) return;
    this.#closeReason = reason;
    this.#closeCode = code;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isDraining || !this.#sink || this.#isClosed) return;
    this.#isDraining = true;
    queueMicrotask(() => this.#drain());
  }

  #drain(): void {
    const sink = this.#sink;
    // The length grows while sinks answer each other, so it is read anew each time.
    for (let index = 0; index < this.#inbox.length; index++) {
      const text = this.#inbox[index] ?? "";
      this.#inboxChars -= text.length;
      sink?.frame(text);
    }
    this.#inbox = [];
    this.#inboxChars = 0;
    this.#isDraining = false;
    this.#other?.drained();
    if (this.#closeReason === undefined || this.#isClosed) return;
    this.#isClosed = true;
    sink?.closed(this.#closeReason, this.#closeCode);
  }
}
