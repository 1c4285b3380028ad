/** The place in the log of each thread that a client follows, over all its connections; must not know what events say. */

import type { AnyNotification } from "./inbox.ts";

/** A place in the log of a thread. */
export interface LogPlace {
  readonly logId: string;
  /** The last number that was seen. */
  readonly seq: number;
}

/** Who is told. */
export interface FollowedThreadsOptions {
  /** Every notification once, those of a thread in the order of their numbers. */
  pass(notification: AnyNotification): void;
  /** Numbers are missing in what came: the thread must be resumed from its place. */
  broken(threadId: string): void;
}

interface Followed {
  logId: string;
  seq: number;
  /** What came while it is not known yet what comes before; null while events pass. */
  held: AnyNotification[] | null;
}

interface Numbers {
  readonly threadId: string;
  readonly logId: string;
  readonly seq: number;
  readonly seqFrom: number;
}

/**
 * Invariants: a number of a log is passed once, and none before those below it; what comes while a thread is held is
 * kept until it is opened.
 */
export class FollowedThreads {
  readonly #options: FollowedThreadsOptions;
  readonly #threads = new Map<string, Followed>();
  /** Of threads that an answer under way may be about. */
  readonly #strays: { readonly threadId: string; readonly notification: AnyNotification }[] = [];
  #openings = 0;

  constructor(options: FollowedThreadsOptions) {
    this.#options = options;
  }

  /** Where a thread was left; null for one whose events have no numbers. */
  placeOf(threadId: string): LogPlace | null {
    const { logId, seq } = this.#threads.get(threadId) ?? {};
    return logId === undefined || seq === undefined ? null : { logId, seq };
  }

  has(threadId: string): boolean {
    return this.#threads.has(threadId);
  }

  /** A request is under way whose answer says where a thread begins; pair with `opened` or `notOpened`. */
  opening(): void {
    this.#openings++;
  }

  /** Events follow the answer that has this place. `replayed` is what was missed before it, if that is known. */
  opened(threadId: string, { place, replayed }: {
    readonly place: LogPlace;
    readonly replayed: readonly AnyNotification[] | null;
  }): void {
    const known = this.#threads.get(threadId);
    const goesOn = replayed !== null && known?.logId === place.logId;
    const { logId } = place;
    this.#threads.set(threadId, { logId, seq: goesOn ? known.seq : place.seq, held: null });
    for (const event of [...goesOn ? replayed : [], ...known?.held ?? []]) this.deliver(event);
    this.#endOpening();
  }

  /** The request was refused: what came meanwhile is passed on. */
  notOpened(threadId: string): void {
    const followed = this.#threads.get(threadId);
    const held = followed?.held ?? [];
    if (followed) followed.held = null;
    for (const event of held) this.deliver(event);
    this.#endOpening();
  }

  /** Keeps the events of every thread until it is opened again: the connection is gone. */
  holdAll(): void {
    this.#openings = 0;
    this.#strays.length = 0;
    for (const followed of this.#threads.values()) followed.held = [];
  }

  hold(threadId: string): void {
    const followed = this.#threads.get(threadId);
    if (followed) followed.held ??= [];
  }

  forget(threadId: string): void {
    this.#threads.delete(threadId);
  }

  deliver(notification: AnyNotification): void {
    const threadId = threadIdOf(notification.params);
    const followed = threadId === null ? undefined : this.#threads.get(threadId);
    if (threadId !== null && !followed && this.#openings > 0) {
      this.#strays.push({ threadId, notification });
      return;
    }
    const numbers = threadId === null ? null : numbersOf(threadId, notification.params);
    if (!followed || numbers === null) this.#options.pass(notification);
    else if (followed.held) followed.held.push(notification);
    else this.#advance(followed, numbers, notification);
  }

  #advance(followed: Followed, numbers: Numbers, notification: AnyNotification): void {
    if (numbers.logId === followed.logId && numbers.seq <= followed.seq) return;
    if (numbers.logId === followed.logId && numbers.seqFrom === followed.seq + 1) {
      followed.seq = numbers.seq;
      return this.#options.pass(notification);
    }
    // Part of it was seen, or something before it was not: the server knows what is right.
    followed.held = [];
    this.#options.broken(numbers.threadId);
  }

  #endOpening(): void {
    this.#openings = Math.max(0, this.#openings - 1);
    const strays = this.#strays.splice(0);
    for (const stray of strays) {
      if (this.#openings === 0 || this.has(stray.threadId)) {
        this.deliver(stray.notification);
      } else this.#strays.push(stray);
    }
  }
}

function threadIdOf(params: unknown): string | null {
  if (!isRecord(params)) return null;
  const threadId = params.threadId ?? (isRecord(params.thread) ? params.thread.id : undefined);
  return typeof threadId === "string" ? threadId : null;
}

function numbersOf(threadId: string, params: unknown): Numbers | null {
  if (!isRecord(params)) return null;
  const { logId, seq, seqFrom = seq } = params;
  const isNumbered = typeof logId === "string" && typeof seq === "number" &&
    typeof seqFrom === "number";
  return isNumbered ? { threadId, logId, seq, seqFrom } : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
