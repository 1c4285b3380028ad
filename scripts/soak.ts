/**
 * `deno task soak [MINUTES] [--seed N] [--clients N] [--built]`: clients that lose their connections, and a server that
 * is killed and drained, for 2 minutes unless said otherwise. Linux only.
 *
 * In the first third the server is restarted again and again. In the rest one server stays, and must in the end hold
 * no more than it did after its warm-up. The exit code is 1 when anything was lost, doubled, different or kept.
 */
import { type Fault, faultProxy, NO_FAULT, seededRandom } from "../tests/support/fault_proxy.ts";
import { freshFile } from "./built_file.ts";
import { AppServer } from "./soak/app_server.ts";
import { Ledger } from "./soak/ledger.ts";
import { startModel } from "./soak/model.ts";
import { Roamer } from "./soak/roamer.ts";
import {
  descriptorCount,
  growthOf,
  holdingsOf,
  leaks,
  rssMibOf,
  TOLERANCES,
  type Vitals,
  vitalsOf,
} from "./soak/vitals.ts";

const MINUTE_MS = 60_000;
const SAMPLE_MS = 1000;
const UP_MS = 8000;
const DOWN_MS = 1500;
const CUT_ALL_MS = 5000;
/** Connections that ended may take as long until the last of them is closed. */
const SETTLE_MS = 20_000;
const SHOWN_OF_A_KIND = 3;

interface Soak {
  readonly server: AppServer;
  readonly ledger: Ledger;
  readonly root: string;
  readonly port: number;
  readonly clients: number;
  random(): number;
  /** Whether lines are bad now. */
  isStormy: boolean;
  cutAll(): void;
}

/** What happens to a line: half of them are good for a while. */
function faultOf({ isStormy, random }: Soak): Fault {
  if (!isStormy || random() < 0.3) return NO_FAULT;
  const chunkBytes = random() < 0.2 ? 1 + Math.floor(random() * 40) : 4096;
  const afterBytes = Math.floor(random() ** 2 * 400_000);
  const kind = random();
  if (kind < 0.5) return { type: "cut", afterBytes, chunkBytes };
  if (kind < 0.65) return { type: "stall", afterBytes, chunkBytes };
  if (kind < 0.85) return { ...NO_FAULT, bytesPerSecond: 30_000, chunkBytes: 4096 };
  return { ...NO_FAULT, delayMs: 50 + random() * 200 };
}

/** Lets clients work for a while, with bad lines, then has them finish over good ones. */
async function churn(soak: Soak, { name, lengthMs }: {
  readonly name: string;
  readonly lengthMs: number;
}): Promise<void> {
  const { ledger, root, port, random, clients } = soak;
  const endMs = Date.now() + lengthMs;
  const board = new Set<string>();
  soak.isStormy = true;
  const roamers = Array.from(
    { length: clients },
    (_, index) =>
      new Roamer({ name: `${name}${index}`, port, root, ledger, board, random })
        .live(() => Date.now() >= endMs),
  );
  while (Date.now() < endMs) {
    await pause(Math.min(random() * CUT_ALL_MS, endMs - Date.now()));
    if (random() < 0.5) soak.cutAll();
  }
  soak.isStormy = false;
  soak.cutAll();
  await Promise.all(roamers);
}

/** Restarts the server until it is time; in the end one runs that nobody has used. */
async function restarts(soak: Soak, lengthMs: number): Promise<void> {
  const { server, random, ledger } = soak;
  const endMs = Date.now() + lengthMs;
  while (Date.now() < endMs) {
    await pause(random() * UP_MS);
    if (random() < 0.6) await server.kill();
    else {
      const problem = await server.drain();
      if (problem !== null) ledger.problem(problem);
    }
    await pause(random() * DOWN_MS);
    await server.start();
    ledger.count("restart");
  }
}

/** Waits until the server has let go of everything, or does not do so, and looks at it. */
async function settled({ server }: Soak, baseline: Vitals | null): Promise<Vitals> {
  const endMs = Date.now() + SETTLE_MS;
  const goal = baseline ? descriptorCount(baseline) : 0;
  let last = Infinity;
  for (let same = 0; same < 5 && Date.now() < endMs;) {
    await pause(SAMPLE_MS / 2);
    const now = descriptorCount(holdingsOf(server.pid));
    if (baseline && now <= goal) break;
    same = now === last ? same + 1 : 0;
    last = now;
  }
  return await vitalsOf(server.pid);
}

async function sampled(soak: Soak, work: Promise<void>): Promise<number[]> {
  const samples: number[] = [];
  const timer = setInterval(() => samples.push(rssMibOf(soak.server.pid)), SAMPLE_MS);
  try {
    await work;
  } finally {
    clearInterval(timer);
  }
  return samples;
}

/** All of it; what was wrong is in the ledger. */
async function run(soak: Soak, lengthMs: number): Promise<void> {
  const { server, ledger, root } = soak;
  console.log("restarts");
  await Promise.all([
    churn(soak, { name: "a", lengthMs: lengthMs / 3 }),
    restarts(soak, lengthMs / 3),
  ]);
  await server.drain();
  await server.start();
  console.log("warm-up");
  await churn(soak, { name: "b", lengthMs: lengthMs / 6 });
  const baseline = await settled(soak, null);
  printVitals("baseline", baseline);
  console.log("churn");
  const samples = await sampled(soak, churn(soak, { name: "c", lengthMs: lengthMs / 2 }));
  const end = await settled(soak, baseline);
  printVitals("end", end);
  for (const leak of leaks(baseline, end)) ledger.problem(`Not back at the baseline: ${leak}`);
  const growth = growthOf(samples.slice(-Math.ceil(samples.length / 3)));
  console.log(
    `resident memory in the last third: ${growth >= 0 ? "+" : ""}${growth.toFixed(1)} MiB`,
  );
  if (growth > TOLERANCES.rssGrowthMib) {
    ledger.problem(`Memory grows: ${growth.toFixed(0)} MiB in the last third of the churn`);
  }
  await ledger.settleFiles((await Deno.readTextFile(`${root}/marks`)).split("\n"));
  const problem = await server.drain();
  if (problem !== null) ledger.problem(problem);
}

function printVitals(name: string, vitals: Vitals): void {
  const { rssMib, threads, watches, children, wakeups } = vitals;
  console.log(
    `${name}: ${rssMib.toFixed(0)} MiB, ${threads} threads, ${
      descriptorCount(vitals)
    } descriptors, ` +
      `${watches} watches, ${children} children, ${wakeups.toFixed(0)} wakeups/s`,
  );
  console.log(`  ${JSON.stringify(vitals.descriptors)}`);
}

function report({ ledger, server }: Soak): number {
  for (const [what, count] of [...ledger.counts].sort()) {
    console.log(`${String(count).padStart(7)}  ${what}`);
  }
  if (ledger.problems.length === 0) {
    console.log("soak: nothing was lost, doubled or kept");
    return 0;
  }
  console.error(`\nThe end of the server's log:\n${server.log.slice(-2000)}`);
  for (const problem of someOfEachKind(ledger.problems)) {
    console.error(`✗ ${problem.slice(0, 1500)}`);
  }
  console.error(`soak: ${ledger.problems.length} problems`);
  return 1;
}

/** One mistake tends to be made a thousand times. */
function someOfEachKind(problems: readonly string[]): string[] {
  const kinds = new Map<string, number>();
  return problems.filter((problem) => {
    const kind = problem.split("\n", 1).join().replace(/\S*\d\S*/g, "");
    const count = (kinds.get(kind) ?? 0) + 1;
    kinds.set(kind, count);
    return count <= SHOWN_OF_A_KIND;
  });
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, delayMs)));
}

function option(name: string, otherwise: number): number {
  const index = Deno.args.indexOf(name);
  return index < 0 ? otherwise : Number(Deno.args[index + 1]);
}

async function commandOf(): Promise<readonly string[]> {
  if (Deno.args.includes("--built")) return [await freshFile((why) => console.log(why))];
  const main = new URL("../main.ts", import.meta.url).pathname;
  return [Deno.execPath(), "run", "-A", "--no-prompt", "--no-check", main];
}

async function main(): Promise<number> {
  const minutes = Number(/^[\d.]+$/.exec(Deno.args[0] ?? "")?.[0] ?? 2);
  const seed = option("--seed", crypto.getRandomValues(new Uint32Array(1))[0] ?? 0);
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "codex_soak_" }));
  await Deno.mkdir(`${root}/files`);
  await Deno.writeTextFile(`${root}/marks`, "");
  const model = await startModel();
  const server = new AppServer({ command: await commandOf(), root, modelUrl: model.url });
  await server.start();
  const proxy = faultProxy(() => server.port, () => faultOf(soak));
  const soak: Soak = {
    server,
    ledger: new Ledger(),
    root,
    port: proxy.port,
    clients: option("--clients", 6),
    random: seededRandom(seed),
    isStormy: false,
    cutAll: () => proxy.cutAll(),
  };
  console.log(`soak: ${minutes} minutes, ${soak.clients} clients, --seed ${seed}`);
  try {
    await run(soak, minutes * MINUTE_MS);
    console.log(`${proxy.count} connections`);
    return report(soak);
  } finally {
    await server.kill();
    await proxy[Symbol.asyncDispose]();
    await model.close();
    await Deno.remove(root, { recursive: true });
  }
}

if (import.meta.main) Deno.exit(await main());
