/** Marks an unpacked runtime as in use while this process lives; must not know who removes what is not. */

/** In every unpacked version: empty, truncated at each start, and locked by the processes that run from it. */
export const READY_FILE = "ready";

/**
 * Takes a shared lock that the kernel gives back when the process ends, however it ends. Null without a lock:
 * the file system has none, or the version is being removed at this very moment, which cannot be helped.
 */
export function holdRuntime(runtimeDir: string): Deno.FsFile | null {
  let file: Deno.FsFile | null = null;
  try {
    file = Deno.openSync(`${runtimeDir}/${READY_FILE}`);
    if (file.tryLockSync(false)) return file;
  } catch {
    // The lock is a courtesy to `codex cache clean`: nothing that is being done here depends on it.
  }
  file?.close();
  return null;
}
