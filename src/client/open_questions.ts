/** Questions of a server that outlive the connection they came over; must not know what they ask. */

/** Answers one question; the signal aborts when nobody wants the answer any more. */
export type Answer = (params: unknown, signal: AbortSignal) => Promise<unknown>;

interface Question {
  readonly threadId: string | null;
  readonly answer: Promise<unknown>;
  readonly withdrawn: AbortController;
}

/**
 * Invariant: a person is asked once, however often the server sends a question under its id: an answer that was given
 * while there was no connection counts only when that very question comes again.
 */
export class OpenQuestions {
  readonly #questions = new Map<string, Question>();

  /** The answer to a question: the one that is being found or was given before, else a new one. */
  ask(id: string, params: unknown, answer: Answer): Promise<unknown> {
    const known = this.#questions.get(id);
    if (known) return known.answer;
    const withdrawn = new AbortController();
    const question = {
      threadId: threadOf(params),
      withdrawn,
      answer: answer(params, withdrawn.signal),
    };
    this.#questions.set(id, question);
    return question.answer;
  }

  /** The server has its answer, from here or from elsewhere. */
  resolved(id: string): void {
    this.#withdraw(id, "The question was answered");
  }

  /** Nothing is known any more of the questions of a thread: those that are still open will be asked again. */
  forget(threadId: string): void {
    for (const [id, question] of [...this.#questions]) {
      if (question.threadId === threadId) this.#withdraw(id, "The question may be answered");
    }
  }

  /** The client ends. */
  close(): void {
    for (const id of [...this.#questions.keys()]) this.#withdraw(id, "The client is closed");
  }

  #withdraw(id: string, why: string): void {
    const question = this.#questions.get(id);
    this.#questions.delete(id);
    question?.withdrawn.abort(new DOMException(why, "AbortError"));
  }
}

function threadOf(params: unknown): string | null {
  const isObject = typeof params === "object" && params !== null && "threadId" in params;
  return isObject && typeof params.threadId === "string" ? params.threadId : null;
}
