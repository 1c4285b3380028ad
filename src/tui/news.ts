/** Reads what servers say about turns, plans and errors; servers of any version, so nothing is taken for granted. */
import type { PlanStep, TurnStatus } from "../protocol/turn_types.ts";
import { type Fields, fieldsOf, listIn, textIn } from "./fields.ts";

/** The status of a turn. One of a newer server that is not known has ended somehow. */
export function turnStatusOf(turn: Fields): TurnStatus {
  const status = textIn(turn, "status");
  if (status === "inProgress" || status === "interrupted" || status === "failed") return status;
  return "completed";
}

/** The steps of a plan. */
export function planSteps(news: Fields): PlanStep[] {
  return listIn(news, "plan").map((value) => {
    const step = fieldsOf(value);
    const status = textIn(step, "status");
    return {
      step: textIn(step, "step"),
      status: status === "inProgress" || status === "completed" ? status : "pending",
    };
  });
}

/** What went wrong, with its cause where there is one; empty for no error. */
export function retryText(error: Fields): string {
  const message = textIn(error, "message");
  const details = textIn(error, "additionalDetails");
  if (details === "" || message.includes(details)) return message;
  return message === "" ? details : `${message} (${details})`;
}

const WARNINGS: Readonly<Record<string, (news: Fields) => string>> = {
  warning: warningText,
  guardianWarning: warningText,
  configWarning: warningText,
  deprecationNotice: deprecationText,
  "windows/worldWritableWarning": warningText,
  "model/rerouted": (news) =>
    `The server uses ${textIn(news, "toModel")} instead of ${textIn(news, "fromModel")}`,
  "mcpServer/startupStatus/updated": (news) =>
    textIn(news, "status") === "failed"
      ? `The MCP server ${textIn(news, "name")} did not start: ${textIn(news, "error")}`
      : "",
};

/** Whether the news may be a warning, which is meant for everybody when it names no thread. */
export function isWarning(method: string): boolean {
  return Object.hasOwn(WARNINGS, method);
}

/** What a warning says to people; empty for news that are none. */
export function warningOf(method: string, news: Fields): string {
  return isWarning(method) ? WARNINGS[method]?.(news) ?? "" : "";
}

/** What names methods is about the requests of this program, and for its authors. */
function deprecationText(news: Fields): string {
  const text = warningText(news);
  return /`[a-z]+(?:\/\w+)+`/i.test(text) ? "" : text;
}

function warningText(news: Fields): string {
  const texts = [textIn(news, "message") || textIn(news, "summary"), textIn(news, "details")];
  return texts.filter((text) => text !== "").join("\n");
}
