/** Items that are shown as one line about what the agent did, also those of newer servers; must not know other blocks. */
import { type Fields, fieldsIn, fieldsOf, listIn, textIn, textsIn } from "./fields.ts";

/** One line: what was done, and with what. */
export interface Action {
  readonly label: string;
  readonly detail: string;
}

const DETAIL_CHARS = 300;
/** Members of unknown items that may say what they are about, the best first. */
const TELLING = ["text", "message", "title", "query", "name", "tool", "path", "prompt", "status"];

type Describe = (item: Fields, isFinal: boolean) => Action;

const ACTIONS: Readonly<Record<string, Describe>> = {
  webSearch: (item, isFinal) => ({
    label: isFinal ? "Searched the web" : "Searching the web",
    detail: textIn(item, "query") || searchedFor(fieldsIn(item, "action")),
  }),
  imageView: (item) => ({ label: "Looked at an image", detail: textIn(item, "path") }),
  contextCompaction: (_item, isFinal) => ({
    label: isFinal ? "Compacted the context" : "Compacting the context",
    detail: "",
  }),
  mcpToolCall: (item, isFinal) => {
    const tool = [textIn(item, "server"), textIn(item, "tool")].filter((name) => name !== "");
    const failure = textIn(fieldsIn(item, "error"), "message");
    return called(tool.join("."), failure, isFinal);
  },
  dynamicToolCall: (item, isFinal) =>
    called(textIn(item, "tool"), item.success === false ? "it failed" : "", isFinal),
  functionCallOutput: (item) => called(textIn(item, "name"), "", true),
  collabAgentToolCall: (item) => ({
    label: `Agents: ${wordsOf(textIn(item, "tool")).toLowerCase()}`,
    detail: textIn(item, "prompt"),
  }),
  subAgentActivity: (item) => ({
    label: `Agent ${textIn(item, "agentPath")}`.trim(),
    detail: wordsOf(textIn(item, "kind")).toLowerCase(),
  }),
  hookPrompt: (item) => ({
    label: "A hook said",
    detail: listIn(item, "fragments").map((part) => textIn(fieldsOf(part), "text")).join(" "),
  }),
  // The review itself follows as a message of the agent.
  exitedReviewMode: () => ({ label: "Review ended", detail: "" }),
  enteredReviewMode: (item) => ({ label: "Reviewing", detail: textIn(item, "review") }),
  // `result` is the image itself.
  imageGeneration: (item, isFinal) => ({
    label: isFinal ? "Made an image" : "Making an image",
    detail: textIn(item, "savedPath") || textIn(item, "revisedPrompt"),
  }),
  sleep: () => ({ label: "Waited", detail: "" }),
};

/** The line for an item of this type. Types that are not known show their own name. */
export function actionOf(item: Fields, isFinal: boolean): Action {
  const type = textIn(item, "type");
  const describe = Object.hasOwn(ACTIONS, type) ? ACTIONS[type] : undefined;
  const { label, detail } = describe?.(item, isFinal) ?? unknownAction(item, type);
  return { label, detail: detail.slice(0, DETAIL_CHARS) };
}

function called(tool: string, failure: string, isFinal: boolean): Action {
  const problem = failure === "" ? "" : `: ${failure}`;
  return { label: isFinal ? "Called" : "Calling", detail: `${tool || "a tool"}${problem}` };
}

function searchedFor(action: Fields): string {
  const queries = textsIn(action, "queries").join(", ");
  return textIn(action, "query") || queries || textIn(action, "url") || textIn(action, "pattern");
}

function unknownAction(item: Fields, type: string): Action {
  const key = TELLING.find((name) => textIn(item, name) !== "");
  return { label: wordsOf(type) || "Something new", detail: key ? textIn(item, key) : "" };
}

/** `someItemType` as `Some item type`. */
function wordsOf(name: string): string {
  const words = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1, 60);
}
