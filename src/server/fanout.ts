/** Carries the events of threads to the peers that may see them; must not know handlers or transports. */
import type { PendingApproval, ThreadEvent } from "../agent/events.ts";
import type { Decision } from "../agent/tools/tool.ts";
import type { FeedEvent } from "./event_text.ts";
import { OutgoingEvent } from "./outgoing_event.ts";
import type { Peer } from "./peer.ts";
import { approvalRequest, project } from "./projection.ts";
import { FeedBudget, ThreadFeed } from "./thread_feed.ts";

/** Where the answer to an approval goes; returns once it is taken or refused. */
export type AnswerApproval = (
  threadId: string,
  answer: { readonly approvalId: string; readonly decision: Decision },
) => void;

/**
 * Subscriptions of peers to threads.
 *
 * Invariants: a message is encoded at most once in each of its forms, plain and numbered, and in neither without a
 * receiver; all subscribers of a thread get its events in the same order; numbers are seen by subscribers that asked
 * for them and by nobody else; a closed peer holds no subscription.
 */
export class Fanout {
  readonly #peers = new Set<Peer>();
  readonly #subscribers = new Map<string, Map<Peer, () => void>>();
  /** Logs of the loaded threads that somebody follows by number. */
  readonly #feeds = new Map<string, ThreadFeed>();
  readonly #budget = new FeedBudget();
  readonly #answer: AnswerApproval;
  /** The peer whose answer is being taken. */
  #answering: Peer | null = null;
  /** Threads whose clients are about to be told who they are. */
  readonly #announcing = new Set<string>();

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
    this.#announceClients(threadId);
  }

  /** False when the peer was not subscribed. */
  unsubscribe(peer: Peer, threadId: string): boolean {
    const subscribers = this.#subscribers.get(threadId);
    const release = subscribers?.get(peer);
    if (!subscribers || !release) return false;
    subscribers.delete(peer);
    if (subscribers.size === 0) this.#subscribers.delete(threadId);
    peer.forgetQuestions(threadId);
    release();
    this.#announceClients(threadId);
    return true;
  }

  /** The log of a thread, or undefined while nobody follows it by number. */
  feed(threadId: string): ThreadFeed | undefined {
    return this.#feeds.get(threadId);
  }

  /** The log of a loaded thread; from now on its events are numbered. */
  openFeed(threadId: string, newLogId: () => string): ThreadFeed {
    let feed = this.#feeds.get(threadId);
    if (!feed) this.#feeds.set(threadId, feed = new ThreadFeed(newLogId(), this.#budget));
    return feed;
  }

  /**
   * What the log of a thread says is no more what the thread is. Whoever follows it by number notices with the next
   * event, and reads the thread anew.
   */
  renewFeed(threadId: string, newLogId: () => string): void {
    const feed = this.#feeds.get(threadId);
    if (!feed) return;
    feed.close();
    this.#feeds.set(threadId, new ThreadFeed(newLogId(), this.#budget));
  }

  /** Sends one event to everybody it concerns. */
  publish(threadId: string, event: ThreadEvent): void {
    const subscribers = this.#subscribers.get(threadId);
    if (event.type === "approvalRequested") {
      for (const peer of subscribers?.keys() ?? []) this.ask(peer, threadId, event.approval);
    }
    const members = this.#membersOf(threadId, event);
    for (const projected of project(threadId, event)) {
      const isDroppable = projected.droppable;
      const receivers = projected.scope === "all" ? this.#peers : subscribers?.keys() ?? NOBODY;
      const carried = members ? { ...projected, ...members } : projected;
      this.#carry(carried, { threadId, isDroppable, receivers });
    }
    if (event.type === "approvalResolved") {
      for (const peer of subscribers?.keys() ?? []) peer.withdraw(event.approvalId);
    }
    if (event.type === "closed") this.#closed(threadId);
  }

  /** What clients with extensions are told besides. */
  #membersOf(
    threadId: string,
    event: ThreadEvent,
  ): Pick<FeedEvent, "numberedMembers" | "clientMembers"> | null {
    switch (event.type) {
      case "approvalResolved":
        return { clientMembers: { answeredBy: this.#answering?.identity ?? null } };
      case "rateLimitsUpdated":
        // Upstream does not say whose they are, but a number without its thread means nothing.
        return { numberedMembers: { threadId } };
      default:
        return null;
    }
  }

  #closed(threadId: string): void {
    this.#subscribers.delete(threadId);
    this.#feeds.get(threadId)?.close();
    this.#feeds.delete(threadId);
  }

  /** Tells everybody of a thread that was started; its subscribers get it as an event of the thread. */
  announceThread(thread: { readonly id: string }): void {
    const event = { method: "thread/started", params: { thread } };
    this.#carry(event, { threadId: thread.id, isDroppable: false, receivers: this.#peers });
  }

  /** Sends a notification to every initialized peer. */
  broadcast(method: string, params: Record<string, unknown>): void {
    const outgoing = new OutgoingEvent({ method, params }, UNNUMBERED);
    for (const peer of this.#peers) outgoing.sendTo(peer, { isSubscribed: false });
  }

  #carry(event: FeedEvent, to: {
    readonly threadId: string;
    readonly isDroppable: boolean;
    readonly receivers: Iterable<Peer>;
  }): void {
    const number = this.#feeds.get(to.threadId)?.push(event) ?? null;
    if (to.receivers === NOBODY) return;
    const subscribers = number && this.#subscribers.get(to.threadId);
    const outgoing = new OutgoingEvent(event, { isDroppable: to.isDroppable, number });
    for (const peer of to.receivers) {
      outgoing.sendTo(peer, { isSubscribed: subscribers?.has(peer) ?? false });
    }
  }

  /** Puts one pending approval to one peer; used again when it resumes the thread. */
  ask(peer: Peer, threadId: string, approval: PendingApproval): void {
    const { id, request } = approval;
    peer.ask({ id, threadId, ...approvalRequest(threadId, approval) }, {
      accepts: ({ type }) => type !== "acceptWithExecpolicyAmendment" || request.type === "command",
      onDecision: (decision) => {
        this.#answering = peer;
        try {
          this.#answer(threadId, { approvalId: id, decision });
        } finally {
          this.#answering = null;
        }
      },
      // Clients that cannot show the question must not block the turn when there are no others.
      onRefused: () => {
        const subscribers = [...this.#subscribers.get(threadId)?.keys() ?? []];
        if (subscribers.length === 0 || !subscribers.every((other) => other.hasRefused(id))) return;
        this.#answer(threadId, { approvalId: id, decision: { type: "decline" } });
      },
    });
  }

  /** Once per tick, and after the answer to the request that changed it. */
  #announceClients(threadId: string): void {
    if (this.#announcing.has(threadId)) return;
    const mayKnow = (peer: Peer) => peer.has("clients");
    if (![...this.#subscribers.get(threadId)?.keys() ?? []].some(mayKnow)) return;
    this.#announcing.add(threadId);
    queueMicrotask(() => {
      this.#announcing.delete(threadId);
      const subscribers = [...this.#subscribers.get(threadId)?.keys() ?? []];
      const clients = subscribers.map((peer) => peer.introduction);
      const event = { method: "thread/clients/updated", params: { threadId, clients } };
      const outgoing = new OutgoingEvent(event, UNNUMBERED);
      for (const peer of subscribers.filter(mayKnow)) outgoing.sendTo(peer, { isSubscribed: true });
    });
  }
}

const UNNUMBERED = { isDroppable: false, number: null };
const NOBODY: readonly Peer[] = [];
