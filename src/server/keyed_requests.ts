/** Carries out requests with an idempotency key once, however often they come; must not know what a method does. */
import type { Agent } from "../agent/agent.ts";
import type { Receipt } from "../agent/receipts.ts";
import { CodexError, invariant } from "../lib/errors.ts";
import { parseUuid } from "../lib/uuid.ts";
import { EncodedJson, rpcCodes, RpcError } from "../rpc/jsonrpc.ts";
import type { SessionState, StoredOutcome } from "../store/session_state.ts";
import type { RequestContext } from "./context.ts";

/** A request with a key. */
export interface KeyedCall {
  readonly method: string;
  readonly key: string;
  /** Parsed, with the key. */
  readonly params: unknown;
  readonly context: RequestContext;
  handler(params: unknown, context: RequestContext): unknown;
  /** `thread/resume`. */
  resume(params: unknown, context: RequestContext): Promise<unknown>;
}

/** A key that is longer is a mistake. */
const KEY_CHARS_MAX = 256;
/** A longer answer is not kept: there it is said that the request was carried out, and no more. */
const RESULT_CHARS_MAX = 256 * 1024;

/** They put input into a thread: the rollout holds their receipt in one write with the input. */
const WITH_RECEIPT: ReadonlySet<string> = new Set(["turn/start", "turn/steer"]);
/** Who asks again wants to follow the thread, not to read how it was then. */
const OPENING: ReadonlySet<string> = new Set(["thread/start", "thread/fork"]);

interface Running {
  readonly params: string;
  readonly ended: Promise<unknown>;
}

/**
 * A key belongs to who sent it (principal), to a thread and to a method.
 *
 * Invariants: of requests with one key, one is carried out, and those that come meanwhile share its outcome; the
 * outcome is stored before anybody gets an answer; a request that was refused changed nothing and may come again.
 * Where nobody can know whether an effect happened, because the process ended in the middle of it, that is the
 * answer, and never a second effect.
 */
export class KeyedRequests {
  readonly #agent: Agent;
  readonly #state: SessionState;
  readonly #running = new Map<string, Running>();

  constructor(parts: { readonly agent: Agent; readonly state: SessionState }) {
    this.#agent = parts.agent;
    this.#state = parts.state;
  }

  async run(call: KeyedCall): Promise<unknown> {
    if (call.key === "" || call.key.length > KEY_CHARS_MAX) {
      const text = `idempotencyKey must have 1 to ${KEY_CHARS_MAX} characters`;
      throw new RpcError(rpcCodes.invalidRequest, text, { reason: "invalidIdempotencyKey" });
    }
    const receipt = await receiptOf(call);
    const running = this.#running.get(receipt.scope);
    if (running) {
      requireSameParams(running.params, receipt);
      const result = await running.ended;
      return OPENING.has(call.method) ? await reopen(call, threadIdOf(result)) : result;
    }
    const ended = this.#once(call, receipt);
    this.#running.set(receipt.scope, { params: receipt.params, ended });
    try {
      return await ended;
    } finally {
      this.#running.delete(receipt.scope);
    }
  }

  async #once(call: KeyedCall, receipt: Receipt): Promise<unknown> {
    if (WITH_RECEIPT.has(call.method)) return await this.#withReceipt(call, receipt);
    const before = this.#state.begin(receipt.scope, receipt.params);
    if (!before) return await this.#carryOut(call, receipt.scope);
    requireSameParams(before.params, receipt);
    return await this.#again(call, { before, scope: receipt.scope });
  }

  async #withReceipt(call: KeyedCall, receipt: Receipt): Promise<unknown> {
    const thread = this.#agent.threads.find(threadOf(call.params))?.thread;
    const kept = thread?.receipt(receipt.scope);
    if (!thread || !kept) {
      return await call.handler(call.params, new KeyedScope(call.context, { receipt }));
    }
    requireSameParams(kept.params, receipt);
    return call.method === "turn/steer"
      ? { turnId: kept.turnId }
      : { turn: thread.turnState(kept.turnId) };
  }

  async #carryOut(call: KeyedCall, scope: string): Promise<unknown> {
    let isStored = false;
    const store = (result: unknown) => {
      if (!isStored) this.#state.finish(scope, kept(call.method, result));
      isStored = true;
    };
    try {
      const result = await call.handler(call.params, new KeyedScope(call.context, { store }));
      store(result);
      return result;
    } catch (error) {
      // Anything else is a bug, and nobody knows how far it came.
      const isRefusal = error instanceof RpcError || error instanceof CodexError;
      if (isRefusal && !isStored) this.#state.forget(scope);
      throw error;
    }
  }

  /** The request came before; `before` is what is known of it. */
  async #again(
    call: KeyedCall,
    { before, scope }: { readonly before: StoredOutcome; readonly scope: string },
  ): Promise<unknown> {
    if (before.state === "started") throw outcomeUnknown(call.method);
    if (before.result === null) throw answerNotKept(call.method);
    if (!OPENING.has(call.method)) return new EncodedJson(before.result);
    try {
      return await reopen(call, threadIdOf(JSON.parse(before.result)));
    } catch (error) {
      // An ephemeral thread is nowhere but in memory: of the first effect, nothing is left.
      if (!(error instanceof CodexError) || error.kind !== "rolloutNotFound") throw error;
      return await this.#carryOut(call, scope);
    }
  }
}

/** The context of a request with a key: what answers early stores the outcome first. */
class KeyedScope implements RequestContext {
  readonly receipt: Receipt | null;
  readonly #context: RequestContext;
  readonly #store: ((result: unknown) => void) | undefined;

  constructor(context: RequestContext, options: {
    readonly receipt?: Receipt;
    readonly store?: (result: unknown) => void;
  }) {
    this.#context = context;
    this.receipt = options.receipt ?? null;
    this.#store = options.store;
  }

  get peer(): RequestContext["peer"] {
    return this.#context.peer;
  }

  after(callback: () => void): void {
    this.#context.after(callback);
  }

  respond<T>(result: T): T {
    this.#store?.(result);
    return this.#context.respond(result);
  }
}

function reopen(call: KeyedCall, threadId: string): Promise<unknown> {
  return call.resume({ threadId }, call.context);
}

/** What is stored of an answer. */
function kept(method: string, result: unknown): string | null {
  if (OPENING.has(method)) return JSON.stringify({ thread: { id: threadIdOf(result) } });
  const text = result instanceof EncodedJson ? result.text : JSON.stringify(result) ?? "null";
  return text.length <= RESULT_CHARS_MAX ? text : null;
}

function threadIdOf(result: unknown): string {
  const thread: unknown = isRecord(result) ? result.thread : undefined;
  const id = isRecord(thread) ? thread.id : undefined;
  invariant(typeof id === "string", "An answer that opens a thread names it");
  return id;
}

/** In the form in which threads are known, so that no other spelling of the id makes another key. */
function threadOf(params: unknown): string {
  const id = isRecord(params) ? params.threadId : undefined;
  if (typeof id !== "string") return "";
  const parsed = parseUuid(id);
  return parsed.ok ? parsed.uuid : id;
}

async function receiptOf({ method, key, params, context }: KeyedCall): Promise<Receipt> {
  // Loaded with the first key: no other request needs it.
  const { createHash } = await import("node:crypto");
  const fingerprint = (value: unknown) =>
    createHash("sha256").update(JSON.stringify(value)).digest("base64url");
  const { idempotencyKey: _, ...rest } = isRecord(params) ? params : {};
  return {
    scope: fingerprint([context.peer.principal, threadOf(params), method, key]),
    params: fingerprint(sorted(rest)),
  };
}

/** The same value with its members in one order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, sorted(member)]));
}

function requireSameParams(params: string, receipt: Receipt): void {
  if (params === receipt.params) return;
  const text = "The idempotency key was used with other params; take a new key for another request";
  throw new RpcError(rpcCodes.invalidRequest, text, { reason: "idempotencyKeyReused" });
}

function outcomeUnknown(method: string): RpcError {
  const text = `The outcome of ${method} is unknown: the server ended while it was carried out; ` +
    "look at what is there, and take a new key to send it again";
  return new RpcError(rpcCodes.invalidRequest, text, { reason: "outcomeUnknown" });
}

function answerNotKept(method: string): RpcError {
  const text = `${method} was carried out, but its answer was too long to be kept`;
  return new RpcError(rpcCodes.invalidRequest, text, { reason: "answerNotKept" });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
