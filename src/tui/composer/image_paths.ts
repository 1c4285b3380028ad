/** Recognizes paths of image files in what was pasted or dropped onto a terminal; must not open them. */

const IMAGE = /\.(?:png|jpe?g|gif|webp)$/i;
/** Where a path says that it is one; a mere `logo.png` is more likely a word. */
const PATH_START = /^(?:\/|~\/|\.{1,2}\/|file:\/\/|[a-z]:[\\/])/i;
/** One word as terminals write it: in quotes, or with backslashes before what is special. */
const WORD = /'([^']*)'|"([^"]*)"|((?:\\.|[^\s'"\\])+)/y;
const PASTE_CHARS_MAX = 8192;

/** The paths, when the text is nothing but paths of images; else null. */
export function imagePathsIn(pasted: string): readonly string[] | null {
  const text = pasted.trim();
  if (text === "" || text.length > PASTE_CHARS_MAX) return null;
  // A path with spaces that nobody has escaped.
  if (!/['"\\\n]/.test(text) && isImagePath(text) && !text.slice(1).match(/\s(?:\/|~\/)/)) {
    return [plainPath(text)];
  }
  if (/^[a-z]:\\[^'"\n]*$/i.test(text)) return isImagePath(text) ? [text] : null;
  const words = wordsOf(text);
  return words?.every(isImagePath) ? words.map(plainPath) : null;
}

function isImagePath(word: string): boolean {
  return PATH_START.test(word) && IMAGE.test(word);
}

function wordsOf(text: string): string[] | null {
  const words: string[] = [];
  let at = 0;
  while (at < text.length) {
    WORD.lastIndex = at;
    const match = WORD.exec(text);
    if (!match) return null;
    const [whole, single, double, bare] = match;
    words.push(single ?? double ?? (bare ?? "").replace(/\\(.)/gs, "$1"));
    at += whole.length;
    const gap = /^\s*/.exec(text.slice(at))?.[0].length ?? 0;
    // Words without a space between them are one word of a shell, which is no dropped path.
    if (gap === 0 && at < text.length) return null;
    at += gap;
  }
  return words;
}

function plainPath(path: string): string {
  if (!/^file:/i.test(path)) return path;
  try {
    return decodeURIComponent(new URL(path).pathname);
  } catch {
    // Not a URL after all: the path is tried as it stands.
    return path;
  }
}
