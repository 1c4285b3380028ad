/** Waits until a screen shows something, by its own changes alone; knows no program. */

/** What to wait for. */
export type Expectation = string | RegExp | ((text: string) => boolean);

/** A screen that changes. */
export interface Watched {
  text(): string;
  /** Calls back after each change. */
  onParsed(listener: () => void): () => void;
  /** Whether a frame is being drawn: half of it stands beside half of the one before. */
  readonly isDrawing?: () => boolean;
  /** Resolves when it can change no more; says why. */
  readonly over?: Promise<string>;
}

export interface UntilOptions {
  /** What is waited for, for the error. */
  readonly why?: string;
  /** Far longer than any machine needs. */
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 60_000;

/** Resolves with the screen as soon as it shows it; rejects with the screen when it never does. */
export async function shown(
  watched: Watched,
  expectation: Expectation,
  { why, deadlineMs = DEADLINE_MS }: UntilOptions = {},
): Promise<string> {
  const isMet = (text: string) => matches(text, expectation);
  const isWhole = () => watched.isDrawing?.() !== true;
  if (isWhole() && isMet(watched.text())) return watched.text();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const fail = (problem: string) =>
    reject(
      new Error(`${problem} while waiting for ${why ?? String(expectation)}:\n${frame(watched)}`),
    );
  const stop = watched.onParsed(() => {
    const text = watched.text();
    if (isWhole() && isMet(text)) resolve(text);
  });
  const timer = setTimeout(() => fail("The deadline passed"), deadlineMs);
  watched.over?.then((problem) => {
    if (isMet(watched.text())) resolve(watched.text());
    else fail(problem);
  }, reject);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    stop();
  }
}

function matches(text: string, expectation: Expectation): boolean {
  if (typeof expectation === "string") return text.includes(expectation);
  if (expectation instanceof RegExp) return expectation.test(text);
  return expectation(text);
}

/** The screen with a border, so that empty rows can be told from none. */
function frame(watched: Watched): string {
  return watched.text().split("\n").map((line) => `│${line}`).join("\n");
}
