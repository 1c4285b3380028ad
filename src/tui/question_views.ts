/** Shows the question that waits longest in the place of the composer; must not know how any question is drawn. */
import type { Clock } from "../lib/clock.ts";
import { ApprovalView } from "./approval.ts";
import { FormView } from "./form_view.ts";
import { openView, type PaneHost, type PaneView, type ViewOptions } from "./pane/view.ts";
import type { Question, Questions } from "./questions.ts";
import { renderChanges } from "./render/changes.ts";
import type { SessionPort } from "./session_port.ts";

export interface QuestionViewsOptions extends ViewOptions, PaneHost {
  readonly questions: Questions;
  readonly session: Pick<SessionPort, "thread" | "settings">;
  readonly clock: Clock;
  /** The address of a server elsewhere. */
  readonly remote: string | null;
}

/** Invariant: a view is mounted as long as a question waits; forms have one of their own each. */
export class QuestionViews {
  readonly #options: QuestionViewsOptions;
  readonly #stopListening: () => void;
  #shown: { readonly key: string; readonly close: () => void } | null = null;

  constructor(options: QuestionViewsOptions) {
    this.#options = options;
    this.#stopListening = options.questions.onChange(() => this.#update());
  }

  stop(): void {
    this.#stopListening();
    this.#shown?.close();
  }

  #update(): void {
    const { current } = this.#options.questions;
    const key = current === null ? null : current.type === "form" ? `form ${current.id}` : "one";
    if (key === (this.#shown?.key ?? null)) return;
    this.#shown?.close();
    this.#shown = current !== null && key !== null
      ? { key, close: openView(this.#options, () => this.#viewOf(current)) }
      : null;
  }

  #viewOf(question: Question): PaneView {
    const options = this.#options;
    if (question.type === "form") return new FormView({ ...options, question });
    const { theme, clock, session } = options;
    return new ApprovalView({
      ...options,
      threadId: () => session.thread?.id ?? null,
      renderChanges: (changes, width) =>
        renderChanges({
          type: "changes",
          id: "",
          revision: 0,
          isFinal: true,
          turnId: null,
          changes,
          status: "inProgress",
          isAsked: true,
        }, {
          theme,
          width,
          isExpanded: true,
          nowMs: clock.now(),
          cwd: session.settings?.cwd ?? null,
          highlight: () => null,
        }),
    });
  }
}
