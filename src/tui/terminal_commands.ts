/** Commands to a terminal besides drawing: title, bell, notification, clipboard; must not know when they are given. */
import { sanitizeLine } from "../lib/sanitize.ts";
import type { AttentionMethod } from "./attention.ts";
import type { TerminalTraits } from "./terminal_traits.ts";

const TITLE_CHARS_MAX = 160;
const NOTIFICATION_CHARS_MAX = 240;
/** Terminals drop more than some hundred thousand; tmux takes a million. */
const CLIPBOARD_BYTES_MAX = 750_000;
const BELL = "\u0007";

/** What the terminal is to be told, or nothing where it would not understand. */
type Told = Pick<TerminalTraits, "hasCommands" | "isTmux">;

/** Asks to be told when the terminal gets and loses the attention of the person. */
export function focusReports(isOn: boolean, { hasCommands }: Told): string {
  return hasCommands ? `\u001b[?1004${isOn ? "h" : "l"}` : "";
}

/** Calls the person in the way that they want, or in those that the terminal may have. */
export function callCommand(
  text: string,
  { method, told }: {
    readonly method: AttentionMethod;
    readonly told: Told & Pick<TerminalTraits, "showsNotifications">;
  },
): string {
  const notification = method === "bel" ? "" : notificationCommand(text, told);
  if (method === "osc9") return notification;
  // A multiplexer marks its window for a bell; where nobody knows, one of the two is heard.
  const needsBell = notification === "" || told.isTmux || !told.showsNotifications;
  return needsBell ? notification + BELL : notification;
}

/** Keeps the title that the terminal has, for `popTitle`. */
export function pushTitle({ hasCommands }: Told): string {
  return hasCommands ? "\u001b[22;2t" : "";
}

/** Gives the terminal its title back. */
export function popTitle({ hasCommands }: Told): string {
  return hasCommands ? "\u001b[23;2t" : "";
}

/** Sets the title of the window, and of the pane in a multiplexer. */
export function titleCommand(title: string, { hasCommands }: Told): string {
  return hasCommands ? `\u001b]0;${shortLine(title, TITLE_CHARS_MAX)}${BELL}` : "";
}

/** Shows a notification on the desktop where the terminal can. */
export function notificationCommand(text: string, told: Told): string {
  if (!told.hasCommands) return "";
  // A number at the start would be another command of some terminals.
  const line = shortLine(text, NOTIFICATION_CHARS_MAX).replace(/^(?=\d+(?:;|$))/, " ");
  return told.isTmux ? throughTmux(`\u001b]9;${line}${BELL}`) : `\u001b]9;${line}${BELL}`;
}

/** Puts text into the clipboard of the terminal; null when it is too long for that. */
export function clipboardCommand(text: string, told: Told): string | null {
  const bytes = new TextEncoder().encode(text);
  if (!told.hasCommands || bytes.length > CLIPBOARD_BYTES_MAX) return null;
  const command = `\u001b]52;c;${bytes.toBase64()}${BELL}`;
  // It depends on its settings whether tmux takes the first or lets the second through.
  return told.isTmux ? command + throughTmux(command) : command;
}

/** For the terminal around tmux, where that lets it through. */
function throughTmux(command: string): string {
  return `\u001bPtmux;${command.replaceAll("\u001b", "\u001b\u001b")}\u001b\\`;
}

function shortLine(text: string, charsMax: number): string {
  const line = sanitizeLine(text).replaceAll("\t", " ");
  // By characters, so that none is cut in half.
  return line.length <= charsMax ? line : `${Array.from(line).slice(0, charsMax - 1).join("")}…`;
}
