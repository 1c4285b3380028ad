/** Calls the person who looks at something else when they are needed; must not know terminals. */
import type { Clock } from "../lib/clock.ts";
import { lineStart } from "../lib/sanitize.ts";
import type { BlockList } from "./blocks.ts";
import { fieldsOf, textIn } from "./fields.ts";
import type { Question, Questions } from "./questions.ts";
import { shownCommand } from "./render/shown_command.ts";
import type { SessionPort } from "./session_port.ts";

/** What a person can be called for, as the real program names it. */
export type AttentionKind = "approval-requested" | "agent-turn-complete";

/** How a person is called: by a notification of the terminal, by its bell, or by what it has. */
export type AttentionMethod = "auto" | "osc9" | "bel";

/** What a person wants to be called for. */
export interface AttentionSettings {
  readonly kinds: readonly AttentionKind[];
  readonly method: AttentionMethod;
  /** Whether they look here or not. */
  readonly isAlways: boolean;
}

const KINDS: readonly AttentionKind[] = ["approval-requested", "agent-turn-complete"];
/** Where nothing is set. */
export const DEFAULT_ATTENTION: AttentionSettings = {
  kinds: KINDS,
  method: "auto",
  isAlways: false,
};
/** A terminal that does not tell where the person looks: who has not typed for so long looks elsewhere. */
const AWAY_MS = 30_000;
const TEXT_CHARS = 120;

/** Reads the `tui` table of a configuration, which has the keys of the real program. */
export function attentionSettings(tui: unknown): AttentionSettings {
  const { notifications, notification_method: method, notification_condition: condition } =
    fieldsOf(tui);
  const kinds = Array.isArray(notifications)
    ? KINDS.filter((kind) => notifications.includes(kind))
    : notifications === false
    ? []
    : KINDS;
  const isKnown = method === "osc9" || method === "bel";
  return { kinds, method: isKnown ? method : "auto", isAlways: condition === "always" };
}

export interface AttentionOptions {
  readonly session: Pick<SessionPort, "client" | "thread" | "sending">;
  readonly conversation: BlockList;
  readonly questions: Pick<Questions, "current" | "onChange">;
  readonly clock: Clock;
  /** Asked when somebody is to be called for the first time. */
  settings(): Promise<AttentionSettings>;
  notify(text: string, method: AttentionMethod): void;
}

/** Invariant: nobody is called who is known to look here, unless they want that. */
export class Attention {
  readonly #options: AttentionOptions;
  readonly #stops: (() => void)[];
  #settings: Promise<AttentionSettings> | null = null;
  /** Null while the terminal has not told. */
  #isFocused: boolean | null = null;
  #lastKeyMs: number;
  #isStopped = false;
  /** The question that the person was called for. */
  #asked: string | null = null;

  constructor(options: AttentionOptions) {
    this.#options = options;
    const { session, questions, clock } = options;
    this.#lastKeyMs = clock.now();
    this.#stops = [
      questions.onChange(() => this.#questionsChanged()),
      session.client.on("turn/completed", ({ threadId, turn }) => this.#turnEnded(threadId, turn)),
    ];
  }

  stop(): void {
    this.#isStopped = true;
    for (const stop of this.#stops) stop();
  }

  focusChanged(isFocused: boolean): void {
    this.#isFocused = isFocused;
  }

  keyPressed(): void {
    this.#lastKeyMs = this.#options.clock.now();
  }

  #questionsChanged(): void {
    const { current } = this.#options.questions;
    const isNew = current !== null && this.#asked === null;
    this.#asked = current?.id ?? null;
    // Those behind it are seen when it is answered.
    if (current && isNew) void this.#call("approval-requested", questionText(current));
  }

  #turnEnded(threadId: string, turn: unknown): void {
    const { session, conversation } = this.#options;
    const { status, id } = fieldsOf(turn);
    // Who stopped it is here, and what was queued is on its way by now: the session hears of the end first.
    if (threadId !== session.thread?.id || status === "interrupted") return;
    if (session.sending.length > 0) return;
    const said = conversation.blocks.findLast((block) =>
      block.type === "message" && block.turnId === id
    );
    const text = status === "failed"
      ? `The turn failed: ${textIn(fieldsOf(fieldsOf(turn)["error"]), "message")}`
      : said?.type === "message"
      ? said.text
      : "The turn is done";
    void this.#call("agent-turn-complete", text);
  }

  async #call(kind: AttentionKind, text: string): Promise<void> {
    const { settings, notify } = this.#options;
    const isAway = this.#isAway(kind);
    this.#settings ??= settings().catch(() => DEFAULT_ATTENTION);
    const { kinds, method, isAlways } = await this.#settings;
    if (!this.#isStopped && kinds.includes(kind) && (isAway || isAlways)) {
      notify(lineStart(text, TEXT_CHARS), method);
    }
  }

  /** A question stops everything, so it is worth a call as long as nobody is known to be here. */
  #isAway(kind: AttentionKind): boolean {
    if (this.#isFocused !== null) return !this.#isFocused;
    const quietMs = this.#options.clock.now() - this.#lastKeyMs;
    return kind === "approval-requested" || quietMs >= AWAY_MS;
  }
}

function questionText(question: Question): string {
  const { type } = question;
  if (type === "command" && question.command !== null) {
    return `An approval is wanted: ${shownCommand(question.command)}`;
  }
  return type === "form" ? "An answer is wanted" : "An approval is wanted";
}
