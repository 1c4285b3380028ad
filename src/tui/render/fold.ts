/** Shortens long lists of lines, and says by how much; must not know what they say. */

/** Says how many lines are left out, and which key shows them; none does where all is shown that can be. */
export function foldedNote(count: number, isExpanded = false): string {
  return `… +${count} lines${isExpanded ? "" : ", Ctrl-T shows them"}`;
}

/** The first and the last lines with a word about those between them; all of them when that is no longer. */
export function fold(
  lines: readonly string[],
  { first, last, note }: {
    readonly first: number;
    readonly last: number;
    readonly note: (count: number) => string;
  },
): string[] {
  const count = lines.length - first - last;
  if (count <= 1) return [...lines];
  return [...lines.slice(0, first), note(count), ...lines.slice(lines.length - last)];
}
