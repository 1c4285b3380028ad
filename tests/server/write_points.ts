/** What `kill -9` at each write of this process would leave of a folder; must not know what is written. */
import { DatabaseSync, StatementSync } from "node:sqlite";

/** The folder as it was right before one write, or in the middle of it. */
export interface WritePoint<Known> {
  /** Which write comes next, or was torn. */
  readonly name: string;
  /** A copy of the folder. */
  readonly copy: string;
  /** What was known at that moment. */
  readonly known: Known;
}

type Method = (...args: never[]) => unknown;

const CHANGES = ["renameSync", "linkSync", "removeSync", "mkdirSync", "utimeSync"] as const;

/**
 * Copies `root` before every synchronous change below it, and every append also with half of its bytes. All that this
 * program writes under its home is written synchronously, through `Deno` or SQLite, so nothing can happen between.
 * What the page cache has survives the end of a process, so the copies are what the next one would find.
 */
export class WritePoints<Known> implements Disposable {
  readonly points: WritePoint<Known>[] = [];
  readonly #root: string;
  readonly #known: () => Known;
  readonly #undo: (() => void)[] = [];
  readonly #paths = new WeakMap<object, string>();
  #isCopying = false;

  constructor(root: string, known: () => Known) {
    this.#root = root;
    this.#known = known;
    for (const name of CHANGES) {
      this.#before(Deno, name, (_, [path]) => this.#isBelow(path) ? `${name} ${path}` : null);
    }
    this.#watchFiles();
    this.#before(StatementSync.prototype, "run", () => "a statement of SQLite");
    this.#before(DatabaseSync.prototype, "exec", () => "a script of SQLite");
  }

  /** The folder as it is now. */
  note(name: string): void {
    const copy = `${this.#root}_${this.points.length}`;
    this.#quietly(() => copyFolder(this.#root, copy));
    this.points.push({ name, copy, known: this.#known() });
  }

  [Symbol.dispose](): void {
    for (const undo of this.#undo.splice(0)) undo();
  }

  #watchFiles(): void {
    const opened = (path: unknown, file: unknown) => {
      if (this.#isBelow(path) && file instanceof Deno.FsFile) this.#paths.set(file, String(path));
    };
    this.#around(Deno, "openSync", (self, args, original) => {
      const [path, options] = args;
      const { create, createNew } = Object(options);
      if (this.#isBelow(path) && (create || createNew)) this.note(`create ${path}`);
      const file = Reflect.apply(original, self, args);
      opened(path, file);
      return file;
    });
    this.#before(Deno.FsFile.prototype, "truncateSync", (file) => this.#nameOf("cut", file));
    this.#around(Deno.FsFile.prototype, "writeSync", (file, args, original) => {
      const path = this.#paths.get(file);
      if (path === undefined || this.#isCopying) return Reflect.apply(original, file, args);
      this.note(`append to ${path}`);
      const before = Deno.statSync(path).size;
      const written = Reflect.apply(original, file, args);
      this.note(`half an append to ${path}`);
      const torn = path.replace(this.#root, this.points.at(-1)?.copy ?? "");
      Deno.truncateSync(torn, before + Math.floor(Number(written) / 2));
      return written;
    });
  }

  #nameOf(what: string, file: object): string | null {
    const path = this.#paths.get(file);
    return path === undefined ? null : `${what} ${path}`;
  }

  #isBelow(path: unknown): boolean {
    return !this.#isCopying && String(path).startsWith(`${this.#root}/`);
  }

  #before(
    target: object,
    name: string,
    nameOf: (self: object, args: readonly unknown[]) => string | null,
  ): void {
    this.#around(target, name, (self, args, original) => {
      const point = this.#isCopying ? null : nameOf(self, args);
      if (point !== null) this.note(point);
      return Reflect.apply(original, self, args);
    });
  }

  #around(
    target: object,
    name: string,
    instead: (self: object, args: unknown[], original: Method) => unknown,
  ): void {
    const original: Method = Reflect.get(target, name);
    const replaced = function (this: object, ...args: unknown[]) {
      return instead(this, args, original);
    };
    Reflect.set(target, name, replaced);
    this.#undo.push(() => Reflect.set(target, name, original));
  }

  #quietly(action: () => void): void {
    this.#isCopying = true;
    try {
      action();
    } finally {
      this.#isCopying = false;
    }
  }
}

function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to);
  for (const { name, isDirectory, isFile } of Deno.readDirSync(from)) {
    if (isDirectory) copyFolder(`${from}/${name}`, `${to}/${name}`);
    else if (isFile) Deno.copyFileSync(`${from}/${name}`, `${to}/${name}`);
  }
}
