/** Answers questions that only servers of other versions ask and nobody here can be asked: with an honest no. */
import { type AnyQuestion, unsupportedRequest } from "../client/client.ts";
import { type Fields, fieldsOf, textIn } from "./fields.ts";

interface Refusal {
  /** What was refused, for people. */
  notice(params: Fields): string;
  readonly answer: unknown;
}

const UNSUPPORTED = "The client cannot do this";

const REFUSALS: Readonly<Record<string, Refusal>> = {
  // Those with fields of other kinds than text, numbers and choices.
  "mcpServer/elicitation/request": {
    notice: (params) =>
      `The MCP server ${textIn(params, "serverName") || "without a name"} asked for input ` +
      "of a kind that cannot be given here: it was declined",
    answer: { action: "decline", content: null, _meta: null },
  },
  "item/tool/call": {
    notice: (params) =>
      `The agent called the tool ${textIn(params, "tool") || "without a name"}, ` +
      "which this client does not have: the call failed",
    answer: { contentItems: [{ type: "inputText", text: UNSUPPORTED }], success: false },
  },
  "execCommandApproval": {
    notice: () => "A question about a command came in a form that is not used any more: declined",
    answer: { decision: "denied" },
  },
  "applyPatchApproval": {
    notice: () => "A question about a patch came in a form that is not used any more: declined",
    answer: { decision: "denied" },
  },
};

/** The answer to such a question; throws what the server is told when there is none. */
export function declineOther(
  { method, params }: AnyQuestion,
  notice: (text: string) => void,
): unknown {
  const refusal = Object.hasOwn(REFUSALS, method) ? REFUSALS[method] : undefined;
  if (!refusal) {
    notice(`The server asked for \`${method}\`, which this client does not know: it was refused`);
    throw unsupportedRequest(method);
  }
  notice(refusal.notice(fieldsOf(params)));
  return refusal.answer;
}
