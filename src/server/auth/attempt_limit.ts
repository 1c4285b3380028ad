/**
 * Counts wrong credentials per address; must not know what made them wrong.
 *
 * Right credentials are let in whatever else comes from their address: behind a tunnel or a router the owner shares
 * it with the attacker. So this does not make guessing slower, which 256 random bits need not fear; it keeps a flood
 * of guesses from being told what was wrong with each, and from filling the log.
 */
import type { Clock } from "../../lib/clock.ts";
import type { Admission, Authorizer, Credentials } from "./authorizer.ts";
import { tooManyFailures } from "./refusals.ts";

const WINDOW_MS = 60_000;
/** Wrong attempts of one address in a window that are answered with the reason. */
const FAILURES_MAX = 10;
/** Addresses that are remembered; IPv6 gives one attacker more of them than memory holds. */
const ADDRESSES_MAX = 4096;

interface Window {
  readonly endsAtMs: number;
  failures: number;
}

/** Answers an address that was wrong too often with that alone, until a minute has passed. */
export class AttemptLimit implements Authorizer {
  readonly #authorizer: Authorizer;
  readonly #clock: Clock;
  /** The oldest first. */
  readonly #windows = new Map<string, Window>();

  constructor(authorizer: Authorizer, clock: Clock) {
    this.#authorizer = authorizer;
    this.#clock = clock;
  }

  async authorize(credentials: Credentials): Promise<Admission> {
    const admission = await this.#authorizer.authorize(credentials);
    if (admission.type === "admitted") return admission;
    const window = this.#windowOf(networkOf(credentials.address));
    window.failures++;
    if (window.failures <= FAILURES_MAX) return admission;
    // The first one too many is logged, so that the log shows when a flood began.
    return { ...tooManyFailures(), isLogged: window.failures === FAILURES_MAX + 1 };
  }

  #windowOf(address: string): Window {
    const now = this.#clock.now();
    const known = this.#windows.get(address);
    if (known && known.endsAtMs > now && known.endsAtMs <= now + WINDOW_MS) return known;
    this.#windows.delete(address);
    if (this.#windows.size >= ADDRESSES_MAX) {
      const [oldest] = this.#windows.keys();
      if (oldest !== undefined) this.#windows.delete(oldest);
    }
    const window = { endsAtMs: now + WINDOW_MS, failures: 0 };
    this.#windows.set(address, window);
    return window;
  }
}

/** One customer of a provider has a whole /64 of IPv6, so that counts as one address. */
function networkOf(address: string): string {
  if (!address.includes(":") || address.includes(".")) return address;
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const rest = tail === undefined || tail === "" ? [] : tail.split(":");
  if (tail !== undefined) { while (groups.length + rest.length < 8) groups.push("0"); }
  return [...groups, ...rest].slice(0, 4).join(":");
}
