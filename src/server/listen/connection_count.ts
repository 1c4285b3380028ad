/** Counts connections, in total and from each address, against their limits; must not know sockets. */
import { limitOfAddress, networkOf } from "./address.ts";

/** How many connections there may be at once. */
export interface ConnectionLimits {
  readonly total: number;
  /** From one address; null for the usual limit. */
  readonly perAddress: number | null;
}

/** From one address of the network, unless told otherwise; many people may share one. */
const PER_ADDRESS_USUAL = 1000;

/** A place that a connection takes. */
export interface Slot {
  /** Gives it back; further calls do nothing. */
  release(): void;
}

/** The connections of one listener. */
export class ConnectionCount {
  readonly #limits: ConnectionLimits;
  readonly #byNetwork = new Map<string, number>();
  #total = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  get total(): number {
    return this.#total;
  }

  /** A place for a connection from `address`, or why there is none. */
  take(address: string): Slot | { readonly refusal: string } {
    if (this.#total >= this.#limits.total) return { refusal: "Too many connections; try later" };
    const network = networkOf(address);
    const count = this.#byNetwork.get(network) ?? 0;
    const limit = { asked: this.#limits.perAddress, usual: PER_ADDRESS_USUAL };
    if (count >= limitOfAddress(address, limit)) {
      return { refusal: "Too many connections from this address; close some of them" };
    }
    this.#total++;
    this.#byNetwork.set(network, count + 1);
    let isTaken = true;
    return {
      release: () => {
        if (isTaken) this.#release(network);
        isTaken = false;
      },
    };
  }

  #release(network: string): void {
    this.#total--;
    const count = (this.#byNetwork.get(network) ?? 1) - 1;
    if (count === 0) this.#byNetwork.delete(network);
    else this.#byNetwork.set(network, count);
  }
}
