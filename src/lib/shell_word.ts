/** Quotes text for a POSIX shell; must not know what is run. */

import { sanitizeLine } from "./sanitize.ts";

/** One word of a command line, whatever it contains. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./:@%+=,-]+$/.test(text) && !text.startsWith("-")
    ? text
    : `'${text.replaceAll("'", "'\\''")}'`;
}

/** One word that others have chosen, in a command line that is shown to a person. */
export function shownShellWord(text: string): string {
  return shellWord(sanitizeLine(text));
}
