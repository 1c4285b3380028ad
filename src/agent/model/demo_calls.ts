/** The tool calls of the demo model, for whichever tools the agent offers; must not know history. */
import { shellWord } from "../../lib/shell_word.ts";
import type { ResponseItem } from "../../protocol/response_item.ts";
import type { ToolSpec } from "./port.ts";

/** A call without its ids. */
export type DemoCall =
  | { readonly kind: "function"; readonly name: string; readonly args: Record<string, unknown> }
  | { readonly kind: "custom"; readonly name: string; readonly input: string };

/** How long a poll of a command that is still running waits. */
const POLL_MS = 10_000;
const MAX_LISTED = 200;

/** Runs a command line with the first shell tool there is, or null where there is none. */
export function shellCall(tools: readonly ToolSpec[], command: string): DemoCall | null {
  for (const tool of tools) {
    switch (tool.name) {
      case "exec_command":
        return { kind: "function", name: tool.name, args: { cmd: command } };
      case "shell_command":
        return { kind: "function", name: tool.name, args: { command } };
      case "shell":
        return { kind: "function", name: tool.name, args: { command: ["bash", "-lc", command] } };
    }
  }
  return null;
}

/**
 * Lists a folder without a command, or null where that cannot be done. `list_dir` is not offered, but comes
 * with `exec_command`; so the first thing that people try works also where no command can be confined.
 */
export function listCall(tools: readonly ToolSpec[], path: string): DemoCall | null {
  if (!tools.some(({ name }) => name === "list_dir" || name === "exec_command")) return null;
  const args = { dir_path: path, limit: MAX_LISTED, depth: 1 };
  return { kind: "function", name: "list_dir", args };
}

/** Waits for more output of a command that outlived its call, or null where that is not offered. */
export function pollCall(tools: readonly ToolSpec[], sessionId: number): DemoCall | null {
  if (!tools.some((tool) => tool.name === "write_stdin")) return null;
  const args = { session_id: sessionId, chars: "", yield_time_ms: POLL_MS };
  return { kind: "function", name: "write_stdin", args };
}

/** Shows a plan to the user, or null where that is not offered. */
export function planCall(
  tools: readonly ToolSpec[],
  plan: readonly { readonly step: string; readonly status: string }[],
): DemoCall | null {
  if (!tools.some((tool) => tool.name === "update_plan")) return null;
  return { kind: "function", name: "update_plan", args: { plan } };
}

/** A new text for a file: as a patch, or through the shell where `apply_patch` is not offered. */
export function writeCall(
  tools: readonly ToolSpec[],
  file: { readonly path: string; readonly text: string; readonly before: string | null },
): DemoCall | null {
  const patch = patchCall(tools, patchText(file));
  if (patch) return patch;
  const mark = endMark(file.text);
  const text = file.text === "" || file.text.endsWith("\n") ? file.text : `${file.text}\n`;
  return shellCall(tools, `cat > ${shellWord(file.path)} <<'${mark}'\n${text}${mark}`);
}

/** Removes a file, in the same two ways. */
export function deleteCall(tools: readonly ToolSpec[], path: string): DemoCall | null {
  return patchCall(tools, `*** Begin Patch\n*** Delete File: ${path}\n*** End Patch\n`) ??
    shellCall(tools, `rm -- ${shellWord(path)}`);
}

/** The call as an item of history; ids are made of what is unique to this response. */
export function callItem(
  call: DemoCall,
  ids: { readonly id: string; readonly callId: string },
): ResponseItem {
  const { id, callId } = ids;
  return call.kind === "custom"
    ? { type: "custom_tool_call", id, call_id: callId, name: call.name, input: call.input }
    : {
      type: "function_call",
      id,
      call_id: callId,
      name: call.name,
      arguments: JSON.stringify(call.args),
    };
}

function patchCall(tools: readonly ToolSpec[], input: string): DemoCall | null {
  const tool = tools.find((candidate) => candidate.name === "apply_patch");
  if (!tool) return null;
  return tool.type === "custom"
    ? { kind: "custom", name: tool.name, input }
    : { kind: "function", name: tool.name, args: { input } };
}

function patchText(
  file: { readonly path: string; readonly text: string; readonly before: string | null },
): string {
  const { path, before } = file;
  const after = lines(file.text);
  const body = before === null || before === ""
    ? [`*** Add File: ${path}`, ...after.map((line) => `+${line}`)]
    : [`*** Update File: ${path}`, ...hunk(lines(before), after)];
  return ["*** Begin Patch", ...body, "*** End Patch", ""].join("\n");
}

/** One hunk from the first to the last line that differs, with a line of context on either side. */
function hunk(before: readonly string[], after: readonly string[]): readonly string[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let beforeEnd = before.length;
  let afterEnd = after.length;
  while (beforeEnd > start && afterEnd > start && before[beforeEnd - 1] === after[afterEnd - 1]) {
    beforeEnd--;
    afterEnd--;
  }
  return [
    "@@",
    ...before.slice(Math.max(0, start - 3), start).map((line) => ` ${line}`),
    ...before.slice(start, beforeEnd).map((line) => `-${line}`),
    ...after.slice(start, afterEnd).map((line) => `+${line}`),
    ...before.slice(beforeEnd, beforeEnd + 3).map((line) => ` ${line}`),
  ];
}

function lines(text: string): readonly string[] {
  const all = text.split("\n");
  return all.at(-1) === "" ? all.slice(0, -1) : all;
}

/** A heredoc mark that is not a line of the text. */
function endMark(text: string): string {
  let mark = "END_OF_FILE";
  while (text.split("\n").includes(mark)) mark += "_";
  return mark;
}
