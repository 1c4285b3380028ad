/** Joins an argument list into one shell-quoted line, the way upstream shows commands; must not run anything. */

const PLAIN = /^[A-Za-z0-9+\-./:@\]_]+$/;
/** Longest start of a text that fits into one pair of quotes of a kind. */
const SINGLE_QUOTABLE = /^[^']+/;
const DOUBLE_QUOTABLE = /^[^$`!^]+/;

/** One line that a POSIX shell splits back into the same arguments. */
export function shellJoin(argv: readonly string[]): string {
  return argv.map(quote).join(" ");
}

/** Always the kind of quotes that reaches further, as upstream, so that equal commands look equal everywhere. */
function quote(argument: string): string {
  if (PLAIN.test(argument)) return argument;
  if (argument === "") return "''";
  let quoted = "";
  for (let rest = argument; rest !== "";) {
    const single = SINGLE_QUOTABLE.exec(rest)?.[0] ?? "";
    const double = DOUBLE_QUOTABLE.exec(rest)?.[0] ?? "";
    const isSingle = single.length >= double.length;
    quoted += isSingle ? `'${single}'` : `"${double.replace(/["\\]/g, "\\$&")}"`;
    rest = rest.slice(isSingle ? single.length : double.length);
  }
  return quoted;
}
