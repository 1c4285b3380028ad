/** The names of threads in `session_index.jsonl`, which the real Codex reads and writes too; must not know rollouts. */
import { join } from "node:path";
import { fieldsOf, parseJson, textOf } from "./fields.ts";
import { appendHomeFile, toHomeError } from "./home_file.ts";

/** Appends the new name of a thread; the last line of a thread counts. */
export function appendThreadName(
  codexHome: string,
  change: { readonly threadId: string; readonly name: string; readonly atMs: number },
): void {
  const line = {
    id: change.threadId,
    thread_name: change.name,
    updated_at: new Date(change.atMs).toISOString(),
  };
  appendHomeFile(threadNamesPath(codexHome), `${JSON.stringify(line)}\n`);
}

/** The file of names. */
export function threadNamesPath(codexHome: string): string {
  return join(codexHome, "session_index.jsonl");
}

/** The names in the text of the file; broken lines are skipped, a blank name takes the name away. */
export function parseThreadNames(text: string): Map<string, string | null> {
  const names = new Map<string, string | null>();
  for (const line of text.split("\n")) {
    const fields = fieldsOf(parseJson(line));
    const id = fields && textOf(fields, "id");
    const name = fields && textOf(fields, "thread_name");
    if (id && name !== null) names.set(id.toLowerCase(), name.trim() || null);
  }
  return names;
}

/** The text of the file of names, or null when there is none that can be read. */
export function readThreadNames(codexHome: string): string | null {
  try {
    return Deno.readTextFileSync(threadNamesPath(codexHome));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    // Threads without their names are better than no list.
    if (error instanceof Deno.errors.PermissionDenied) return null;
    throw toHomeError(error, `read ${threadNamesPath(codexHome)}`);
  }
}
