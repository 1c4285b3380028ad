/** What the demo model answers next, from history alone: pure, so that it can be tested as a table. */
import { shellWord } from "../../lib/shell_word.ts";
import type { ContentPart, ResponseItem } from "../../protocol/response_item.ts";
import {
  deleteCall,
  type DemoCall,
  listCall,
  planCall,
  pollCall,
  shellCall,
  writeCall,
} from "./demo_calls.ts";
import { type DemoAction, parseDemoRequest } from "./demo_request.ts";
import { objectOf, parseJson } from "./json.ts";
import type { ModelRequest, ToolSpec } from "./port.ts";

/** One response: what is said, then at most one call. */
export interface DemoResponse {
  readonly text: string;
  /** Between two words, in milliseconds. */
  readonly wordPauseMs: number;
  readonly call: DemoCall | null;
}

const SLOW_PAUSE_MS = 250;
const MAX_POLLS = 6;
const MAX_SHOWN_LINES = 24;
/** Longer files come back cut, and a cut text must never be written back. */
const MAX_EDIT_CHARS = 16_000;

const INTRODUCTION = `I am the built-in demo model: a small set of fixed rules, not an AI. ` +
  `I need no key and no network, and I really use the agent's tools. Things I understand:

- run \`ls -la\`
- write a file hello.txt with the text Hello
- in hello.txt replace Hello with Goodbye
- append Bye to hello.txt, delete hello.txt
- list the files, show README.md, explain README.md
- plan: look around, change it, test it
- count slowly to 20

Join several of them with "then". For real work, choose a model provider: see \`codex --help\`.`;

const NO_SANDBOX_HINT = "To let commands run here without any confinement, start again with " +
  "`-s danger-full-access`; `list the files` works without it.";

/** A call of this turn with what came back. */
interface Done {
  readonly name: string;
  readonly output: string;
}

/** The next response to a request. The same history always gives the same answer. */
export function planDemoResponse(request: ModelRequest): DemoResponse {
  const turn = currentTurn(request.input);
  if (request.outputSchema !== null && request.outputSchema !== undefined) {
    return say(JSON.stringify(sampleOf(request.outputSchema, turn.text)));
  }
  const actions = parseDemoRequest(turn.text);
  const only = actions.length === 1 ? actions[0] : undefined;
  if (only?.type === "count") return countTo(only);
  if (only?.type === "unknown") return say(INTRODUCTION);
  return new Walk(request.tools, turn.done).next(actions);
}

/** Goes through the actions in order, taking the outputs that history has for each. */
class Walk {
  readonly #tools: readonly ToolSpec[];
  readonly #done: readonly Done[];
  readonly #report: string[] = [];
  #position = 0;

  constructor(tools: readonly ToolSpec[], done: readonly Done[]) {
    this.#tools = tools;
    this.#done = done;
  }

  next(actions: readonly DemoAction[]): DemoResponse {
    for (const [index, action] of actions.entries()) {
      const step = this.#step(action, actions.slice(index + 1));
      if (step === "stopped") break;
      if (step) return step;
    }
    this.#report.push("(The demo model: built-in rules, not an AI.)");
    return say(this.#report.join("\n\n"));
  }

  /** The response that this action still needs, null when it is done, "stopped" when it was refused. */
  #step(action: DemoAction, rest: readonly DemoAction[]): DemoResponse | "stopped" | null {
    switch (action.type) {
      case "run":
        return this.#command(action.command, (output) => ranText(action.command, output));
      case "list":
        return this.#list(action.path);
      case "show":
        return this.#command(catCommand(action.path), (output) => shownText(action, output));
      case "write":
        return this.#write(action.path, { text: action.text, before: null });
      case "append":
      case "replace":
        return this.#edit(action);
      case "delete":
        return this.#change(
          deleteCall(this.#tools, action.path),
          { doing: `I will delete \`${action.path}\`.`, did: `I deleted \`${action.path}\`` },
        );
      case "plan":
        return this.#plan(action.steps);
      case "count":
        this.#report.push(countTo(action).text);
        return null;
      case "unknown":
        this.#report.push(
          rest.length > 0 || this.#report.length > 0
            ? `I did not understand "${clip(action.text)}" and left it out.`
            : INTRODUCTION,
        );
        return null;
    }
  }

  /** Without a command where that is offered, so that it works under every sandbox policy. */
  #list(path: string): DemoResponse | "stopped" | null {
    const call = listCall(this.#tools, path);
    if (!call) {
      return this.#command(
        `ls -la ${shellWord(path)}`,
        (output) => `These are the files in \`${path}\`:\n\n${fenced(bodyOf(output))}`,
      );
    }
    const output = this.#take();
    if (output === null) return { ...say(`I will list \`${path}\`.`), call };
    this.#report.push(listedText(path, output));
    return null;
  }

  #command(
    command: string,
    report: (output: string) => string,
  ): DemoResponse | "stopped" | null {
    const call = shellCall(this.#tools, command);
    if (!call) return this.#without("a shell");
    let output = this.#take();
    if (output === null) return { ...say(`I will run \`${clip(command)}\`.`), call };
    if (isRefused(output)) return this.#stop(output);
    let text = bodyOf(output);
    for (let polls = 0; polls < MAX_POLLS; polls++) {
      const sessionId = runningSession(output);
      const poll = sessionId === null ? null : pollCall(this.#tools, sessionId);
      if (!poll) break;
      const more = this.#take();
      if (more === null) return { ...say("It is still running; I will wait."), call: poll };
      text += bodyOf(more);
      output = more;
    }
    this.#report.push(report(statusLines(output) + text));
    return null;
  }

  #edit(action: Extract<DemoAction, { type: "append" | "replace" }>) {
    const { path } = action;
    const read = shellCall(this.#tools, catCommand(path));
    if (!read) return this.#without("a shell");
    const output = this.#take();
    if (output === null) return { ...say(`I will read \`${path}\` first.`), call: read };
    if (isRefused(output)) return this.#stop(output);
    const before = bodyOf(output);
    const exists = exitCode(output) === 0;
    if (isCut(before)) {
      this.#report.push(`\`${path}\` is too long for me to change.`);
      return null;
    }
    const text = changedText(action, exists ? before : null);
    if (text === null) {
      this.#report.push(
        exists
          ? `\`${path}\` does not contain "${
            clip(action.type === "replace" ? action.from : "")
          }", so I left it as it is.`
          : `I could not read \`${path}\`:\n\n${fenced(before)}`,
      );
      return null;
    }
    return this.#write(path, { text, before: exists ? before : null });
  }

  #write(path: string, file: { readonly text: string; readonly before: string | null }) {
    return this.#change(writeCall(this.#tools, { path, ...file }), {
      doing: `I will ${file.before === null ? "write" : "change"} \`${path}\`.`,
      did: `I ${file.before === null ? "wrote" : "changed"} \`${path}\``,
    });
  }

  #change(
    call: DemoCall | null,
    words: { readonly doing: string; readonly did: string },
  ): DemoResponse | "stopped" | null {
    if (!call) return this.#without("a way to change files");
    const output = this.#take();
    if (output === null) return { ...say(words.doing), call };
    if (isRefused(output)) return this.#stop(output);
    const failed = exitCode(output) !== 0;
    this.#report.push(
      failed ? `That change failed:\n\n${fenced(bodyOf(output) || output)}` : `${words.did}.`,
    );
    return null;
  }

  #plan(steps: readonly string[]): DemoResponse | "stopped" | null {
    const plan = steps.map((step) => ({ step, status: "pending" }));
    const call = planCall(this.#tools, plan);
    if (call && this.#take() === null) return { ...say("I will write down a plan."), call };
    this.#report.push(`The plan:\n\n${steps.map((step, n) => `${n + 1}. ${step}`).join("\n")}`);
    return null;
  }

  #take(): string | null {
    return this.#done[this.#position++]?.output ?? null;
  }

  #without(what: string): null {
    this.#report.push(`I was not given ${what}, so I could not do that.`);
    return null;
  }

  #stop(output: string): "stopped" {
    const hint = isUnconfinable(output) ? `\n\n${NO_SANDBOX_HINT}` : "";
    this.#report.push(`That was not allowed, so I stopped there:\n\n${fenced(output)}${hint}`);
    return "stopped";
  }
}

/** The last thing a person said, and the calls made since. */
function currentTurn(input: readonly ResponseItem[]): { text: string; done: readonly Done[] } {
  const start = input.findLastIndex(isPersonsWords);
  const message = input[start];
  const text = message?.type === "message" ? textOf(message.content) : "";
  const names = new Map<string, string>();
  const done: Done[] = [];
  for (const item of input.slice(start + 1)) {
    if (item.type === "function_call" || item.type === "custom_tool_call") {
      names.set(item.call_id, item.name);
    } else if (item.type === "function_call_output" || item.type === "custom_tool_call_output") {
      const name = names.get(item.call_id);
      const output = typeof item.output === "string" ? item.output : textOf(item.output);
      if (name !== undefined) done.push({ name, output: plainOutput(output) });
    }
  }
  return { text: text.trim(), done };
}

/** Not the context that the agent adds in the user's name, which is always in tags. */
function isPersonsWords(item: ResponseItem): boolean {
  if (item.type !== "message" || item.role !== "user") return false;
  const text = textOf(item.content).trimStart();
  return !/^<[a-z_]+[ >]/i.test(text) && !text.startsWith("# AGENTS.md");
}

/** Some tools answer in JSON with the text inside. */
function plainOutput(output: string): string {
  const object = objectOf(output.startsWith("{") ? parseJson(output) : null);
  if (!object || typeof object["output"] !== "string") return output;
  const code = objectOf(object["metadata"])?.["exit_code"];
  return `Exit code: ${typeof code === "number" ? code : 0}\nOutput:\n${object["output"]}`;
}

/** What a command printed, without the lines that the tool puts in front. */
function bodyOf(output: string): string {
  const match = /^Output:\n/m.exec(output);
  return match ? output.slice(match.index + match[0].length) : output;
}

/** Tools leave out the middle of long output, and say so in various words. */
function isCut(text: string): boolean {
  return text.length > MAX_EDIT_CHARS ||
    /\d+ (?:tokens|characters|chars|bytes|lines) (?:were )?(?:truncated|omitted|left out)/i.test(
      text,
    );
}

function statusLines(output: string): string {
  const match = /^Output:\n/m.exec(output);
  return match ? output.slice(0, match.index + match[0].length) : "";
}

/** Zero where the tool does not say: tools that cannot fail halfway answer in prose. */
function exitCode(output: string): number {
  const match = /^(?:Process exited with code|Exit code:) (-?\d+)/m.exec(statusLines(output));
  if (match) return Number(match[1]);
  return /^(?:error|failed|invalid|unsupported|cannot|could not)|\bfailed\b/i.test(output) ? 1 : 0;
}

function runningSession(output: string): number | null {
  const match = /^Process running with session ID (\d+)/m.exec(statusLines(output) || output);
  return match ? Number(match[1]) : null;
}

function isRefused(output: string): boolean {
  return !/^Output:\n/m.test(output) &&
    /rejected|declined|not allowed|approval policy|sandbox|aborted by user/i.test(output);
}

/** True when only the lack of a sandbox stood in the way, which the user can do something about. */
function isUnconfinable(output: string): boolean {
  return /sandbox policy \w+ cannot be enforced/.test(output);
}

function ranText(command: string, output: string): string {
  const body = bodyOf(output);
  const shown = body.trim() === "" ? "It printed nothing." : fenced(body);
  if (runningSession(output) !== null) {
    return `I started \`${clip(command)}\`; it is still running.\n\n${shown}`;
  }
  return `I ran \`${clip(command)}\` (exit code ${exitCode(output)}).\n\n${shown}`;
}

function listedText(path: string, output: string): string {
  const [first = "", ...entries] = output.split("\n");
  const folder = /^Absolute path: (.*)$/.exec(first)?.[1];
  if (folder === undefined) return `I could not list \`${path}\`:\n\n${fenced(output)}`;
  if (entries.length === 0) return `There is nothing in \`${folder}\`.`;
  return `These are the files in \`${folder}\`:\n\n${fenced(entries.join("\n"))}`;
}

function shownText(action: { readonly path: string; readonly explain: boolean }, output: string) {
  const body = bodyOf(output);
  if (exitCode(output) !== 0) return `I could not read \`${action.path}\`:\n\n${fenced(body)}`;
  if (!action.explain) return `This is \`${action.path}\`:\n\n${fenced(body)}`;
  const lines = body.split("\n").filter((line) => line.trim() !== "");
  const words = body.split(/\s+/).filter((word) => word !== "").length;
  const first = lines[0] ?? "";
  return `\`${action.path}\` has ${lines.length} lines with text and ${words} words. ` +
    `It begins with "${
      clip(first)
    }". More than counting I cannot do: I have no understanding of it.` +
    `\n\n${fenced(body)}`;
}

/** The file after the change, or null where there is nothing to change. */
function changedText(
  action: Extract<DemoAction, { type: "append" | "replace" }>,
  before: string | null,
): string | null {
  if (action.type === "append") {
    const start = before === null || before === "" || before.endsWith("\n")
      ? before ?? ""
      : `${before}\n`;
    return `${start}${action.text}\n`;
  }
  if (before === null || action.from === "" || !before.includes(action.from)) return null;
  const after = before.replaceAll(action.from, () => action.to);
  return after === before ? null : after;
}

function catCommand(path: string): string {
  return `cat ${shellWord(path)}`;
}

function countTo(action: { readonly to: number; readonly slowly: boolean }): DemoResponse {
  const numbers = Array.from({ length: action.to }, (_, index) => index + 1);
  return { ...say(`${numbers.join(" ")} - done.`), wordPauseMs: action.slowly ? SLOW_PAUSE_MS : 0 };
}

function say(text: string): DemoResponse {
  return { text, wordPauseMs: 0, call: null };
}

/** In a code block, long output with its middle left out. */
function fenced(text: string): string {
  const lines = text.replace(/\n+$/, "").split("\n");
  const half = MAX_SHOWN_LINES / 2;
  const shown = lines.length <= MAX_SHOWN_LINES ? lines : [
    ...lines.slice(0, half),
    `... (${lines.length - MAX_SHOWN_LINES} lines left out)`,
    ...lines.slice(-half),
  ];
  const fence = "`".repeat(Math.max(3, ...[...text.matchAll(/`+/g)].map((m) => m[0].length + 1)));
  return `${fence}\n${shown.join("\n")}\n${fence}`;
}

function clip(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}

function textOf(content: readonly ContentPart[]): string {
  return content.map((part) => part.text ?? "").join("");
}

/** The smallest value that follows a JSON Schema, with `text` where a string is asked for. */
export function sampleOf(schema: unknown, text: string): unknown {
  const object = objectOf(schema);
  if (!object) return null;
  if ("const" in object) return object["const"];
  if (Array.isArray(object["enum"])) return object["enum"][0] ?? null;
  for (const key of ["anyOf", "oneOf"]) {
    if (Array.isArray(object[key])) return sampleOf(object[key][0], text);
  }
  const type = Array.isArray(object["type"]) ? object["type"][0] : object["type"];
  switch (type) {
    case "object": {
      const properties = Object.entries(objectOf(object["properties"]) ?? {});
      return Object.fromEntries(properties.map(([name, value]) => [name, sampleOf(value, text)]));
    }
    case "array":
      return Array.from(
        { length: Number(object["minItems"] ?? 0) || 0 },
        () => sampleOf(object["items"], text),
      );
    case "string": {
      const limit = typeof object["maxLength"] === "number" ? object["maxLength"] : 200;
      return text.slice(0, Math.max(0, limit));
    }
    case "integer":
    case "number":
      return typeof object["minimum"] === "number" ? object["minimum"] : 0;
    case "boolean":
      return false;
    default:
      return null;
  }
}
