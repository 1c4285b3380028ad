/** Assembles what the model is told besides the conversation; must not know the wire protocol or clients. */
import type { UserInput } from "../protocol/item.ts";
import type { ContentPart, ResponseItem } from "../protocol/response_item.ts";

/** One piece of context: said again only when its text differs from what the model saw last. */
export interface ContextPiece {
  readonly role: "developer" | "user";
  /** How every text of this kind starts; tells the kinds apart in an old history. */
  readonly tag: string;
  readonly text: string;
}

/** The pieces that the history does not hold in their present form, as messages. */
export function contextUpdates(
  history: readonly ResponseItem[],
  pieces: readonly ContextPiece[],
): ResponseItem[] {
  const updates: ResponseItem[] = [];
  for (const { role, tag, text } of pieces) {
    if (lastTextWith(tag, history) === text) continue;
    updates.push({ type: "message", role, content: [{ type: "input_text", text }] });
  }
  return updates;
}

function lastTextWith(tag: string, history: readonly ResponseItem[]): string | null {
  for (let i = history.length - 1; i >= 0; i--) {
    const item = history[i];
    if (item?.type !== "message" || item.role === "assistant") continue;
    for (const part of item.content) {
      if (part.text?.startsWith(tag)) return part.text;
    }
  }
  return null;
}

/** Reads a server-side image as a data URL, or returns why it cannot be shown. */
export type ImageReader = (path: string) => Promise<{ url: string } | { problem: string }>;

/** The user's input as the model reads it. A missing image becomes a note, and the turn goes on (as upstream). */
export async function userMessage(
  input: readonly UserInput[],
  readImage: ImageReader,
): Promise<ResponseItem> {
  const content: ContentPart[] = [];
  for (const part of input) {
    switch (part.type) {
      case "text":
        content.push({ type: "input_text", text: part.text });
        break;
      case "image":
        content.push({ type: "input_image", image_url: part.url });
        break;
      case "localImage":
        content.push(...await localImage(part.path, readImage));
        break;
      case "skill":
      case "mention":
        content.push({ type: "input_text", text: `[${part.name}](${part.path})` });
        break;
      case "audio":
      case "localAudio":
        content.push({ type: "input_text", text: "[audio input is not supported]" });
        break;
    }
  }
  return { type: "message", role: "user", content };
}

async function localImage(path: string, readImage: ImageReader): Promise<ContentPart[]> {
  const read = await readImage(path);
  if ("url" in read) return [{ type: "input_image", image_url: read.url }];
  return [{ type: "input_text", text: `[image ${path} could not be read: ${read.problem}]` }];
}
