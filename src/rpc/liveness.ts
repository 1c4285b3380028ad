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

/** Looks at all peers that it is given together: one timer, however many there are. */
export class Liveness {
  readonly #options: { readonly clock: Clock; readonly pingMs: number; readonly idleMs: number };
  readonly #signs = new Map<Watched, Sign>();
  #cancel: (() => void) | null = null;

  constructor(
    options: { readonly clock: Clock; readonly pingMs: number; readonly idleMs: number },
  ) {
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
    return clock.after(pingMs, () => this.#look(), { background: true });
  }

  #look(): void {
    this.#cancel = this.#later();
    const now = this.#options.clock.now();
    for (const [client, sign] of [...this.#signs]) this.#lookAt(client, sign, now);
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
