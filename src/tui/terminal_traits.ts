/** What a terminal can do, told by the environment; must not know how it is drawn on. */
import { canMoveCursor } from "../lib/terminal_kind.ts";

/** The variables that tell about a terminal. */
export type TerminalEnv = Readonly<Record<string, string>>;

/** What a terminal can do. */
export interface TerminalTraits {
  /** How many colours there are; 0 as well where the person wants none. */
  readonly colors: 0 | 16 | 256 | 16_777_216;
  /** Whether operating system commands (titles, clipboard, notifications) and queries are understood, or ignored. */
  readonly hasCommands: boolean;
  /** Whether notifications (OSC 9) are known to be shown; others may show them too. */
  readonly showsNotifications: boolean;
  /** Whether the main screen is kept while the alternate one is shown. */
  readonly hasAlternateScreen: boolean;
  /** Whether it is shown by tmux, which keeps some commands to itself unless they are wrapped. */
  readonly isTmux: boolean;
}

const CONSOLES = /^(?:linux|cons25|vt\d+)(?:-|$)/;
const NOTIFYING_PROGRAMS: ReadonlySet<string> = new Set(["iTerm.app", "WezTerm", "ghostty"]);
const NOTIFYING_TERMS = /kitty|ghostty|wezterm|foot/;
/** Of the palette, those that are dark: the first eight but for white, and grey. */
const DARK_COLORS: ReadonlySet<number> = new Set([0, 1, 2, 3, 4, 5, 6, 8]);

/** Reads the variables. */
export function terminalTraits(env: TerminalEnv): TerminalTraits {
  const term = env["TERM"] ?? "";
  const isConsole = CONSOLES.test(term);
  return {
    colors: colorCount(env, { term, isConsole }),
    hasCommands: !isConsole,
    showsNotifications: NOTIFYING_PROGRAMS.has(env["TERM_PROGRAM"] ?? "") ||
      NOTIFYING_TERMS.test(term),
    hasAlternateScreen: !isConsole,
    isTmux: (env["TMUX"] ?? "") !== "",
  };
}

/** What the environment says about the background; null when it says nothing. */
export function backgroundFromEnv(env: TerminalEnv): "dark" | "light" | null {
  const color = /(?:^|;)(\d{1,2})$/.exec(env["COLORFGBG"] ?? "")?.[1];
  if (color === undefined) return null;
  return DARK_COLORS.has(Number(color)) ? "dark" : "light";
}

/** Whether a colour of the screen is dark, as eyes see it. */
export function backgroundOf({ r, g, b }: {
  readonly r: number;
  readonly g: number;
  readonly b: number;
}): "dark" | "light" {
  return 0.299 * r + 0.587 * g + 0.114 * b < 128 ? "dark" : "light";
}

function colorCount(
  env: TerminalEnv,
  { term, isConsole }: { readonly term: string; readonly isConsole: boolean },
): TerminalTraits["colors"] {
  // https://no-color.org: any value but an empty one.
  if ((env["NO_COLOR"] ?? "") !== "" || !canMoveCursor(env) || term.endsWith("-m")) return 0;
  if (isConsole) return /^vt\d/.test(term) ? 0 : 16;
  if (/^(?:truecolor|24bit)$/i.test(env["COLORTERM"] ?? "") || term.endsWith("-direct")) {
    return 16_777_216;
  }
  return term.includes("256") ? 256 : 16;
}
