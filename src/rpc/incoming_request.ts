/** A request of the peer while it is in work: what it asks, and its one answer; must not know how answers travel. */
import type { RequestId, RequestMessage } from "./jsonrpc.ts";

/** A request of the peer while it is in work. */
export class IncomingRequest {
  readonly id: RequestId;
  readonly method: string;
  readonly params: unknown;
  /** What it counts against the limits. */
  readonly chars: number;
  readonly #answer: (request: IncomingRequest, result: unknown) => void;
  #after: (() => void)[] | undefined;
  #isAnswered = false;

  constructor(
    message: Pick<RequestMessage, "id" | "method" | "params">,
    chars: number,
    answer: (request: IncomingRequest, result: unknown) => void,
  ) {
    this.id = message.id;
    this.method = message.method;
    this.params = message.params;
    this.chars = chars;
    this.#answer = answer;
  }

  /** True once the answer is on its way. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /**
   * Answers now, so that the answer precedes whatever is sent next in this tick.
   * What the handler returns afterwards is not sent again.
   */
  reply(result: unknown): void {
    this.#answer(this, result);
  }

  /** Runs `callback` right after the answer, in the same tick; at once when it is answered already. */
  after(callback: () => void): void {
    if (this.#isAnswered) callback();
    else (this.#after ??= []).push(callback);
  }

  /** For the connection: the answer has been queued. */
  answered(): void {
    this.#isAnswered = true;
    if (!this.#after) return;
    for (const callback of this.#after) callback();
    this.#after = undefined;
  }
}
