/** Signals to whole process groups; must not know what runs in them. */

/** Whether any process of the group is left, zombies and processes of other users included. */
export function isGroupAlive(leaderPid: number): boolean {
  return send(-leaderPid, 0) !== "gone";
}

/** Whether that very process is left. */
export function isProcessAlive(pid: number): boolean {
  return send(pid, 0) !== "gone";
}

/** Sends a signal to every process of the group; false when none is left. */
export function signalGroup(leaderPid: number, signal: Deno.Signal): boolean {
  return send(-leaderPid, signal) !== "gone";
}

/** Sends a signal to that process alone; false when it is gone. */
export function signalProcess(pid: number, signal: Deno.Signal): boolean {
  return send(pid, signal) !== "gone";
}

/**
 * Whether a process of the group still runs. Orphans that nobody reaps (containers often lack an init)
 * stay in their group as zombies for ever; where `/proc` tells, they do not count.
 */
export async function isGroupRunning(leaderPid: number): Promise<boolean> {
  if (!isGroupAlive(leaderPid)) return false;
  let isListed = false;
  try {
    for await (const { name } of Deno.readDir("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      isListed = true;
      if (await isRunningMember(name, leaderPid)) return true;
    }
  } catch (error) {
    // A program that gave up any Deno permission may not look into `/proc`.
    const isHidden = error instanceof Deno.errors.NotCapable;
    if (!isHidden && !(error instanceof Deno.errors.NotFound)) throw error;
  }
  // Without a `/proc` there is no better answer than that of the signal.
  return !isListed;
}

async function isRunningMember(pid: string, leaderPid: number): Promise<boolean> {
  let stat: string;
  try {
    stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  } catch {
    // It ended while the list was read, or it is not ours to look at: not one that we started.
    return false;
  }
  // The name may hold spaces and brackets; state, parent and group follow its last bracket.
  const [state, , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(group) === leaderPid && state !== "Z" && state !== "X";
}

function send(pid: number, signal: Deno.Signal | 0): "sent" | "gone" | "denied" {
  try {
    Deno.kill(pid, signal);
    return "sent";
  } catch (error) {
    // EPERM: something of that id exists, but is not ours to signal (a set-uid program, for instance).
    return error instanceof Deno.errors.NotFound ? "gone" : "denied";
  }
}
