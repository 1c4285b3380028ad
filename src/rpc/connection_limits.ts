/** What connections may hold, each by itself and all together; must not know any connection. */

/** What a connection may hold; every limit has an answer for "full". */
export interface ConnectionLimits {
  /** Requests of the peer that wait or are in work; the next one is answered with -32001. */
  readonly requests: number;
  /** Text of these requests, in UTF-16 units; the next request is answered with -32001. */
  readonly requestChars: number;
  /** Requests refused in one turn of the event loop, over a transport that cannot be paused; then it closes. */
  readonly refusals: number;
  /** Urgent requests in work, and urgent messages in one turn of the event loop; then it closes. */
  readonly urgent: number;
  /** Text that the peer has not taken; then it closes. Requests wait from an eighth of this on. */
  readonly outboxBytes: number;
  /** How long requests in work may still be answered once the peer sends nothing more. */
  readonly endGraceMs: number;
}

/** What holds unless a test says otherwise. */
export const DEFAULT_LIMITS: ConnectionLimits = {
  // Upstream refuses the 129th.
  requests: 1024,
  requestChars: 16 * 1024 * 1024,
  refusals: 1024,
  urgent: 256,
  outboxBytes: 16 * 1024 * 1024,
  endGraceMs: 2000,
};

/** All connections of a server together keep about so much. */
const TOTAL_BYTES = 256 * 1024 * 1024;
/** Beyond it, what a connection may have waiting on either side falls to this. */
const SHARE_BYTES = 1024 * 1024;

/**
 * What all connections of a server keep: text that peers have not taken, and requests that wait or are in work. Each
 * has limits that suit one busy client; thousands at their limits would be more than a machine has. Transports hold
 * a window and one long message for each of them beside it.
 */
export class ConnectionBudget {
  readonly #totalBytes: number;
  #bytes = 0;

  constructor(totalBytes = TOTAL_BYTES) {
    this.#totalBytes = totalBytes;
  }

  /** What is kept now. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Something is kept, or less is. */
  add(bytes: number): void {
    this.#bytes += bytes;
  }

  /** The limit of one connection for now. */
  within(limitBytes: number): number {
    return this.#bytes > this.#totalBytes ? Math.min(limitBytes, SHARE_BYTES) : limitBytes;
  }
}
