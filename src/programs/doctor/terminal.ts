/** Checks whether a terminal can show what this program writes; must not write to it. */
import { type Check, type CheckContext, type Finding, ok, warning } from "./check.ts";

/** Narrower than this, lines of a diff or a table cannot be told apart. */
const COLUMNS_MIN = 60;

/** The terminal and its language. */
export const terminalCheck: Check = {
  name: "terminal",
  run: (context) => Promise.resolve(terminalFindings(context)),
};

function terminalFindings(context: CheckContext): readonly Finding[] {
  const { env, stdout } = context.host;
  const locale = env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || "";
  const around = surroundings(env);
  if (!stdout.isTerminal) {
    return [
      ok(["Output is not a terminal", `locale ${locale || "not set"}`, ...around].join(", ")),
    ];
  }
  const findings: Finding[] = [];
  const term = env["TERM"] ?? "";
  const columns = context.columns();
  if (term === "" || term === "dumb") {
    const message = term === "" ? "TERM is not set" : "TERM says that the terminal can do nothing";
    findings.push(warning(message, "Set TERM to what the terminal is, such as xterm-256color"));
  }
  if (columns !== null && columns < COLUMNS_MIN) {
    findings.push(warning(
      `The terminal is only ${columns} columns wide`,
      `Make it ${COLUMNS_MIN} columns or wider`,
    ));
  }
  if (!/utf-?8/i.test(locale)) {
    findings.push(warning(
      `The locale (${
        locale || "not set"
      }) is not UTF-8, so other letters than English ones may break`,
      "export LANG=C.UTF-8",
    ));
  }
  if (findings.length > 0) return findings;
  const size = columns === null ? [] : [`${columns} columns`];
  return [ok([term, ...size, `locale ${locale}`, ...around].join(", "))];
}

/** What stands between this process and the person. */
function surroundings(env: Readonly<Record<string, string>>): readonly string[] {
  return [
    ...env["TMUX"] ? ["in tmux"] : [],
    ...env["STY"] ? ["in screen"] : [],
    ...env["SSH_CONNECTION"] || env["SSH_TTY"] ? ["over SSH"] : [],
  ];
}
