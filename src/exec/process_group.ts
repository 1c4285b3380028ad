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

function send(pid: number, signal: Deno.Signal | 0): "sent" | "gone" | "denied" {
  try {
    Deno.kill(pid, signal);
    return "sent";
  } catch (error) {
    // EPERM: something of that id exists, but is not ours to signal (a set-uid program, for instance).
    return error instanceof Deno.errors.NotFound ? "gone" : "denied";
  }
}
