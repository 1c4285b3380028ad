/** Makes what was typed or pasted fit for a prompt; must not know where it goes. */
import { sanitizeText } from "../../lib/sanitize.ts";
import { CHIP_CHARACTERS } from "./chips.ts";

/** tmux sends control characters inside a paste as keys: `ESC [ 106 ; 5 u` is a line feed. */
// deno-lint-ignore no-control-regex -- Control characters are what this is about.
const KEYS_IN_PASTE = /\u001b\[(\d+);5u/g;
const LOWER_A = 97;
const LETTERS = 26;

/**
 * The text as it is shown and as it is sent: without escape sequences, control characters and marks that reorder
 * text, none of which a prompt needs, and with `\n` for each line end. To show one thing and send another would let
 * a pasted text say to the model what the person in front of it never saw. Tabs stay.
 */
export function cleanInput(text: string): string {
  return sanitizeText(text).replace(CHIP_CHARACTERS, "");
}

/** What the terminal sent between the marks of a paste. */
export function cleanPaste(text: string): string {
  return cleanInput(text.replace(KEYS_IN_PASTE, (whole, code) => {
    const letter = Number(code) - LOWER_A;
    return letter >= 0 && letter < LETTERS ? String.fromCharCode(letter + 1) : whole;
  }));
}
