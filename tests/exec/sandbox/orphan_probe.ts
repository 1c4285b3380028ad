/**
 * Terminates a stubborn command of a sandbox and prints what is left that nobody will ever collect; asserts nothing
 * itself. Runs where process 1 collects nothing, as in many containers.
 */
import { Processes } from "../../../src/exec/process.ts";
import { readProcessTable } from "../../../src/exec/process_table.ts";
import { probeLauncher } from "../../../src/exec/sandbox/launcher.ts";
import { PATH, run } from "../process_run.ts";
import { realClock } from "../real_clock.ts";
import { specFor } from "./confined_run.ts";

const STUBBORN = "trap '' TERM HUP; sleep 1000 & echo up; while :; do wait; done";

const probe = await probeLauncher();
if (probe.type === "unusable") {
  console.log(JSON.stringify({ unusable: probe.reason }));
} else {
  const confined = probe.backend.confine(
    { argv: ["/bin/sh", "-c", STUBBORN], cwd: "/", env: { PATH }, stdin: "null" },
    specFor({ cwd: "/" }),
  );
  if ("type" in confined) throw new Error(confined.reason);
  const processes = new Processes({ clock: realClock });
  const one = run(processes, "", { ...confined, leads: true });
  await one.sees("up");
  await one.process.terminate(50);
  await one.process.gone();
  confined.release();
  const rows = await readProcessTable() ?? [];
  console.log(JSON.stringify({ left: rows.filter(({ pid }) => pid !== 1 && pid !== Deno.pid) }));
}
