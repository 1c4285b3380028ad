/** The file system under rules: every handle that leaves here has been judged by where it really is. */
import { below, isWithin, splitPath, toBytes, toText } from "./byte_text.ts";
import type { Disk, OpenFile, Place, Stat } from "./disk.ts";
import { denied, errnos, isErrno, OsError, unsuitable } from "./os_error.ts";
import { type FileRules, Judge } from "./rules.ts";
import { withDisposed } from "../../lib/with_disposed.ts";

/** As in Linux: more links than this in one path are a loop. */
const LINKS_MAX = 40;

/** A file that may be written, and whether this very operation made it. */
export interface WritableFile extends Disposable {
  readonly file: OpenFile;
  readonly isNew: boolean;
  /** Removes the file that was made, as well as it can; for operations that fail later. */
  undo(): void;
}

/**
 * Invariants: nothing is judged by the path that a caller wrote, only by the real path of a handle that is then
 * worked on; without rules everything is allowed. Paths are one character per byte.
 */
export class GuardedDisk {
  readonly disk: Disk;
  readonly #judge: Judge | null;
  readonly #rules: FileRules | null;

  constructor(disk: Disk, rules: FileRules | null) {
    this.disk = disk;
    this.#rules = rules && resolved(disk, rules);
    this.#judge = this.#rules && new Judge(this.#rules);
  }

  /** Whether it matters what is looked at. */
  get isConfined(): boolean {
    return this.#judge !== null && !this.#rules?.isOpen;
  }

  /** The thing at a path, links followed, if it may be read. */
  readable(path: string): Place {
    const place = this.disk.locate(path);
    try {
      this.assertReadable(place);
      return place;
    } catch (error) {
      place[Symbol.dispose]();
      throw error;
    }
  }

  /** Throws unless what the handle stands for may be read. */
  assertReadable(place: Place): void {
    if (!this.#judge || !this.isConfined) return;
    const path = place.realPath();
    const { hidden = [] } = this.#rules ?? {};
    if (!this.#judge.mayRead(path) || this.#isOneOf(hidden, place.stat())) {
      throw this.#unreadable(path);
    }
  }

  /** The same for a path that need not exist: then the nearest folder that exists decides. */
  assertVisible(path: string): void {
    if (!this.#judge || !this.isConfined) return;
    let rest = "";
    for (let folder = path;;) {
      try {
        const real = withDisposed(this.disk.locate(folder), (place) => place.realPath());
        const whole = rest === "" ? real : below(real, rest);
        if (!this.#judge.mayRead(whole)) throw this.#unreadable(whole);
        return;
      } catch (error) {
        if (!isErrno(error, errnos.ENOENT, errnos.ENOTDIR) || folder === "/") throw error;
        const parts = splitPath(folder);
        rest = rest === "" ? parts.name : below(parts.name, rest);
        folder = parts.folder;
      }
    }
  }

  /** The regular file at a path, made if there is none; a link leads to what it points to, as with `open`. */
  writable(path: string): WritableFile {
    let target = path;
    for (let count = 0; count <= LINKS_MAX; count++) {
      const existing = this.#existing(target);
      if (existing) return existing;
      const { folder, name } = splitPath(target);
      using place = this.disk.locate(folder);
      const outcome = this.#create(place, name);
      if (outcome.type === "created") return outcome.file;
      if (outcome.type === "link") {
        target = outcome.target.startsWith("/")
          ? outcome.target
          : below(place.realPath(), outcome.target);
      }
    }
    throw new OsError(errnos.ELOOP, "Symbolic link loop");
  }

  /** The folder that a name is to be made or removed in, and that name. */
  folderOf(path: string): { readonly place: Place; readonly name: string } {
    const { folder, name } = splitPath(path);
    return { place: this.disk.locate(folder), name };
  }

  /** Throws unless a name may be made in a folder. */
  assertCreatable(folder: Place, name: string): void {
    if (!this.#judge) return;
    const path = below(folder.realPath(), name);
    if (!this.#judge.mayWrite(path)) throw this.#unwritable(path);
  }

  /** Throws unless a name, and everything below it, may be removed. */
  assertRemovable(folder: Place, name: string): void {
    const path = below(folder.realPath(), name);
    if (path === "/" || name === "") throw unsuitable("The root folder cannot be removed");
    if (!this.#judge) return;
    if (!this.#judge.mayRemove(path)) throw this.#unwritable(path);
    const kept = this.#judge.keptBelow(path).find((one) => this.#exists(one));
    if (kept === undefined) return;
    throw denied(
      `\`${toText(path)}\` cannot be removed: the sandbox policy ${this.#rules?.policy} keeps ` +
        `\`${toText(kept)}\` below it`,
    );
  }

  #existing(path: string): WritableFile | null {
    let place: Place;
    try {
      place = this.disk.locate(path);
    } catch (error) {
      if (isErrno(error, errnos.ENOENT)) return null;
      throw error;
    }
    using _ = place;
    const stat = place.stat();
    const isFolder = stat.kind === "folder";
    if (this.#judge && (this.isConfined || !isFolder)) this.#assertChangeable(place, stat);
    if (isFolder) throw new OsError(errnos.EISDIR, "Is a directory");
    if (stat.kind !== "file") throw unsuitable(`path \`${toText(path)}\` is not a file`);
    const file = place.open("write");
    return { file, isNew: false, undo: () => {}, [Symbol.dispose]: () => file[Symbol.dispose]() };
  }

  #assertChangeable(place: Place, stat: Stat): void {
    const path = place.realPath();
    if (!this.#judge?.mayWrite(path)) throw this.#unwritable(path);
    if (stat.kind !== "file" || stat.linkCount <= 1) return;
    if (this.#rules?.isOpen) {
      if (this.#isOneOf(this.#rules.readOnly, stat)) throw this.#unwritable(path);
      return;
    }
    throw denied(
      `\`${toText(path)}\` cannot be written: it has other names (hard links) that may lie ` +
        "outside the writable folders; remove it first, then write it anew",
    );
  }

  #create(place: Place, name: string):
    | { readonly type: "created"; readonly file: WritableFile }
    | { readonly type: "link"; readonly target: string }
    | { readonly type: "raced" } {
    if (name === "" || name === "." || name === "..") {
      throw new OsError(errnos.ENOENT, "No such file or directory");
    }
    this.assertCreatable(place, name);
    try {
      const file = place.createFile(name);
      const path = below(place.realPath(), name);
      return {
        type: "created",
        file: {
          file,
          isNew: true,
          undo: () => this.#tryRemove(path, file.stat().identity),
          [Symbol.dispose]: () => file[Symbol.dispose](),
        },
      };
    } catch (error) {
      if (!isErrno(error, errnos.EEXIST)) throw error;
    }
    try {
      return { type: "link", target: place.readLink(name) };
    } catch (error) {
      // It appeared or went this very moment: the next look tells.
      if (isErrno(error, errnos.EINVAL, errnos.ENOENT)) return { type: "raced" };
      throw error;
    }
  }

  /** Only the very file that was made is removed. */
  #tryRemove(path: string, identity: string): void {
    try {
      const { place, name } = this.folderOf(path);
      using _ = place;
      if (place.statChild(name, { follow: false }).identity !== identity) return;
      this.assertCreatable(place, name);
      place.removeFile(name);
    } catch (error) {
      // The failure that led here is the one to be told.
      if (!(error instanceof OsError)) throw error;
    }
  }

  /** Hard links and bind mounts give a file other paths. */
  #isOneOf(paths: readonly string[], stat: Stat): boolean {
    return paths.some((path) => this.#identityOf(toBytes(path)) === stat.identity);
  }

  #identityOf(path: string): string | null {
    try {
      return this.disk.stat(path, { follow: true }).identity;
    } catch (error) {
      if (error instanceof OsError) return null;
      throw error;
    }
  }

  #exists(path: string): boolean {
    return this.#identityOf(path) !== null;
  }

  #unreadable(path: string) {
    return denied(
      `\`${toText(path)}\` cannot be read: the sandbox policy ${this.#rules?.policy} hides it`,
    );
  }

  #unwritable(path: string) {
    const { policy, writable, isOpen } = this.#rules ?? { policy: "", writable: [] };
    if (isOpen) {
      return denied(
        `\`${toText(path)}\` cannot be changed: this server keeps its credentials, rules and ` +
          "settings there; use account/* and config/* for them",
      );
    }
    const roots = writable.map((root) => `\`${root}\``).join(", ");
    const judged = toBytes(path);
    const isInside = writable.some((root) => isWithin(judged, toBytes(root)));
    return denied(
      `\`${toText(path)}\` cannot be changed: the sandbox policy ${policy} ` +
        (isInside
          ? "protects it"
          : roots === ""
          ? "allows no writing"
          : `allows writing only in ${roots}`),
    );
  }
}

/** The rules with real paths; protected paths count both as they are written and as they really are. */
function resolved(disk: Disk, rules: FileRules): FileRules {
  const real = (path: string) => realPathOf(disk, path);
  const both = (paths: readonly string[]) => [...new Set([...paths, ...paths.map(real)])];
  return {
    ...rules,
    writable: [...new Set(rules.writable.map(real))],
    readable: rules.readable && [...new Set(rules.readable.map(real))],
    readOnly: both(rules.readOnly),
    hidden: both(rules.hidden),
  };
}

/** Where a path really leads; what does not exist yet is kept as it is written. */
export function realPathOf(disk: Disk, path: string): string {
  let rest = "";
  for (let folder = toBytes(path);;) {
    try {
      const real = withDisposed(disk.locate(folder), (place) => place.realPath());
      return toText(rest === "" ? real : below(real, rest));
    } catch (error) {
      if (!(error instanceof OsError)) throw error;
      if (folder === "/") return path;
      const parts = splitPath(folder);
      rest = rest === "" ? parts.name : below(parts.name, rest);
      folder = parts.folder;
    }
  }
}
