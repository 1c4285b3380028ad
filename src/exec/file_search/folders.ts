/** The port to the folders of a disk, as a walk needs them. Paths are absolute and one character per byte. */

/** What an entry is; a link is not followed. */
export type EntryKind = "file" | "folder" | "link" | "other";

/** What something is, and whether it is still what it was. */
export interface Stamp {
  readonly kind: "file" | "folder" | "other";
  /** Tells it from everything else on this machine. */
  readonly identity: string;
  /** Unix milliseconds, with a fraction where the system has one. */
  readonly changedAtMs: number;
}

/** The entries of a folder. */
export interface Listing {
  /** Taken before the names were read. */
  readonly stamp: Stamp;
  readonly names: readonly string[];
  readonly kinds: readonly EntryKind[];
}

/** A disk that can be walked. Nothing here throws for what is missing or forbidden. */
export interface Folders {
  /** What a path leads to, links followed; null when nothing can be seen there. */
  stamp(path: string): Stamp | null;
  /** The same, but only when it was changed: asked of every folder again and again. */
  changedAtMs(path: string): number | null;
  /** Null when it cannot be read. */
  list(path: string): Listing | null;
  /** A small regular file as text of one character per byte; null when it cannot be read or is too large. */
  read(path: string): string | null;
}
