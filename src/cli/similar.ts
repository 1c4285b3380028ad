/** Finds the name that was probably meant; must not know what the names are for. */

/** The similarity above which clap offers a name. */
const SIMILAR_ENOUGH = 0.7;

/** The candidates that resemble `word`, least alike first, as clap orders them. */
export function similarNames(word: string, candidates: readonly string[]): readonly string[] {
  return candidates
    .map((name) => ({ name, score: jaroSimilarity(word, name) }))
    .filter(({ score }) => score > SIMILAR_ENOUGH)
    .sort((one, other) => one.score - other.score)
    .map(({ name }) => name);
}

/** The candidate that resembles `word` most, or null when none does. */
export function mostSimilarName(word: string, candidates: readonly string[]): string | null {
  return similarNames(word, candidates).at(-1) ?? null;
}

/** The Jaro similarity of two words, 0 to 1. */
export function jaroSimilarity(one: string, other: string): number {
  if (one === other) return 1;
  const a = [...one];
  const b = [...other];
  const reach = Math.max(0, Math.floor(Math.max(a.length, b.length) / 2) - 1);
  const taken = new Array<boolean>(b.length).fill(false);
  const matchedA = a.filter((letter, index) => {
    const end = Math.min(b.length, index + reach + 1);
    for (let at = Math.max(0, index - reach); at < end; at++) {
      if (taken[at] || b[at] !== letter) continue;
      taken[at] = true;
      return true;
    }
    return false;
  });
  const matches = matchedA.length;
  if (matches === 0) return 0;
  const matchedB = b.filter((_, index) => taken[index]);
  const swapped = matchedA.filter((letter, index) => letter !== matchedB[index]).length / 2;
  return (matches / a.length + matches / b.length + (matches - swapped) / matches) / 3;
}
