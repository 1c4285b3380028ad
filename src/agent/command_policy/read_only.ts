/** The commands that only read, as a table; must not know how scripts are parsed or who asks. */
import type { PlainCommand } from "./parse.ts";

/**
 * What a command's arguments must be for it to only read.
 *
 * `git` is not in the table although upstream trusts its reading forms: even `git status` runs programs
 * that the repository's own configuration names (`core.fsmonitor`, filters, textconv, hooks), so a
 * repository that was cloned from a stranger would run code without a question.
 */
const READ_ONLY: Readonly<Record<string, (args: readonly string[]) => boolean>> = {
  base64: without({ short: "o", long: ["--output"] }),
  basename: anything,
  cat: anything,
  cd: anything,
  cksum: anything,
  cmp: anything,
  comm: anything,
  command: (args) => args.length === 2 && args[0] === "-v",
  cut: anything,
  date: (args) =>
    args.every((arg) => /^(?:\+.*|-[uRI]|--(?:utc|iso-8601|rfc-\w+)(?:=\w+)?)$/s.test(arg)),
  df: anything,
  // `-l` pipes through another program.
  diff: without({ short: "l", values: "CDFIStTUWx", long: ["--paginate"] }),
  dirname: anything,
  du: anything,
  echo: anything,
  egrep: anything,
  expr: anything,
  false: anything,
  fgrep: anything,
  // `-C` writes a compiled table, `-z` starts decompressors.
  file: without({ short: "CzZ", values: "eFfmP", long: ["--compile", "--uncompress"] }),
  find: isReadingFind,
  grep: anything,
  head: anything,
  id: anything,
  ls: anything,
  md5sum: anything,
  nl: anything,
  od: anything,
  paste: anything,
  // `-v` makes bash evaluate its operand, and some shells evaluate every number.
  printf: (args) => args.length > 0 && !args[0]?.startsWith("-") && !/[$`[(]/.test(args.join(" ")),
  pwd: anything,
  readlink: anything,
  realpath: anything,
  rev: anything,
  rg: without({
    short: "z",
    values: "ABCDEMTdefgjmrt",
    long: ["--pre", "--hostname-bin", "--search-zip"],
  }),
  sed: isPrintingSed,
  seq: anything,
  sha1sum: anything,
  sha256sum: anything,
  sha512sum: anything,
  sort: without({
    short: "oT",
    values: "kSt",
    long: ["--output", "--compress-program", "--temporary-directory"],
  }),
  stat: anything,
  tac: anything,
  tail: anything,
  tr: anything,
  // `-R` runs itself again and writes files, `-o` writes one.
  tree: without({ short: "oR", values: "HILPT", long: ["--output"] }),
  true: anything,
  uname: anything,
  // A second operand is the file that it writes.
  uniq: (args) => args.filter((arg) => !/^-./.test(arg)).length <= 1,
  wc: anything,
  which: anything,
  whoami: anything,
};

/** Tests and actions of `find` that neither write nor run anything. */
const FIND_WORDS: ReadonlySet<string> = new Set(
  ("-H -L -P -a -amin -and -anewer -atime -cmin -cnewer -ctime -daystart -depth -empty -executable " +
    "-false -follow -gid -group -iname -inum -ipath -iregex -links -ls -maxdepth -mindepth -mmin " +
    "-mount -mtime -name -newer -nogroup -not -nouser -o -or -path -perm -print -print0 -printf " +
    "-prune -quit -readable -regex -regextype -samefile -size -true -type -uid -user -writable -xdev")
    .split(" "),
);

/** Other processes show their environment there, and with it their keys. */
const PROCESS_FILES = /(?:^|\/)proc(?:\/|$)/;

/** Whether a command is known to only read. Names with a slash are not: any file could be behind them. */
export function isReadOnly(command: PlainCommand): boolean {
  const [name = "", ...args] = command;
  if (!Object.hasOwn(READ_ONLY, name) || args.some((arg) => PROCESS_FILES.test(arg))) return false;
  return READ_ONLY[name]?.(args) ?? false;
}

function anything(): boolean {
  return true;
}

/**
 * Refuses flags. Single letters count within a cluster up to the first that takes a value (`values`).
 * Long ones count in every abbreviation, because GNU programs accept those. Values that look like a
 * forbidden flag are refused too: that costs a question, never more.
 */
function without(
  forbidden: { readonly short: string; readonly values?: string; readonly long: readonly string[] },
): (args: readonly string[]) => boolean {
  return (args) =>
    args.every((arg) => {
      if (arg.startsWith("--")) {
        const [name = ""] = arg.split("=", 1);
        return name === "--" || !forbidden.long.some((long) => long.startsWith(name));
      }
      if (!arg.startsWith("-")) return true;
      for (const letter of arg.slice(1)) {
        if (forbidden.short.includes(letter)) return false;
        if (forbidden.values?.includes(letter)) return true;
      }
      return true;
    });
}

function isReadingFind(args: readonly string[]): boolean {
  return args.every((arg) => !arg.startsWith("-") || FIND_WORDS.has(arg) || /^-\d+\w?$/.test(arg));
}

/** Only `sed -n` with scripts that print lines by number: other commands of sed write and run. */
function isPrintingSed(args: readonly string[]): boolean {
  const [flag, script = "", ...files] = args;
  return flag === "-n" && /^(?:(?:\d+|\$)(?:,(?:\d+|\$))?p(?:;(?!$)|$))+$/.test(script) &&
    files.every((file) => !file.startsWith("-"));
}
