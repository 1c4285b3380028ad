/** The keys of the application itself, beside those of its views; must not know how views use theirs. */
import { matchesKey, type TuiInputListener } from "pi-tui";
import { messageOf } from "../lib/errors.ts";
import { beginCommand } from "./commands.ts";
import type { CommandContext } from "./commands/context.ts";
import type { Composer } from "./composer/composer.ts";
import { HELP_KEY, textOf } from "./composer/keys.ts";
import { earlierDraft } from "./earlier_message.ts";
import { pickRewindPoint, type RewindPoint } from "./picker/rewind.ts";
import type { Transcript } from "./transcript.ts";

export interface AppKeysOptions {
  readonly composer: Composer;
  readonly transcript: Transcript;
  readonly context: CommandContext;
  suspend(): Promise<void>;
}

/** Within these a key means the same as the one before it. */
const TWICE_MS = 1500;

/** Invariant: nothing here takes a key away from a view that wants it. */
export class AppKeys {
  readonly #options: AppKeysOptions;
  /** The key that waits for its second press. */
  #first: { readonly key: "escape" | "quit"; readonly atMs: number } | null = null;
  #cancelHint: (() => void) | null = null;

  constructor(options: AppKeysOptions) {
    this.#options = options;
  }

  /** No timer is left. */
  stop(): void {
    this.#cancelHint?.();
  }

  /** Sees every key first. */
  handle: TuiInputListener = (data) => {
    const { transcript, context } = this.#options;
    if (matchesKey(data, "ctrl+t")) transcript.setExpanded(!transcript.isExpanded);
    else if (matchesKey(data, "ctrl+l")) context.redraw();
    else if (matchesKey(data, "ctrl+z")) void this.#options.suspend();
    else return undefined;
    return { consume: true };
  };

  /** Gets what means nothing to the composer now. */
  handleUnused(data: string): void {
    const { context, composer } = this.#options;
    if (matchesKey(data, "escape")) this.#escape();
    else if (matchesKey(data, "ctrl+c")) this.#interruptOrQuit();
    else if (matchesKey(data, "ctrl+d")) context.quit();
    else if (textOf(data) === HELP_KEY) beginCommand(context, { name: "help", args: "" });
    else if (matchesKey(data, "alt+up")) {
      const draft = context.session.unqueue();
      if (draft) composer.setDraft(draft);
    }
  }

  #escape(): void {
    const { context, composer } = this.#options;
    if (context.session.running) return this.#interrupt();
    if (!composer.isEmpty) return;
    if (this.#isSecond("escape")) this.#rewind();
    else this.#await("escape", "Esc again to edit an earlier message");
  }

  #interruptOrQuit(): void {
    const { context } = this.#options;
    if (this.#isSecond("quit")) return context.quit();
    if (context.session.running) this.#interrupt();
    this.#await("quit", "Ctrl-C again to quit");
  }

  #interrupt(): void {
    const { session, conversation } = this.#options.context;
    session.interrupt().catch((error: unknown) => {
      conversation.notice("error", `Not interrupted: ${messageOf(error)}`);
    });
  }

  #rewind(): void {
    const { context } = this.#options;
    pickRewindPoint(context, {
      ...context,
      blocks: context.conversation.blocks,
      onPick: (point) => void this.#goBack(point),
    });
  }

  async #goBack(point: RewindPoint): Promise<void> {
    const { context: { session, conversation }, composer } = this.#options;
    const { thread } = session;
    if (!thread) return;
    try {
      const draft = await earlierDraft(session.client, { threadId: thread.id, point });
      await session.fork(thread.id, { beforeTurnId: point.turnId });
      composer.setDraft(draft);
      conversation.notice("info", "This is a fork now; the session before stays as it was");
      const lost = point.images.length - draft.images.length;
      if (lost > 0) conversation.notice("warning", `${lost} of its images did not come back`);
    } catch (error) {
      conversation.notice("error", `Cannot go back: ${messageOf(error)}`);
    }
  }

  #isSecond(key: "escape" | "quit"): boolean {
    const { clock } = this.#options.context;
    const isSecond = this.#first?.key === key && clock.now() - this.#first.atMs <= TWICE_MS;
    if (isSecond) this.#forget();
    return isSecond;
  }

  #await(key: "escape" | "quit", hint: string): void {
    const { context: { clock }, composer } = this.#options;
    this.#forget();
    this.#first = { key, atMs: clock.now() };
    composer.setHint(hint);
    this.#cancelHint = clock.after(TWICE_MS, () => this.#forget(), { background: true });
  }

  #forget(): void {
    this.#cancelHint?.();
    this.#cancelHint = null;
    this.#first = null;
    this.#options.composer.setHint("");
  }
}
