/** What processes have cost so far, from `/proc`; knows no program. Linux only. */

/** CPU time of a process and its descendants, in microseconds. */
export function cpuUs(pid: number): number {
  return descendants(pid).reduce((sum, one) => sum + cpuUsOf(one), 0);
}

/** The most memory that one process had at once, pages of files included, in MiB. */
export function peakMiB(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? NaN) / 1024;
}

/** A launcher may start the real program as its child. */
function descendants(pid: number): number[] {
  const found = [pid];
  for (const task of Deno.readDirSync(`/proc/${pid}/task`)) {
    const children = Deno.readTextFileSync(`/proc/${pid}/task/${task.name}/children`);
    for (const child of children.split(" ").filter(Boolean)) {
      found.push(...descendants(Number(child)));
    }
  }
  return found;
}

/** The scheduler counts nanoseconds per thread; `/proc/PID/stat` would only count hundredths of a second. */
function cpuUsOf(pid: number): number {
  let nanoseconds = 0;
  for (const task of Deno.readDirSync(`/proc/${pid}/task`)) {
    const [spent] = Deno.readTextFileSync(`/proc/${pid}/task/${task.name}/schedstat`).split(" ");
    nanoseconds += Number(spent);
  }
  return nanoseconds / 1000;
}
