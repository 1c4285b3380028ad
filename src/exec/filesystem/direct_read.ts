/** Reads ordinary files without the detour through a thread, where no rules are to be enforced; must not know who asks. */
import type { FileOperations } from "./requests.ts";

/** A larger file is worth the detour. */
const DIRECT_BYTES_MAX = 2 * 1024 * 1024;

type Read = FileOperations["readFile"];

/** The content of a whole, ordinary file; null for anything else, failures included: then the thread is to be asked. */
export async function readDirectly(params: Read["params"]): Promise<Read["result"] | null> {
  const { path, offset, length, bytesMax } = params;
  if (offset !== null || length !== null) return null;
  try {
    const { isFile, size } = await Deno.stat(path);
    // What claims to be empty may have content, or no end.
    if (!isFile || size === 0 || size > DIRECT_BYTES_MAX) return null;
    if (size > bytesMax) return { type: "tooMuch", bytes: size };
    const bytes = await Deno.readFile(path);
    return { type: "content", bytes, fileSize: bytes.length };
  } catch {
    // The thread says what is wrong, in the words that clients know.
    return null;
  }
}
