/** A client of the exec-server over any transport, with every message checked against the schemas. */
import assert from "node:assert/strict";
import { NotificationInbox } from "../../src/client/inbox.ts";
import { Connection } from "../../src/rpc/connection.ts";
import { RpcError } from "../../src/rpc/jsonrpc.ts";
import type { Transport } from "../../src/rpc/transport.ts";
import type {
  ExecServerMethod,
  ExecServerParams,
  ExecServerResult,
} from "../../src/protocol/exec_server.ts";
import type { ParamsOf, ResultOf } from "../../src/protocol/method.ts";
import type { notifications as taskNotifications, TaskRequests } from "../../src/protocol/task.ts";
import type { notifications } from "../../src/protocol/exec_server.ts";
import { wireCheck } from "./wire_check.ts";

type Notifications = typeof notifications & typeof taskNotifications;
type Method = ExecServerMethod | keyof TaskRequests;
type Params<M extends Method> = M extends ExecServerMethod ? ExecServerParams<M>
  : M extends keyof TaskRequests ? ParamsOf<TaskRequests[M]>
  : never;
type Result<M extends Method> = M extends ExecServerMethod ? ExecServerResult<M>
  : M extends keyof TaskRequests ? ResultOf<TaskRequests[M]>
  : never;

/** One connection. Disposing it closes it and throws what was wrong with its messages. */
export class ExecClient implements Disposable {
  readonly #connection: Connection;
  readonly #inbox = new NotificationInbox();
  readonly #check: { assertClean(): void };
  readonly #closed = Promise.withResolvers<string>();
  /** The id of the session; empty before the handshake. */
  sessionId = "";
  /** Every notification so far. */
  readonly seen: { readonly method: string; readonly params: Record<string, unknown> }[] = [];

  constructor(transport: Transport) {
    const checked = wireCheck(transport, { of: "exec-server" });
    this.#check = checked;
    this.#connection = new Connection({
      transport: checked.transport,
      request: () => {
        throw new RpcError(-32601, "No requests are taken");
      },
      notification: ({ method, params }) => {
        this.seen.push({ method, params: { ...(params ?? {}) } });
        this.#inbox.deliver({ method, params });
      },
      closed: (reason) => {
        this.#inbox.close(new Error(reason));
        this.#closed.resolve(reason);
      },
    });
  }

  /** The handshake; the id of the session. */
  async initialize(resumeSessionId?: string): Promise<string> {
    const { sessionId } = await this.request("initialize", {
      clientName: "test",
      ...resumeSessionId === undefined ? {} : { resumeSessionId },
    });
    this.sessionId = sessionId;
    this.notify("initialized");
    return sessionId;
  }

  request<M extends Method>(method: M, params: Params<M>): Promise<Result<M>>;
  request(method: string, params: unknown): Promise<unknown> {
    return this.#connection.request(method, params);
  }

  /** A request of any shape. */
  raw(method: string, params?: unknown): Promise<unknown> {
    return this.#connection.request(method, params);
  }

  notify(method: string): void {
    this.#connection.notify({ method });
  }

  sendText(text: string): void {
    this.#connection.sendText(text);
  }

  next<M extends keyof Notifications>(
    method: M,
    matches?: (params: ParamsOf<Notifications[M]>) => boolean,
  ): Promise<ParamsOf<Notifications[M]>>;
  next(method: string, matches: (params: never) => boolean = () => true): Promise<unknown> {
    return this.#inbox.next(method, { matches });
  }

  get closed(): Promise<string> {
    return this.#closed.promise;
  }

  close(): void {
    this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
    this.#check.assertClean();
  }
}

/** Fails unless the promise rejects with this very error. */
export async function refused(
  promise: Promise<unknown>,
  { code, message }: { readonly code: number; readonly message: string },
): Promise<void> {
  const error = await promise.then(() => null, (reason: unknown) => reason);
  assert.ok(error instanceof RpcError, `not refused with ${code} ${message}`);
  assert.deepEqual({ code: error.code, message: error.message }, { code, message });
}
