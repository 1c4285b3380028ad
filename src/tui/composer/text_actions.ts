/** What keys do to a text; must not know which keys. */
import type { EditAction } from "./keys.ts";
import type { TextBuffer } from "./text_buffer.ts";

/** Actions that concern the text alone. */
export type TextAction = Exclude<
  EditAction,
  "submit" | "queue" | "up" | "down" | "clear" | "cancel" | "search" | "pasteImage" | "edit"
>;

const TEXT_ACTIONS: Readonly<Record<TextAction, (buffer: TextBuffer) => void>> = {
  newLine: (buffer) => buffer.insert("\n"),
  left: (buffer) => buffer.left(),
  right: (buffer) => buffer.right(),
  wordLeft: (buffer) => buffer.wordLeft(),
  wordRight: (buffer) => buffer.wordRight(),
  lineStart: (buffer) => buffer.toLineStart(),
  lineEnd: (buffer) => buffer.toLineEnd(),
  textStart: (buffer) => buffer.moveTo(0),
  textEnd: (buffer) => buffer.moveTo(buffer.text.length),
  backspace: (buffer) => buffer.backspace(),
  delete: (buffer) => buffer.deleteForward(),
  killWordLeft: (buffer) => buffer.killWordLeft(),
  killWordRight: (buffer) => buffer.killWordRight(),
  killToLineStart: (buffer) => buffer.killToLineStart(),
  killToLineEnd: (buffer) => buffer.killToLineEnd(),
  yank: (buffer) => buffer.yank(),
  yankPop: (buffer) => buffer.yankPop(),
  undo: (buffer) => buffer.undo(),
};

/** Does it. */
export function applyTextAction(buffer: TextBuffer, action: TextAction): void {
  TEXT_ACTIONS[action](buffer);
}
