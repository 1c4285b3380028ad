/** Reads keys for lists, questions and pages; must not know what they do there. */
import { matchesKey } from "pi-tui";
import { PASTE_BEGIN, PASTE_END } from "../composer/input_pieces.ts";
import { textOf } from "../composer/keys.ts";
import { cleanLine } from "../render/wrap.ts";

// deno-lint-ignore no-control-regex -- Keys are control sequences.
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** The character that a single key types; null for other keys and for what was pasted. */
export function characterOf(data: string): string | null {
  const text = textOf(data);
  return text === null || CONTROL.test(text) ? null : text;
}

/** What a key or a paste adds to a single line; null when it adds nothing. */
export function lineInput(data: string): string | null {
  if (!data.startsWith(PASTE_BEGIN)) return characterOf(data);
  const end = data.indexOf(PASTE_END);
  const pasted = cleanLine(data.slice(PASTE_BEGIN.length, end < 0 ? data.length : end)).trim();
  return pasted === "" ? null : pasted;
}

/** What moves a choice or a page. */
export type Move = "up" | "down" | "pageUp" | "pageDown" | "first" | "last";

/** The move that a key asks for, or null. Full screens take the plain page keys for themselves: Alt does the same. */
export function moveOf(data: string): Move | null {
  if (matchesKey(data, "up") || matchesKey(data, "ctrl+p")) return "up";
  if (matchesKey(data, "down") || matchesKey(data, "ctrl+n")) return "down";
  if (matchesKey(data, "pageUp") || matchesKey(data, "alt+up")) return "pageUp";
  if (matchesKey(data, "pageDown") || matchesKey(data, "alt+down")) return "pageDown";
  if (matchesKey(data, "home") || matchesKey(data, "ctrl+home")) return "first";
  if (matchesKey(data, "end") || matchesKey(data, "ctrl+end")) return "last";
  return null;
}

/** Whether the key gives up what is shown. */
export function isCancel(data: string): boolean {
  return matchesKey(data, "escape") || matchesKey(data, "ctrl+c");
}

/** Whether the key takes what is chosen. */
export function isConfirm(data: string): boolean {
  return matchesKey(data, "enter");
}
