/** Where the prompt of a run comes from: the command line, stdin, or both; must not start anything. */
import type { TextReader } from "../host.ts";

/** The prompt, or what to tell the user instead. */
export type PromptResult =
  | { readonly type: "prompt"; readonly text: string }
  | { readonly type: "failed"; readonly message: string };

/** How the prompt was asked for. */
export interface PromptOptions {
  /** The positional argument, or null. */
  readonly argument: string | null;
  /** `exec resume` with a prompt leaves stdin alone. */
  readonly isResume: boolean;
  /** Says on stderr why nothing happens yet. */
  readonly say: (line: string) => void;
}

/** The prompt of a run, in the words and the order of the real program. */
export async function readPrompt(
  stdin: Pick<TextReader, "readable" | "isTerminal">,
  options: PromptOptions,
): Promise<PromptResult> {
  const { argument } = options;
  if (argument !== null && argument !== "-") {
    if (options.isResume || stdin.isTerminal) return { type: "prompt", text: argument };
    options.say("Reading additional input from stdin...");
    const extra = await readText(stdin.readable);
    return extra.type === "failed"
      ? extra
      : { type: "prompt", text: joinPrompt(argument, extra.text) };
  }
  if (argument === null) {
    if (stdin.isTerminal) {
      return failed(
        "No prompt provided. Either specify one as an argument or pipe the prompt into stdin.",
      );
    }
    options.say("Reading prompt from stdin...");
  }
  const result = await readText(stdin.readable);
  const isEmpty = result.type === "prompt" && result.text.trim() === "";
  return isEmpty ? failed("No prompt provided via stdin.") : result;
}

/** The prompt with piped input behind it, marked so that the model can tell them apart. */
export function joinPrompt(prompt: string, piped: string): string {
  if (piped.trim() === "") return prompt;
  return `${prompt}\n\n<stdin>\n${piped}${piped.endsWith("\n") ? "" : "\n"}</stdin>`;
}

/** Decodes a prompt: UTF-8, or what a byte order mark says. Windows shells pipe UTF-16. */
export function decodePrompt(bytes: Uint8Array): PromptResult {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return decodeAs("utf-16le", bytes);
  if (first === 0xfe && second === 0xff) return decodeAs("utf-16be", bytes);
  return decodeAs("utf-8", bytes);
}

function decodeAs(encoding: string, bytes: Uint8Array): PromptResult {
  try {
    return { type: "prompt", text: new TextDecoder(encoding, { fatal: true }).decode(bytes) };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return failed(
      `Failed to read prompt from stdin: input is not valid ${encoding.toUpperCase()}${
        encoding === "utf-8" ? ` (invalid byte at offset ${firstInvalidByte(bytes)})` : ""
      }. Convert it to UTF-8 and retry (e.g., \`iconv -f <ENC> -t UTF-8 prompt.txt\`).`,
    );
  }
}

/** The length of the longest beginning of whole characters, by bisection; only for the error message. */
function firstInvalidByte(bytes: Uint8Array): number {
  let length = 0;
  for (let end = bytes.length; length < end;) {
    const middle = Math.ceil((length + end) / 2);
    if (isUtf8(bytes.subarray(0, middle), { isPrefix: true })) length = middle;
    else end = middle - 1;
  }
  // Up to three bytes of a character that the next byte breaks are part of the mistake.
  while (length > 0 && !isUtf8(bytes.subarray(0, length), { isPrefix: false })) length--;
  return length;
}

function isUtf8(bytes: Uint8Array, { isPrefix }: { readonly isPrefix: boolean }): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: isPrefix });
    return true;
  } catch {
    return false;
  }
}

function failed(message: string): PromptResult {
  return { type: "failed", message };
}

async function readText(readable: ReadableStream<Uint8Array>): Promise<PromptResult> {
  const bytes = await new Response(readable).bytes();
  return decodePrompt(bytes);
}
