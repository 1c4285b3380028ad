/** The body of a Responses API request, built from cached pieces; must not know how it is sent. */
import type { ContentPart, ResponseItem } from "../../protocol/response_item.ts";
import { reasoningDefaults } from "./catalog.ts";
import type { ModelRequest, ToolSpec } from "./port.ts";

/** Items and tool lists are immutable, so their text is made once, however often they are sent. */
const itemTexts = new WeakMap<ResponseItem, string>();
const toolTexts = new WeakMap<readonly ToolSpec[], string>();

/** The JSON text of the request: cheap for long histories, since only new items are serialised. */
export function responsesBody(request: ModelRequest): string {
  const { model, tools, threadId } = request;
  const reasoning = reasoningOf(request);
  const rest = JSON.stringify({
    tool_choice: "auto",
    parallel_tool_calls: true,
    ...(reasoning ? { reasoning } : {}),
    store: false,
    stream: true,
    include: reasoning ? ["reasoning.encrypted_content"] : [],
    prompt_cache_key: threadId,
    ...textOptions(request),
    ...(request.serviceTier === null ? {} : { service_tier: serviceTier(request.serviceTier) }),
  });
  const instructions = request.instructions === ""
    ? ""
    : `"instructions":${JSON.stringify(request.instructions)},`;
  return `{"model":${JSON.stringify(model)},${instructions}"input":[${inputText(request.input)}],` +
    `"tools":${withSearch(toolsText(tools), request.webSearch)},${rest.slice(1)}`;
}

function inputText(input: readonly ResponseItem[]): string {
  const texts: string[] = [];
  for (const item of input) {
    let text = itemTexts.get(item);
    if (text === undefined) {
      text = itemText(item);
      itemTexts.set(item, text);
    }
    if (text !== "") texts.push(text);
  }
  return texts.join(",");
}

/**
 * One item as it is sent, or "" for one that carries nothing.
 * Ids stay behind: nothing is stored at the provider, and an id it does not know is an error there.
 */
function itemText(item: ResponseItem): string {
  switch (item.type) {
    case "message": {
      const { id: _, phase, ...rest } = item;
      return JSON.stringify(phase ? { ...rest, phase } : rest);
    }
    case "reasoning":
      return reasoningText(item.summary, item);
    case "function_call":
    case "custom_tool_call":
    case "local_shell_call":
    case "web_search_call": {
      const { id: _, ...rest } = item;
      return JSON.stringify(rest);
    }
    default:
      return JSON.stringify(item);
  }
}

/** Without its encrypted form or its text a summary means nothing to the model. */
function reasoningText(
  summary: readonly ContentPart[],
  item: Extract<ResponseItem, { type: "reasoning" }>,
): string {
  if (item.encrypted_content) {
    const { encrypted_content } = item;
    return JSON.stringify({ type: "reasoning", summary, encrypted_content });
  }
  const { content } = item;
  return content?.length ? JSON.stringify({ type: "reasoning", summary, content }) : "";
}

function toolsText(tools: readonly ToolSpec[]): string {
  let text = toolTexts.get(tools);
  if (text === undefined) {
    text = JSON.stringify(tools);
    toolTexts.set(tools, text);
  }
  return text;
}

/** The list with the provider's own search at its end. */
function withSearch(tools: string, webSearch: ModelRequest["webSearch"]): string {
  if (webSearch === null) return tools;
  const search = `{"type":"web_search","external_web_access":${webSearch === "live"}}]`;
  return tools === "[]" ? `[${search}` : `${tools.slice(0, -1)},${search}`;
}

/** Null where neither the request nor the catalog says that the model reasons. */
function reasoningOf(request: ModelRequest): { effort?: string; summary?: string } | null {
  const defaults = reasoningDefaults(request.model);
  const effort = request.effort ?? defaults?.effort ?? null;
  const summary = request.summary ?? defaults?.summary ?? null;
  if (effort === null && summary === null) return null;
  return {
    ...(effort === null ? {} : { effort }),
    ...(summary === null || summary === "none" ? {} : { summary }),
  };
}

function textOptions(request: ModelRequest): { text?: Record<string, unknown> } {
  const { verbosity, outputSchema } = request;
  const hasSchema = outputSchema !== null && outputSchema !== undefined;
  if (verbosity === null && !hasSchema) return {};
  const format = {
    type: "json_schema",
    name: "codex_output_schema",
    strict: true,
    schema: outputSchema,
  };
  return {
    text: { ...(verbosity === null ? {} : { verbosity }), ...(hasSchema ? { format } : {}) },
  };
}

/** Clients say `fast`, the API says `priority`. */
function serviceTier(tier: string): string {
  return tier === "fast" ? "priority" : tier;
}
