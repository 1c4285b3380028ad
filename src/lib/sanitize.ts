/** Makes text from a model, a tool, a file name or a peer safe to print; must not know what prints it. */

// ESC sequences with their parameters: CSI, then OSC/DCS/SOS/PM/APC up to their end, then two-character ones.
const SEQUENCES =
  // deno-lint-ignore no-control-regex -- Control characters are what this file is about.
  /(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?|(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|\u001b[ -/]*[0-~]?/g;
// Everything below a space but tab and newline, DEL, C1, and what reorders or hides text.
const UNSAFE =
  // deno-lint-ignore no-control-regex -- See above.
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g;
/** Code units for each character that is wanted: some take two, and some are left out. */
const LOOKED_AT = 4;

/** The text without control sequences and half characters; line ends become `\n`, tabs stay. */
export function sanitizeText(text: string): string {
  const whole = text.toWellFormed();
  if (!needsSanitizing(whole)) return whole;
  return whole.replace(SEQUENCES, "").replace(/\r\n?/g, "\n").replace(UNSAFE, "");
}

/** The text on one line, for names and titles. */
export function sanitizeLine(text: string): string {
  const lines = sanitizeText(text).split("\n");
  if (lines.length === 1) return lines[0] ?? "";
  // A pattern for "spaces, a line end, spaces" would take quadratic time where there are many spaces.
  const [first = "", ...others] = lines;
  const last = others.pop() ?? "";
  const between = others.map((line) => line.trim()).filter((line) => line !== "");
  return [first.trimEnd(), ...between, last.trimStart()].join(" ");
}

/** The beginning of the text on one line, at most so many characters; of a long text, the rest is not looked at. */
export function lineStart(text: string, charsMax: number): string {
  return [...sanitizeLine(text.slice(0, charsMax * LOOKED_AT)).trim()].slice(0, charsMax).join("");
}

/** Most text is clean, and one test is cheaper than three replacements. */
function needsSanitizing(text: string): boolean {
  UNSAFE.lastIndex = 0;
  return UNSAFE.test(text);
}
