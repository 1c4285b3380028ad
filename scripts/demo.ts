/**
 * `deno task demo`: the main job without a key and without a network, in a few seconds.
 *
 * The built file as a server, a client, one turn: commands and an edit are approved, the connection is cut in the
 * middle, the turn goes on, and the client comes back by itself and is told exactly what it has missed. Every line
 * with a check mark was checked, and the exit code says so.
 */
import { relative } from "node:path";
import { freshFile } from "./built_file.ts";
import { failureLine, tell } from "./demo/print.ts";
import { openStage, type Stage } from "./demo/stage.ts";
import { playStory } from "./demo/story.ts";

const DEADLINE_MS = 60_000;

/** Plays the whole story against `file`. Whatever comes of it, `root` is gone in the end. */
async function play(file: string, root: string): Promise<void> {
  let stage: Stage | undefined;
  const giveUp = (why: string) => {
    stage?.abandon();
    Deno.removeSync(root, { recursive: true });
    console.error(`\n${failureLine(why)}`);
    Deno.exit(1);
  };
  const onSignal = () => giveUp("it was interrupted");
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) Deno.addSignalListener(signal, onSignal);
  const deadline = setTimeout(() => giveUp("it did not end in time"), DEADLINE_MS);
  try {
    stage = await openStage([file], { root });
    tell("✓", `codex app-server listens on ${stage.url}`);
    await playStory(stage, tell);
  } finally {
    await stage?.[Symbol.asyncDispose]();
    clearTimeout(deadline);
    for (const signal of signals) Deno.removeSignalListener(signal, onSignal);
    await Deno.remove(root, { recursive: true });
  }
}

async function main(): Promise<number> {
  console.log(
    "codex demo: offline, without a key; the model is a set of rules, the rest is real\n",
  );
  try {
    const file = await freshFile((why) => tell(" ", `${why}: building it takes some seconds`));
    const startedAt = performance.now();
    await play(file, await Deno.realPath(await Deno.makeTempDir({ prefix: "codex_demo_" })));
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.log(`\nAll of it was checked, in ${seconds} s, with the program in ${shown(file)}.`);
    console.log("README.md says what to try next.");
    return 0;
  } catch (error) {
    console.error(`\n${failureLine(error)}`);
    return 1;
  }
}

function shown(file: string): string {
  return relative(Deno.cwd(), file) || file;
}

if (import.meta.main) Deno.exit(await main());
