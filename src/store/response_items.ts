/** Parses items of model context as rollouts hold them; must not know turns or what a provider accepts. */
import type { ContentPart, ResponseItem } from "../protocol/response_item.ts";
import { type Fields, fieldsOf, listOf, numberOf, textOf, textsOf } from "./fields.ts";

/** The item, without the bookkeeping members of other writers; null for kinds that this program does not send. */
export function parseResponseItem(payload: unknown): ResponseItem | null {
  const fields = fieldsOf(payload);
  if (!fields) return null;
  const callId = textOf(fields, "call_id");
  const name = textOf(fields, "name");
  switch (fields.type) {
    case "message":
      return parseMessage(fields);
    case "reasoning":
      return parseReasoning(fields);
    case "function_call":
      if (callId === null || name === null) return null;
      return {
        type: "function_call",
        ...idOf(fields),
        call_id: callId,
        name,
        arguments: textOf(fields, "arguments") ?? "",
      };
    case "custom_tool_call":
      if (callId === null || name === null) return null;
      return {
        type: "custom_tool_call",
        ...idOf(fields),
        call_id: callId,
        name,
        input: textOf(fields, "input") ?? "",
      };
    case "function_call_output":
    case "custom_tool_call_output":
      if (callId === null) return null;
      return { type: fields.type, call_id: callId, output: parseOutput(fields.output) };
    case "local_shell_call":
      return parseLocalShellCall(fields);
    case "web_search_call":
      return parseWebSearchCall(fields);
    default:
      return null;
  }
}

function parseMessage(fields: Fields): ResponseItem | null {
  switch (fields.role) {
    case "developer":
    case "user":
    case "assistant":
    case "system": {
      const phase = textOf(fields, "phase");
      return {
        type: "message",
        ...idOf(fields),
        role: fields.role,
        content: contentParts(fields, "content"),
        ...(phase === null ? {} : { phase }),
      };
    }
    default:
      return null;
  }
}

function parseReasoning(fields: Fields): ResponseItem {
  const encrypted = textOf(fields, "encrypted_content");
  return {
    type: "reasoning",
    ...idOf(fields),
    summary: contentParts(fields, "summary"),
    content: Array.isArray(fields.content) ? contentParts(fields, "content") : null,
    ...(encrypted === null ? {} : { encrypted_content: encrypted }),
  };
}

function parseLocalShellCall(fields: Fields): ResponseItem | null {
  const callId = textOf(fields, "call_id");
  const action = fieldsOf(fields.action);
  if (callId === null || !action) return null;
  return {
    type: "local_shell_call",
    ...idOf(fields),
    call_id: callId,
    ...statusOf(fields),
    action: {
      type: "exec",
      command: textsOf(action, "command"),
      working_directory: textOf(action, "working_directory"),
      timeout_ms: numberOf(action, "timeout_ms"),
    },
  };
}

function parseWebSearchCall(fields: Fields): ResponseItem {
  const action = fieldsOf(fields.action);
  const type = action && textOf(action, "type");
  return {
    type: "web_search_call",
    ...idOf(fields),
    ...statusOf(fields),
    ...(action && type !== null ? { action: searchAction(action, type) } : {}),
  };
}

function searchAction(action: Fields, type: string): { type: string; query?: string } {
  const { query, ...rest } = action;
  return { ...rest, type, ...(typeof query === "string" ? { query } : {}) };
}

function parseOutput(output: unknown): string | ContentPart[] {
  if (typeof output === "string") return output;
  if (Array.isArray(output)) return output.flatMap(contentPart);
  // Old files wrapped the text in an object.
  return textOf(fieldsOf(output) ?? {}, "content") ?? "";
}

function contentParts(fields: Fields, key: string): ContentPart[] {
  return listOf(fields, key).flatMap(contentPart);
}

function contentPart(value: unknown): ContentPart[] {
  const fields = fieldsOf(value);
  const type = fields && textOf(fields, "type");
  if (!fields || type === null) return [];
  const { text, image_url, annotations: _, ...rest } = fields;
  return [{
    ...rest,
    type,
    ...(typeof text === "string" ? { text } : {}),
    ...(typeof image_url === "string" ? { image_url } : {}),
  }];
}

function idOf(fields: Fields): { id?: string } {
  const id = textOf(fields, "id");
  return id === null ? {} : { id };
}

function statusOf(fields: Fields): { status?: string } {
  const status = textOf(fields, "status");
  return status === null ? {} : { status };
}
