/** A worker for tests: lets a name lead to one target and then to another, as fast as it can, until it is told to stop. */

const STOP_INDEX = 0;
const COUNT_INDEX = 1;

addEventListener("message", (event) => {
  if (!(event instanceof MessageEvent)) return;
  const { link, targets, shared }: {
    link: string;
    targets: readonly string[];
    shared: Int32Array;
  } = event.data;
  for (let count = 0; Atomics.load(shared, STOP_INDEX) === 0; count++) {
    const fresh = `${link}.${count}`;
    Deno.symlinkSync(targets[count % targets.length] ?? "", fresh);
    Deno.renameSync(fresh, link);
    Atomics.store(shared, COUNT_INDEX, count);
  }
  event.ports[0]?.postMessage("stopped");
  close();
});
