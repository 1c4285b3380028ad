/** What file operations may touch, as data; decides by real paths alone and must not know how they are found. */
import { isWithin, toBytes } from "./byte_text.ts";

/**
 * What file operations are held to. Paths are absolute; links in them are resolved when the rules are put to use.
 * Where a writable folder lies in a read-only one or the other way round, the longer path decides; hidden wins always.
 */
export interface FileRules {
  /** For messages: the name of the policy behind the rules. */
  readonly policy: string;
  readonly writable: readonly string[];
  readonly readOnly: readonly string[];
  readonly hidden: readonly string[];
  /** Folders below which files may be read, besides the writable ones; null: everywhere. */
  readonly readable: readonly string[] | null;
  /** Names that nothing may be created or changed below, however deep in a writable folder. */
  readonly protectedNames: readonly string[];
  /** Nothing is confined: only what is read-only is not changed, whatever path or link leads to it. */
  readonly isOpen?: boolean;
}

/** Processes of this machine, of which our own holds keys in its environment and memory. */
const PROCESS_FOLDER = /^\/proc\/\d+(\/|$)/;

/** The decisions on real paths, given as bytes. */
export class Judge {
  readonly #writable: readonly string[];
  /** Lower case: some file systems do not tell `.GIT` from `.git`, and refusing too much is harmless. */
  readonly #readOnly: readonly string[];
  readonly #hidden: readonly string[];
  readonly #kept: readonly string[];
  readonly #readable: readonly string[] | null;
  readonly #names: ReadonlySet<string>;

  constructor(rules: FileRules) {
    this.#writable = rules.writable.map(toBytes);
    this.#kept = [...rules.readOnly, ...rules.hidden].map(toBytes);
    this.#readOnly = rules.readOnly.map((path) => toBytes(path).toLowerCase());
    this.#hidden = rules.hidden.map((path) => toBytes(path).toLowerCase());
    this.#readable = rules.readable?.map(toBytes) ?? null;
    this.#names = new Set(rules.protectedNames.map((name) => toBytes(name).toLowerCase()));
  }

  /** Whether the content, the entries and the metadata of what is there may be seen. */
  mayRead(path: string): boolean {
    if (!path.startsWith("/") || PROCESS_FOLDER.test(path)) return false;
    const lower = path.toLowerCase();
    if (this.#hidden.some((hidden) => isWithin(lower, hidden))) return false;
    if (this.#readable === null) return true;
    return [...this.#readable, ...this.#writable].some((root) => isWithin(path, root));
  }

  /** Whether something may be created or changed there. */
  mayWrite(path: string): boolean {
    const root = this.#rootOf(path);
    if (root === null) return false;
    const names = path.slice(root.length).toLowerCase().split("/");
    return !names.some((name) => this.#names.has(name));
  }

  /** Whether what is there may go; deep down also what has a protected name, as part of a tree for instance. */
  mayRemove(path: string): boolean {
    if (this.#rootOf(path) === null) return false;
    return !this.#writable.some((root) => isWithin(root, path));
  }

  /** The paths in a tree that must stay: they forbid the removal of the tree if they exist. */
  keptBelow(path: string): string[] {
    const lower = path.toLowerCase();
    return this.#kept.filter((kept) => isWithin(kept.toLowerCase(), lower));
  }

  /** The writable folder that decides about a path strictly below it; null when the path is not writable. */
  #rootOf(path: string): string | null {
    const lower = path.toLowerCase();
    if (this.#hidden.some((hidden) => isWithin(lower, hidden))) return null;
    let root: string | null = null;
    for (const candidate of this.#writable) {
      if (path === candidate || !isWithin(path, candidate)) continue;
      if (candidate.length > (root?.length ?? -1)) root = candidate;
    }
    if (root === null) return null;
    const length = root.length;
    const isKept = this.#readOnly.some((kept) => kept.length >= length && isWithin(lower, kept));
    return isKept ? null : root;
  }
}
