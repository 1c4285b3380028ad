/** What a client gets that opens a thread: a snapshot or what it missed, and all that comes after; must not know how threads are loaded. */
import type { Loaded } from "../../agent/threads.ts";
import type { RequestContext } from "../context.ts";
import { paramsIn } from "../event_text.ts";
import type { Fanout } from "../fanout.ts";
import type { Peer } from "../peer.ts";
import type { PendingQuestions } from "../pending_questions.ts";
import type { ThreadFeed } from "../thread_feed.ts";

/** How far a client that comes back has followed the thread. */
export interface ReplayWish {
  readonly logId?: string | null | undefined;
  readonly afterSeq?: number | null | undefined;
}

/**
 * Subscribes the client and answers. Nothing here waits: snapshot or replay, subscription and answer are one step,
 * so nothing is missed or doubled.
 */
export function openThread(loaded: Loaded, options: {
  readonly context: RequestContext;
  readonly wish: ReplayWish;
  /** Runs when the subscription ends. */
  readonly release: () => void;
  readonly fanout: Fanout;
  readonly questions: PendingQuestions;
  newLogId(): string;
}) {
  const { context, wish, release, fanout, questions } = options;
  const { peer } = context;
  const { thread } = loaded;
  fanout.subscribe(peer, { threadId: thread.id, release });
  const feed = peer.has("numberedEvents") ? fanout.openFeed(thread.id, options.newLogId) : null;
  const replay = feed && replayOf(feed, { wish, peer });
  const isSnapshot = replay?.type !== "events";
  const result = context.respond({
    ...openedResult(loaded, { turns: isSnapshot }),
    ...feed ? { logId: feed.logId, seq: feed.seq } : {},
    ...replay ? { replay } : {},
  });
  // Where events could be replayed, the process that asked is still this one.
  if (isSnapshot) tellOfCancelled(peer, { threadId: thread.id, questions });
  for (const approval of thread.pendingApprovals) fanout.ask(peer, thread.id, approval);
  return result;
}

/** Null for a client that does not say how far it has come. */
function replayOf(
  feed: ThreadFeed,
  { wish, peer }: { readonly wish: ReplayWish; readonly peer: Peer },
) {
  const { logId, afterSeq } = wish;
  if (typeof logId !== "string" || typeof afterSeq !== "number") return null;
  const missed = logId === feed.logId ? feed.after(afterSeq) : null;
  if (!missed) return { type: "gap" as const };
  const form = { isNumbered: true, knowsClients: peer.has("clients") };
  const events = missed.filter(({ event }) => peer.wants(event.method)).map(({ event, seq }) => ({
    method: event.method,
    params: { ...paramsIn(form, event), logId, seq },
  }));
  return { type: "events" as const, events };
}

/** A client that asked for more than upstream has may still show questions that a restart has ended. */
function tellOfCancelled(
  peer: Peer,
  { threadId, questions }: { readonly threadId: string; readonly questions: PendingQuestions },
): void {
  if (!peer.has("numberedEvents") && !peer.has("clients")) return;
  for (const requestId of questions.cancelledOf(threadId)) {
    peer.notify("serverRequest/resolved", {
      threadId,
      requestId,
      ...peer.has("clients") ? { answeredBy: null } : {},
      cancelledBy: "serverRestart",
    });
  }
}

/**
 * What start, resume and fork answer, in the superset that both known clients accept.
 * `excludeTurns` is ignored: clients that page history accept embedded turns instead.
 */
function openedResult({ thread, config }: Loaded, options: { readonly turns: boolean }) {
  const { settings } = thread;
  return {
    thread: thread.view(options),
    model: settings.model,
    modelProvider: settings.modelProvider,
    serviceTier: known(settings.serviceTier, SERVICE_TIERS),
    cwd: settings.cwd,
    runtimeWorkspaceRoots: [settings.cwd],
    instructionSources: [],
    approvalPolicy: settings.approvalPolicy,
    approvalsReviewer: "user" as const,
    sandbox: settings.sandboxPolicy,
    reasoningEffort: known(settings.effort ?? config.reasoningEffort, EFFORTS),
  };
}

/** Newer clients set words that 0.120 clients refuse a whole answer over; they keep their effect all the same. */
function known(word: string | null, words: ReadonlySet<string>): string | null {
  return word !== null && words.has(word) ? word : null;
}

const SERVICE_TIERS: ReadonlySet<string> = new Set(["fast", "flex"]);
const EFFORTS: ReadonlySet<string> = new Set(["none", "minimal", "low", "medium", "high", "xhigh"]);
