/** The lines of a long document as one list, changed in place; must not know what the lines are of. */

/** So many at once are safe as arguments of a call. */
const CHUNK = 10_000;

/**
 * A list of lines in front of which room can be kept for lines that come later. Positions of lines count from an
 * origin that stays where it is when lines are added or removed before them, so they can be remembered.
 */
export class LineBuffer {
  readonly #lines: string[] = [];
  /** The index of the position 0. */
  #origin = 0;
  /** So many empty lines at the beginning stand for lines to come. */
  #room = 0;

  /** Always the same list. */
  get lines(): string[] {
    return this.#lines;
  }

  get room(): number {
    return this.#room;
  }

  /** How many lines there are without the room. */
  get drawnCount(): number {
    return this.#lines.length - this.#room;
  }

  /** The position after the last line. */
  get end(): number {
    return this.#lines.length - this.#origin;
  }

  clear(): void {
    this.#lines.length = 0;
    this.#origin = 0;
    this.#room = 0;
  }

  /** Replaces `count` lines at a position; returns by how many there are more now. */
  replace(position: number, count: number, lines: readonly string[]): number {
    const index = this.#origin + position;
    const common = Math.min(count, lines.length);
    for (let i = 0; i < common; i++) this.#lines[index + i] = lines[i] ?? "";
    if (lines.length < count) this.#lines.splice(index + common, count - common);
    else this.#insert(index + common, lines.slice(common));
    return lines.length - count;
  }

  /** Puts lines before all others, into the room where it suffices; returns the position of the first. */
  prepend(lines: readonly string[]): number {
    if (lines.length > this.#room) this.setRoom(lines.length);
    this.#room -= lines.length;
    for (let i = 0; i < lines.length; i++) this.#lines[this.#room + i] = lines[i] ?? "";
    return this.#room - this.#origin;
  }

  /** Keeps room for so many lines at the beginning; returns by how many lines everything has moved down. */
  setRoom(count: number): number {
    const moved = count - this.#room;
    if (moved < 0) this.#lines.splice(0, -moved);
    else this.#insert(0, new Array<string>(moved).fill(""));
    this.#room = count;
    this.#origin += moved;
    return moved;
  }

  #insert(index: number, lines: readonly string[]): void {
    for (let i = 0; i < lines.length; i += CHUNK) {
      this.#lines.splice(index + i, 0, ...lines.slice(i, i + CHUNK));
    }
  }
}
