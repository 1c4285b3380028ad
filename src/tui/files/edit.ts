/** Edits a file of the server in the person's own editor and writes it back, unless it has changed; must not know keys. */
import type { ReconnectingClient } from "../../client/reconnect.ts";
import { messageOf } from "../../lib/errors.ts";
import type { Desk } from "../ports.ts";
import { nameOf } from "./paths.ts";
import { conflictWith, readWhole, textOfBytes, writeText } from "./remote_files.ts";

/** Why what was edited is not written yet. */
export type EditProblem =
  | { readonly type: "changed" }
  | { readonly type: "deleted" }
  | { readonly type: "failed"; readonly reason: string };

/** What to do about it. */
export type EditAnswer = "write" | "editAgain" | "discard";

export interface EditOptions {
  readonly client: Pick<ReconnectingClient, "request">;
  readonly desk: Pick<Desk, "edit" | "editorProblem">;
  /** Asks the person. */
  ask(problem: EditProblem): Promise<EditAnswer>;
}

/** How it ended. */
export type EditOutcome = "unchanged" | "written" | "discarded";

/** Rejects with a sentence for people; what was typed is not lost without a question. */
export async function editFile(path: string, options: EditOptions): Promise<EditOutcome> {
  const { client, desk, ask } = options;
  if (desk.editorProblem !== null) throw new Error(desk.editorProblem);
  const before = await readWhole(client, path);
  const text = textOfBytes(before);
  if (text === null) throw new Error(`${path} is no text in UTF-8, so it is not edited here`);
  let edited = await desk.edit(text, nameOf(path));
  if (edited === null || edited === text) return "unchanged";
  let isForced = false;
  for (;;) {
    const problem = await tryToWrite(path, {
      client,
      text: edited,
      before: isForced ? null : before,
    });
    if (problem === null) return "written";
    const answer = await ask(problem);
    if (answer === "discard") return "discarded";
    if (answer === "write") isForced = true;
    else edited = await desk.edit(edited, nameOf(path)) ?? edited;
  }
}

/** What was in the way, if anything; with `before` only a file that is still the same is written. */
async function tryToWrite(
  path: string,
  { client, text, before }: {
    readonly client: EditOptions["client"];
    readonly text: string;
    readonly before: Uint8Array | null;
  },
): Promise<EditProblem | null> {
  try {
    const conflict = before === null ? null : await conflictWith(client, path, { before });
    if (conflict !== null) return { type: conflict };
    await writeText(client, path, { text });
    return null;
  } catch (error) {
    return { type: "failed", reason: messageOf(error) };
  }
}
