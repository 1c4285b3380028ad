/** The watches of one connection, by the ids that its client chose; must not know how paths are watched. */
import { CodexError } from "../lib/errors.ts";
import type { Peer } from "./peer.ts";

const WATCHES_MAX = 1000;

/** Starts the watch itself; called once it is clear that it is still wanted. */
export type StartWatch = () => Disposable;

/** Invariant: when the connection is closed or closes, every watch ends. */
export class PeerWatches {
  /** Null: is being made. */
  readonly #watches = new Map<string, Disposable | null>();

  constructor({ connection }: Peer) {
    connection.signal.addEventListener("abort", () => {
      for (const watch of this.#watches.values()) watch?.[Symbol.dispose]();
      this.#watches.clear();
    }, { once: true });
  }

  /** Takes the id at once; `prepare` gives what to start, and may refuse. */
  async add(watchId: string, prepare: () => Promise<StartWatch>): Promise<void> {
    if (this.#watches.has(watchId)) {
      throw new CodexError("invalidRequest", `watchId already exists: ${watchId}`);
    }
    if (this.#watches.size >= WATCHES_MAX) {
      throw new CodexError(
        "invalidRequest",
        `A connection has at most ${WATCHES_MAX} watches; end some with fs/unwatch`,
      );
    }
    this.#watches.set(watchId, null);
    try {
      const start = await prepare();
      // It may have been ended before it began.
      if (this.#watches.get(watchId) === null) this.#watches.set(watchId, start());
    } catch (error) {
      if (this.#watches.get(watchId) === null) this.#watches.delete(watchId);
      throw error;
    }
  }

  remove(watchId: string): void {
    this.#watches.get(watchId)?.[Symbol.dispose]();
    this.#watches.delete(watchId);
  }
}
