/**
 * The contract between who sends streams of small messages and an outbox that a slow peer does not empty;
 * must not know what the messages say.
 */

/**
 * A message that may become one with its neighbours while it waits for a slow peer.
 *
 * It is shared: the same object goes to every connection, so none of them may change it. An outbox that is not
 * congested sends `text` and looks at nothing else. One that is takes `grow()` of a message that waits at its very
 * end, and appends those that follow it: within its scope a message may only grow by what comes right after it, or
 * events change their order and numbers their sense.
 */
export interface Droppable {
  /** Messages with the same key can become one; made on demand, since only a congested outbox asks. */
  readonly key: string;
  /** Messages of different scopes have no order among each other, those of one keep theirs. */
  readonly scope: string;
  /** The whole message, encoded once for all who get it. */
  readonly text: string;
  /** A message of its own that starts as this one. */
  grow(): GrowingMessage;
}

/** A message in an outbox that takes in those that follow it; nothing of their content is lost. */
export interface GrowingMessage {
  readonly key: string;
  /** `next` has the same key and follows the last one directly. */
  append(next: Droppable): void;
  /** About the length of `text`, for the limit of the outbox; cheap to ask. */
  readonly chars: number;
  /** The message as it is now; made when it is asked for, so it is asked for once, when it goes out. */
  readonly text: string;
}
