/** Model context in the form of the Chat Completions API; must not know how it is sent or answered. */
import type { ContentPart, ResponseItem } from "../../protocol/response_item.ts";
import { objectOf, parseJson, stringOf } from "./json.ts";
import type { ModelRequest, ToolSpec } from "./port.ts";

/** A call as the API spells it; `arguments` is JSON text. */
export interface ChatToolCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: string };
}

type ChatContent = string | readonly Readonly<Record<string, unknown>>[];

/** A message as the API spells it. */
export type ChatMessage =
  | { readonly role: "system" | "user"; content: ChatContent }
  | {
    readonly role: "assistant";
    content: string | null;
    tool_calls?: ChatToolCall[];
    reasoning_content?: string;
  }
  | { readonly role: "tool"; readonly tool_call_id: string; readonly content: string };

/** The JSON text of the request. */
export function chatBody(request: ModelRequest): string {
  const { tools, effort, outputSchema, serviceTier } = request;
  return JSON.stringify({
    model: request.model,
    messages: chatMessages(request),
    stream: true,
    stream_options: { include_usage: true },
    ...(tools.length > 0 ? { tools: tools.map(chatTool), tool_choice: "auto" } : {}),
    ...(effort === null ? {} : { reasoning_effort: effort }),
    ...(serviceTier === null ? {} : { service_tier: serviceTier }),
    ...(outputSchema === null || outputSchema === undefined ? {} : {
      response_format: {
        type: "json_schema",
        json_schema: { name: "codex_output_schema", strict: true, schema: outputSchema },
      },
    }),
  });
}

/** Offers a custom tool as a function with one string; `customInput` reads it back. */
function chatTool(tool: ToolSpec) {
  if (tool.type === "function") {
    const { name, description, parameters } = tool;
    return { type: "function", function: { name, description, parameters } };
  }
  const grammar = stringOf(tool.format["definition"]);
  const description = grammar === null
    ? tool.description
    : `${tool.description}\n\n\`input\` follows this grammar:\n${grammar}`;
  const input = { type: "string", description: "The whole input of the tool, as plain text" };
  return {
    type: "function",
    function: {
      name: tool.name,
      description,
      parameters: {
        type: "object",
        properties: { input },
        required: ["input"],
        additionalProperties: false,
      },
    },
  };
}

/** The free text that a model gave to a custom tool offered as a function. */
export function customInput(args: string): string {
  const parsed = parseJson(args);
  if (typeof parsed === "string") return parsed;
  const object = objectOf(parsed);
  if (!object) return args;
  const values = Object.values(object);
  return stringOf(object["input"]) ?? stringOf(values.length === 1 ? values[0] : null) ?? args;
}

/** The whole context as messages, in an order that strict chat templates accept. */
export function chatMessages(request: ModelRequest): ChatMessage[] {
  const builder = new MessageBuilder(request.input);
  builder.text("system", request.instructions);
  request.input.forEach((item, index) => builder.add(item, index));
  return builder.finish();
}

/**
 * Invariants: every tool call is followed by exactly one output before anything else is said;
 * texts of the same role in a row are one message, so user and assistant take turns.
 */
class MessageBuilder {
  readonly #messages: ChatMessage[] = [];
  /** Ids of calls whose output has not come yet. */
  readonly #open = new Set<string>();
  /** Images of outputs: the API has no place for them in a tool message. */
  #images: ContentPart[] = [];
  readonly #lastUserIndex: number;
  #reasoning = "";

  constructor(input: readonly ResponseItem[]) {
    this.#lastUserIndex = input.findLastIndex((item) =>
      item.type === "message" && item.role === "user"
    );
  }

  add(item: ResponseItem, index: number): void {
    switch (item.type) {
      case "message":
        if (item.role === "assistant") this.#assistantText(textOf(item.content));
        else if (item.role === "user") this.#user(item.content);
        else this.text("system", textOf(item.content));
        break;
      case "reasoning":
        // Models that reason between calls need it back, but only of the turn that is running.
        if (index > this.#lastUserIndex) this.#reasoning += reasoningText(item);
        break;
      case "function_call":
        this.#call(item.call_id, { name: item.name, arguments: validJson(item.arguments) });
        break;
      case "custom_tool_call":
        this.#call(item.call_id, {
          name: item.name,
          arguments: JSON.stringify({ input: item.input }),
        });
        break;
      case "local_shell_call":
        this.#call(item.call_id, {
          name: "local_shell",
          arguments: JSON.stringify({ command: item.action.command }),
        });
        break;
      case "function_call_output":
      case "custom_tool_call_output":
        this.#output(item.call_id, item.output);
        break;
      case "web_search_call":
        break; // The provider's own tool: its result is in the text that followed.
    }
  }

  text(role: "system" | "user", text: string): void {
    if (text === "") return;
    this.#closeCalls();
    const last = this.#messages.at(-1);
    if (last?.role === role && typeof last.content === "string") last.content += `\n\n${text}`;
    else this.#messages.push({ role, content: text });
  }

  finish(): ChatMessage[] {
    this.#closeCalls();
    return this.#messages;
  }

  #user(content: readonly ContentPart[]): void {
    const images = imageParts(content);
    if (images.length === 0) return this.text("user", textOf(content));
    this.#closeCalls();
    const text = textOf(content);
    const parts = text === "" ? images : [{ type: "text", text }, ...images];
    this.#messages.push({ role: "user", content: parts });
  }

  #assistantText(text: string): void {
    this.#closeCalls();
    const last = this.#messages.at(-1);
    if (last?.role === "assistant" && !last.tool_calls) {
      last.content = last.content ? `${last.content}\n\n${text}` : text;
    } else {
      this.#messages.push({ role: "assistant", content: text, ...this.#takeReasoning() });
    }
  }

  #call(id: string, call: { readonly name: string; readonly arguments: string }): void {
    const toolCall: ChatToolCall = { id, type: "function", function: call };
    const last = this.#messages.at(-1);
    if (last?.role === "assistant") {
      (last.tool_calls ??= []).push(toolCall);
      Object.assign(last, this.#takeReasoning());
    } else {
      this.#closeCalls();
      const reasoning = this.#takeReasoning();
      this.#messages.push({
        role: "assistant",
        content: null,
        tool_calls: [toolCall],
        ...reasoning,
      });
    }
    this.#open.add(id);
  }

  #output(id: string, output: string | readonly ContentPart[]): void {
    // An output without its call (the call was compacted away) is refused by every server.
    if (!this.#open.delete(id)) return;
    const isText = typeof output === "string";
    if (!isText) this.#images.push(...output.filter((part) => part.image_url !== undefined));
    this.#messages.push({
      role: "tool",
      tool_call_id: id,
      content: (isText ? output : textOf(output)) || "(no text)",
    });
  }

  /** Answers calls that were cut off, and shows the images that came with outputs. */
  #closeCalls(): void {
    for (const id of this.#open) {
      this.#messages.push({ role: "tool", tool_call_id: id, content: "aborted" });
    }
    this.#open.clear();
    if (this.#images.length === 0) return;
    const content = imageParts(this.#images);
    this.#images = [];
    this.#messages.push({ role: "user", content });
  }

  #takeReasoning(): { reasoning_content?: string } {
    const text = this.#reasoning;
    this.#reasoning = "";
    return text === "" ? {} : { reasoning_content: text };
  }
}

function textOf(content: readonly ContentPart[]): string {
  return content.map((part) => part.text ?? "").join("");
}

function imageParts(content: readonly ContentPart[]) {
  return content.flatMap((part) =>
    part.image_url === undefined ? [] : [{ type: "image_url", image_url: { url: part.image_url } }]
  );
}

function reasoningText(item: Extract<ResponseItem, { type: "reasoning" }>): string {
  return textOf(item.content?.length ? item.content : item.summary);
}

/** Servers parse the arguments of old calls with their templates and fail on broken JSON. */
function validJson(args: string): string {
  return objectOf(parseJson(args)) ? args : JSON.stringify({ input: args });
}
