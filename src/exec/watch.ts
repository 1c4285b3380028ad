/** Watches paths for changes, whatever becomes of them; must not know who is told. */
import { basename, dirname, join, resolve } from "node:path";
import type { Clock } from "../lib/clock.ts";
import { CodexError } from "../lib/errors.ts";
import { errnos, isErrno } from "./filesystem/os_error.ts";
import { ChangeBatch } from "./watch/change_batch.ts";
import { Inotify } from "./watch/inotify.ts";
import type { FolderListener, Notifier } from "./watch/notifier.ts";
import { PortableNotifier } from "./watch/portable_notifier.ts";

/** A path on which folders come and go all the time is given up after this many looks. */
const ATTEMPTS_MAX = 200;
/** As in Linux: more links than this are a loop. */
const LINKS_MAX = 40;

export interface WatchesOptions {
  readonly clock: Clock;
}

/** The watches of one server. Paths are absolute and free of `.` and `..`. */
export class Watches implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #active = new Set<PathWatch>();
  #notifier: Notifier | null = null;

  constructor({ clock }: WatchesOptions) {
    this.#clock = clock;
  }

  /**
   * Reports what changes at a path: of a file or link the path itself; of a folder its direct entries and the folder.
   * The path need not exist; a file that is replaced, or removed and made again, goes on being watched. A folder
   * above the nearest one that is renamed goes unnoticed. `report` answers false when it cannot take the paths now.
   */
  watch(path: string, report: (paths: readonly string[]) => boolean): Disposable {
    this.#notifier ??= Deno.build.os === "linux" ? new Inotify() : new PortableNotifier();
    const batch = new ChangeBatch({ clock: this.#clock, target: path, report });
    const watch = new PathWatch({
      notifier: this.#notifier,
      path,
      batch,
      onEnd: (ended) => this.#active.delete(ended),
    });
    this.#active.add(watch);
    return watch;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const watch of [...this.#active]) watch[Symbol.dispose]();
    await this.#notifier?.[Symbol.asyncDispose]();
  }
}

interface PathWatchOptions {
  readonly notifier: Notifier;
  readonly path: string;
  readonly batch: ChangeBatch;
  onEnd(watch: PathWatch): void;
}

/**
 * One watched path.
 *
 * Watched are the folder that holds the name, because only there a name can come and go; the target itself if it is
 * a folder; and what a link leads to. While the folder that holds the name is missing, the nearest one above that exists
 * takes its place and waits for the next name on the way.
 */
class PathWatch implements Disposable {
  readonly #options: PathWatchOptions;
  #folders: Disposable[] = [];
  /** Whether the path led anywhere when it was last looked at. */
  #isThere = false;
  #isArmPending = false;
  #isEnded = false;

  constructor(options: PathWatchOptions) {
    this.#options = options;
    try {
      this.#arm();
    } catch (error) {
      release(this.#folders);
      throw error;
    }
  }

  [Symbol.dispose](): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    release(this.#folders);
    this.#options.batch[Symbol.dispose]();
    this.#options.onEnd(this);
  }

  #arm(): void {
    const { path } = this.#options;
    const before = this.#folders;
    this.#folders = [];
    try {
      this.#watchNames();
      this.#isThere = kindOf(path) !== "nothing";
      if (kindOf(path) === "folder") this.#tryWatch(path, this.#entryListener());
    } finally {
      // Last, so that the kernel does not forget a folder that stays watched.
      release(before);
    }
  }

  /** The name itself, and if it is a link the name that it leads to, and so on. */
  #watchNames(): void {
    let name = this.#options.path;
    for (let count = 0; count < LINKS_MAX && name !== "/"; count++) {
      if (!this.#watchName(name)) return;
      const target = linkTarget(name);
      if (target === null) return;
      name = resolve(dirname(name), target);
    }
  }

  /** Whether it is the folder that holds the name that is watched now. */
  #watchName(path: string): boolean {
    let child = path;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const isHolder = child === path;
      const outcome = this.#tryWatch(dirname(child), this.#nameListener(basename(child), isHolder));
      if (outcome === "missing") {
        child = dirname(child);
        continue;
      }
      // A folder that may not be listed cannot be watched; what is in it perhaps can.
      if (isHolder || outcome === "forbidden") return isHolder;
      if (kindOf(child) === "nothing") return false;
      // It was made before it was watched for.
      child = path;
    }
    return false;
  }

  #entryListener(): FolderListener {
    const { path, batch } = this.#options;
    return {
      event: ({ name, isIdentity }) => {
        batch.add(name === null ? path : join(path, name));
        if (name === null && isIdentity) this.#armSoon();
      },
      lost: () => this.#lost(),
    };
  }

  #nameListener(wanted: string, isHolder: boolean): FolderListener {
    return {
      event: ({ name, isIdentity }) => {
        if (name !== null && name !== wanted) return;
        const isReported = isHolder && (name !== null || isIdentity);
        if (isReported) this.#options.batch.add(this.#options.path);
        if (isIdentity) this.#armSoon();
      },
      lost: () => this.#lost(),
    };
  }

  /** Nothing is known any more: look anew, and let others look too. */
  #lost(): void {
    this.#options.batch.add(this.#options.path);
    this.#armSoon();
  }

  /** Once for all events that came together. */
  #armSoon(): void {
    if (this.#isArmPending) return;
    this.#isArmPending = true;
    queueMicrotask(() => {
      this.#isArmPending = false;
      if (!this.#isEnded) this.#armAgain();
    });
  }

  #armAgain(): void {
    const { path, batch } = this.#options;
    const wasThere = this.#isThere;
    try {
      this.#arm();
      if (!wasThere && this.#isThere) batch.add(path);
    } catch (error) {
      if (!(error instanceof CodexError)) throw error;
      // The system allows no more watches. Who watches is told that something has changed, and that was the last of it.
      batch.add(path);
    }
  }

  #tryWatch(folder: string, listener: FolderListener): "watched" | "missing" | "forbidden" {
    try {
      this.#folders.push(this.#options.notifier.watch(folder, listener));
      return "watched";
    } catch (error) {
      if (isErrno(error, errnos.ENOENT, errnos.ENOTDIR, errnos.ELOOP)) return "missing";
      if (isErrno(error, errnos.EACCES)) return "forbidden";
      throw error;
    }
  }
}

function release(folders: readonly Disposable[]): void {
  for (const folder of folders) folder[Symbol.dispose]();
}

/** What a path leads to, links followed. */
function kindOf(path: string): "folder" | "other" | "nothing" {
  return ask(() => Deno.statSync(path).isDirectory ? "folder" : "other") ?? "nothing";
}

/** The text of a link, or null for anything else. */
function linkTarget(path: string): string | null {
  return ask(() => Deno.readLinkSync(path));
}

/** Null where there is nothing, or nothing to be seen: then a watch waits. */
function ask<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    if (error instanceof Error && "code" in error) return null;
    throw error;
  }
}
