/** Pings silent peers and lets go of those that have vanished; must not know what they send. */
import type { Clock } from "../lib/clock.ts";

/** A peer as far as its signs of life go. */
export interface Watched {
  /** What has come from it so far. */
  readonly bytesRead: number;
  /** What it has not taken yet. */
  readonly bufferedBytes: number;
  /** How often it has taken all there was of a backlog: the next one may be as long as the last. */
  readonly backlogsTaken: number;
  ping(): void;
  lost(reason: string): void;
}

interface Sign {
  bytesRead: number;
  bufferedBytes: number;
  backlogsTaken: number;
  atMs: number;
}

/** When a peer is asked for a sign of life, and when it is let go. */
export interface LivenessOptions {
  readonly clock: Clock;
  readonly pingMs: number;
  readonly idleMs: number;
  /**
   * What a peer sent while this process stood still is read after the first look, and would come too late. A server
   * waits for it; a client that slept would rather have a new connection at once.
   */
  readonly forgivesOwnSleep: boolean;
}

/** Looks at all peers that it is given together: one timer, however many there are. */
export class Liveness {
  readonly #options: LivenessOptions;
  readonly #signs = new Map<Watched, Sign>();
  #cancel: (() => void) | null = null;
  #lookedAtMs = 0;

  constructor(options: LivenessOptions) {
    this.#options = options;
  }

  add(client: Watched): void {
    const atMs = this.#options.clock.now();
    const { bytesRead, backlogsTaken } = client;
    this.#signs.set(client, { bytesRead, bufferedBytes: 0, backlogsTaken, atMs });
    this.#cancel ??= this.#later();
  }

  delete(client: Watched): void {
    this.#signs.delete(client);
    if (this.#signs.size > 0) return;
    this.#cancel?.();
    this.#cancel = null;
  }

  #later(): () => void {
    const { clock, pingMs } = this.#options;
    this.#lookedAtMs = clock.now();
    return clock.after(pingMs, () => this.#look(), { background: true });
  }

  #look(): void {
    const { clock, idleMs, forgivesOwnSleep } = this.#options;
    const now = clock.now();
    const hasSlept = forgivesOwnSleep && now - this.#lookedAtMs >= idleMs;
    this.#cancel = this.#later();
    for (const [client, sign] of [...this.#signs]) {
      if (hasSlept) sign.atMs = now;
      this.#lookAt(client, sign, now);
    }
  }

  /** A client that takes its backlog, however slowly, lives: a ping would only wait behind it. */
  #lookAt(client: Watched, sign: Sign, now: number): void {
    const { bytesRead, bufferedBytes, backlogsTaken } = client;
    const isAlive = bytesRead !== sign.bytesRead || bufferedBytes < sign.bufferedBytes ||
      backlogsTaken !== sign.backlogsTaken;
    sign.bytesRead = bytesRead;
    sign.bufferedBytes = bufferedBytes;
    sign.backlogsTaken = backlogsTaken;
    if (isAlive || now < sign.atMs) sign.atMs = now;
    const { idleMs } = this.#options;
    if (now - sign.atMs >= idleMs) client.lost(`no sign of life for ${idleMs / 1000} s`);
    else if (bufferedBytes === 0) client.ping();
  }
}
