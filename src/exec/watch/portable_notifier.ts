/** Notifications about folders through the runtime, for systems without inotify; must not know what they are used for. */
import { basename } from "node:path";
import { errnos, OsError } from "../filesystem/os_error.ts";
import type { FolderListener, Notifier } from "./notifier.ts";

/** Invariant: one watcher of the runtime per path, since the end of one silences the others of its path. */
export class PortableNotifier implements Notifier {
  readonly #watchers = new Map<string, SharedWatcher>();

  watch(folder: string, listener: FolderListener): Disposable {
    let watcher = this.#watchers.get(folder);
    if (!watcher) this.#watchers.set(folder, watcher = new SharedWatcher(folder));
    const { listeners } = watcher;
    listeners.add(listener);
    return {
      [Symbol.dispose]: () => {
        listeners.delete(listener);
        if (listeners.size > 0 || this.#watchers.get(folder) !== watcher) return;
        this.#watchers.delete(folder);
        watcher.close();
      },
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
    return Promise.resolve();
  }
}

class SharedWatcher {
  readonly listeners = new Set<FolderListener>();
  readonly #folder: string;
  readonly #watcher: Deno.FsWatcher;
  #isClosed = false;

  constructor(folder: string) {
    this.#folder = folder;
    this.#watcher = open(folder);
    void this.#run();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#watcher.close();
  }

  async #run(): Promise<void> {
    for await (const event of this.#watcher) {
      if (event.kind === "access") continue;
      const isIdentity = event.kind !== "modify";
      for (const listener of [...this.listeners]) {
        if (event.flag === "rescan") listener.lost();
        for (const path of event.paths) {
          const name = path === this.#folder ? null : basename(path);
          listener.event({ name, isIdentity });
        }
      }
    }
  }
}

function open(folder: string): Deno.FsWatcher {
  try {
    // The runtime would watch a single file as well.
    if (!Deno.statSync(folder).isDirectory) throw new OsError(errnos.ENOTDIR, "Not a directory");
    return Deno.watchFs(folder, { recursive: false });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new OsError(errnos.ENOENT, "No such file or directory");
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new OsError(errnos.EACCES, "Permission denied");
    }
    throw error;
  }
}
