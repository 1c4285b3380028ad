/** Asks the person one question of the server after the other; must not know how questions come or answers go. */
import { matchesKey } from "pi-tui";
import type { Clock } from "../lib/clock.ts";
import type { FileChange } from "../protocol/item.ts";
import { type Choice, choicesFor } from "./approval_choices.ts";
import { KeyGuard } from "./key_guard.ts";
import { exactRows, hasHidden, revealed } from "./pane/exact_text.ts";
import { characterOf, isConfirm, moveOf } from "./pane/keys.ts";
import { hintRow } from "./pane/rows.ts";
import type { PaneView, ViewOptions } from "./pane/view.ts";
import type { DecidedQuestion, Questions } from "./questions.ts";
import { cleanText, clip, fit, wrapText } from "./render/wrap.ts";

/** What the view needs of `Questions`. */
export type AskedQuestions = Pick<
  Questions,
  "current" | "count" | "answer" | "changesOf" | "onChange"
>;

export interface ApprovalOptions extends ViewOptions {
  readonly questions: AskedQuestions;
  readonly clock: Clock;
  /** The address of a server elsewhere, which is where things happen then. */
  readonly remote?: string | null;
  /** The thread that the person looks at. */
  threadId?(): string | null;
  /** The lines of file changes, each at most `width` wide. */
  renderChanges(changes: readonly FileChange[], width: number): readonly string[];
}

/** Rows of a command or a diff before somebody asks for more. */
const BODY_ROWS = 14;
const BODY_ROWS_MIN = 2;
/** The same of a reason, a path or a rule. */
const NOTE_ROWS = 3;
const SHORT_WARNING = "\\u{…}: not visible";
const INDENT = "  ";
/** Below this width nothing is indented. */
const INDENT_MIN_WIDTH = 12;
/** Where the words of an answer begin, behind its key. */
const LABEL_COLUMN = 5;

/**
 * Invariants: an answer goes to the question that was on the screen when its key was typed; what is not shown for want
 * of room is counted in a row that says so, and Ctrl-O brings it.
 */
export class ApprovalView implements PaneView {
  readonly #options: ApprovalOptions;
  readonly #stop: () => void;
  readonly #guard: KeyGuard;
  #shown: DecidedQuestion | null = null;
  #selected = 0;
  #isExpanded = false;
  /** The first row of the body that is shown. */
  #start = 0;
  /** As it was drawn last. */
  #bodyHeight = 1;
  #hasMore = false;

  constructor(options: ApprovalOptions) {
    this.#options = options;
    this.#guard = new KeyGuard(options.clock);
    this.#stop = options.questions.onChange(() => {
      this.#adopt();
      options.requestRender();
    });
    this.#adopt();
  }

  /** Who decides may want to read back; only a long text here has the keys for that. */
  get scrolls(): boolean {
    return this.#hasMore;
  }

  dispose(): void {
    this.#stop();
  }

  invalidate(): void {}

  handleInput(data: string): void {
    const question = this.#shown;
    if (!question) return;
    if (matchesKey(data, "ctrl+o")) this.#isExpanded = !this.#isExpanded;
    else if (this.#move(data)) return this.#options.requestRender();
    else if (!this.#guard.isEarly()) this.#decide(question, data);
    this.#options.requestRender();
  }

  render(width: number): string[] {
    const question = this.#shown;
    if (!question) return [];
    const { theme, maxRows } = this.#options;
    const title = this.#titleRows(question, width);
    const notes = this.#notes(question, width);
    const body = this.#bodyRows(question, width);
    const hints = hintRow(this.#hints(), { theme, width });
    const shortNotes = notes.flatMap((rows) => this.#shortened(rows, width));
    const whole = this.#choiceRows(question, width);
    const needed = title.length + shortNotes.length + BODY_ROWS_MIN + whole.length + 1;
    // The answers are seen in any case; what is above them can be scrolled where there is no room.
    const isTight = needed > maxRows();
    const isScrolled = this.#isExpanded || isTight;
    const choices = isTight ? this.#shortChoices(question, width) : whole;
    const above = isTight
      ? this.#shortTitle(title, width)
      : isScrolled
      ? title
      : [...title, ...shortNotes];
    const rules = isTight && !this.#isExpanded ? this.#rules(question, width) : [];
    const scrolled = isScrolled ? [...[...notes, ...rules].flat(), ...body] : body;
    const room = maxRows() - above.length - choices.length - 1;
    const height = Math.max(BODY_ROWS_MIN, this.#isExpanded ? room : Math.min(room, BODY_ROWS));
    return [...above, ...this.#bodyWindow(scrolled, { height, width }), ...choices, hints]
      .map((row) => fit(row, width));
  }

  /** Another question begins with nothing chosen by keys that were meant for the one before. */
  #adopt(): void {
    const { questions } = this.#options;
    const current = questions.current?.type === "form" ? null : questions.current;
    if (current === this.#shown) return;
    this.#shown = current;
    this.#guard.restart();
    this.#selected = 0;
    this.#isExpanded = false;
    this.#start = 0;
  }

  #move(data: string): boolean {
    const move = moveOf(data);
    const count = this.#shown?.decisions.length ?? 0;
    const page = Math.max(1, this.#bodyHeight - 2);
    if (move === "up") this.#selected = Math.max(0, this.#selected - 1);
    else if (move === "down") this.#selected = Math.min(count - 1, this.#selected + 1);
    else if (move === "pageUp") this.#start -= page;
    else if (move === "pageDown") this.#start += page;
    else if (move === "first") this.#start = 0;
    else if (move === "last") this.#start = Number.MAX_SAFE_INTEGER;
    return move !== null;
  }

  #decide(question: DecidedQuestion, data: string): void {
    const choices = choicesFor(question);
    const chosen = chosenBy(data, { choices, selected: this.#selected });
    if (chosen) this.#options.questions.answer(question.id, chosen.decision);
  }

  #titleRows(question: DecidedQuestion, width: number): string[] {
    const { theme, questions } = this.#options;
    const asked = titleOf(question);
    const place = questions.count > 1 ? ` (1 of ${questions.count})` : "";
    const rows = [theme.warning(theme.bold(clip(`${asked}${place}`, width)))];
    const changes = question.type === "changes" ? questions.changesOf(question) ?? [] : [];
    const exact = [exactTextOf(question), ...changes.flatMap(({ path, diff }) => [path, diff])];
    if (!exact.some(hasHidden)) return rows;
    const warning = "Contains characters that are not visible; they are written as \\u{…} here";
    return [...rows, ...wrapText(warning, width).map((row) => theme.error(row))];
  }

  #shortTitle([title = "", ...warning]: readonly string[], width: number): string[] {
    if (warning.length <= 1) return [title, ...warning];
    return [title, this.#options.theme.error(clip(SHORT_WARNING, width))];
  }

  /** Why, where, and what else is asked for, each as its rows. */
  #notes(question: DecidedQuestion, width: number): string[][] {
    const { reason } = question;
    const { where, wishes } = placeOf(question);
    const { remote, threadId } = this.#options;
    const isOther = threadId !== undefined && threadId() !== question.threadId;
    return [
      ...isOther ? [this.#labelled("For another session", question.threadId, width)] : [],
      ...wishes.map((wish) => this.#exact(wish, width)),
      ...where ? [this.#labelled(where.label, where.path, width)] : [],
      ...remote ? [this.#labelled("On", remote, width)] : [],
      ...reason === null || reason === "" ? [] : [this.#labelled("Why", reason, width)],
      ...this.#isExpanded ? this.#rules(question, width) : [],
    ];
  }

  /** The rules that answers would make, whole. */
  #rules(question: DecidedQuestion, width: number): string[][] {
    return choicesFor(question).flatMap(({ key, exact }) =>
      exact === "" ? [] : [this.#exact(`Rule of ${key}: ${exact}`, width)]
    );
  }

  #shortened(rows: readonly string[], width: number): string[] {
    if (rows.length <= NOTE_ROWS) return [...rows];
    const more = `… ${rows.length - NOTE_ROWS + 1} more lines, Ctrl-O`;
    return [...rows.slice(0, NOTE_ROWS - 1), this.#options.theme.warning(clip(more, width))];
  }

  #labelled(label: string, text: string, width: number): string[] {
    const { theme } = this.#options;
    // Paths and reasons are read before people decide, so nothing of them is hidden either.
    return this.#exact(`${label}: ${text}`, width).map((row) => theme.dim(row));
  }

  #exact(text: string, width: number): string[] {
    const { theme } = this.#options;
    return exactRows(text, {
      width,
      style: (part) => part,
      signStyle: (part) => theme.underline(theme.error(part)),
    });
  }

  #bodyRows(question: DecidedQuestion, width: number): readonly string[] {
    const { questions, renderChanges, theme } = this.#options;
    const indent = width < INDENT_MIN_WIDTH ? "" : INDENT;
    const room = width - indent.length;
    if (question.type === "command") {
      if (question.command === null) return [];
      return this.#exact(question.command, room).map((row) => indent + row);
    }
    if (question.type === "consent") {
      return this.#exact(question.consent.subject, room).map((row) => indent + row);
    }
    const changes = questions.changesOf(question);
    if (changes !== null) {
      return renderChanges(changes.map(revealedChange), room).map((row) => indent + row);
    }
    const missing = "The server has not told what would change";
    return wrapText(missing, room).map((row) => indent + theme.error(row));
  }

  /** The part of the body that has room, with what says how much there is before and behind it. */
  #bodyWindow(
    body: readonly string[],
    { height, width }: { readonly height: number; readonly width: number },
  ): string[] {
    this.#bodyHeight = height;
    this.#hasMore = body.length > height;
    if (body.length <= height) {
      this.#start = 0;
      return [...body];
    }
    const { theme } = this.#options;
    // The last row always says how much more there is, or that this is the end.
    const shown = height - 1;
    this.#start = Math.max(0, Math.min(this.#start, body.length - shown));
    const end = this.#start + shown;
    const left = body.length - end;
    const more = left > 0
      ? `… ${left} more of ${body.length} lines`
      : `${body.length} lines, to the end`;
    const note = `${more}, PgUp/PgDn${this.#isExpanded ? "" : ", Ctrl-O"}`;
    return [...body.slice(this.#start, end), theme.warning(clip(note, width))];
  }

  #choiceRows(question: DecidedQuestion, width: number): string[] {
    return choicesFor(question).flatMap((choice, index) => {
      const { text, style } = this.#choiceText(choice, index);
      const rows = wrapHanging(text, width).map(style);
      return choice.exact === "" ? rows : [...rows, ...this.#exactIndented(choice.exact, width)];
    });
  }

  /** One row each; the rules stand in the part that can be scrolled. */
  #shortChoices(question: DecidedQuestion, width: number): string[] {
    return choicesFor(question).map((choice, index) => {
      const { text, style } = this.#choiceText(choice, index);
      return style(clip(text, width));
    });
  }

  #choiceText({ decision, key, label }: Choice, index: number): {
    readonly text: string;
    readonly style: (text: string) => string;
  } {
    const isSelected = index === this.#selected;
    const keys = decision === "cancel" ? `${key}/Esc` : key;
    return {
      text: cleanText(`${isSelected ? "❯" : " "} ${keys}  ${label}`),
      style: (text) => isSelected ? this.#options.theme.selected(text) : text,
    };
  }

  #exactIndented(text: string, width: number): string[] {
    const indent = width < INDENT_MIN_WIDTH ? "" : INDENT + INDENT;
    const rows = this.#exact(text, width - indent.length);
    return this.#shortened(rows, width - indent.length).map((row) => indent + row);
  }

  #hints(): readonly (readonly [string, string])[] {
    const size = this.#isExpanded ? "shows less" : "shows more";
    return [["↑↓", "choose"], ["Enter", "answers"], ["Ctrl-O", size]];
  }
}

/** What does not fit into one row goes on below the words of the answer, not below its key. */
function wrapHanging(text: string, width: number): string[] {
  if (width < INDENT_MIN_WIDTH || clip(text, width) === text) return wrapText(text, width);
  const sign = text.slice(0, LABEL_COLUMN);
  return wrapText(text.slice(LABEL_COLUMN), width - LABEL_COLUMN)
    .map((row, index) => (index === 0 ? sign : " ".repeat(LABEL_COLUMN)) + row);
}

function chosenBy(
  data: string,
  { choices, selected }: { readonly choices: readonly Choice[]; readonly selected: number },
): Choice | undefined {
  if (isConfirm(data)) return choices[selected];
  // Ctrl-C means stop as well.
  if (matchesKey(data, "escape") || matchesKey(data, "ctrl+c")) return cancelling(choices);
  const character = characterOf(data)?.toLowerCase();
  return choices.find((choice) => choice.key === character);
}

/** A server that offers no way to cancel takes a plain no. */
function cancelling(choices: readonly Choice[]): Choice | undefined {
  return choices.find(({ decision }) => decision === "cancel") ??
    choices.find(({ decision }) => decision === "decline");
}

function titleOf(question: DecidedQuestion): string {
  switch (question.type) {
    case "command":
      return question.command === null ? "Allow this?" : "Run this command?";
    case "changes":
      return "Make these changes?";
    case "consent":
      return question.consent.title;
  }
}

function placeOf(question: DecidedQuestion): {
  readonly where: { readonly label: string; readonly path: string } | null;
  readonly wishes: readonly string[];
} {
  const isChanges = question.type === "changes";
  const label = isChanges ? "Would allow writing in" : "In";
  const path = isChanges ? question.grantRoot : question.cwd;
  const wishes = question.type === "command" ? question.wishes : [];
  return { where: path === null ? null : { label, path }, wishes };
}

function revealedChange(change: FileChange): FileChange {
  const { kind } = change;
  const isMove = kind.type === "update" && kind.move_path !== null;
  return {
    path: revealed(change.path),
    diff: revealed(change.diff),
    kind: isMove ? { ...kind, move_path: revealed(kind.move_path ?? "") } : kind,
  };
}

/** Everything of the question that people have to read exactly. */
function exactTextOf(question: DecidedQuestion): string {
  if (question.type === "changes") return `${question.reason ?? ""}${question.grantRoot ?? ""}`;
  if (question.type === "consent") {
    return [question.consent.subject, question.cwd, question.reason].join("\n");
  }
  const { command, cwd, reason, wishes } = question;
  return [command, cwd, reason, ...wishes].join("\n");
}
