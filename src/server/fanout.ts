/** Carries the events of threads to the peers that may see them; must not know handlers or transports. */
import type { PendingApproval, ThreadEvent } from "../agent/events.ts";
import type { Decision } from "../agent/tools/tool.ts";
import type { Peer } from "./peer.ts";
import { approvalRequest, project } from "./projection.ts";

/** Where the answer to an approval goes. */
export type AnswerApproval = (
  threadId: string,
  answer: { readonly approvalId: string; readonly decision: Decision },
) => void;

/**
 * Subscriptions of peers to threads.
 *
 * Invariants: a message is encoded once, whatever the number of its receivers; all subscribers of a thread
 * get its events in the same order; a closed peer holds no subscription.
 */
export class Fanout {
  readonly #peers = new Set<Peer>();
  readonly #subscribers = new Map<string, Map<Peer, () => void>>();
  readonly #answer: AnswerApproval;

  constructor(answer: AnswerApproval) {
    this.#answer = answer;
  }

  /** The peer has initialized: from now on it hears broadcasts. */
  add(peer: Peer): void {
    this.#peers.add(peer);
  }

  /** The peer is gone. */
  remove(peer: Peer): void {
    this.#peers.delete(peer);
    for (const threadId of [...this.#subscribers.keys()]) this.unsubscribe(peer, threadId);
  }

  isSubscribed(peer: Peer, threadId: string): boolean {
    return this.#subscribers.get(threadId)?.has(peer) ?? false;
  }

  /** `release` runs when the subscription ends, however it ends. */
  subscribe(peer: Peer, subscription: { threadId: string; release: () => void }): void {
    const { threadId, release } = subscription;
    let subscribers = this.#subscribers.get(threadId);
    if (!subscribers) this.#subscribers.set(threadId, subscribers = new Map());
    if (subscribers.has(peer)) return release();
    subscribers.set(peer, release);
  }

  /** False when the peer was not subscribed. */
  unsubscribe(peer: Peer, threadId: string): boolean {
    const subscribers = this.#subscribers.get(threadId);
    const release = subscribers?.get(peer);
    if (!subscribers || !release) return false;
    subscribers.delete(peer);
    if (subscribers.size === 0) this.#subscribers.delete(threadId);
    release();
    return true;
  }

  /** Sends one event to everybody it concerns. */
  publish(threadId: string, event: ThreadEvent): void {
    const subscribers = this.#subscribers.get(threadId);
    if (event.type === "approvalRequested") {
      for (const peer of subscribers?.keys() ?? []) this.ask(peer, threadId, event.approval);
    }
    for (const { method, params, scope, droppable } of project(threadId, event)) {
      const receivers = scope === "all" ? this.#peers : subscribers?.keys();
      if (receivers) this.#send(receivers, { method, params, droppable });
    }
    if (event.type === "approvalResolved") {
      for (const peer of subscribers?.keys() ?? []) peer.withdraw(event.approvalId);
    }
    if (event.type === "closed") this.#subscribers.delete(threadId);
  }

  /** Sends a notification to every initialized peer. */
  broadcast(method: string, params: Record<string, unknown>): void {
    this.#send(this.#peers, { method, params, droppable: false });
  }

  #send(
    receivers: Iterable<Peer>,
    message: { method: string; params: Record<string, unknown>; droppable: boolean },
  ): void {
    let text: string | undefined;
    for (const peer of receivers) {
      if (!peer.wants(message.method)) continue;
      text ??= JSON.stringify({ method: message.method, params: message.params });
      peer.sendText(text, { droppable: message.droppable });
    }
  }

  /** Puts one pending approval to one peer; used again when it resumes the thread. */
  ask(peer: Peer, threadId: string, approval: PendingApproval): void {
    const { id, request } = approval;
    peer.ask({ id, ...approvalRequest(threadId, approval) }, {
      accepts: ({ type }) => type !== "acceptWithExecpolicyAmendment" || request.type === "command",
      onDecision: (decision) => this.#answer(threadId, { approvalId: id, decision }),
      // Clients that cannot show the question must not block the turn when there are no others.
      onRefused: () => {
        const subscribers = [...this.#subscribers.get(threadId)?.keys() ?? []];
        if (subscribers.length === 0 || !subscribers.every((other) => other.hasRefused(id))) return;
        this.#answer(threadId, { approvalId: id, decision: { type: "decline" } });
      },
    });
  }
}
