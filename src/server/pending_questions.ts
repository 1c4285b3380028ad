/** Remembers open questions beyond the process, so that a restart can tell of those it ended; must not know who is asked. */
import type { ThreadEvent } from "../agent/events.ts";
import type { Logger } from "../lib/log.ts";
import { messageOf } from "../lib/errors.ts";
import type { SessionState } from "../store/session_state.ts";

/**
 * A question dies with its process: the command that it is about is gone. Its id is written down while it is open,
 * so that a client that still shows it can be told.
 */
export class PendingQuestions {
  readonly #state: SessionState;
  readonly #log: Logger;
  /** Questions of this process that are written down, by id. */
  readonly #written = new Set<string>();
  /** Questions that a restart has ended, by thread, for as long as the thread is loaded. */
  readonly #cancelled = new Map<string, readonly string[]>();

  constructor(state: SessionState, log: Logger) {
    this.#state = state;
    this.#log = log;
  }

  /** Sees every event of a thread before the clients do. `isFollowed`: a client could come back and ask. */
  note(
    threadId: string,
    event: ThreadEvent,
    { isFollowed }: { readonly isFollowed: boolean },
  ): void {
    switch (event.type) {
      case "approvalRequested":
        if (isFollowed) this.#write(threadId, event.approval.id);
        break;
      case "approvalResolved":
        if (this.#written.delete(event.approvalId)) this.#remove([event.approvalId]);
        break;
      case "closed":
        this.#cancelled.delete(threadId);
    }
  }

  /** The questions of a loaded thread that ended with an earlier process; all who ask are told the same. */
  cancelledOf(threadId: string): readonly string[] {
    let cancelled = this.#cancelled.get(threadId);
    if (!cancelled) {
      cancelled = this.#readCancelled(threadId);
      this.#cancelled.set(threadId, cancelled);
    }
    return cancelled;
  }

  #readCancelled(threadId: string): readonly string[] {
    try {
      const ids = this.#state.questionsOf(threadId).filter((id) => !this.#written.has(id));
      this.#remove(ids);
      return ids;
    } catch (error) {
      return this.#complain(error);
    }
  }

  #write(threadId: string, id: string): void {
    try {
      this.#state.addQuestion(threadId, id);
      this.#written.add(id);
    } catch (error) {
      this.#complain(error);
    }
  }

  #remove(ids: readonly string[]): void {
    try {
      for (const id of ids) this.#state.removeQuestion(id);
    } catch (error) {
      this.#complain(error);
    }
  }

  /** The question itself does not depend on it. */
  #complain(error: unknown): readonly string[] {
    this.#log.warn?.(
      `Open questions cannot be kept for the time after a restart: ${messageOf(error)}`,
    );
    return [];
  }
}
