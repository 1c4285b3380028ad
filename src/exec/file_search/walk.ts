/** Walks everything below a root that a person would call part of it; must not know queries or threads. */
import { below, splitPath } from "../filesystem/byte_text.ts";
import { PATH_BYTES_MAX } from "./entry_text.ts";
import type { Folders, Listing } from "./folders.ts";
import { type GitHome, IgnoreFiles, type IgnoreScope, isIgnored } from "./ignore_scope.ts";
import { type PathIndex, ROOT } from "./path_index.ts";

export interface WalkOptions {
  readonly folders: Folders;
  readonly gitHome: GitHome;
  /** Unix milliseconds when the walk starts, or before. */
  readonly nowMs: number;
  /** More entries are left out, and the walk says so. */
  readonly entriesMax: number;
}

/** A folder that is to be listed. */
interface Waiting {
  readonly path: string;
  readonly entry: number;
  readonly scope: IgnoreScope;
}

/** A change this close to the moment when it was looked at may be followed by another that leaves no mark. */
const CLOCK_GRAIN_MS = 100;
/** Of git itself: nobody looks for a file in there (upstream shows it). */
const GIT_FOLDER = ".git";

/**
 * One walk of one root.
 *
 * Near folders come before far ones, and folders behind links after all others, so that what is left out at the
 * limit is what matters least. Every folder is listed once, under its own name if it has one below the root:
 * a link to it, to a folder above the root, or back to where it lies leads no further.
 */
export class Walk {
  readonly #root: string;
  readonly #index: PathIndex;
  readonly #options: WalkOptions;
  readonly #ignoreFiles: IgnoreFiles;
  readonly #waiting: Waiting[] = [];
  readonly #behindLinks: Waiting[] = [];
  readonly #listed = new Set<string>();
  /** What the result hangs on, with the time of the last change; null: not there. */
  readonly #seen = new Map<string, number | null>();
  #hasNewLinks = false;
  #isLimited = false;
  #next = 0;

  /** The root is absolute and one character per byte; entries are added to the index. */
  constructor(root: string, index: PathIndex, options: WalkOptions) {
    this.#root = root;
    this.#index = index;
    this.#options = options;
    this.#ignoreFiles = new IgnoreFiles(options.folders, options.gitHome, {
      looked: (path) => this.#look(path),
    });
    this.#markAbove();
    this.#waiting.push({ path: root, entry: ROOT, scope: this.#ignoreFiles.above(root) });
  }

  /** True when entries were left out. */
  get isLimited(): boolean {
    return this.#isLimited;
  }

  /** Goes on until about so many more entries were seen; false at the end. */
  advance(entriesMax: number): boolean {
    for (let left = entriesMax; left > 0;) {
      const folder = this.#take();
      if (!folder || this.#isLimited) return false;
      left -= this.#enter(folder);
    }
    return true;
  }

  /** Whether a walk now would find the same; looks at every folder, but lists none. */
  isCurrent(): boolean {
    for (const [path, changedAtMs] of this.#seen) {
      if (this.#options.folders.changedAtMs(path) !== changedAtMs) return false;
    }
    return true;
  }

  #take(): Waiting | undefined {
    if (this.#next < this.#waiting.length) return this.#waiting[this.#next++];
    this.#waiting.length = 0;
    this.#next = 0;
    // Of two links to one folder the shorter shows it, whatever order the disk gives names in.
    if (this.#hasNewLinks) this.#behindLinks.sort(fartherFirst);
    this.#hasNewLinks = false;
    return this.#behindLinks.pop();
  }

  /** Returns the number of entries seen. */
  #enter({ path, entry, scope }: Waiting): number {
    const listing = this.#options.folders.list(path);
    if (!listing) {
      // Unreadable or vanished: looked at again before the next answer.
      this.#look(path);
      return 1;
    }
    this.#note(path, listing.stamp.changedAtMs);
    if (this.#listed.has(listing.stamp.identity)) return 1;
    this.#listed.add(listing.stamp.identity);
    const inner = this.#ignoreFiles.enter(scope, path, listing.names);
    this.#addAll({ path, entry, scope: inner }, listing);
    return listing.names.length + 1;
  }

  #addAll(folder: Waiting, { names, kinds }: Listing): void {
    for (let at = 0; at < names.length; at++) {
      const name = names[at] ?? "";
      const kind = kinds[at];
      if (name === GIT_FOLDER || kind === "other") continue;
      if (kind === "link") this.#addLink(folder, name);
      else this.#add(folder, name, { isFolder: kind === "folder", queue: this.#waiting });
      if (this.#isLimited) return;
    }
  }

  /** A link is what it leads to; one that leads nowhere is nothing (as upstream). */
  #addLink(folder: Waiting, name: string): void {
    const path = below(folder.path, name);
    const target = this.#options.folders.stamp(path);
    if (target === null) this.#note(path, null);
    if (target === null || target.kind === "other") return;
    this.#add(folder, name, { isFolder: target.kind === "folder", queue: this.#behindLinks });
    this.#hasNewLinks = true;
  }

  #add(
    { path, entry, scope }: Waiting,
    name: string,
    options: { readonly isFolder: boolean; readonly queue: Waiting[] },
  ): void {
    const { isFolder, queue } = options;
    if (isIgnored(scope, { folder: path, name, isFolder })) return;
    if (path.length + 1 + name.length > PATH_BYTES_MAX) return;
    if (this.#index.count >= this.#options.entriesMax) {
      this.#isLimited = true;
      return;
    }
    const added = this.#index.add(entry, name, isFolder);
    if (isFolder) queue.push({ path: below(path, name), entry: added, scope });
  }

  /** A link to a folder that holds the root would show the root in itself. */
  #markAbove(): void {
    for (let path = this.#root; path !== "/";) {
      path = splitPath(path).folder;
      const stamp = this.#options.folders.stamp(path);
      if (stamp) this.#listed.add(stamp.identity);
    }
  }

  #look(path: string): void {
    this.#note(path, this.#options.folders.changedAtMs(path));
  }

  #note(path: string, changedAtMs: number | null): void {
    const isFresh = changedAtMs !== null && changedAtMs > this.#options.nowMs - CLOCK_GRAIN_MS;
    this.#seen.set(path, isFresh ? NaN : changedAtMs);
  }
}

function fartherFirst(one: Waiting, other: Waiting): number {
  return other.path.length - one.path.length || (one.path < other.path ? 1 : -1);
}
