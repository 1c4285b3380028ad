/** Writes words as a shell would read them back; must not know what the words mean. */

const PLAIN = /^[A-Za-z0-9_\-./:=@%+,]+$/;

/** One command line that a POSIX shell splits into exactly these words. */
export function shellQuote(argv: readonly string[]): string {
  return argv.map((word, index) => quoteWord(word, index === 0)).join(" ");
}

function quoteWord(word: string, isProgram: boolean): string {
  // Unquoted, a program name with `=` would be read as an assignment.
  if (PLAIN.test(word) && !(isProgram && word.includes("="))) return word;
  if (!word.includes("'")) return `'${word}'`;
  // Double quotes read better, as long as nothing in them is special.
  return /[$`"\\!]/.test(word) ? `'${word.replaceAll("'", `'\\''`)}'` : `"${word}"`;
}
