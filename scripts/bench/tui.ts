/**
 * `deno task bench:tui [--rounds N] [--own CODEX] [--vs CODEX]`: what the terminal interface costs: its start, a long
 * thread, a stream, and a key while it streams. Ours is `dist/codex` unless said otherwise; the other one is any
 * program with the same command line. The stream is followed over a socket, so that the server is not counted.
 */
import { startScreen } from "../../tests/support/screen.ts";
import { freshFile } from "../built_file.ts";
import { contest, type Figures, median, option } from "./contest.ts";
import { writeLongThread } from "./long_thread.ts";
import { type BenchModel, startModel } from "./mock_model.ts";
import { cpuUs, peakMiB } from "./process_cost.ts";
import { configText } from "./server.ts";

const DELTAS = 2_000;
const PER_SECOND = 200;
const ITEMS = 5_000;
const STARTS = 5;
/** Typed one after the other while the answer streams. */
const KEYS = "abcdefghijklmnopqrstuvwxyz";
const KEY_EVERY_MS = 150;
const LAST = "That was all of it";
const DEADLINE = { deadlineMs: 120_000 };
/** The line to write on, as both programs begin it. */
const PROMPT = /^\s*[›▌]/m;

interface Place {
  readonly codex: string;
  readonly home: string;
  readonly project: string;
}

async function measure(codex: string, model: BenchModel): Promise<Figures> {
  // Upstream refuses a home below the folder for temporary files.
  const base = Deno.env.get("HOME") ?? "/";
  const root = await Deno.makeTempDir({ dir: base, prefix: ".codex_bench_" });
  const place = { codex, home: `${root}/home`, project: `${root}/project` };
  await Deno.mkdir(place.home);
  await Deno.mkdir(`${place.project}/.git`, { recursive: true });
  const trusted = `[projects."${place.project}"]\ntrust_level = "trusted"\n`;
  await Deno.writeTextFile(`${place.home}/config.toml`, configText(model.url) + trusted);
  try {
    return {
      "first frame, ms": await startMs(place, { words: [], until: PROMPT }),
      [`first frame of ${ITEMS} items, ms`]: await longStartMs(place),
      ...await measureStream(place),
    };
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function open({ codex, home, project }: Place, words: readonly string[]) {
  const env = { HOME: home, CODEX_HOME: home, MOCK_KEY: "bench", ...runtimeEnv() };
  return startScreen([codex], words, { columns: 100, rows: 40, cwd: project, env });
}

function runtimeEnv(): Record<string, string> {
  return { CODEX_RUNTIME_DIR: Deno.env.get("CODEX_RUNTIME_DIR") ?? "" };
}

/** The median of some starts, until the screen shows it. */
async function startMs(
  place: Place,
  { words, until }: { readonly words: readonly string[]; readonly until: RegExp | string },
): Promise<number> {
  const times: number[] = [];
  for (let index = 0; index < STARTS; index++) {
    const startedMs = performance.now();
    await using screen = await open(place, words);
    await screen.until(until, DEADLINE);
    times.push(performance.now() - startedMs);
  }
  return median(times);
}

async function longStartMs(place: Place): Promise<number> {
  const id = await writeLongThread(place.home, { cwd: place.project, items: ITEMS, last: LAST });
  return await startMs(place, { words: ["resume", id], until: LAST });
}

async function measureStream(place: Place): Promise<Figures> {
  await using server = await startListener(place);
  await using screen = await open(place, ["--remote", server.url]);
  await screen.until(PROMPT, DEADLINE);
  screen.type(`deltas=${DELTAS} pace=${PER_SECOND}`);
  await screen.until(`pace=${PER_SECOND}`, DEADLINE);
  const before = cpuUs(screen.pid);
  screen.press("enter");
  await screen.until("ten bytes ten", DEADLINE);
  const keys: number[] = [];
  for (const [index] of [...KEYS].entries()) {
    const typed = KEYS.slice(0, index + 1);
    const startedMs = performance.now();
    screen.type(typed.at(-1) ?? "");
    await screen.until(new RegExp(`[›▌] ?${typed}(?![a-z])`), DEADLINE);
    keys.push(performance.now() - startedMs);
    await new Promise((resolve) => setTimeout(resolve, KEY_EVERY_MS));
  }
  await screen.until("The end", DEADLINE);
  return {
    [`${DELTAS} deltas, CPU ms`]: (cpuUs(screen.pid) - before) / 1000,
    "most memory, MiB": peakMiB(screen.pid),
    "key to screen, ms": median(keys),
    "slowest key, ms": Math.max(...keys),
  };
}

/** A server of the same program. */
async function startListener({ codex, home, project }: Place) {
  const child = new Deno.Command(codex, {
    args: ["app-server", "--listen", "ws://127.0.0.1:0"],
    cwd: project,
    env: { HOME: home, CODEX_HOME: home, MOCK_KEY: "bench", ...runtimeEnv() },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const [output, rest] = child.stderr.tee();
  void rest.pipeTo(new WritableStream());
  const url = await addressIn(output);
  return {
    url,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
    },
  };
}

async function addressIn(output: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of output.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const url = /ws:\/\/127\.0\.0\.1:\d+/.exec(text)?.[0];
    if (url !== undefined && !url.endsWith(":0")) return url;
  }
  throw new Error(`The server told no address: ${text}`);
}

async function main(): Promise<number> {
  if (Deno.build.os !== "linux") {
    console.error("The benchmark reads CPU time from /proc, which only Linux has");
    return 1;
  }
  const runtimes = await Deno.makeTempDir({ prefix: "codex_bench_runtime_" });
  // A packed file must not leave its runtime in the cache of the user.
  Deno.env.set("CODEX_RUNTIME_DIR", runtimes);
  const own = option("--own") ??
    await freshFile((why) => console.error(`Building dist/codex, as ${why}`));
  const model = await startModel();
  const rounds = Number(option("--rounds") ?? 3);
  try {
    await contest({ own, other: option("--vs"), rounds }, (codex) => measure(codex, model));
  } finally {
    await model.close();
    await Deno.remove(runtimes, { recursive: true });
  }
  return 0;
}

if (import.meta.main) Deno.exit(await main());
