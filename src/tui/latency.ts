/** How long a round trip to the server takes; must not know what is shown of it. */
import type { ReconnectingClient } from "../client/reconnect.ts";
import type { Clock } from "../lib/clock.ts";

/** Between two measurements: often enough to be true, seldom enough to cost nothing. */
const PERIOD_MS = 10_000;

/** Measures now and then, while there is a connection and nothing waits on it. */
export class LatencyProbe {
  readonly #client: ReconnectingClient;
  readonly #clock: Clock;
  readonly #onChange: () => void;
  #latencyMs: number | null = null;
  #cancel = () => {};
  #isStopped = false;

  constructor(options: {
    readonly client: ReconnectingClient;
    readonly clock: Clock;
    readonly onChange: () => void;
  }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#onChange = options.onChange;
    void this.#measure();
  }

  /** Of the last round trip, in whole milliseconds; null when there was none since the connection began. */
  get latencyMs(): number | null {
    return this.#latencyMs;
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  async #measure(): Promise<void> {
    if (this.#client.state.type === "connected" && this.#client.waitingCount === 0) {
      const startedMs = this.#clock.now();
      // The cheapest question that every server answers. What it says of failures is told by the state.
      const answered = await this.#client.request("thread/loaded/list", { limit: 1 })
        .then(() => true, () => false);
      if (this.#isStopped) return;
      const connected = this.#client.state.type === "connected";
      this.#latencyMs = answered && connected ? this.#clock.now() - startedMs : null;
      this.#onChange();
    }
    this.#cancel = this.#clock.after(PERIOD_MS, () => void this.#measure(), { background: true });
  }
}
