/** Tells other processes that this one runs from an unpacked file; must not know what programs do. */
import { holdRuntime as lockRuntime } from "../store/runtime_hold.ts";
import type { Host } from "./host.ts";

/** By then a server has answered its first request: nothing is to come before that. */
const DELAY_MS = 250;

/**
 * Keeps `codex cache clean` from removing the runtime under a program that goes on for a while.
 * The lock is to end with the process, so programs do not use the function that gives it back.
 */
export function holdRuntime({ packaging, clock }: Pick<Host, "packaging" | "clock">): () => void {
  const { runtimeDir } = packaging;
  if (runtimeDir === null) return () => {};
  let lock: Deno.FsFile | null = null;
  const cancel = clock.after(DELAY_MS, () => lock = lockRuntime(runtimeDir), { background: true });
  return () => {
    cancel();
    lock?.close();
  };
}
