/** Holds large answers back until their client has taken earlier ones; must not know what is in them. */
import type { RequestContext } from "./context.ts";
import type { Peer } from "./peer.ts";

/** An answer waits while more than this is on its way to its client. */
const PENDING_BYTES_MAX = 4 * 1024 * 1024;

type TurnContext = Pick<RequestContext, "peer" | "after">;

interface Line {
  /** Answers that may go and are being made. */
  reservedBytes: number;
  readonly waiting: (() => void)[];
  /** For the client to take something. */
  isWaiting: boolean;
}

/**
 * Turns to answer, per client, in the order in which they were asked for. Without them a client that asks for many files
 * at once would get more than a connection may hold, and be cut off for not reading.
 */
export class OutboxPace {
  readonly #lines = new WeakMap<Peer, Line>();

  /**
   * A turn for an answer of at most so many bytes, or null if there is none at once. It ends with the answer, or
   * earlier by disposing it: who waits for another turn must not hold one.
   */
  takeNow(context: TurnContext, bytes: number): Disposable | null {
    const line = this.#lineOf(context.peer);
    const isFree = line.waiting.length === 0 && hasRoom(context.peer, line);
    return isFree ? reserve(line, context, bytes) : null;
  }

  /** Resolves when an answer of about so many bytes may be made; the turn ends with the answer. */
  turn(context: TurnContext, bytes: number): Promise<void> {
    if (this.takeNow(context, bytes)) return Promise.resolve();
    const { peer } = context;
    const line = this.#lineOf(peer);
    return new Promise((resolve) => {
      line.waiting.push(() => {
        reserve(line, context, bytes);
        resolve();
      });
      advance(peer, line);
    });
  }

  #lineOf(peer: Peer): Line {
    let line = this.#lines.get(peer);
    if (!line) {
      line = { reservedBytes: 0, waiting: [], isWaiting: false };
      this.#lines.set(peer, line);
    }
    return line;
  }
}

/** Gives turns while there is room, and comes back when there is more: the client has taken something, or a turn ends. */
function advance(peer: Peer, line: Line): void {
  while (line.waiting.length > 0 && hasRoom(peer, line)) line.waiting.shift()?.();
  const bytes = PENDING_BYTES_MAX - line.reservedBytes;
  if (line.waiting.length === 0 || line.isWaiting || bytes < 0) return;
  line.isWaiting = true;
  peer.connection.whenBelow(bytes, () => {
    line.isWaiting = false;
    advance(peer, line);
  });
}

function reserve(line: Line, context: TurnContext, bytes: number): Disposable {
  line.reservedBytes += bytes;
  let isOver = false;
  const end = () => {
    if (isOver) return;
    isOver = true;
    line.reservedBytes -= bytes;
    advance(context.peer, line);
  };
  context.after(end);
  return { [Symbol.dispose]: end };
}

/** A closed connection has room for everything: nothing is sent. */
function hasRoom({ connection }: Peer, { reservedBytes }: Line): boolean {
  if (connection.isClosed) return true;
  return connection.bufferedBytes + reservedBytes <= PENDING_BYTES_MAX;
}
