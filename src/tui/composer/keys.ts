/** Which key does what in the composer; must not do it. */
import { decodeKittyPrintable, type KeybindingsConfig, parseKey } from "pi-tui";

/** What a key can ask for. */
export type EditAction =
  | "submit"
  | "newLine"
  | "queue"
  | "left"
  | "right"
  | "up"
  | "down"
  | "wordLeft"
  | "wordRight"
  | "lineStart"
  | "lineEnd"
  | "textStart"
  | "textEnd"
  | "backspace"
  | "delete"
  | "killWordLeft"
  | "killWordRight"
  | "killToLineStart"
  | "killToLineEnd"
  | "yank"
  | "yankPop"
  | "undo"
  | "clear"
  | "cancel"
  | "search"
  | "pasteImage"
  | "edit";

/** Keys as `parseKey` names them, except that modifiers come in the order of the alphabet. */
const ACTIONS: Readonly<Record<string, EditAction>> = {
  "enter": "submit",
  "shift+enter": "newLine",
  "alt+enter": "newLine",
  "ctrl+enter": "newLine",
  "ctrl+j": "newLine",
  "tab": "queue",
  "left": "left",
  "ctrl+b": "left",
  "right": "right",
  "ctrl+f": "right",
  "up": "up",
  "ctrl+p": "up",
  "down": "down",
  "ctrl+n": "down",
  "alt+left": "wordLeft",
  "ctrl+left": "wordLeft",
  "alt+b": "wordLeft",
  "alt+right": "wordRight",
  "ctrl+right": "wordRight",
  "alt+f": "wordRight",
  "home": "lineStart",
  "ctrl+a": "lineStart",
  "end": "lineEnd",
  "ctrl+e": "lineEnd",
  "alt+<": "textStart",
  "alt+>": "textEnd",
  "backspace": "backspace",
  "shift+backspace": "backspace",
  "ctrl+h": "backspace",
  "delete": "delete",
  "shift+delete": "delete",
  "ctrl+d": "delete",
  "ctrl+w": "killWordLeft",
  "alt+backspace": "killWordLeft",
  "ctrl+backspace": "killWordLeft",
  "alt+d": "killWordRight",
  "alt+delete": "killWordRight",
  "ctrl+delete": "killWordRight",
  "ctrl+u": "killToLineStart",
  "ctrl+k": "killToLineEnd",
  "ctrl+y": "yank",
  "alt+y": "yankPop",
  "ctrl+-": "undo",
  "ctrl+_": "undo",
  "ctrl+shift+-": "undo",
  "ctrl+c": "clear",
  "escape": "cancel",
  "ctrl+r": "search",
  "ctrl+v": "pasteImage",
  "alt+v": "pasteImage",
  "ctrl+g": "edit",
  "ctrl+x": "edit",
};

/** Line feeds come from Ctrl-J, and from Shift-Enter where a terminal is set up that way; never from Enter. */
const NEW_LINES: ReadonlySet<string> = new Set(["\n", "\u001b\r", "\u001b\n", "\u001b[13;2~"]);
// xterm's modifyOtherKeys: the key with Shift at most.
// deno-lint-ignore no-control-regex -- Keys are control sequences.
const OTHER_KEY = /^\u001b\[27;[12];(\d+)~$/;
const CODE_POINT_MAX = 0x10ffff;

/** Asks for help where nothing is written; in a text it is a character like others (as upstream). */
export const HELP_KEY = "?";

/**
 * Bindings of pi-tui's full screen that take keys which the composer needs: Home and End go to the ends of a line
 * there, and the transcript has them with Ctrl. Few terminals can tell Ctrl-Shift-F from Ctrl-F.
 */
export const SCREEN_KEYS: KeybindingsConfig = {
  "tui.altScreen.top": "ctrl+home",
  "tui.altScreen.bottom": "ctrl+end",
  "tui.altScreen.search": ["f3", "ctrl+shift+f"],
};

/** The keys that ask for an action, the usual one first. */
export function keysOf(action: EditAction): readonly string[] {
  return Object.keys(ACTIONS).filter((key) => ACTIONS[key] === action);
}

/** What the key asks for, or null. */
export function actionOf(data: string): EditAction | null {
  if (NEW_LINES.has(data)) return "newLine";
  const key: unknown = parseKey(data);
  // For text such as `toString` the library answers with what every object has.
  if (typeof key !== "string") return null;
  const parts = key.endsWith("+")
    ? [...key.slice(0, -1).split("+").filter(Boolean), "+"]
    : key.split("+");
  const name = parts.pop() ?? "";
  const action = ACTIONS[[...parts.sort(), name].join("+")];
  return action ?? null;
}

/** The text that the key types, or null. */
export function textOf(data: string): string | null {
  const printable = decodeKittyPrintable(data) ?? otherKey(data);
  if (printable !== null) return printable;
  return data.length > 0 && data.charCodeAt(0) >= " ".charCodeAt(0) && data !== "\u007f"
    ? data
    : null;
}

function otherKey(data: string): string | null {
  const code = Number(OTHER_KEY.exec(data)?.[1] ?? 0);
  return code >= " ".charCodeAt(0) && code <= CODE_POINT_MAX ? String.fromCodePoint(code) : null;
}
