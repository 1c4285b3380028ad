/**
 * `deno task bench [--rounds N] [--own "CMD app-server"] [--vs "CMD app-server"]`: what a start, a turn, a
 * delta and a request cost. Our own command is `dist/codex app-server` unless said otherwise.
 */
import { freshFile } from "../built_file.ts";
import { contest, type Figures, option } from "./contest.ts";
import { type BenchModel, startModel } from "./mock_model.ts";
import { type BenchServer, startServer } from "./server.ts";

const TURNS = 20;
const DELTAS = 20_000;
const REQUESTS = 8_000;
const IN_FLIGHT = 32;

async function runTurn(server: BenchServer, threadId: string, text: string): Promise<void> {
  const completed = server.next("turn/completed");
  await server.call("turn/start", { threadId, input: [{ type: "text", text }] });
  await completed;
}

/** The cost of `work`: wall milliseconds and CPU microseconds of the server, per piece. */
async function measure(
  server: BenchServer,
  pieces: number,
  work: () => Promise<void>,
): Promise<{ readonly wallMs: number; readonly cpuUs: number }> {
  const [cpu, wall] = [server.cpuUs(), performance.now()];
  await work();
  return {
    wallMs: (performance.now() - wall) / pieces,
    cpuUs: (server.cpuUs() - cpu) / pieces,
  };
}

async function sendRequests(server: BenchServer, count: number): Promise<void> {
  let left = count;
  await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
    while (left-- > 0) await server.call("thread/loaded/list", { limit: 1 });
  }));
}

async function measureServer(command: readonly string[], model: BenchModel): Promise<Figures> {
  const server = await startServer(command, { modelUrl: model.url });
  try {
    const started = await server.call("thread/start", { cwd: Deno.cwd() });
    const threadId = idOf(started.thread);
    // The first turn loads code that later ones share.
    await runTurn(server, threadId, "warm up");
    const turns = await measure(server, TURNS, async () => {
      for (let index = 0; index < TURNS; index++) await runTurn(server, threadId, "go");
    });
    const deltas = await measure(
      server,
      DELTAS,
      () => runTurn(server, threadId, `deltas=${DELTAS}`),
    );
    await sendRequests(server, IN_FLIGHT);
    const requests = await measure(server, REQUESTS, () => sendRequests(server, REQUESTS));
    return {
      "start to initialize, ms": server.startMs,
      "turn, ms": turns.wallMs,
      "turn, CPU us": turns.cpuUs,
      "delta, CPU us": deltas.cpuUs,
      "cheap request, CPU us": requests.cpuUs,
      "cheap requests, 1/s": 1000 / requests.wallMs,
    };
  } finally {
    await server.stop();
  }
}

function idOf(thread: unknown): string {
  if (typeof thread === "object" && thread !== null && "id" in thread) return String(thread.id);
  throw new Error("The answer to thread/start has no thread");
}

function tellBuild(why: string): void {
  console.error(`Building dist/codex, as ${why}`);
}

async function main(): Promise<number> {
  if (Deno.build.os !== "linux") {
    console.error("The benchmark reads CPU time from /proc, which only Linux has");
    return 1;
  }
  const rounds = Number(option("--rounds") ?? 3);
  const own = option("--own")?.split(" ") ?? [await freshFile(tellBuild), "app-server"];
  const other = option("--vs")?.split(" ") ?? null;
  const runtimes = await Deno.makeTempDir({ prefix: "codex_bench_runtime_" });
  // A packed file must not leave its runtime in the cache of the user.
  Deno.env.set("CODEX_RUNTIME_DIR", runtimes);
  const model = await startModel();
  try {
    await contest({ own, other, rounds }, (command) => measureServer(command, model));
  } finally {
    await model.close();
    await Deno.remove(runtimes, { recursive: true });
  }
  return 0;
}

if (import.meta.main) Deno.exit(await main());
