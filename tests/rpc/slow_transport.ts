/** A transport of which a test says how much its peer takes, and when. */
import type { Transport, TransportSink } from "../../src/rpc/transport.ts";

/** Holds what is sent until `read`; it does not tell of room unless it is told to. */
export class SlowTransport implements Transport {
  readonly peer = "slow";
  readonly tellsDrained: boolean;
  /** What the peer has read. */
  readonly read: string[] = [];
  readonly closes: (readonly [string | undefined, number | undefined])[] = [];
  isPaused = false;
  /** The most that it ever held. */
  mostBytes = 0;
  sink: TransportSink | undefined;
  #held: string[] = [];
  #bytes = 0;
  readonly pause?: () => void;
  readonly resume?: () => void;

  constructor(options: { readonly tellsDrained?: boolean; readonly canPause?: boolean } = {}) {
    this.tellsDrained = options.tellsDrained ?? false;
    if (!options.canPause) return;
    this.pause = () => this.isPaused = true;
    this.resume = () => this.isPaused = false;
  }

  get bufferedBytes(): number {
    return this.#bytes;
  }

  open(sink: TransportSink): void {
    this.sink = sink;
  }

  send(text: string): void {
    this.#held.push(text);
    this.#bytes += text.length;
    this.mostBytes = Math.max(this.mostBytes, this.#bytes);
  }

  close(reason?: string, code?: number): void {
    this.closes.push([reason, code]);
  }

  /** The peer reads so many messages that are held. */
  take(count = Infinity): void {
    const taken = this.#held.splice(0, count);
    for (const text of taken) this.#bytes -= text.length;
    this.read.push(...taken);
    if (this.tellsDrained) this.sink?.drained?.();
  }
}
