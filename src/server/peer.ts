/** One connected client as the server sees it: capabilities, opt-outs, questions put to it. */
import type { Decision } from "../agent/tools/tool.ts";
import type { Connection } from "../rpc/connection.ts";
import { decisionOf, type WireDecision } from "./projection.ts";

/** What a client said about itself in `initialize`. */
export interface PeerInfo {
  readonly name: string;
  readonly version: string;
  readonly experimentalApi: boolean;
  /** Notification methods that it does not want, by exact name. */
  readonly optOut: ReadonlySet<string>;
}

/** A connection with what the server remembers about its client. */
export class Peer {
  readonly connection: Connection;
  #info: PeerInfo | null = null;
  /** Questions that this client has been asked and has not answered, by approval id. */
  readonly #asked = new Map<string, AbortController>();
  /** Questions that are still open, but not for this client: it cannot show them or answered nonsense. */
  readonly #refused = new Set<string>();

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** Null until `initialize` was answered. */
  get info(): PeerInfo | null {
    return this.#info;
  }

  initialize(info: PeerInfo): void {
    this.#info = info;
  }

  wants(method: string): boolean {
    return this.#info !== null && !this.#info.optOut.has(method);
  }

  /** Sends text that was encoded once for all receivers. */
  sendText(text: string, options: { readonly droppable: boolean }): void {
    this.connection.sendText(text, options);
  }

  /** Sends a notification to this client alone. */
  notify(method: string, params: Record<string, unknown>): void {
    if (this.wants(method)) this.sendText(JSON.stringify({ method, params }), { droppable: false });
  }

  /** Puts a question to this client; a valid answer counts once, anything else is a refusal. */
  ask(
    question: { readonly id: string; readonly method: string; readonly params: unknown },
    options: {
      /** Whether the decision is one of those that answer this question. */
      readonly accepts: (decision: Decision) => boolean;
      readonly onDecision: (decision: Decision) => void;
      readonly onRefused: () => void;
    },
  ): void {
    if (this.#asked.has(question.id)) return;
    const withdrawn = new AbortController();
    const { id, method, params } = question;
    this.#asked.set(id, withdrawn);
    this.#refused.delete(id);
    const refuse = () => {
      this.#refused.add(id);
      options.onRefused();
    };
    this.connection.request(method, params, { id, signal: withdrawn.signal })
      .then((answer) => {
        const decision = parseAnswer(answer);
        if (decision && options.accepts(decision)) options.onDecision(decision);
        else refuse();
      })
      .catch(() => {
        if (!withdrawn.signal.aborted && !this.connection.isClosed) refuse();
      })
      .finally(() => this.#asked.delete(id));
  }

  /** Whether this client has no decision to give on a question that it was asked. */
  hasRefused(approvalId: string): boolean {
    return this.#refused.has(approvalId);
  }

  /** Somebody answered: this client's own answer would come too late. */
  withdraw(approvalId: string): void {
    this.#refused.delete(approvalId);
    this.#asked.get(approvalId)?.abort();
  }
}

const SIMPLE_DECISIONS: ReadonlySet<string> = new Set([
  "accept",
  "acceptForSession",
  "decline",
  "cancel",
]);

/** The decision in an answer, or null for anything that is not a known decision. */
function parseAnswer(answer: unknown): Decision | null {
  const wire = isRecord(answer) ? answer.decision : undefined;
  if (typeof wire === "string") {
    return isSimpleDecision(wire) ? decisionOf(wire) : null;
  }
  const amendment = isRecord(wire) ? wire.acceptWithExecpolicyAmendment : undefined;
  const prefix = isRecord(amendment) ? amendment.execpolicy_amendment : undefined;
  if (!Array.isArray(prefix) || !prefix.every((word) => typeof word === "string")) return null;
  return decisionOf({ acceptWithExecpolicyAmendment: { execpolicy_amendment: prefix } });
}

function isSimpleDecision(word: string): word is Extract<WireDecision, string> {
  return SIMPLE_DECISIONS.has(word);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
