/** How long a round trip to the server takes; must not know what is shown of it. */
import type { ReconnectingClient } from "../client/reconnect.ts";
import { type Clock, elapsedMs } from "../lib/clock.ts";

/** The first answer of a connection stands behind all that comes with its opening; the second tells more. */
const SOON_MS = 1_000;
/** Between two measurements after those: often enough to be true, seldom enough to cost nothing. */
const PERIOD_MS = 10_000;

/** Measures each connection at once, and again now and then. */
export class LatencyProbe {
  readonly #client: ReconnectingClient;
  readonly #clock: Clock;
  readonly #onChange: () => void;
  readonly #stopWatching: () => void;
  #latencyMs: number | null = null;
  #measuring = new AbortController();
  #cancelTimer = () => {};

  constructor(options: {
    readonly client: ReconnectingClient;
    readonly clock: Clock;
    readonly onChange: () => void;
  }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#onChange = options.onChange;
    this.#stopWatching = this.#client.onState(() => this.#beginAnew());
    this.#beginAnew();
  }

  /** Of the last round trip, in whole milliseconds; null when there was none since the connection began. */
  get latencyMs(): number | null {
    return this.#latencyMs;
  }

  stop(): void {
    this.#stopWatching();
    this.#halt();
  }

  #halt(): void {
    this.#cancelTimer();
    this.#measuring.abort();
  }

  /** A question that goes over from one connection to the next says nothing about either. */
  #beginAnew(): void {
    this.#halt();
    this.#latencyMs = null;
    if (this.#client.state.type !== "connected") return;
    this.#measuring = new AbortController();
    void this.#measure(this.#measuring.signal, SOON_MS);
  }

  async #measure(signal: AbortSignal, pauseMs: number): Promise<void> {
    const startedMs = this.#clock.now();
    // The cheapest question that every server answers. What it says of failures is told by the state.
    const answered = await this.#client.request("thread/loaded/list", { limit: 1 }, { signal })
      .then(() => true, () => false);
    if (signal.aborted) return;
    this.#latencyMs = answered ? elapsedMs(this.#clock, startedMs) : null;
    this.#onChange();
    const again = () => void this.#measure(signal, PERIOD_MS);
    this.#cancelTimer = this.#clock.after(pauseMs, again, { background: true });
  }
}
