/** Tells whether a process works in folders that Deno closes to whoever gave up a permission; must not revoke any. */
import { dirname } from "node:path";
import type { Host } from "./host.ts";

/**
 * Nothing below these is opened, not even by its owner, unless every kind of permission is held: the runtime
 * takes them for devices and kernel files. `/dev/shm` is the one where people keep files, in memory only.
 */
const SPECIAL = /^\/(dev|proc|sys)(\/|$)/;

/** Whether the home folder or the working directory lies in such a folder. */
export function livesInSpecialFolder({ env, cwd }: Pick<Host, "env" | "cwd">): boolean {
  const folders = [env["CODEX_HOME"] || env["HOME"], cwd];
  return folders.some((path) => path && SPECIAL.test(realPathOf(path)));
}

/** The path without symbolic links, as far as it exists. */
function realPathOf(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    // Not there yet, or not ours to look at: the folder above it says where it would be.
    const above = dirname(path);
    return above === path ? path : realPathOf(above);
  }
}
