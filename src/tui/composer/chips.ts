/** What stands in a prompt as one piece, a long paste or an image; must not know where in the prompt it stands. */
import { sanitizeLine } from "../../lib/sanitize.ts";
import type { LocalImage } from "../ports.ts";

/** A long text that was pasted. */
interface PasteChip {
  readonly type: "paste";
  readonly text: string;
  /** Code points, as people count characters. */
  readonly count: number;
}

/** An image; `image` is null while it is read. */
interface ImageChip {
  readonly type: "image";
  readonly name: string;
  readonly image: LocalImage | null;
}

/** One piece. */
export type Chip = PasteChip | ImageChip;

/** Private-use characters at the very end of Unicode, which no font has; in a prompt each stands for a chip. */
const FIRST = 0x10f000;
const LAST = 0x10fffd;
/** All characters that stand for chips. */
export const CHIP_CHARACTERS = /[\u{10f000}-\u{10fffd}]/gu;
const NAME_CHARS_MAX = 40;

/** A chip for a long text. */
export function pasteChip(text: string): Chip {
  let count = 0;
  for (const _ of text) count++;
  return { type: "paste", text, count };
}

/** A chip for an image that is there, or will be. */
export function imageChip(name: string, image: LocalImage | null): Chip {
  const clean = sanitizeLine(name).replace(CHIP_CHARACTERS, "").replace(/[[\]]/g, "");
  const all = [...clean];
  const short = all.length > NAME_CHARS_MAX
    ? `${all.slice(0, NAME_CHARS_MAX - 1).join("")}…`
    : clean;
  return { type: "image", name: short.trim() || "image", image };
}

/** Whether the text is one character that stands for a chip. */
export function isChipCharacter(text: string): boolean {
  const code = text.codePointAt(0) ?? 0;
  return code >= FIRST && code <= LAST;
}

/** The chips of one prompt, by the characters that stand for them. */
export class Chips {
  readonly #chips = new Map<string, Chip>();
  #next = FIRST;

  /** Takes a chip in; answers with its character. */
  add(chip: Chip): string {
    const character = String.fromCodePoint(this.#next);
    this.#next = this.#next === LAST ? FIRST : this.#next + 1;
    this.#chips.set(character, chip);
    return character;
  }

  /** Puts an image into the place that was kept for it. */
  load(character: string, image: LocalImage): void {
    const chip = this.#chips.get(character);
    if (chip?.type === "image") this.#chips.set(character, { ...chip, image });
  }

  /** Forgets what stands in none of the texts. */
  keepOnly(texts: readonly string[]): void {
    const kept = new Set(texts.flatMap((text) => text.match(CHIP_CHARACTERS) ?? []));
    for (const character of this.#chips.keys()) {
      if (!kept.has(character)) this.#chips.delete(character);
    }
  }

  /** How each chip of the text is called. Images count by their place, as the model gets them. */
  labels(text: string): ReadonlyMap<string, string> {
    const labels = new Map<string, string>();
    const counts = new Map<number, number>();
    let images = 0;
    for (const [character, chip] of this.#in(text)) {
      if (labels.has(character)) continue;
      if (chip.type === "image") {
        labels.set(character, `[Image #${++images} ${chip.name}]`);
        continue;
      }
      const same = (counts.get(chip.count) ?? 0) + 1;
      counts.set(chip.count, same);
      const number = same === 1 ? "" : ` #${same}`;
      labels.set(character, `[Pasted Content ${chip.count} chars${number}]`);
    }
    return labels;
  }

  /** The text as it is sent: pastes in full, images by their names. */
  expand(text: string): string {
    const labels = this.labels(text);
    return text.replace(CHIP_CHARACTERS, (character) => {
      const chip = this.#chips.get(character);
      return chip?.type === "paste" ? chip.text : labels.get(character) ?? "";
    });
  }

  /** The images of the text in its order; null for one that is not read yet. Each comes once. */
  images(text: string): (LocalImage | null)[] {
    return [...new Map(this.#in(text)).values()].flatMap((chip) =>
      chip.type === "image" ? [chip.image] : []
    );
  }

  /** The characters of the images of the text, in its order; each comes once. */
  imageCharacters(text: string): readonly string[] {
    return [...new Map(this.#in(text))].filter(([, { type }]) => type === "image")
      .map(([character]) => character);
  }

  /** The text with each of the characters in the place of its image's name; says which had no such place. */
  restore(
    text: string,
    characters: readonly string[],
  ): { readonly text: string; readonly missing: readonly string[] } {
    const missing: string[] = [];
    let restored = text;
    for (const [character, label] of this.labels(characters.join(""))) {
      const at = restored.indexOf(label);
      if (at < 0) missing.push(character);
      else restored = restored.slice(0, at) + character + restored.slice(at + label.length);
    }
    return { text: restored, missing };
  }

  *#in(text: string): Generator<[string, Chip]> {
    for (const character of text.match(CHIP_CHARACTERS) ?? []) {
      const chip = this.#chips.get(character);
      if (chip) yield [character, chip];
    }
  }
}
