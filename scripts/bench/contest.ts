/** Two commands that are measured in turn, and the table of what came out; must not know what is measured. */

/** What one round measured, by name with unit. */
export type Figures = Record<string, number>;

/** Who takes part: `own` always, `other` where there is one to compare with. */
export interface Contestants<T> {
  readonly own: T;
  readonly other: T | null;
  readonly rounds: number;
}

/** Measures both in alternation, because machines and their load differ, and prints medians and their ratio. */
export async function contest<T>(
  { own, other, rounds }: Contestants<T>,
  measure: (contestant: T) => Promise<Figures>,
): Promise<void> {
  const ours: Figures[] = [];
  const theirs: Figures[] = [];
  // The first start unpacks or compiles; it is nobody's usual start.
  await measure(own);
  for (let round = 0; round < rounds; round++) {
    ours.push(await measure(own));
    if (other) theirs.push(await measure(other));
  }
  printTable(ours, theirs);
}

/** The value after this word of the command line of this script. */
export function option(name: string): string | null {
  const index = Deno.args.indexOf(name);
  return index < 0 ? null : Deno.args[index + 1] ?? null;
}

/** The lower one of two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? NaN;
}

function printTable(ours: readonly Figures[], theirs: readonly Figures[]): void {
  const columns = theirs.length === 0 ? ["ours"] : ["ours", "other", "ours / other"];
  console.log(row("median", columns));
  const of = (rounds: readonly Figures[], name: string) =>
    rounds.map((round) => round[name] ?? NaN);
  for (const name of Object.keys(ours[0] ?? {})) {
    const [own, other] = [of(ours, name), of(theirs, name)];
    const ratio = median(own.map((value, index) => value / (other[index] ?? NaN)));
    const values = [median(own).toFixed(1), median(other).toFixed(1), ratio.toFixed(3)];
    console.log(row(name, values.slice(0, columns.length)));
  }
}

function row(name: string, values: readonly string[]): string {
  return name.padEnd(34) + values.map((value) => value.padStart(14)).join("");
}
