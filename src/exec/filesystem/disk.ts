/** The port to the file system: handles on things that are there, whatever their names do later; knows no policy. */

/** What something is; `link` only where links are not followed. */
export type Kind = "file" | "folder" | "link" | "other";

/** The metadata that operations need. */
export interface Stat {
  readonly kind: Kind;
  readonly sizeBytes: number;
  readonly mode: number;
  readonly linkCount: number;
  /** Tells it from everything else on this machine. */
  readonly identity: string;
  /** Unix milliseconds; 0 where the file system does not know. */
  readonly createdAtMs: number;
  readonly modifiedAtMs: number;
}

/** One name in a folder; null: only `statChild` can tell what it is. */
export interface Entry {
  readonly name: string;
  readonly kind: Kind | null;
}

/** An open regular file. */
export interface OpenFile extends Disposable {
  stat(): Stat;
  /** Fills the buffer as far as there is content; 0 at the end. */
  read(buffer: Uint8Array<ArrayBuffer>, position: number): number;
  /** Writes all of it. */
  write(bytes: Uint8Array<ArrayBuffer>, position: number): void;
  truncate(sizeBytes: number): void;
  /** Fails if there is no room for so much content, where the file system tells. The content stays as it is. */
  reserve(sizeBytes: number): void;
  setMode(mode: number): void;
  /** Where content begins at or after `position` and where it ends; null: only a hole follows. */
  nextExtent(position: number): { readonly start: number; readonly end: number } | null;
  /** Copies without a detour through this process; returns how much, or null where that is not possible. */
  copyTo(target: OpenFile, position: number, sizeBytes: number): number | null;
}

/** A handle on something that is there. The members below `stat` need a folder. Names never hold a slash. */
export interface Place extends Disposable {
  /** Where it really is now, free of links. */
  realPath(): string;
  stat(): Stat;
  /** Opens that very thing, which must be a regular file; never waits for a peer as a FIFO would. */
  open(access: "read" | "write"): OpenFile;
  /** The thing of that name itself: a link is not followed. */
  child(name: string): Place;
  parent(): Place;
  statChild(name: string, options: { readonly follow: boolean }): Stat;
  readLink(name: string): string;
  /** Fails when there is something of that name, a link for instance. */
  createFile(name: string): OpenFile;
  makeFolder(name: string): void;
  makeLink(name: string, target: string): void;
  removeFile(name: string): void;
  removeFolder(name: string): void;
  /** Entries in portions, without `.` and `..`. */
  entries(): Generator<readonly Entry[], void, void>;
}

/** Finds things. Paths are absolute and one character per byte; failures are `OsError`. */
export interface Disk {
  /** True when nothing that happens to names between two calls can redirect an operation. */
  readonly isRaceFree: boolean;
  /** The thing at a path, all links followed. */
  locate(path: string): Place;
  /** Without a handle; cheaper where nothing is to be decided. */
  stat(path: string, options: { readonly follow: boolean }): Stat;
}
