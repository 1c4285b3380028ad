/** Colours for code, loaded when the first code needs them; must not know which package makes them. */
import type { Theme } from "../theme.ts";
import type { Coloring } from "./lowlight.ts";

/** Longer ones stay plain: colours are not worth a pause. */
const CODE_CHARS_MAX = 20_000;
const CACHE_MAX = 100;

export interface CodeColorsOptions {
  readonly theme: Theme;
  /** Told once, when code that was drawn plain can be drawn in colours. */
  readonly onReady: () => void;
  readonly load?: (theme: Theme) => Promise<Coloring>;
}

/** Plain until the colours are loaded, and for ever where they cannot be. */
export class CodeColors {
  readonly #options: CodeColorsOptions;
  readonly #cache = new Map<string, readonly string[] | null>();
  #coloring: Coloring | null = null;
  #isLoading = false;

  constructor(options: CodeColorsOptions) {
    this.#options = options;
  }

  /** Whether a code that has no colours now may get some later. */
  get isReady(): boolean {
    return this.#coloring !== null;
  }

  /** The lines of a code with colours, or null. */
  highlight(code: string, language: string): readonly string[] | null {
    if (language === "" || code.length > CODE_CHARS_MAX || !this.#options.theme.isColored) {
      return null;
    }
    if (this.#coloring === null) {
      this.#begin();
      return null;
    }
    const key = `${language}\n${code}`;
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    const lines = colored(this.#coloring, code, language);
    const oldest = this.#cache.keys().next().value;
    if (this.#cache.size >= CACHE_MAX && oldest !== undefined) this.#cache.delete(oldest);
    this.#cache.set(key, lines);
    return lines;
  }

  #begin(): void {
    if (this.#isLoading) return;
    this.#isLoading = true;
    const { theme, onReady, load = loadColoring } = this.#options;
    load(theme).then((coloring) => {
      this.#coloring = coloring;
      onReady();
      // Without colours everything can be read, so there is nothing to say.
    }, () => {});
  }
}

async function loadColoring(theme: Theme): Promise<Coloring> {
  const { createColoring } = await import("./lowlight.ts");
  return createColoring(theme);
}

/** A grammar that fails leaves the code plain, as one that does not exist. */
function colored(coloring: Coloring, code: string, language: string): readonly string[] | null {
  try {
    const lines = coloring(code, language.toLowerCase());
    return lines?.length === code.split("\n").length ? lines : null;
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}
