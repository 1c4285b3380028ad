/** Tells the log about connections: who came, who was refused something, how it ended; must not know what was said. */
import { type Clock, elapsedMs } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { Connection } from "../rpc/connection.ts";

/** A flood of requests that are refused gets a line this often. */
const REFUSAL_LOG_MS = 60_000;
/** The name of a method is whatever the client has sent. */
const METHOD_CHARS_MAX = 64;

/** What is told of one connection, always with its id. */
export class ConnectionLog {
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #id: string;
  readonly #openedAtMs: number;
  #refusedCount = 0;
  /** When a refusal was last told. */
  #toldAtMs = -Infinity;

  constructor(log: Logger, options: { readonly clock: Clock; readonly id: string }) {
    this.#log = log;
    this.#clock = options.clock;
    this.#id = options.id;
    this.#openedAtMs = options.clock.now();
  }

  opened({ address, principal }: { readonly address: string; readonly principal: string }): void {
    this.#log.info?.("A connection opened", { connection: this.#id, address, principal });
  }

  /** A request was answered with -32001. */
  refused(method: string): void {
    this.#refusedCount++;
    const now = this.#clock.now();
    if (now - this.#toldAtMs < REFUSAL_LOG_MS && now >= this.#toldAtMs) return;
    this.#toldAtMs = now;
    this.#log.warn?.("Overloaded: refused a request", {
      connection: this.#id,
      method: method.slice(0, METHOD_CHARS_MAX),
      refusedRequests: this.#refusedCount,
    });
  }

  dropped(reason: string): void {
    this.#log.error?.(`Dropped a message: ${reason}`, { connection: this.#id });
  }

  failed(method: string, error: unknown): void {
    const text = error instanceof Error ? error.stack ?? error.message : String(error);
    this.#log.error?.(`${method} failed: ${text}`, { connection: this.#id });
  }

  closed({ traffic, closeCode: code, closeReason: reason }: Connection): void {
    this.#log.info?.("A connection closed", {
      connection: this.#id,
      reason,
      code,
      durationMs: elapsedMs(this.#clock, this.#openedAtMs),
      ...traffic,
      refusedRequests: this.#refusedCount,
    });
  }
}
