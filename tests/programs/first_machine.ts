/** A machine on which nobody has run anything yet, and a person who answers what is asked; must not know what is tested. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { SOURCE } from "../support/forms.ts";
import { type Screen, type ScreenOptions, startScreen } from "../support/screen.ts";

/** An empty machine. */
export interface Machine {
  readonly home: string;
  readonly folder: string;
  start(words?: readonly string[], options?: ScreenOptions): Promise<Screen>;
  /** The files of the home folder that people care about, with their contents. */
  files(): Readonly<Record<string, string>>;
}

/** Runs a test on one. */
export async function withMachine(test: (machine: Machine) => Promise<void>): Promise<void> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "codex_first_" }));
  const [home, folder] = [join(root, "home"), join(root, "folder")];
  Deno.mkdirSync(home);
  Deno.mkdirSync(folder);
  try {
    await test({
      home,
      folder,
      start: (words = [], options = {}) =>
        startScreen(SOURCE.command, words, {
          cwd: folder,
          ...options,
          env: { ...SOURCE.env, HOME: root, CODEX_HOME: home, NO_COLOR: "1", ...options.env },
        }),
      files: () =>
        Object.fromEntries(
          Array.from(Deno.readDirSync(home), ({ name }) => name)
            .filter((name) => /^(?:config|auth)\./.test(name)).toSorted()
            .map((name) => [name, Deno.readTextFileSync(join(home, name))]),
        ),
    });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

/** Chooses what is so many lines further down. */
export async function choose(screen: Screen, label: string, downs: number): Promise<void> {
  for (let count = 0; count < downs; count++) screen.press("down");
  await screen.until(`● ${label}`);
  screen.press("enter");
}

/** Waits for the end of the program. */
export async function leave(screen: Screen, code: number): Promise<void> {
  const exit = await screen.exit;
  assert.equal(exit.code, code, screen.scrollback());
  assert.deepEqual(screen.leftovers(), []);
}
