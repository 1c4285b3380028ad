/** Asks the person one field of a form after the other; must not know who asks nor where answers go. */
import { CURSOR_MARKER, matchesKey } from "pi-tui";
import type { Clock } from "../lib/clock.ts";
import type { FormField, FormOption, FormValues } from "./form_questions.ts";
import { KeyGuard } from "./key_guard.ts";
import { isCancel, isConfirm, lineInput, moveOf } from "./pane/keys.ts";
import { type Hint, hintRow } from "./pane/rows.ts";
import type { PaneView, ViewOptions } from "./pane/view.ts";
import type { FormQuestion, Questions } from "./questions.ts";
import { cleanLine, cleanText, clip, fit, lineEnd, wrapText } from "./render/wrap.ts";

export interface FormViewOptions extends ViewOptions {
  readonly questions: Pick<Questions, "answer" | "count">;
  readonly question: FormQuestion;
  readonly clock: Clock;
}

const TEXT_ROWS_MIN = 2;
const WRITE_LABEL = "Something else";

/** Invariant: nothing is answered before all fields are; Escape goes a field back, and from the first one says no. */
export class FormView implements PaneView {
  focused = false;
  readonly #options: FormViewOptions;
  readonly #guard: KeyGuard;
  readonly #values = new Map<string, string | boolean | number>();
  #index = 0;
  #selected = 0;
  #text = "";
  #problem = "";

  constructor(options: FormViewOptions) {
    this.#options = options;
    this.#guard = new KeyGuard(options.clock);
  }

  invalidate(): void {}

  handleInput(data: string): void {
    if (!this.#guard.isEarly()) this.#act(data);
    this.#options.requestRender();
  }

  render(width: number): string[] {
    const { theme, question, questions, maxRows } = this.#options;
    const field = this.#field;
    const { fields } = question.form;
    const steps = fields.length > 1 ? ` (${this.#index + 1} of ${fields.length})` : "";
    const more = questions.count > 1 ? `, ${questions.count - 1} more behind` : "";
    const title = theme.warning(
      theme.bold(clip(`${question.form.title}${steps}${more}`, width)),
    );
    const words = [question.form.intro, field?.header ?? "", field?.text ?? ""];
    const text = words.filter((part) => part !== "")
      .flatMap((part) => wrapText(cleanText(part), width));
    const answers = field ? this.#answerRows(field, width) : [];
    const hints = hintRow(this.#hints(), { theme, width });
    const room = Math.max(TEXT_ROWS_MIN, maxRows() - answers.length - 2);
    const shown = text.length <= room ? text : [...text.slice(0, room - 1), clip("…", width)];
    return [title, ...shown, ...answers, hints].map((row) => fit(row, width));
  }

  get #field(): FormField | undefined {
    return this.#options.question.form.fields[this.#index];
  }

  #act(data: string): void {
    const field = this.#field;
    if (isCancel(data)) return this.#back(data);
    if (!field) return this.#finish();
    const { options, takesText } = field;
    const count = options.length + (takesText ? 1 : 0);
    const move = options.length === 0 ? null : moveOf(data);
    const digit = this.#isWriting ? NaN : Number(lineInput(data) ?? NaN);
    if (move === "up") this.#selected = Math.max(0, this.#selected - 1);
    else if (move === "down") this.#selected = Math.min(count - 1, this.#selected + 1);
    else if (isConfirm(data)) this.#confirm(field);
    else if (digit >= 1 && digit <= options.length) {
      this.#selected = digit - 1;
      this.#confirm(field);
    } else if (takesText) this.#write(data, options);
  }

  /** Whether the row with the text is chosen. */
  get #isWriting(): boolean {
    const field = this.#field;
    return field !== undefined && field.takesText && this.#selected >= field.options.length;
  }

  /** Whoever types wants to write, whatever is chosen. */
  #write(data: string, options: readonly FormOption[]): void {
    this.#problem = "";
    if (matchesKey(data, "backspace")) this.#text = [...this.#text].slice(0, -1).join("");
    else if (matchesKey(data, "ctrl+u")) this.#text = "";
    else {
      const added = lineInput(data);
      if (added === null) return;
      this.#text += added;
    }
    this.#selected = options.length;
  }

  #confirm(field: FormField): void {
    const chosen = field.options[this.#selected];
    if (chosen) return this.#next(field, chosen.value);
    const text = this.#text.trim();
    if (text === "" && field.isRequired) this.#problem = "This has to be filled in";
    else if (text === "") this.#next(field, null);
    else if (!field.isNumber) this.#next(field, text);
    else if (Number.isFinite(Number(text))) this.#next(field, Number(text));
    else this.#problem = "This has to be a number";
  }

  #next({ id }: FormField, value: string | boolean | number | null): void {
    if (value === null) this.#values.delete(id);
    else this.#values.set(id, value);
    this.#go(this.#index + 1);
    if (!this.#field) this.#finish();
  }

  #back(data: string): void {
    if (this.#index > 0 && !matchesKey(data, "ctrl+c")) return this.#go(this.#index - 1);
    this.#options.questions.answer(this.#options.question.id, "decline");
  }

  #go(index: number): void {
    this.#index = index;
    this.#selected = 0;
    this.#text = "";
    this.#problem = "";
  }

  #finish(): void {
    const { questions, question } = this.#options;
    const values: FormValues = Object.fromEntries(this.#values);
    questions.answer(question.id, { values });
  }

  #answerRows(field: FormField, width: number): string[] {
    const { theme } = this.#options;
    const rows = field.options.map(({ label, detail }, index) => {
      const sign = index === this.#selected ? "❯" : " ";
      const words = detail === "" ? label : `${label}: ${detail}`;
      const row = clip(`${sign} ${index + 1}  ${cleanLine(words)}`, width);
      return index === this.#selected ? theme.selected(row) : row;
    });
    if (field.takesText) rows.push(this.#textRow(field, width));
    return this.#problem === "" ? rows : [...rows, theme.error(clip(this.#problem, width))];
  }

  #textRow(field: FormField, width: number): string {
    const { theme } = this.#options;
    const lead = this.#isWriting ? "❯ " : "  ";
    const written = cleanLine(field.isSecret ? "•".repeat([...this.#text].length) : this.#text);
    const marker = this.focused && this.#isWriting ? CURSOR_MARKER : "";
    if (written === "") {
      const hint = field.options.length === 0 ? "" : WRITE_LABEL;
      return `${lead}${marker}${theme.dim(clip(hint, Math.max(0, width - 3)))}`;
    }
    // The end is what is being typed.
    return `${lead}${lineEnd(written, Math.max(1, width - 3))}${marker}`;
  }

  #hints(): readonly Hint[] {
    const options = this.#field?.options.length ?? 0;
    return [
      ["Enter", "answers"],
      ...options > 0 ? [["↑↓", "choose"] as const] : [],
      ["Esc", this.#index > 0 ? "goes back" : "gives no answer"],
    ];
  }
}
