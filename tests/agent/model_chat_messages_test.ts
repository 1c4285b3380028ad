/** How history becomes the messages of Chat Completions. */
import assert from "node:assert/strict";
import { chatMessages } from "../../src/agent/model/chat_messages.ts";
import type { ResponseItem } from "../../src/protocol/response_item.ts";
import { modelRequest } from "../support/model_fixtures.ts";

Deno.test("chat puts history into the order that strict templates accept", () => {
  const text = (role: "user" | "assistant" | "developer", value: string): ResponseItem => ({
    type: "message",
    role,
    content: [{ type: "input_text", text: value }],
  });
  const image = { type: "input_image", image_url: "data:image/png;base64,AA" };
  const messages = chatMessages(modelRequest({
    input: [
      text("developer", "Rules."),
      text("user", "<environment_context/>"),
      text("user", "Do it"),
      { type: "reasoning", summary: [{ type: "summary_text", text: "old" }] },
      text("assistant", "I will."),
      { type: "function_call", call_id: "a", name: "f", arguments: '{"x":1}' },
      { type: "custom_tool_call", call_id: "b", name: "g", input: "free" },
      {
        type: "function_call_output",
        call_id: "a",
        output: [{ type: "input_text", text: "A" }, image],
      },
      { type: "custom_tool_call_output", call_id: "b", output: "B" },
      { type: "function_call_output", call_id: "gone", output: "orphan" },
      { type: "function_call", call_id: "c", name: "f", arguments: "{broken" },
      { type: "message", role: "user", content: [{ type: "input_text", text: "Look" }, image] },
      { type: "reasoning", summary: [], content: [{ type: "reasoning_text", text: "new" }] },
      { type: "local_shell_call", call_id: "d", action: { type: "exec", command: ["ls"] } },
      { type: "function_call_output", call_id: "d", output: "" },
    ],
  }));
  const url = { type: "image_url", image_url: { url: "data:image/png;base64,AA" } };
  const toolCall = (id: string, name: string, args: string) => ({
    id,
    type: "function",
    function: { name, arguments: args },
  });
  assert.deepEqual(messages, [
    { role: "system", content: "Be brief.\n\nRules." },
    { role: "user", content: "<environment_context/>\n\nDo it" },
    {
      role: "assistant",
      content: "I will.",
      tool_calls: [toolCall("a", "f", '{"x":1}'), toolCall("b", "g", '{"input":"free"}')],
    },
    { role: "tool", tool_call_id: "a", content: "A" },
    { role: "tool", tool_call_id: "b", content: "B" },
    { role: "user", content: [url] },
    { role: "assistant", content: null, tool_calls: [toolCall("c", "f", '{"input":"{broken"}')] },
    { role: "tool", tool_call_id: "c", content: "aborted" },
    { role: "user", content: [{ type: "text", text: "Look" }, url] },
    {
      role: "assistant",
      content: null,
      tool_calls: [toolCall("d", "local_shell", '{"command":["ls"]}')],
      reasoning_content: "new",
    },
    { role: "tool", tool_call_id: "d", content: "(no text)" },
  ]);
});
