/** Rebuilds messages, reasoning and completed items from rollout events; must not know turns. */
import type { ThreadItem, UserInput } from "../protocol/item.ts";
import { type Fields, fieldsOf, listOf, numberOf, textOf, textsOf } from "./fields.ts";
import { commandItem, fileChangeItem, webSearchItem } from "./rollout_tool_items.ts";

/** The user's message of a `user_message` event. */
export function userMessageItem(event: Fields, id: string): ThreadItem {
  const content: UserInput[] = [];
  const text = textOf(event, "message") ?? "";
  if (text.trim() !== "") {
    content.push({
      type: "text",
      text,
      text_elements: listOf(event, "text_elements").flatMap(textElement),
    });
  }
  for (const url of textsOf(event, "images")) content.push({ type: "image", url });
  for (const path of textsOf(event, "local_images")) content.push({ type: "localImage", path });
  return { type: "userMessage", id, content };
}

/** The agent's message of an `agent_message` event. */
export function agentMessageItem(event: Fields, id: string): ThreadItem {
  const text = textOf(event, "message") ?? "";
  return { type: "agentMessage", id, text, phase: textOf(event, "phase"), memoryCitation: null };
}

/** The item of an `item_completed` event; null for items that this program does not show. */
export function completedItem(item: Fields): ThreadItem | null {
  const id = textOf(item, "id");
  if (id === null) return null;
  switch (item.type) {
    case "UserMessage":
      return {
        type: "userMessage",
        id,
        clientId: textOf(item, "client_id"),
        content: listOf(item, "content").flatMap(userInput),
      };
    case "AgentMessage": {
      const text = listOf(item, "content").map((part) =>
        textOf(fieldsOf(part) ?? {}, "text") ?? ""
      );
      const phase = textOf(item, "phase");
      return { type: "agentMessage", id, text: text.join(""), phase, memoryCitation: null };
    }
    case "Reasoning":
      return {
        type: "reasoning",
        id,
        summary: textsOf(item, "summary_text"),
        content: textsOf(item, "raw_content"),
      };
    case "CommandExecution":
      return commandItem(item, id);
    case "FileChange":
      return fileChangeItem(item, id);
    case "WebSearch":
      return webSearchItem(item, id);
    case "Plan":
      return { type: "plan", id, text: textOf(item, "text") ?? "" };
    case "ImageView":
      return { type: "imageView", id, path: textOf(item, "path") ?? "" };
    case "ContextCompaction":
      return { type: "contextCompaction", id };
    default:
      return null;
  }
}

function userInput(value: unknown): UserInput[] {
  const part = fieldsOf(value) ?? {};
  const path = textOf(part, "path") ?? "";
  const name = textOf(part, "name") ?? "";
  switch (part.type) {
    case "text": {
      const elements = listOf(part, "text_elements").flatMap(textElement);
      return [{ type: "text", text: textOf(part, "text") ?? "", text_elements: elements }];
    }
    case "image":
      return [{ type: "image", url: textOf(part, "image_url") ?? textOf(part, "url") ?? "" }];
    case "local_image":
      return [{ type: "localImage", path }];
    case "skill":
    case "mention":
      return [{ type: part.type, name, path }];
    default:
      return [];
  }
}

/** Marks in a text: snake_case in rollouts, camelCase on the wire. */
function textElement(value: unknown): Extract<UserInput, { type: "text" }>["text_elements"] {
  const element = fieldsOf(value);
  const range = element && (fieldsOf(element.byte_range) ?? fieldsOf(element.byteRange));
  const start = range && numberOf(range, "start");
  const end = range && numberOf(range, "end");
  if (!element || start === null || end === null) return [];
  return [{ byteRange: { start, end }, placeholder: textOf(element, "placeholder") }];
}
