/** The command that a person would have typed, without the shell that it is handed to; must not run anything. */

const SHELL = /^(?:\/[\w./-]*\/)?(?:bash|zsh|sh|dash) -l?c /;
/** One piece of a quoted word: in single quotes, in double quotes, after a backslash, or plain. */
const PIECE = /'([^']*)'|"((?:[^"\\$`]|\\[\s\S])*)"|\\([\s\S])|([^\s'"\\$`;&|<>()*?[\]{}~!#]+)/y;

/** `ls -l` for `/bin/bash -lc 'ls -l'`; any other command as it is. */
export function shownCommand(command: string): string {
  const shell = SHELL.exec(command)?.[0];
  return shell === undefined ? command : unquoted(command.slice(shell.length)) ?? command;
}

/** What a shell makes of one quoted word; null when it is not exactly one, or not a literal one. */
function unquoted(word: string): string | null {
  let text = "";
  PIECE.lastIndex = 0;
  while (PIECE.lastIndex < word.length) {
    const match = PIECE.exec(word);
    if (match === null) return null;
    const [, single, double, escaped, plain] = match;
    text += single ?? double?.replace(/\\(["\\$`])/g, "$1") ?? escaped ?? plain ?? "";
  }
  return text === "" ? null : text;
}
