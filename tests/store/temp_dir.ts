/** A folder for one test, removed afterwards; must not know what is tested. */

/** Runs `test` with a new folder. */
export async function withTempDir(test: (dir: string) => void | Promise<void>): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "store_test_" });
  try {
    await test(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}
