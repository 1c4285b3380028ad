/** Widths as terminals of today have them, for the emulator, whose own are those of 2010; knows no test. */
import { visibleWidth } from "pi-tui";

/** What the emulator asks; its declared types do not name the encoding. */
export interface WidthProvider {
  readonly version: string;
  wcwidth(codepoint: number): 0 | 1 | 2;
  charProperties(codepoint: number, preceding: number): number;
}

const FIRST_COMBINING = 0x300;
/** Numbers from here on stand for clusters of several characters, below for the character itself. */
const CLUSTERS_AT = 0x110000;

const segmenter = new Intl.Segmenter();
const clusters: string[] = [];
const ids = new Map<string, number>();

/** Joins what belongs to one grapheme: emoji with modifiers and joiners, flags, combining marks. */
export const GRAPHEMES: WidthProvider = {
  version: "graphemes",
  wcwidth: (codepoint) => widthOf(String.fromCodePoint(codepoint)),
  charProperties(codepoint, preceding) {
    if (codepoint < FIRST_COMBINING) return encode(codepoint, 1, false);
    const character = String.fromCodePoint(codepoint);
    const before = clusterOf(preceding >> 3);
    const joined = before + character;
    if (before === "" || [...segmenter.segment(joined)].length > 1) {
      return encode(codepoint, widthOf(character), false);
    }
    return encode(idOf(joined), widthOf(joined), true);
  },
};

/** As the emulator packs it: what to remember, the width of the cluster so far, whether it joins. */
function encode(state: number, width: number, isJoined: boolean): number {
  return (state << 3) | (width << 1) | (isJoined ? 1 : 0);
}

function widthOf(text: string): 0 | 1 | 2 {
  const width = visibleWidth(text);
  return width <= 0 ? 0 : width === 1 ? 1 : 2;
}

function clusterOf(state: number): string {
  if (state === 0) return "";
  return state < CLUSTERS_AT ? String.fromCodePoint(state) : clusters[state - CLUSTERS_AT] ?? "";
}

function idOf(cluster: string): number {
  const known = ids.get(cluster);
  if (known !== undefined) return known;
  const id = CLUSTERS_AT + clusters.length;
  clusters.push(cluster);
  ids.set(cluster, id);
  return id;
}
