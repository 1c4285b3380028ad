/** Bounds the sockets that have not finished their handshake, in number and time; must not know HTTP or TLS. */
import type { Clock } from "../../lib/clock.ts";
import { limitOfAddress, networkOf } from "./address.ts";

/** How many there may be, and how long each may take. */
export interface HandshakeLimits {
  readonly handshakes: number;
  /** Null for the usual limit. */
  readonly handshakesPerAddress: number | null;
  readonly handshakeMs: number;
}

/** A socket that is let go. */
export interface Droppable {
  destroy(): void;
}

/** From one address of the network, unless told otherwise. */
const PER_ADDRESS_USUAL = 256;

interface Pending {
  readonly socket: Droppable;
  readonly network: string;
  readonly cancel: () => void;
}

/**
 * The handshakes under way. Where there are too many, the oldest is ended rather than the newest refused: who holds
 * sockets open without a word then loses them to whoever comes with a real request, which takes milliseconds.
 */
export class Handshakes {
  readonly #limits: HandshakeLimits;
  readonly #clock: Clock;
  /** By the identity of the socket, the oldest first. */
  readonly #pending = new Map<unknown, Pending>();
  readonly #byNetwork = new Map<string, Set<unknown>>();

  constructor(limits: HandshakeLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  get size(): number {
    return this.#pending.size;
  }

  began(key: unknown, socket: Droppable, address: string): void {
    const network = networkOf(address);
    const cancel = this.#clock.after(
      this.#limits.handshakeMs,
      () => this.#drop(key),
      { background: true },
    );
    this.#pending.set(key, { socket, network, cancel });
    const siblings = this.#byNetwork.get(network) ?? new Set();
    this.#byNetwork.set(network, siblings.add(key));
    const limit = { asked: this.#limits.handshakesPerAddress, usual: PER_ADDRESS_USUAL };
    if (siblings.size > limitOfAddress(address, limit)) this.#dropOldest(siblings);
    if (this.#pending.size > this.#limits.handshakes) this.#dropOldest(this.#pending.keys());
  }

  /** It has become a connection, or has gone. */
  ended(key: unknown): void {
    const pending = this.#pending.get(key);
    if (!pending) return;
    pending.cancel();
    this.#pending.delete(key);
    const siblings = this.#byNetwork.get(pending.network);
    siblings?.delete(key);
    if (siblings?.size === 0) this.#byNetwork.delete(pending.network);
  }

  /** Ends all of them. */
  close(): void {
    for (const key of [...this.#pending.keys()]) this.#drop(key);
  }

  #dropOldest(keys: Iterable<unknown>): void {
    for (const key of keys) return this.#drop(key);
  }

  #drop(key: unknown): void {
    const socket = this.#pending.get(key)?.socket;
    this.ended(key);
    socket?.destroy();
  }
}
