/** What every key of the interface does, as one table for help and documents; must not know how keys are read. */
import { type EditAction, keysOf } from "./composer/keys.ts";

/** Keys that do the same thing. */
export interface Shortcut {
  /** As people write them: `Ctrl-R`; `Esc Esc` is pressed twice. */
  readonly keys: readonly string[];
  readonly doc: string;
}

/** Keys that belong together. */
export interface ShortcutGroup {
  readonly title: string;
  readonly shortcuts: readonly Shortcut[];
}

/** What the composer does at its keys; one that is not told here does not compile. */
const ACTION_DOCS: Readonly<Record<EditAction, string>> = {
  submit: "sends; a turn that runs is told at once (steered)",
  newLine: "begins a new line; so does Enter behind a backslash",
  queue: "completes what a list offers; else queues the message until the turn has ended",
  up: "goes up, and from the first line to earlier messages",
  down: "goes down, and back to what was being written",
  search: "searches the messages of all sessions",
  pasteImage: "attaches the image in the clipboard; the pasted path of an image does the same",
  edit: "opens what is written in your editor (VISUAL, EDITOR)",
  clear: "empties the composer; interrupts; leaves when pressed twice",
  cancel: "closes a list, or interrupts the turn",
  left: "one character to the left",
  right: "one character to the right",
  wordLeft: "one word to the left",
  wordRight: "one word to the right",
  lineStart: "to the start of the line",
  lineEnd: "to the end of the line",
  textStart: "to the start of the text",
  textEnd: "to the end of the text",
  backspace: "deletes the character before the cursor",
  delete: "deletes the character behind it; leaves when nothing is written (Ctrl-D)",
  killWordLeft: "cuts the word before the cursor",
  killWordRight: "cuts the word behind it",
  killToLineStart: "cuts to the start of the line",
  killToLineEnd: "cuts to the end of the line",
  yank: "puts in what was cut last",
  yankPop: "and then what was cut before that",
  undo: "takes the last change back",
};

/** All keys; what a list or a question understands is told below it. */
export const SHORTCUTS: readonly ShortcutGroup[] = [
  {
    title: "Messages",
    shortcuts: [
      ...actions("submit", "newLine", "queue"),
      { keys: ["Alt-Up"], doc: "takes the newest queued message back, for editing" },
      { keys: ["/"], doc: "lists the commands" },
      { keys: ["@"], doc: "finds files of the server" },
      { keys: ["!"], doc: "runs a command of the shell on the server" },
      ...actions("pasteImage", "edit", "search", "up", "down"),
    ],
  },
  {
    title: "Session",
    shortcuts: [
      ...actions("cancel", "clear"),
      { keys: ["Esc Esc"], doc: "edits an earlier message, in a fork of the session" },
      { keys: ["Ctrl-Z"], doc: "gives the terminal back to the shell; fg comes back" },
      { keys: ["?"], doc: "shows this page, when nothing is written" },
    ],
  },
  {
    title: "Conversation",
    shortcuts: [
      { keys: ["PgUp", "PgDn"], doc: "scroll, as the mouse wheel does" },
      { keys: ["Ctrl-Home", "Ctrl-End"], doc: "go to its beginning and to its end" },
      { keys: ["F3", "Ctrl-Shift-F"], doc: "looks for words; Enter goes on to the next place" },
      { keys: ["Ctrl-T"], doc: "shows what is folded, and folds it again" },
      { keys: ["Ctrl-L"], doc: "draws the screen anew" },
    ],
  },
  {
    title: "Editing",
    shortcuts: [
      ...actions("left", "right", "wordLeft", "wordRight"),
      ...actions("lineStart", "lineEnd", "textStart", "textEnd"),
      ...actions("backspace", "delete", "killWordLeft", "killWordRight"),
      ...actions("killToLineStart", "killToLineEnd", "yank", "yankPop", "undo"),
    ],
  },
];

function actions(...names: readonly EditAction[]): readonly Shortcut[] {
  return names.map((name) => ({ keys: keysOf(name).map(keyText), doc: ACTION_DOCS[name] }));
}

/** `Ctrl-R` for `ctrl+r`. */
function keyText(id: string): string {
  return id.replace(/\+(?=.)/g, "-")
    .replace(/(?<=^|-)[a-z]+/g, (word) => word === "escape" ? "Esc" : capitalized(word));
}

function capitalized(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}
