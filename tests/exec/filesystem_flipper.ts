/** A worker for tests: lets a name lead to one place and then to another, as fast as it can, until it is told to stop. */

/** What changes all the time: where a link leads, or whether a folder is there or a link in its place. */
export type FlipPlan =
  | { readonly link: string; readonly targets: readonly string[] }
  | { readonly folder: string; readonly aside: string; readonly target: string };

const STOP_INDEX = 0;
const COUNT_INDEX = 1;

addEventListener("message", (event) => {
  if (!(event instanceof MessageEvent)) return;
  const { plan, shared }: { plan: FlipPlan; shared: Int32Array } = event.data;
  for (let count = 0; Atomics.load(shared, STOP_INDEX) === 0; count++) {
    if ("link" in plan) relink(plan, count);
    else swap(plan);
    Atomics.store(shared, COUNT_INDEX, count);
  }
  event.ports[0]?.postMessage("stopped");
  close();
});

function relink({ link, targets }: Extract<FlipPlan, { link: string }>, count: number): void {
  const fresh = `${link}.${count}`;
  Deno.symlinkSync(targets[count % targets.length] ?? "", fresh);
  Deno.renameSync(fresh, link);
}

/** Whoever is attacked may remove the folder or the link, or make another. */
function swap({ folder, aside, target }: Extract<FlipPlan, { folder: string }>): void {
  attempt(() => Deno.renameSync(folder, aside));
  attempt(() => Deno.symlinkSync(target, folder));
  attempt(() => Deno.removeSync(folder));
  attempt(() => Deno.renameSync(aside, folder));
}

function attempt(step: () => void): void {
  try {
    step();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
  }
}
