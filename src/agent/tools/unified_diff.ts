/** Writes the difference of two texts as unified hunks; must not know files, patches or git. */

/** More edits than this are shown as one replaced block: the search grows with their square. */
const MAX_EDITS = 400;

/**
 * The hunks that turn `before` into `after`, without file headers; empty when the texts are equal.
 * `context` is the number of unchanged lines around each change.
 */
export async function unifiedHunks(
  texts: { readonly before: string; readonly after: string },
  { context }: { readonly context: number },
): Promise<string> {
  const { before, after } = texts;
  if (before === after) return "";
  if (before === "" || after === "") return oneBlock(texts, 0);
  // Loaded on first use: most starts of the program never show a difference.
  const { structuredPatch } = await import("diff");
  const patch = structuredPatch("", "", before, after, undefined, undefined, {
    context,
    maxEditLength: MAX_EDITS,
  });
  if (!patch) return oneBlock(texts, context);
  return patch.hunks.map((hunk) => {
    const old = range(hunk.oldStart - (hunk.oldLines === 0 ? 1 : 0), hunk.oldLines);
    const now = range(hunk.newStart - (hunk.newLines === 0 ? 1 : 0), hunk.newLines);
    return `@@ -${old} +${now} @@\n${hunk.lines.join("\n")}\n`;
  }).join("");
}

/** Everything between the common first and last lines as one hunk. */
function oneBlock({ before, after }: { before: string; after: string }, context: number): string {
  const old = linesOf(before);
  const now = linesOf(after);
  const shorter = Math.min(old.length, now.length);
  let head = 0;
  while (head < shorter && old[head] === now[head]) head++;
  let tail = 0;
  while (tail < shorter - head && old.at(-1 - tail) === now.at(-1 - tail)) tail++;
  const start = Math.max(0, head - context);
  const kept = Math.min(tail, context);
  const oldEnd = old.length - tail + kept;
  const nowEnd = now.length - tail + kept;
  const body = [
    ...old.slice(start, head).map((line) => marked(" ", line)),
    ...old.slice(head, old.length - tail).map((line) => marked("-", line)),
    ...now.slice(head, now.length - tail).map((line) => marked("+", line)),
    ...old.slice(old.length - tail, oldEnd).map((line) => marked(" ", line)),
  ].join("");
  const oldRange = range(start + (oldEnd > start ? 1 : 0), oldEnd - start);
  const nowRange = range(start + (nowEnd > start ? 1 : 0), nowEnd - start);
  return `@@ -${oldRange} +${nowRange} @@\n${body}`;
}

/** The lines of a text, each with its line feed if it has one. */
function linesOf(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

function marked(marker: string, line: string): string {
  return line.endsWith("\n") ? marker + line : `${marker}${line}\n\\ No newline at end of file\n`;
}

/** A hunk of one line omits the count, and one of no lines names the line before it, as git does. */
function range(start: number, count: number): string {
  return count === 1 ? String(start) : `${start},${count}`;
}
