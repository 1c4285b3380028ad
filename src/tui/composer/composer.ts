/** Where a person writes: keys become text, commands and drafts; must not know sessions, servers or processes. */
import type { Component, Focusable, TuiMouseEvent, TuiMouseEventResult } from "pi-tui";
import type { Clock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import type { Desk, LocalImage, PromptHistory } from "../ports.ts";
import type { Draft } from "../session_port.ts";
import type { Theme } from "../theme.ts";
import { Attachments } from "./attachments.ts";
import { Chips, imageChip, pasteChip } from "./chips.ts";
import { cleanInput, cleanPaste } from "./clean_input.ts";
import { completionPlace, type SlashEntry } from "./completion.ts";
import { type ComposerLook, ComposerView } from "./composer_view.ts";
import { EarlierPrompts } from "./earlier_prompts.ts";
import type { FileSearch } from "./file_search.ts";
import { imagePathsIn } from "./image_paths.ts";
import { InputPieces } from "./input_pieces.ts";
import { actionOf, type EditAction, HELP_KEY, textOf } from "./keys.ts";
import { CompletionPopup } from "./popup.ts";
import { PROMPT_CHARS_MAX, submissionOf } from "./submission.ts";
import { applyTextAction, type TextAction } from "./text_actions.ts";
import { TextBuffer } from "./text_buffer.ts";

/** What the composer needs. */
export interface ComposerOptions {
  readonly tui: { readonly terminal: { readonly rows: number }; requestRender(): void };
  readonly theme: Theme;
  readonly history: PromptHistory;
  readonly desk: Desk;
  readonly files: FileSearch;
  /** The slash commands that can be used now. */
  commands(): readonly SlashEntry[];
  notice(level: "info" | "warning" | "error", text: string): void;
  readonly clock: Pick<Clock, "now">;
  /** The thread that a prompt goes to, for the history; empty while there is none. */
  threadId(): string;
  readonly placeholder: string;
  /** Said in the lower rule while there is nothing more important to say there. */
  standingHint(): string;
}

/** The sign of a shell command: not a part of it. */
const SHELL_SIGN = "!";

/** Longer pastes become a chip (as upstream). */
const PASTE_CHARS_SHOWN_MAX = 1000;
/** A prompt from the history or an editor that is longer becomes one, too: to lay it out would take long at every key. */
const TEXT_CHARS_SHOWN_MAX = 8000;
const POPUP_ROWS_MAX = 8;
const POPUP_SCREEN_PART = 0.35;

/**
 * Invariants: nothing that was written goes away unless the application took it or the person removed it; what is
 * shown is what is sent, chips aside; every key is either used or passed to `onUnused`.
 */
export class Composer implements Component, Focusable {
  focused = false;
  /** Enter, or Tab for later. Answers whether it was taken; what was not stays. */
  onSubmit: (kind: "send" | "queue", draft: Draft) => boolean = () => false;
  /** Takes a command for the shell; false when it was not taken. */
  onShell: (command: string) => boolean | void = () => false;
  /** Takes a command of the list; false when it was not taken. */
  onSlash: (name: string, args: string) => boolean | void = () => false;
  /** Gets the keys that mean nothing here now: Escape, `?`, Ctrl-C and Ctrl-D on an empty prompt, Ctrl-Z, and all others. */
  onUnused: (data: string) => void = () => {};

  readonly #options: ComposerOptions;
  readonly #buffer = new TextBuffer();
  readonly #chips = new Chips();
  readonly #pieces = new InputPieces();
  readonly #view: ComposerView;
  readonly #popup: CompletionPopup;
  readonly #earlier: EarlierPrompts;
  readonly #attachments: Attachments;
  #isEditing = false;
  /** What was to be sent while an image of it was still being read. */
  #delayed: { readonly kind: "send" | "queue"; readonly text: string } | null = null;
  #hint = "";
  /** The line of the popup's first row in what was drawn last. */
  #popupAt = 0;

  constructor(options: ComposerOptions) {
    this.#options = options;
    const { theme, files, history, desk, tui } = options;
    const requestRender = () => tui.requestRender();
    this.#view = new ComposerView(theme);
    this.#popup = new CompletionPopup({ theme, files, requestRender });
    const changed = () => this.#changedLater();
    this.#earlier = new EarlierPrompts({
      buffer: this.#buffer,
      history,
      show: (prompt) => void this.#show(prompt),
      changed,
    });
    this.#attachments = new Attachments({
      buffer: this.#buffer,
      chips: this.#chips,
      desk,
      notice: (level, text) => options.notice(level, text),
      substitute: (from, to) => {
        this.#buffer.substitute(from, to);
        this.#earlier.substitute(from, to);
      },
      changed: () => {
        this.#submitDelayed();
        changed();
      },
    });
  }

  /** What is written, with pastes in full and `!` before a shell command. */
  get text(): string {
    return this.#buffer.sign + this.#chips.expand(this.#buffer.text);
  }

  /** Whether there is nothing at all, not even the sign of a shell command. */
  get isEmpty(): boolean {
    return this.#buffer.text === "" && !this.#isShell;
  }

  get #isShell(): boolean {
    return this.#buffer.sign === SHELL_SIGN;
  }

  /** Replaces what is written; undo brings it back. */
  setText(text: string): void {
    this.setDraft({ text, images: [] });
  }

  /** Replaces what is written by a draft that was taken before. */
  setDraft({ text, images }: Draft): void {
    this.#earlier.leave();
    const characters = images.map((image) => this.#chips.add(imageChip(image.name, image)));
    const missing = this.#show(text, characters);
    if (missing.length > 0) this.#buffer.insert(`\n${missing.join(" ")}`);
    this.#changedLater();
  }

  /** Puts text in at the cursor, as if it were typed at once. */
  insert(text: string): void {
    this.#type(cleanInput(text));
    this.#refresh();
  }

  /** Puts an image in at the cursor. */
  attach(image: LocalImage): void {
    this.#attachments.add(image);
    this.#refresh();
  }

  /** A few words in the lower rule, what keys do for example. */
  setHint(text: string): void {
    this.#hint = cleanInput(text).replace(/\s+/g, " ");
    this.#options.tui.requestRender();
  }

  /** Ends what runs on the server for it. */
  close(): void {
    this.#popup.update(null, []);
  }

  invalidate(): void {
    // Nothing that is kept between frames depends on the theme.
  }

  handleInput(data: string): void {
    if (this.#isEditing) return;
    this.#earlier.prepare();
    for (const piece of this.#pieces.push(data)) {
      if (piece.type === "paste") this.#paste(cleanPaste(piece.data), piece.data);
      else this.#key(piece.data);
      this.#refresh();
    }
  }

  handleMouse(event: TuiMouseEvent): TuiMouseEventResult | undefined {
    if (event.type !== "click" || event.button !== "left") return undefined;
    const row = event.y - this.#popupAt;
    if (row >= 0 && this.#popup.choose(row)) this.#accept("submit");
    const offset = this.#view.offsetAt(this.#look(), event);
    if (offset !== null && !this.#earlier.search) {
      this.#buffer.moveTo(offset);
      this.#view.forgetGoal();
    }
    this.#refresh();
    return { handled: true, focus: true };
  }

  render(width: number): string[] {
    const { theme, tui } = this.#options;
    const screenRows = tui.terminal.rows;
    const lines = this.#view.render(this.#look(), width, { screenRows });
    const { search } = this.#earlier;
    if (search) return [...lines, search.line(width, { theme, focused: this.focused })];
    this.#popupAt = lines.length;
    const room = Math.max(1, Math.min(POPUP_ROWS_MAX, Math.floor(screenRows * POPUP_SCREEN_PART)));
    return [...lines, ...this.#popup.render(width, room)];
  }

  #look(): ComposerLook {
    return {
      ...this.#buffer.state,
      labels: this.#chips.labels(this.#buffer.text),
      isShell: this.#isShell,
      placeholder: this.#options.placeholder,
      hint: this.#hint || (this.#isShell ? "" : this.#options.standingHint()),
      focused: this.focused,
      hasCursor: this.#earlier.search === null,
    };
  }

  #key(data: string): void {
    const { search } = this.#earlier;
    if (search && this.#earlier.searchKey(search, data)) return;
    const action = actionOf(data);
    if (action !== "up" && action !== "down") this.#view.forgetGoal();
    if (action !== null) return this.#act(action, data);
    const text = textOf(data);
    if (text === null || (text === HELP_KEY && this.isEmpty)) return this.onUnused(data);
    // Terminals without marks around a paste send it as keys, controls included.
    this.#type(cleanInput(text), { isTyped: true });
  }

  #act(action: EditAction, data: string): void {
    const isUnused = this.isEmpty &&
      (action === "clear" || action === "delete" || action === "queue");
    if (isUnused) return this.onUnused(data);
    switch (action) {
      case "submit":
      case "queue":
        return this.#enter(action);
      case "up":
      case "down":
        return this.#vertical(action);
      case "clear":
        return this.#clearKept();
      case "cancel":
        return this.#cancel(data);
      case "search":
        this.#popup.dismiss();
        return this.#earlier.beginSearch();
      case "pasteImage":
        return void this.#attachments.addFromClipboard();
      case "edit":
        return void this.#edit();
      default:
        return this.#editText(action);
    }
  }

  #editText(action: TextAction): void {
    const buffer = this.#buffer;
    const isAtSign = this.#isShell && buffer.cursor === 0;
    if (isAtSign && (action === "backspace" || action === "killToLineStart")) buffer.setSign("");
    else applyTextAction(buffer, action);
  }

  /** A `!` at the start of nothing is the sign. */
  #type(text: string, options: { readonly isTyped?: boolean } = {}): void {
    const isSign = text.startsWith(SHELL_SIGN) && this.isEmpty;
    if (isSign) this.#buffer.setSign(SHELL_SIGN);
    this.#buffer.insert(isSign ? text.slice(SHELL_SIGN.length) : text, options);
  }

  #paste(text: string, raw: string): void {
    const { search } = this.#earlier;
    if (search) return this.#earlier.searchPaste(search, text);
    this.#view.forgetGoal();
    if (text.length > PROMPT_CHARS_MAX) {
      const size = `${text.length} of at most ${PROMPT_CHARS_MAX} characters`;
      this.#options.notice("error", `The pasted text is too long (${size}); name a file instead`);
      return;
    }
    // Some terminals answer the key for pasting with nothing when only an image is in the clipboard.
    if (text === "" && raw === "") return void this.#attachments.addFromClipboard();
    const paths = this.#isShell ? null : imagePathsIn(text);
    if (paths) return this.#attachments.addPaths(paths, text);
    if (text.length <= PASTE_CHARS_SHOWN_MAX) return this.#type(text);
    this.#buffer.insert(this.#chips.add(pasteChip(text)));
  }

  #enter(action: "submit" | "queue"): void {
    if (this.#accept(action)) return;
    const { text, cursor } = this.#buffer;
    if (action === "queue") {
      // Whoever presses Tab here wants a file, not to send half a path.
      if (this.#popup.isSearching) return;
      // What is no prompt cannot wait for a turn to end.
      if (!this.#isShell && !text.startsWith("/")) this.#submit("queue");
      return;
    }
    // For terminals on which no key but Enter makes a new line.
    if (text[cursor - 1] === "\\") {
      return this.#buffer.replace({ from: cursor - 1, to: cursor, text: "\n" });
    }
    this.#submit("send");
  }

  /** Takes what is chosen in the popup; false when nothing is. */
  #accept(action: "submit" | "queue"): boolean {
    const { selected, place, isMeant } = this.#popup;
    if (!selected || !place) return false;
    // What only resembles a command is not run in its place.
    if (action === "submit" && !isMeant) return false;
    const isRun = action === "submit" && !selected.wantsMore;
    // A command that is run at once needs no space for its arguments.
    const text = isRun ? selected.text.trimEnd() : selected.text;
    this.#buffer.replace({ from: place.from, to: place.to, text });
    if (isRun) this.#submit("send");
    return true;
  }

  #submit(kind: "send" | "queue"): void {
    const { state } = this.#buffer;
    const written = {
      text: this.#chips.expand(state.text),
      images: this.#chips.images(state.text),
      isShell: this.#isShell,
    };
    const submission = submissionOf(written, this.#options.commands());
    this.#delayed = submission.type === "early" ? { kind, text: state.text } : null;
    if (submission.type === "nothing" || submission.type === "early") return;
    if (submission.type === "refused") return this.#options.notice("error", submission.reason);
    if (submission.type === "slash") {
      const { name, args } = submission;
      if (this.onSlash(name, args) === false) return;
      this.#earlier.keep(written.text.trim());
    } else {
      const isTaken = submission.type === "shell"
        ? this.onShell(submission.command) !== false
        : this.onSubmit(kind, submission.draft);
      if (!isTaken) return;
      this.#remember(
        submission.type === "shell" ? SHELL_SIGN + submission.command : submission.draft.text,
      );
    }
    // Whoever took it may have put something else into its place.
    if (this.#buffer.state === state) this.#clear();
  }

  /** Whoever has gone on writing meanwhile sends it by another key. */
  #submitDelayed(): void {
    const delayed = this.#delayed;
    if (delayed?.text === this.#buffer.text) this.#submit(delayed.kind);
    else this.#delayed = null;
  }

  #remember(text: string): void {
    const timeS = Math.floor(this.#options.clock.now() / 1000);
    this.#earlier.remember({ threadId: this.#options.threadId(), timeS, text });
  }

  #clear(): void {
    this.#buffer.reset();
    this.#chips.keepOnly(this.#buffer.kept);
  }

  /** Ctrl-C: what was written can be had again, by undo and from the history. */
  #clearKept(): void {
    this.#earlier.keep(this.text);
    this.#buffer.setText("");
  }

  #cancel(data: string): void {
    if (this.#popup.isOpen) this.#popup.dismiss();
    else if (this.#isShell && this.#buffer.text === "") this.#buffer.setSign("");
    else this.onUnused(data);
  }

  #vertical(action: "up" | "down"): void {
    const step = action === "up" ? -1 : 1;
    if (this.#popup.isOpen && this.#popup.selected) return this.#popup.move(step);
    const { text, cursor } = this.#buffer;
    const isAtEnd = cursor === 0 || cursor === text.length;
    if (this.#earlier.isWalking && isAtEnd) return this.#earlier.walk(action);
    if (action === "up" && text === "") return this.#earlier.walk(action);
    const offset = this.#view.vertical(this.#look(), step);
    if (offset !== null) this.#buffer.moveTo(offset);
    else if (action === "up" && cursor === 0) this.#earlier.walk(action);
    else this.#buffer.moveTo(action === "up" ? 0 : text.length);
  }

  async #edit(): Promise<void> {
    const { desk, notice } = this.#options;
    if (desk.editorProblem !== null) return notice("warning", desk.editorProblem);
    const images = this.#chips.imageCharacters(this.#buffer.text);
    this.#isEditing = true;
    try {
      const edited = await desk.edit(this.text, this.#isShell ? "prompt.sh" : "prompt.md");
      if (edited !== null) this.#show(edited.trimEnd(), images);
    } catch (error) {
      notice("error", messageOf(error));
    }
    this.#isEditing = false;
    this.#changedLater();
  }

  /** Puts a text with the names of images into the place of all; answers with the images that have no place in it. */
  #show(text: string, images: readonly string[] = []): readonly string[] {
    const clean = cleanInput(text);
    const sign = clean.startsWith(SHELL_SIGN) ? SHELL_SIGN : "";
    const body = clean.slice(sign.length);
    const isLong = body.length > TEXT_CHARS_SHOWN_MAX && images.length === 0;
    const restored = isLong
      ? { text: this.#chips.add(pasteChip(body)), missing: [] }
      : this.#chips.restore(body, images);
    this.#buffer.setText(restored.text, { sign });
    return restored.missing;
  }

  #changedLater(): void {
    this.#refresh();
    this.#options.tui.requestRender();
  }

  /** After every change: what is shown beside the text depends on it. */
  #refresh(): void {
    this.#earlier.update();
    const commands = this.#options.commands();
    const isQuiet = this.#earlier.search !== null || this.#earlier.isWalking;
    const place = isQuiet ? null : completionPlace(this.#buffer.state);
    const isWrong = this.#isShell && place?.type !== "file";
    this.#popup.update(isWrong ? null : place, commands);
  }
}
