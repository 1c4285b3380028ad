/** Has a person choose one of several threads outside of the screen; must not know what becomes of it. */
import type { Thread } from "../../protocol/thread_types.ts";
import { openPrompt, type PromptHost } from "../prompt.ts";

/** As much of a thread as is shown. */
export type ShownThread = Pick<Thread, "id" | "name" | "preview" | "cwd" | "updatedAt">;

const PREVIEW_CHARS = 50;
const SECOND_MS = 1000;

/** The id of the chosen one. Rejects when nobody chooses, or nobody can be asked. */
export async function chooseThread(
  host: PromptHost,
  { message, threads }: { readonly message: string; readonly threads: readonly ShownThread[] },
): Promise<string> {
  const prompt = await openPrompt(host);
  return await prompt.choose({
    message,
    choices: threads.map((thread) => ({
      value: thread.id,
      label: labelOf(thread),
      hint: `${thread.cwd} · ${thread.id}`,
    })),
  });
}

/** Namesakes differ in their first prompt and their age. */
function labelOf({ name, preview, updatedAt }: ShownThread): string {
  const text = [...(preview || name || "(no prompt yet)").replace(/\s+/g, " ")];
  const shown = text.length > PREVIEW_CHARS
    ? `${text.slice(0, PREVIEW_CHARS).join("")}…`
    : text.join("");
  return `${dateText(updatedAt * SECOND_MS)}  ${shown}`;
}

/** In the time zone of this machine; `Intl` would cost more than the rest of the question. */
function dateText(ms: number): string {
  const date = new Date(ms);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}`;
}
