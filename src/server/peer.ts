/** One connected client as the server sees it: capabilities, opt-outs, questions put to it. */
import type { Decision } from "../agent/tools/tool.ts";
import type { Extension } from "../protocol/extensions.ts";
import type { Connection, SendOptions } from "../rpc/connection.ts";
import { decisionOf, type WireDecision } from "./projection.ts";

/** What a client said about itself in `initialize`. */
export interface PeerInfo {
  readonly name: string;
  readonly version: string;
  readonly experimentalApi: boolean;
  /** Notification methods that it does not want, by exact name. */
  readonly optOut: ReadonlySet<string>;
  /** What it asked for beyond upstream's protocol, and gets. */
  readonly extensions: ReadonlySet<Extension>;
}

/** Who a peer is, apart from what it says about itself. */
export interface PeerIdentity {
  /** Names the connection within this process. */
  readonly id: string;
  /** In whose name it acts, as its listener has found out. */
  readonly principal: string;
}

/** A connection with what the server remembers about its client. */
export class Peer {
  readonly connection: Connection;
  readonly id: string;
  readonly principal: string;
  #info: PeerInfo | null = null;
  /** Questions that this client has been asked and has not answered, by approval id. */
  readonly #asked = new Map<
    string,
    { readonly threadId: string; readonly withdrawn: AbortController }
  >();
  /** Questions that are still open, but not for this client: it cannot show them or answered nonsense. */
  readonly #refused = new Set<string>();

  constructor(connection: Connection, { id, principal }: PeerIdentity) {
    this.connection = connection;
    this.id = id;
    this.principal = principal;
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

  /** Whether this client asked for the extension. */
  has(extension: Extension): boolean {
    return this.#info?.extensions.has(extension) ?? false;
  }

  /** Who it is, for clients that know of each other. */
  get identity(): { clientId: string; name: string } {
    return { clientId: this.id, name: this.#info?.name ?? "" };
  }

  /** What the other clients of a thread learn about it. */
  get introduction(): { clientId: string; name: string; version: string } {
    return { ...this.identity, version: this.#info?.version ?? "" };
  }

  /** Sends text that was encoded once for all receivers. */
  sendText(text: string, options?: SendOptions): void {
    this.connection.sendText(text, options);
  }

  /** Sends a notification to this client alone. */
  notify(method: string, params: Record<string, unknown>): void {
    if (this.wants(method)) this.sendText(JSON.stringify({ method, params }));
  }

  /** Puts a question to this client; a valid answer counts once, anything else is a refusal. */
  ask(
    question: {
      readonly id: string;
      readonly threadId: string;
      readonly method: string;
      readonly params: unknown;
    },
    options: {
      /** Whether the decision is one of those that answer this question. */
      readonly accepts: (decision: Decision) => boolean;
      readonly onDecision: (decision: Decision) => void;
      readonly onRefused: () => void;
    },
  ): void {
    if (this.#asked.has(question.id)) return;
    const withdrawn = new AbortController();
    const { id, threadId, method, params } = question;
    this.#asked.set(id, { threadId, withdrawn });
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
      .finally(() => {
        // It may have been asked again meanwhile.
        if (this.#asked.get(id)?.withdrawn === withdrawn) this.#asked.delete(id);
      });
  }

  /** Whether this client has no decision to give on a question that it was asked. */
  hasRefused(approvalId: string): boolean {
    return this.#refused.has(approvalId);
  }

  /** Somebody answered: this client's own answer would come too late. */
  withdraw(approvalId: string): void {
    this.#refused.delete(approvalId);
    this.#asked.get(approvalId)?.withdrawn.abort();
  }

  /** It has left the thread: an answer would come from outside, and when it is back it is asked again. */
  forgetQuestions(threadId: string): void {
    for (const [id, asked] of [...this.#asked]) {
      if (asked.threadId !== threadId) continue;
      asked.withdrawn.abort();
      this.#asked.delete(id);
    }
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
