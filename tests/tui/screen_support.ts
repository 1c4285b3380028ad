/** Starts the small program of the terminal tests on a screen; asserts nothing. */
import { SOURCE } from "../support/forms.ts";
import { type Screen, type ScreenOptions, startScreen } from "../support/screen.ts";

const FIXTURE = new URL("../support/screen_fixture.ts", import.meta.url).pathname;

/** The two ways to draw. */
export type Mode = "alternate" | "inline";

/** Both of them. */
export const MODES: readonly Mode[] = ["alternate", "inline"];

/** The words that start the fixture. */
export const FIXTURE_COMMAND: readonly string[] = [...SOURCE.command.slice(0, -1), FIXTURE];

/** Starts the fixture and waits for its first frame. */
export async function startFixture(mode: Mode, options: ScreenOptions = {}): Promise<Screen> {
  const screen = await startScreen(FIXTURE_COMMAND, [mode], {
    ...options,
    env: { ...SOURCE.env, ...options.env },
  });
  await screen.until("ready");
  return screen;
}

/** Starts it from a shell that watches over its jobs, as people do. */
export async function startInShell(mode: Mode, options: ScreenOptions = {}): Promise<Screen> {
  const words = [...FIXTURE_COMMAND, mode].map((word) => `'${word}'`).join(" ");
  const screen = await startScreen(["/bin/bash"], ["--norc", "--noprofile", "-i"], {
    ...options,
    env: { ...SOURCE.env, HISTFILE: "", APP: words, PS1: "prompt> ", ...options.env },
  });
  await screen.until("prompt>");
  screen.type('eval "$APP"\n');
  await screen.until("ready");
  return screen;
}

/** What a program has printed, frame by frame, without what lies between them. */
export function framesOf(raw: string): readonly string[] {
  // deno-lint-ignore no-control-regex -- Frames are marked with control sequences.
  return [...raw.matchAll(/\u001b\[\?2026h(.*?)\u001b\[\?2026l/gs)].map((match) => match[1] ?? "");
}
