/** Folders through the runtime, for systems whose calls we do not know; names that are not UTF-8 are shown only. */
import { latin1, toBytes, toText } from "../filesystem/byte_text.ts";
import type { EntryKind, Folders, Listing, Stamp } from "./folders.ts";

const FILE_BYTES_MAX = 1024 * 1024;

/** The folders as `Deno` sees them. */
export class PortableFolders implements Folders {
  stamp(path: string): Stamp | null {
    try {
      const { isFile, isDirectory, dev, ino, ctime, mtime } = Deno.statSync(toText(path));
      return {
        kind: isDirectory ? "folder" : isFile ? "file" : "other",
        // Without an inode every path counts as another folder; the limits then end a loop.
        identity: ino === null ? path : `${dev}:${ino}`,
        // The runtime gives one in milliseconds and the other in seconds.
        changedAtMs: Math.max(mtime?.getTime() ?? 0, ctime?.getTime() ?? 0),
      };
    } catch (error) {
      return nothing(error);
    }
  }

  changedAtMs(path: string): number | null {
    return this.stamp(path)?.changedAtMs ?? null;
  }

  list(path: string): Listing | null {
    const stamp = this.stamp(path);
    if (stamp?.kind !== "folder") return null;
    const names: string[] = [];
    const kinds: EntryKind[] = [];
    try {
      for (const { name, isFile, isDirectory, isSymlink } of Deno.readDirSync(toText(path))) {
        names.push(toBytes(name));
        kinds.push(isSymlink ? "link" : isDirectory ? "folder" : isFile ? "file" : "other");
      }
      return { stamp, names, kinds };
    } catch (error) {
      return nothing(error);
    }
  }

  read(path: string): string | null {
    if (this.stamp(path)?.kind !== "file") return null;
    try {
      const name = toText(path);
      if (Deno.statSync(name).size > FILE_BYTES_MAX) return null;
      return latin1(Deno.readFileSync(name));
    } catch (error) {
      return nothing(error);
    }
  }
}

/** What a person may not see or what has just vanished is as if it were not there. */
function nothing(error: unknown): null {
  if (error instanceof Error) return null;
  throw error;
}
