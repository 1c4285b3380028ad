/** Tells the log about turns and about commands that a sandbox has probably stopped; must not know what is said in them. */
import type { ThreadEvent } from "../agent/events.ts";
import type { DenialListener } from "../agent/tool_context.ts";
import type { Logger } from "../lib/log.ts";
import type { TokenUsage, Turn } from "../protocol/turn_types.ts";

const DENIED = "The sandbox has probably stopped a command";
/** What turns are counted by; one turn may ask the model many times. */
const COUNTED = [
  "inputTokens",
  "cachedInputTokens",
  "outputTokens",
  "reasoningOutputTokens",
] as const;

interface Running {
  /** Whose request has started it; null where it was none. */
  readonly connection: string | null;
  readonly tokens: Record<typeof COUNTED[number], number>;
}

/** One line when a turn begins and one when it ends; costs nothing where nobody reads them. */
export class TurnLog {
  readonly #log: Logger;
  /** Who has asked for the next turn of a thread. */
  readonly #askers = new Map<string, string>();
  /** The turns that run, by thread. */
  readonly #running = new Map<string, Running>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** A connection is about to start a turn. */
  asked(threadId: string, connectionId: string): void {
    if (this.#log.info) this.#askers.set(threadId, connectionId);
  }

  /** Sees every event of a thread. */
  note(threadId: string, event: ThreadEvent): void {
    if (!this.#log.info) return;
    switch (event.type) {
      case "turnStarted":
        return this.#started(threadId, event.turn.id);
      case "tokenUsageUpdated":
        return this.#used(threadId, event.tokenUsage.last);
      case "turnCompleted":
        return this.#completed(threadId, event.turn);
      case "closed":
        this.#askers.delete(threadId);
    }
  }

  /** The same of a command that a client has run without a thread. */
  deniedClient(connection: string, exitCode: number): void {
    this.#log.warn?.(DENIED, { connection, thread: null, exitCode });
  }

  /** A command of a thread has ended like one that its sandbox has stopped. */
  readonly denied: DenialListener = (threadId, { turnId, itemId, exitCode }) => {
    const connection = this.#running.get(threadId)?.connection ?? null;
    this.#log.warn?.(DENIED, {
      connection,
      thread: threadId,
      turn: turnId,
      item: itemId,
      exitCode,
    });
  };

  #started(threadId: string, turnId: string): void {
    const connection = this.#askers.get(threadId) ?? null;
    this.#askers.delete(threadId);
    this.#running.set(threadId, { connection, tokens: { ...NO_TOKENS } });
    this.#log.info?.("A turn began", { connection, thread: threadId, turn: turnId });
  }

  #used(threadId: string, last: TokenUsage): void {
    const tokens = this.#running.get(threadId)?.tokens;
    if (!tokens) return;
    for (const name of COUNTED) tokens[name] += last[name];
  }

  #completed(threadId: string, { id, status, durationMs }: Turn): void {
    const { connection = null, tokens = NO_TOKENS } = this.#running.get(threadId) ?? {};
    this.#running.delete(threadId);
    this.#log.info?.("A turn ended", {
      connection,
      thread: threadId,
      turn: id,
      status,
      durationMs,
      ...tokens,
    });
  }
}

const NO_TOKENS: Readonly<Running["tokens"]> = {
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  reasoningOutputTokens: 0,
};
