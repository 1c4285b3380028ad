/** Colours and signs of the interface, for dark and light backgrounds and for none; must not know what is shown. */

/** Makes a text look in some way; the text may already have styles inside. */
export type Style = (text: string) => string;

/** How the interface looks. */
export interface Theme {
  readonly isColored: boolean;
  readonly accent: Style;
  readonly success: Style;
  readonly warning: Style;
  readonly error: Style;
  /** Less important than the rest. */
  readonly dim: Style;
  readonly bold: Style;
  readonly italic: Style;
  readonly underline: Style;
  readonly strikethrough: Style;
  /** The row that is chosen in a list. */
  readonly selected: Style;
  /** The background of what a person wrote. */
  readonly userMessage: Style;
  readonly added: Style;
  readonly removed: Style;
  /** Parts of code. */
  readonly code: {
    readonly keyword: Style;
    readonly string: Style;
    readonly number: Style;
    readonly comment: Style;
    readonly name: Style;
  };
}

/** What is known about the terminal. */
export interface ThemeOptions {
  /** False with `NO_COLOR` and on terminals without colours. */
  readonly colors: boolean;
  readonly background: "dark" | "light";
  /** Whether there are 256 colours; true unless said otherwise. */
  readonly hasPalette?: boolean;
}

/** Codes that switch a style on and off; nothing else may end it, so that styles can be nested. */
function sgr(on: string, off: string): Style {
  return (text) => text === "" ? text : `\u001b[${on}m${text}\u001b[${off}m`;
}

function plain(text: string): string {
  return text;
}
const FOREGROUND = "39";
const BACKGROUND = "49";

/**
 * The theme for a terminal. Mostly the 16 colours that people have chosen for themselves; the two backgrounds need
 * colours of the 256, because none of the 16 is a shade of theirs.
 */
export function createTheme({ colors, background, hasPalette = true }: ThemeOptions): Theme {
  const color = (code: string) => colors ? sgr(code, FOREGROUND) : plain;
  const isDark = background === "dark";
  const amber = color(isDark || !hasPalette ? "33" : "38;5;130");
  return {
    isColored: colors,
    accent: color(isDark ? "36" : "34"),
    success: color("32"),
    warning: amber,
    error: color("31"),
    dim: sgr("2", "22"),
    bold: sgr("1", "22"),
    italic: sgr("3", "23"),
    underline: sgr("4", "24"),
    strikethrough: sgr("9", "29"),
    selected: colors ? sgr(isDark ? "1;36" : "1;34", `22;${FOREGROUND}`) : sgr("7", "27"),
    userMessage: colors && hasPalette ? sgr(isDark ? "48;5;236" : "48;5;254", BACKGROUND) : plain,
    added: color("32"),
    removed: color("31"),
    code: {
      keyword: color(isDark || !hasPalette ? "35" : "38;5;90"),
      string: color("32"),
      number: amber,
      comment: sgr("2", "22"),
      name: color(isDark ? "36" : "34"),
    },
  };
}

/** A theme whose background becomes known only when the terminal has answered. */
export interface LiveTheme {
  readonly theme: Theme;
  /** What was drawn before has the old look. */
  setBackground(background: ThemeOptions["background"]): void;
}

/** The theme for a terminal, whose styles are always those of the background that was told last. */
export function createLiveTheme(options: ThemeOptions): LiveTheme {
  let current = createTheme(options);
  const live = (styleOf: (theme: Theme) => Style): Style => (text) => styleOf(current)(text);
  return {
    theme: {
      ...current,
      accent: live(({ accent }) => accent),
      warning: live(({ warning }) => warning),
      selected: live(({ selected }) => selected),
      userMessage: live(({ userMessage }) => userMessage),
      code: {
        ...current.code,
        keyword: live(({ code }) => code.keyword),
        number: live(({ code }) => code.number),
        name: live(({ code }) => code.name),
      },
    },
    setBackground(background) {
      current = createTheme({ ...options, background });
    },
  };
}
