/** Collects the instruction files that people keep in their projects; must not know how a model is told. */
import { dirname, join } from "node:path";

/** What is said to apply to a folder, and the files that say it. */
export interface AgentsMd {
  readonly text: string | null;
  readonly sources: readonly string[];
}

/** What earlier collections found out, kept by whoever collects more than once. */
export class AgentsMdCache {
  readonly folders = new StampedCache<Folder>();
  readonly documents = new StampedCache<Document>();
}

const OWN_NAMES: readonly string[] = ["AGENTS.override.md", "AGENTS.md"];

/**
 * The global file and those of each folder from the project root down to `cwd`, in this order; without a
 * root only that of `cwd`. In each folder the first name with any text counts. The texts together hold at
 * most `maxBytes`; a note says what was left out. What cannot be read counts as absent.
 */
export async function collectAgentsMd(options: {
  readonly codexHome: string;
  readonly cwd: string;
  readonly rootMarkers: readonly string[];
  readonly maxBytes: number;
  readonly fallbackNames: readonly string[];
  /** Makes later calls cost one look at each folder and file. */
  readonly cache?: AgentsMdCache;
}): Promise<AgentsMd> {
  const { codexHome, cwd, maxBytes } = options;
  const collector = new Collector(options.cache ?? new AgentsMdCache(), maxBytes);
  const home = await collector.folder(codexHome, { markers: [], names: OWN_NAMES });
  await collector.take(home, { below: null });
  const names = [...OWN_NAMES, ...options.fallbackNames.filter((name) => !/[/\\]/.test(name))];
  const markers = options.rootMarkers.filter((marker) => marker !== "");
  const project: Folder[] = [];
  let isInProject = false;
  for (let path = cwd; !isInProject; path = dirname(path)) {
    const folder = await collector.folder(path, { markers, names });
    project.unshift(folder);
    isInProject = folder.hasMarker;
    if (dirname(path) === path) break;
  }
  const chain = isInProject ? project : project.slice(-1);
  for (const folder of chain) await collector.take(folder, { below: chain[0]?.path ?? cwd });
  return collector.result();
}

interface Folder {
  readonly path: string;
  readonly hasMarker: boolean;
  /** The instruction files in it, the one that counts first. */
  readonly documents: readonly string[];
}

interface Document {
  /** At most as many bytes as were asked for. */
  readonly text: string;
  readonly isCut: boolean;
}

class Collector {
  readonly #cache: AgentsMdCache;
  readonly #maxBytes: number;
  readonly #parts: string[] = [];
  readonly #sources: string[] = [];
  #bytesLeft: number;

  constructor(cache: AgentsMdCache, maxBytes: number) {
    this.#cache = cache;
    this.#maxBytes = maxBytes;
    this.#bytesLeft = maxBytes;
  }

  async folder(
    path: string,
    { markers, names }: { markers: readonly string[]; names: readonly string[] },
  ): Promise<Folder> {
    const stat = statOf(path);
    if (stat === null) return { path, hasMarker: false, documents: [] };
    const key = [path, ...markers, "", ...names].join("\0");
    return await this.#cache.folders.get(key, {
      stamp: stampOf(stat),
      make: async () => ({
        path,
        hasMarker: (await present(path, markers)).length > 0,
        documents: await present(path, names),
      }),
    });
  }

  /** Adds the document of a folder. A link may only lead below `below`; null: anywhere. */
  async take(folder: Folder, { below }: { below: string | null }): Promise<void> {
    for (const name of folder.documents) {
      const path = join(folder.path, name);
      const document = await this.#read(path, below);
      if (document === null || document.text.trim() === "") continue;
      this.#add(path, document);
      return;
    }
  }

  async #read(path: string, below: string | null): Promise<Document | null> {
    const stat = statOf(path);
    if (!stat?.isFile) return null;
    return await this.#cache.documents.get(`${path}\0${below}\0${this.#maxBytes}`, {
      stamp: stampOf(stat),
      make: async () => {
        const isAllowed = below === null || await isBelow(path, below);
        return isAllowed ? await readStart(path, this.#maxBytes) : NO_DOCUMENT;
      },
    });
  }

  #add(path: string, document: Document): void {
    const bytes = new TextEncoder().encode(document.text);
    const isCut = document.isCut || bytes.length > this.#bytesLeft;
    const text = isCut ? decodeWhole(bytes.subarray(0, this.#bytesLeft)) : document.text;
    this.#bytesLeft -= Math.min(bytes.length, this.#bytesLeft);
    const lines = [text.trim(), isCut ? `[The rest of ${path} was left out: too long]` : ""];
    this.#parts.push(`From ${path}:\n\n${lines.filter((line) => line !== "").join("\n")}`);
    this.#sources.push(path);
  }

  result(): AgentsMd {
    const text = this.#parts.length === 0 ? null : this.#parts.join("\n\n");
    return { text, sources: this.#sources };
  }
}

/** Most entries that a cache keeps; the oldest are forgotten first. */
const MAX_ENTRIES = 2000;

/**
 * Values that hold as long as a file's or folder's stamp stays the same.
 *
 * The times in a stamp are coarse, so a change in the same instant as the first look leaves it the same.
 * A value is therefore made twice under one stamp before it is trusted.
 */
class StampedCache<T> {
  readonly #entries = new Map<string, { stamp: string; value: T; isTrusted: boolean }>();

  async get(key: string, options: { stamp: string; make: () => Promise<T> }): Promise<T> {
    const { stamp, make } = options;
    const known = this.#entries.get(key);
    if (known?.stamp === stamp && known.isTrusted) return known.value;
    const value = await make();
    this.#entries.delete(key);
    this.#entries.set(key, { stamp, value, isTrusted: known?.stamp === stamp });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > MAX_ENTRIES && oldest !== undefined) this.#entries.delete(oldest);
    return value;
  }
}

/** Every turn looks at each folder: a synchronous look costs 10 us, an asynchronous one ten times that. */
function statOf(path: string): Deno.FileInfo | null {
  try {
    return Deno.statSync(path);
  } catch {
    // What cannot be read counts as absent.
    return null;
  }
}

function stampOf(stat: Deno.FileInfo): string {
  return `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtime?.getTime()}:${stat.ctime?.getTime()}`;
}

/** The names that a folder has, in the given order. */
async function present(folder: string, names: readonly string[]): Promise<string[]> {
  const stats = await Promise.all(names.map((name) => onDisk(Deno.lstat(join(folder, name)))));
  return names.filter((_, index) => stats[index] !== null);
}

/** A link in a foreign project must not carry a private file of the user to the model. */
async function isBelow(path: string, folder: string): Promise<boolean> {
  const realPath = await onDisk(Deno.realPath(path));
  const realFolder = await onDisk(Deno.realPath(folder));
  if (realPath === null || realFolder === null) return false;
  return realPath.startsWith(realFolder.endsWith("/") ? realFolder : `${realFolder}/`);
}

const NO_DOCUMENT: Document = { text: "", isCut: false };

async function readStart(path: string, maxBytes: number): Promise<Document> {
  const file = await onDisk(Deno.open(path));
  if (file === null) return NO_DOCUMENT;
  using _open = file;
  // One more byte tells whether there is more.
  const buffer = new Uint8Array(maxBytes + 1);
  let length = 0;
  while (length < buffer.length) {
    const read = await onDisk(file.read(buffer.subarray(length)));
    if (read === null) break;
    length += read;
  }
  const isCut = length > maxBytes;
  return { text: decodeWhole(buffer.subarray(0, Math.min(length, maxBytes))), isCut };
}

/** Decodes without a character that was cut in half at the end. */
function decodeWhole(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes, { stream: true });
}

/** Null where the file system has no such thing, or does not let us see it. */
async function onDisk<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Error && !(error instanceof TypeError)) return null;
    throw error;
  }
}
