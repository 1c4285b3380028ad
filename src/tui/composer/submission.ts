/** What Enter makes of a prompt: a command, a shell command, a draft, or a word why not; must not know keys or screens. */
import type { LocalImage } from "../ports.ts";
import type { Draft } from "../session_port.ts";
import { parseSlash, type SlashEntry } from "./completion.ts";

/** Upstream's limit; servers refuse more. */
export const PROMPT_CHARS_MAX = 1 << 20;
/** The images of one prompt, encoded. The real server cuts a connection off above 16 MiB in one message. */
const IMAGE_CHARS_MAX = 14 * 1024 * 1024;

/** What was written. */
export interface Written {
  /** With pastes in full. */
  readonly text: string;
  /** Null for one that is still read. */
  readonly images: readonly (LocalImage | null)[];
  readonly isShell: boolean;
}

/** What is to happen. */
export type Submission =
  | { readonly type: "nothing" }
  /** An image is still being read. */
  | { readonly type: "early" }
  | { readonly type: "refused"; readonly reason: string }
  | { readonly type: "shell"; readonly command: string }
  | { readonly type: "slash"; readonly name: string; readonly args: string }
  | { readonly type: "draft"; readonly draft: Draft };

/** Decides. A space before a slash makes a prompt of what would be a command. */
export function submissionOf(written: Written, commands: readonly SlashEntry[]): Submission {
  const text = trimmed(written.text);
  if (text.trim() === "") return { type: "nothing" };
  if (text.length > PROMPT_CHARS_MAX) {
    const size = `${text.length} of at most ${PROMPT_CHARS_MAX} characters`;
    return refused(`The prompt is too long (${size}); put the text into a file and name that`);
  }
  if (written.isShell) {
    if (written.images.length > 0) return refused("A shell command takes no images; remove them");
    return { type: "shell", command: text.trim() };
  }
  const slash = parseSlash(text);
  if (slash) return slashSubmission(slash, { written, commands });
  const images = written.images.filter((image) => image !== null);
  if (images.length < written.images.length) return { type: "early" };
  const chars = images.reduce((sum, { dataUrl }) => sum + dataUrl.length, 0);
  if (chars > IMAGE_CHARS_MAX) {
    const size = `${mib(chars)} of at most ${mib(IMAGE_CHARS_MAX)} MiB as they are sent`;
    return refused(`The images are too large together (${size}); remove some`);
  }
  return { type: "draft", draft: { text, images } };
}

function slashSubmission(
  { name, args }: { readonly name: string; readonly args: string },
  { written, commands }: { readonly written: Written; readonly commands: readonly SlashEntry[] },
): Submission {
  if (!commands.some((command) => command.name === name)) {
    const hint = "type / to see what there is, or begin with a space to send it as a prompt";
    return refused(`There is no command /${name}; ${hint}`);
  }
  if (written.images.length > 0) return refused(`/${name} takes no images; remove them`);
  return { type: "slash", name, args };
}

function refused(reason: string): Submission {
  return { type: "refused", reason };
}

/** Without empty lines before and after; what indents the first line belongs to it. */
function trimmed(text: string): string {
  return text.replace(/^(?:[^\S\n]*\n)+/, "").trimEnd();
}

function mib(chars: number): string {
  return (chars / (1024 * 1024)).toFixed(1);
}
