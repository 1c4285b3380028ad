/** Tells keys and pastes apart in what a terminal sends, however it is cut; must not know what keys mean. */

/** What terminals send before what is pasted. */
export const PASTE_BEGIN = "\u001b[200~";
/** And behind it. */
export const PASTE_END = "\u001b[201~";

/** A key, or everything between the marks of a paste. */
export interface InputPiece {
  readonly type: "key" | "paste";
  readonly data: string;
}

/** Invariant: no piece ends within a character, which comes in two halves from some readers of terminals. */
export class InputPieces {
  #paste: string[] | null = null;
  #half = "";

  /** The pieces that are complete with this data. */
  push(data: string): InputPiece[] {
    const pieces: InputPiece[] = [];
    let rest = data;
    while (rest !== "") {
      const inPaste = this.#paste;
      const mark = inPaste === null ? PASTE_BEGIN : PASTE_END;
      // The end of a long paste may be cut in its middle: only what was held back is looked at again.
      const held = inPaste?.pop() ?? "";
      const all = held + rest;
      const at = all.indexOf(mark);
      const part = at < 0 ? all : all.slice(0, at);
      rest = at < 0 ? "" : all.slice(at + mark.length);
      if (inPaste === null) {
        const key = this.#whole(part);
        if (key !== "") pieces.push({ type: "key", data: key });
        if (at >= 0) this.#paste = [];
      } else {
        inPaste.push(part);
        if (at < 0) splitTail(inPaste);
        else {
          pieces.push({ type: "paste", data: inPaste.join("") });
          this.#paste = null;
        }
      }
    }
    return pieces;
  }

  /** A half whose other half does not come is nothing. */
  #whole(data: string): string {
    if (data === "") return "";
    const all = /^[\udc00-\udfff]/.test(data) ? this.#half + data : data;
    this.#half = /[\ud800-\udbff]$/.exec(all)?.[0] ?? "";
    return this.#half === "" ? all : all.slice(0, -1);
  }
}

/** Keeps the last characters apart, in which the mark of the end may have begun. */
function splitTail(parts: string[]): void {
  const last = parts.pop() ?? "";
  parts.push(last.slice(0, -PASTE_END.length), last.slice(-PASTE_END.length));
}
