/**
 * Finds the address of an allowed host, once, and connects to exactly that; must not know requests.
 *
 * Invariants: a name that the rules do not allow is never looked up; no connection is made to an address that
 * was not checked, nor by a name; addresses of this machine are never connected to.
 */
import { messageOf } from "../../lib/errors.ts";
import type { Clock } from "../../lib/clock.ts";
import { addressKind, isSameAddress } from "./address.ts";
import type { Duplex } from "./byte_stream.ts";
import type { DomainRules } from "./domain_rules.ts";
import { type Authority, authorityText, parseHost } from "./host.ts";
import { ProxyRefusal } from "./refusal.ts";

/** What destinations need of the world. */
export interface NetworkPorts {
  /** All addresses of a name. */
  resolve(name: string): Promise<readonly string[]>;
  /** Connects to an address, which is no name. */
  dial(target: { readonly address: string; readonly port: number }): Promise<Duplex>;
  /** The addresses of this machine. */
  ownAddresses(): readonly string[];
}

/** Look-ups at a time: each takes a thread of the runtime. Others wait. */
const RESOLVES_MAX = 8;
const RESOLVE_MS_MAX = 15_000;
const DIAL_MS_MAX = 15_000;
/** Addresses of one name that are tried. */
const ADDRESSES_MAX = 3;

/** The destinations of one proxy. */
export class Destinations {
  readonly #rules: DomainRules;
  readonly #ports: NetworkPorts;
  readonly #clock: Clock;
  #resolving = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(
    rules: DomainRules,
    options: { readonly ports: NetworkPorts; readonly clock: Clock },
  ) {
    this.#rules = rules;
    this.#ports = options.ports;
    this.#clock = options.clock;
  }

  /** Throws a `ProxyRefusal` when the rules forbid it or it cannot be reached. */
  async connect(authority: Authority): Promise<Duplex> {
    const refusal = this.#rules.refusalOf(authority);
    if (refusal !== null) throw new ProxyRefusal(403, "not_allowed", { message: refusal });
    const { host, port } = authority;
    // A listed address may be private; one that a name leads to may not.
    const addresses = host.type === "address"
      ? this.#usable([host.text], { authority, allowed: ["public", "private"] })
      : this.#usable(await this.#resolve(host.text), { authority, allowed: ["public"] });
    let failure: unknown = null;
    for (const address of addresses.slice(0, ADDRESSES_MAX)) {
      try {
        return await this.#dial(address, port);
      } catch (error) {
        failure = error;
      }
    }
    const message = `${authorityText(authority)} cannot be reached: ${messageOf(failure)}`;
    throw new ProxyRefusal(502, "unreachable", { message });
  }

  #usable(
    addresses: readonly string[],
    { authority, allowed }: { readonly authority: Authority; readonly allowed: readonly string[] },
  ): readonly string[] {
    const own = this.#ports.ownAddresses();
    const reasons: string[] = [];
    const usable = addresses.flatMap((text) => {
      // In canonical form, so that what is checked is what is connected to.
      const address = parseHost(text.includes(":") ? `[${text}]` : text);
      if (address?.type !== "address") return [];
      const { kind, name } = addressKind(address.text);
      const isOwn = own.some((each) => isSameAddress(each, address.text));
      if (allowed.includes(kind) && !isOwn) return [address.text];
      reasons.push(`${address.text} is ${isOwn ? "an address of this machine" : name}`);
      return [];
    });
    if (usable.length > 0) return usable;
    const why = reasons[0] ?? "it has no address";
    const message = `${
      authorityText(authority)
    } is allowed by its name, but not where it leads: ${why}`;
    throw new ProxyRefusal(403, "forbidden_address", { message });
  }

  async #resolve(name: string): Promise<readonly string[]> {
    const what = `Looking up ${name}`;
    await this.#turn(what);
    // The thread is in use until the look-up itself ends, however long somebody waits for it.
    const found = this.#ports.resolve(name).finally(() => this.#endTurn());
    found.catch(() => null);
    try {
      return await this.#limited(found, { ms: RESOLVE_MS_MAX, what });
    } catch (error) {
      if (error instanceof ProxyRefusal) throw error;
      const message = `${name} cannot be found: ${messageOf(error)}`;
      throw new ProxyRefusal(502, "not_found", { message });
    }
  }

  async #turn(what: string): Promise<void> {
    if (this.#resolving < RESOLVES_MAX) {
      this.#resolving++;
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    try {
      await this.#limited(promise, { ms: RESOLVE_MS_MAX, what });
    } catch (error) {
      const index = this.#waiting.indexOf(resolve);
      // In the very moment of giving up the turn may have come.
      if (index < 0) this.#endTurn();
      else this.#waiting.splice(index, 1);
      throw error;
    }
  }

  /** The turn goes to whoever waits. */
  #endTurn(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#resolving--;
    else next();
  }

  async #dial(address: string, port: number): Promise<Duplex> {
    const dialed = this.#ports.dial({ address, port });
    let isLate = false;
    dialed.then((duplex) => isLate && duplex.close(), () => null);
    try {
      return await this.#limited(dialed, { ms: DIAL_MS_MAX, what: `Connecting to ${address}` });
    } catch (error) {
      isLate = true;
      throw error;
    }
  }

  async #limited<T>(
    promise: Promise<T>,
    { ms, what }: { readonly ms: number; readonly what: string },
  ): Promise<T> {
    const { promise: over, reject } = Promise.withResolvers<never>();
    const cancel = this.#clock.after(ms, () => {
      const message = `${what} took longer than ${ms / 1000} seconds`;
      reject(new ProxyRefusal(504, "too_slow", { message }));
    }, { background: true });
    try {
      return await Promise.race([promise, over]);
    } finally {
      cancel();
    }
  }
}

/** The real network. */
export const NETWORK: NetworkPorts = {
  resolve: async (name) => {
    // As every program of this machine resolves names, `/etc/hosts` included.
    const { lookup } = await import("node:dns/promises");
    return (await lookup(name, { all: true, verbatim: true })).map(({ address }) => address);
  },
  dial: async ({ address, port }) => {
    const connection = await Deno.connect({ hostname: address, port });
    connection.setNoDelay(true);
    return connection;
  },
  ownAddresses: () => Deno.networkInterfaces().map(({ address }) => address),
};
