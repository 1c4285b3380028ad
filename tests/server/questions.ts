/** Approvals that a test answers when it likes; must not decide anything. */
import type { Client } from "../../src/client/client.ts";
import type { ServerRequestParams, ServerRequestResult } from "../../src/protocol/mod.ts";
import type { RequestId } from "../../src/rpc/jsonrpc.ts";

type CommandMethod = "item/commandExecution/requestApproval";
type PatchMethod = "item/fileChange/requestApproval";

/** One question that a client was asked. */
export interface Question<M extends CommandMethod | PatchMethod> {
  readonly id: RequestId;
  readonly params: ServerRequestParams<M>;
  answer(decision: ServerRequestResult<M>["decision"]): void;
}

/** The questions to one client, in order. */
export class Questions<M extends CommandMethod | PatchMethod> {
  readonly asked: Question<M>[] = [];
  readonly #waiting: ((question: Question<M>) => void)[] = [];
  #taken = 0;

  private constructor() {}

  /** The commands that this client is asked about. */
  static commands(client: Client): Questions<CommandMethod> {
    const questions = new Questions<CommandMethod>();
    client.onRequest("item/commandExecution/requestApproval", (params, { id }) => {
      const { promise, resolve } = Promise.withResolvers<ServerRequestResult<CommandMethod>>();
      questions.#add({ id, params, answer: (decision) => resolve({ decision }) });
      return promise;
    });
    return questions;
  }

  /** The patches that this client is asked about. */
  static patches(client: Client): Questions<PatchMethod> {
    const questions = new Questions<PatchMethod>();
    client.onRequest("item/fileChange/requestApproval", (params, { id }) => {
      const { promise, resolve } = Promise.withResolvers<ServerRequestResult<PatchMethod>>();
      questions.#add({ id, params, answer: (decision) => resolve({ decision }) });
      return promise;
    });
    return questions;
  }

  /** The next question that was not taken yet, once it is there. */
  next(): Promise<Question<M>> {
    const question = this.asked[this.#taken++];
    if (question) return Promise.resolve(question);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #add(question: Question<M>): void {
    this.asked.push(question);
    this.#waiting.shift()?.(question);
  }
}
