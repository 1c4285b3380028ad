/** Whether something is at a path; for tests only, and must not follow links. */

/** False only when nothing is there; a link counts, wherever it leads. */
export async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
