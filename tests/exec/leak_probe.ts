/** Runs many commands of every kind in a process of its own and prints what they have left open; asserts nothing itself. */
import { Processes } from "../../src/exec/process.ts";
import { openFiles, openTerminals, PATH, run, runOnTerminal, zombies } from "./process_run.ts";
import { realClock } from "./real_clock.ts";

const count = Number(Deno.args[0]);
const processes = new Processes({ clock: realClock });
const wrongCodes: string[] = [];

async function runOne(at: number): Promise<void> {
  const isSlow = at % 7 === 0;
  const script = isSlow ? "setsid sleep 1000 & exec sleep 1000" : `exit ${at % 200}`;
  const stdin = at % 2 === 0 ? "null" : "piped";
  const one = at % 3 === 0
    ? await runOnTerminal(processes, script)
    : run(processes, script, { stdin, owner: String(at % 5) });
  if (isSlow) await one.process.terminate();
  const { code } = await one.process.exited;
  if (code !== (isSlow ? 143 : at % 200)) wrongCodes.push(`${at}: ${code}`);
  await one.process.gone();
}

async function failToStart(argv: readonly string[], cwd: string): Promise<void> {
  const terminal = await processes.openTerminal({ rows: 1, cols: 1 });
  if ("type" in terminal) throw new Error(terminal.message);
  const onOutput = () => {};
  processes.start({ argv, cwd, env: { PATH }, stdin: "null", onOutput, terminal });
}

for (let at = 1; at < 30; at++) await runOne(at);
const before = openFiles().length;
for (let at = 0; at < count; at += 10) {
  await Promise.all(Array.from({ length: 10 }, (_, offset) => runOne(at + offset)));
  await failToStart(["no-such-program-here"], "/");
  await failToStart(["true"], "/no/such/folder");
}
const after = openFiles().length;
const left = processes.size;
await processes.terminateAll();
console.log(JSON.stringify({
  wrongCodes,
  left,
  newFiles: Math.max(0, after - before),
  terminals: openTerminals(),
  zombies: zombies(),
}));
