/** Says how a question to the person has ended, where that is not plain; must not know how it was asked. */
import { sanitizeLine } from "../lib/sanitize.ts";
import type { Question, Settlement } from "./questions.ts";

/** Null where the person has just done it, or the end of the turn says it. */
export function settlementText(question: Question, settlement: Settlement): string | null {
  if (settlement.type !== "elsewhere") return null;
  const what = subjectOf(question);
  const who = settlement.by === null ? "another client" : sanitizeLine(settlement.by);
  return `Answered by ${who}: ${sanitizeLine(what)}`;
}

function subjectOf(question: Question): string {
  switch (question.type) {
    case "command":
      return question.command ?? "a command";
    case "changes":
      return "file changes";
    case "consent":
      return question.consent.subject;
    case "form":
      return question.form.fields[0]?.text ?? question.form.title;
  }
}
