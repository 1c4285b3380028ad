/** What terminals send for keys; knows no program. */

const KEYS: Readonly<Record<string, string>> = {
  enter: "\r",
  esc: "\x1b",
  tab: "\t",
  "shift+tab": "\x1b[Z",
  backspace: "\x7f",
  delete: "\x1b[3~",
  up: "\x1b[A",
  down: "\x1b[B",
  right: "\x1b[C",
  left: "\x1b[D",
  home: "\x1b[H",
  end: "\x1b[F",
  pageup: "\x1b[5~",
  pagedown: "\x1b[6~",
  space: " ",
  // As kitty and modifyOtherKeys send it; plain terminals cannot tell it from enter.
  "shift+enter": "\x1b[13;2u",
  "alt+enter": "\x1b\r",
  "alt+up": "\x1b[1;3A",
  "alt+down": "\x1b[1;3B",
  "alt+left": "\x1b[1;3D",
  "alt+right": "\x1b[1;3C",
  "ctrl+up": "\x1b[1;5A",
  "ctrl+down": "\x1b[1;5B",
  "ctrl+left": "\x1b[1;5D",
  "ctrl+right": "\x1b[1;5C",
  "ctrl+space": "\0",
  "ctrl+/": "\x1f",
};

/** What a terminal sends for `ctrl+c`, `alt+x`, `shift+tab`, `pageup` or a single character. */
export function keyBytes(key: string): string {
  const named = KEYS[key];
  if (named !== undefined) return named;
  const [, modifier, character] = /^(?:(ctrl|alt)\+)?(.)$/u.exec(key) ?? [];
  if (character === undefined) throw new Error(`No such key: ${key}`);
  if (modifier === "ctrl") return String.fromCharCode(character.toUpperCase().charCodeAt(0) & 0x1f);
  return modifier === "alt" ? `\x1b${character}` : character;
}

/** What a terminal sends for a paste where the program asked to be told. */
export function pasteBytes(text: string): string {
  return `\x1b[200~${text}\x1b[201~`;
}
