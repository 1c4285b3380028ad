/** Gets images into a prompt, from files and from the clipboard; must not know how they are read. */
import { messageOf } from "../../lib/errors.ts";
import { nameOf } from "../files/paths.ts";
import type { Desk, LocalImage } from "../ports.ts";
import { type Chips, imageChip } from "./chips.ts";
import type { TextBuffer } from "./text_buffer.ts";

/** What attachments work on. */
export interface AttachmentParts {
  readonly buffer: TextBuffer;
  readonly chips: Chips;
  readonly desk: Desk;
  notice(level: "info" | "warning" | "error", text: string): void;
  /** Puts one text in the place of another, wherever that can come back from. */
  substitute(from: string, to: string): void;
  /** Something has changed after its key. */
  changed(): void;
}

/** Invariant: a path whose image cannot be read stands in the prompt as it was pasted. */
export class Attachments {
  readonly #parts: AttachmentParts;

  constructor(parts: AttachmentParts) {
    this.#parts = parts;
  }

  /** Puts an image that is there into the prompt. */
  add(image: LocalImage): void {
    const { buffer, chips } = this.#parts;
    buffer.insert(`${chips.add(imageChip(image.name, image))} `);
  }

  /** Puts images into the prompt; `pasted` is what a person sees again when one cannot be read. */
  addPaths(paths: readonly string[], pasted: string): void {
    const { buffer, chips } = this.#parts;
    const characters = paths.map((path) => chips.add(imageChip(nameOf(path), null)));
    buffer.insert(`${characters.join(" ")} `);
    paths.forEach((path, index) => {
      const asText = paths.length === 1 ? pasted.trim() : path;
      void this.#read(path, { character: characters[index] ?? "", asText });
    });
  }

  async addFromClipboard(): Promise<void> {
    const { desk, notice, changed } = this.#parts;
    try {
      const image = await desk.clipboardImage();
      if (image) this.add(image);
      else notice("info", "There is no image in the clipboard");
    } catch (error) {
      notice("warning", messageOf(error));
    }
    changed();
  }

  async #read(
    path: string,
    { character, asText }: { readonly character: string; readonly asText: string },
  ): Promise<void> {
    const { chips, desk, notice, substitute, changed } = this.#parts;
    try {
      chips.load(character, await desk.readImage(path));
    } catch (error) {
      substitute(character, asText);
      notice("warning", `${messageOf(error)}; the path stays as text`);
    }
    changed();
  }
}
