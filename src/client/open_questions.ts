/** Questions of a server that outlive the connection they came over; must not know what they ask. */

/** Answers one question; the signal aborts when nobody wants the answer any more. */
export type Answer = (params: unknown, signal: AbortSignal) => Promise<unknown>;

interface Question {
  readonly threadId: string | null;
  /** What is asked, word for word: some servers count their questions from 0 again when they are restarted. */
  readonly text: string;
  /** The connection over which it was asked last. */
  connection: number;
  readonly answer: Promise<unknown>;
  readonly withdrawn: AbortController;
}

/**
 * Invariant: a person is asked once, however often the server sends a question under its id: an answer that was given
 * while there was no connection counts only when that very question comes again.
 */
export class OpenQuestions {
  readonly #questions = new Map<string, Question>();
  #connection = 0;

  /** The answer to a question: the one that is being found or was given before, else a new one. */
  ask(id: string, params: unknown, answer: Answer): Promise<unknown> {
    const text = JSON.stringify(params);
    const known = this.#questions.get(id);
    if (known?.text === text) {
      known.connection = this.#connection;
      return known.answer;
    }
    this.#withdraw(id, "Another question has its id");
    const withdrawn = new AbortController();
    const question = {
      threadId: threadOf(params),
      text,
      connection: this.#connection,
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

  /** There is a new connection, over which questions may be asked again. */
  connected(): void {
    this.#connection++;
  }

  /** The thread is not followed any more. */
  forget(threadId: string): void {
    this.#withdrawAll(threadId, Infinity);
  }

  /** The thread was read anew: what it still asks is asked again over this connection, and may have been already. */
  forgetEarlier(threadId: string): void {
    this.#withdrawAll(threadId, this.#connection);
  }

  /** The client ends. */
  close(): void {
    for (const id of [...this.#questions.keys()]) this.#withdraw(id, "The client is closed");
  }

  /** Those that were asked last over a connection before this one. */
  #withdrawAll(threadId: string, connection: number): void {
    for (const [id, question] of [...this.#questions]) {
      const isMeant = question.threadId === threadId && question.connection < connection;
      if (isMeant) this.#withdraw(id, "The question may be answered");
    }
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
