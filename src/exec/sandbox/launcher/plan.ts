/** From a specification and what is on the disk, what is to be mounted where; must not know how mounts are made. */
import type { SandboxSpec } from "../spec.ts";
import type { Entry, Look } from "./disk.ts";

/**
 * What a path becomes for the command:
 * - `writable`: as it is outside, within something read-only
 * - `pinned`: writable like what surrounds it, but it can be neither renamed nor removed
 * - `readOnly`: pinned, and nothing below it can change; `readOnlyLink`: the same for a symbolic link
 * - `hiddenFile`: empty; `hiddenFolder`: empty and read-only
 * - `veiled`: a read-only folder in which only `entries` can be seen, and nothing that is made or put there later
 */
export interface Place {
  readonly path: string;
  readonly as:
    | "writable"
    | "pinned"
    | "readOnly"
    | "readOnlyLink"
    | "hiddenFile"
    | "hiddenFolder"
    | "veiled";
  readonly entries?: readonly Entry[];
}

/** Everything about a specification that a launcher depends on; equal plans share one. */
export interface Plan {
  /** `/` is writable, but for the pseudo file systems below it. */
  readonly writesEverywhere: boolean;
  /** Parents before children. */
  readonly places: readonly Place[];
  /** null: reading is not limited. */
  readonly readable: readonly { readonly path: string; readonly isFolder: boolean }[] | null;
  readonly network: SandboxSpec["network"]["type"];
  /** The socket that the relay of `network: proxy` leads to. */
  readonly proxySocket?: string;
  /** What standard input (and with a terminal, output) is opened as; null leaves it as it is. */
  readonly input: Input;
}

/** An empty input, or the terminal at that path, which the command then controls. */
export type Input = "empty" | { readonly terminal: string } | null;

/** The terminal that the command controls, or null. */
export function terminalOf({ input }: Plan): string | null {
  return input === null || input === "empty" ? null : input.terminal;
}

/** A plan, with the folders that must be made first so that nobody else can make them. */
export type Planned =
  | { readonly type: "planned"; readonly plan: Plan; readonly placeholders: readonly string[] }
  | { readonly type: "refused"; readonly reason: string };

/** What a plan needs to know about the disk. */
export interface Disk {
  look(path: string): Look;
  /** Where a path really is, free of links; null when nothing is there. */
  resolve(path: string): string | null;
  /** Where a link leads, one step, also when nothing is there; null when that cannot be told. */
  follow(link: string): string | null;
  /** Other paths that show the same file because it is mounted there too. */
  otherNames(path: string): readonly string[];
  /** What is directly in a folder. */
  list(folder: string): readonly Entry[];
  /** Whether it is an empty folder that was made only so that nothing else is made there. */
  isPlaceholder(path: string): boolean;
}

/** These are never written through, whatever a specification says; `/dev/shm` is memory. */
const PSEUDO = ["/proc", "/sys", "/dev"];
const MAX_LINKS = 40;
/** Each takes a few system calls at every start, and some a descriptor for a while. */
const MAX_PATHS = 1000;
/** What a veiled folder shows at most. */
const MAX_ENTRIES = 500;

/** Decides the plan. */
export function planLaunch(
  spec: SandboxSpec,
  { disk, input }: { readonly disk: Disk; readonly input: Input },
): Planned {
  const planner = new Planner(disk);
  try {
    return planner.plan(spec, input);
  } catch (error) {
    if (error instanceof Refusal) return { type: "refused", reason: error.message };
    throw error;
  }
}

class Refusal extends Error {}

type Wish = { readonly path: string; readonly as: "writable" | "readOnly" | "hidden" };

class Planner {
  readonly #disk: Disk;
  readonly #places = new Map<string, Place["as"]>();
  readonly #placeholders = new Set<string>();
  readonly #veiled = new Map<string, readonly Entry[]>();

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  plan(spec: SandboxSpec, input: Input): Planned {
    requirePaths([
      ...spec.writable,
      ...spec.readOnly,
      ...spec.hidden,
      ...spec.readable ?? [],
      ...spec.network.type === "proxy" ? [spec.network.socket] : [],
    ]);
    const writesEverywhere = spec.writable.includes("/") && !spec.readOnly.includes("/");
    if (writesEverywhere) {
      this.#places.set("/", "writable");
      for (const folder of PSEUDO) this.#places.set(folder, "readOnly");
    }
    for (const wish of this.#wishes(spec)) this.#place(wish);
    if (writesEverywhere) { for (const folder of ["/", ...PSEUDO]) this.#places.delete(folder); }
    this.#veil(spec);
    const places = [...this.#places].map(([path, as]): Place => {
      const entries = this.#veiled.get(path);
      return entries === undefined ? { path, as } : { path, as, entries };
    });
    places.sort((one, other) => depth(one.path) - depth(other.path));
    return {
      type: "planned",
      plan: {
        writesEverywhere,
        places,
        readable: this.#readable(spec),
        network: spec.network.type,
        ...spec.network.type === "proxy" ? { proxySocket: spec.network.socket } : {},
        input,
      },
      placeholders: [...this.#placeholders],
    };
  }

  /** All wishes, parents first; of several for one path, the strictest. */
  #wishes(spec: SandboxSpec): Wish[] {
    const strictest = new Map<string, Wish["as"]>();
    for (const path of spec.writable) {
      if (path !== "/" && this.#isRoot(path)) strictest.set(path, "writable");
    }
    for (const path of spec.readOnly) {
      for (const name of this.#withTargets(path)) strictest.set(name, "readOnly");
    }
    for (const path of this.#hidden(spec)) strictest.set(path, "hidden");
    const wishes = [...strictest].map(([path, as]) => ({ path, as }));
    return wishes.sort((one, other) => depth(one.path) - depth(other.path));
  }

  /** Whether a writable root can be one; a root that is not there has nothing to write to. */
  #isRoot(path: string): boolean {
    const isPseudo = PSEUDO.some((folder) => path === folder || isBelow(path, folder));
    if (isPseudo && path !== "/dev/shm" && !isBelow(path, "/dev/shm")) {
      throw new Refusal(`${path} cannot be writable in a sandbox: it is no ordinary folder`);
    }
    const { kind } = this.#disk.look(path);
    if (kind === "link") {
      throw new Refusal(`The writable folder ${path} is a symbolic link: name what it leads to`);
    }
    return kind !== "missing";
  }

  /** A protected link protects nothing unless what it leads to is protected, too. */
  #withTargets(path: string): string[] {
    const names = [path];
    let name: string | null = path;
    while (name !== null && this.#disk.look(name).kind === "link") {
      if (names.length > MAX_LINKS) throw new Refusal(`The symbolic link ${path} leads nowhere`);
      name = this.#disk.follow(name);
      if (name !== null) names.push(name);
    }
    return names;
  }

  /** What really is at the hidden paths, under all names by which it can be reached. */
  #hidden(spec: SandboxSpec): Set<string> {
    const socket = spec.network.type === "proxy" ? spec.network.socket : null;
    const all = new Set<string>();
    for (const path of spec.hidden) {
      const real = this.#disk.resolve(path);
      if (real === null || real === "/" || real === socket) continue;
      if (this.#disk.look(real).kind === "missing") continue;
      all.add(real);
      for (const name of this.#disk.otherNames(real)) all.add(name);
    }
    for (const path of all) {
      const { kind, links, identity } = this.#disk.look(path);
      if (kind !== "file" || links < 2) continue;
      const known = [...all].filter((other) => this.#disk.look(other).identity === identity);
      if (known.length < links) {
        throw new Refusal(
          `${path} has further names (hard links), so it cannot be hidden: remove them, or hide them as well`,
        );
      }
    }
    return all;
  }

  #place(wish: Wish): void {
    const around = this.#around(wish.path);
    // What is hidden has nothing below; what is read-only already stays so.
    if (around?.as === "hiddenFolder") return;
    const isWithinWritable = around?.as === "writable" || around?.as === "pinned";
    if (wish.as === "hidden") {
      const { kind } = this.#disk.look(wish.path);
      if (isWithinWritable) this.#pinBetween(around.path, wish.path);
      this.#places.set(wish.path, kind === "folder" ? "hiddenFolder" : "hiddenFile");
      return;
    }
    if (wish.as === "writable") {
      if (isWithinWritable) this.#pinBetween(around.path, wish.path);
      this.#places.set(wish.path, isWithinWritable ? "pinned" : "writable");
      return;
    }
    if (isWithinWritable) this.#protect(around.path, wish.path);
  }

  /**
   * Hidden files right in a read-only folder: whoever replaces one by renaming takes the mount on it away, in all
   * namespaces, and what is made there later was never hidden. So the folder shows what was in it, without them.
   */
  #veil({ readOnly, hidden }: SandboxSpec): void {
    const folders = new Set(readOnly.flatMap((path) => this.#withTargets(path)));
    const names = new Map<string, string[]>();
    for (const path of hidden) {
      const folder = parent(path);
      if (folder === null || !folders.has(folder)) continue;
      if (this.#disk.look(folder).kind !== "folder") continue;
      names.set(folder, [...names.get(folder) ?? [], path.slice(folder.length + 1)]);
    }
    for (const [folder, secrets] of names) {
      for (const path of [folder, ...this.#disk.otherNames(folder)]) {
        if (this.#isWithinHidden(path)) continue;
        for (const name of secrets) this.#places.delete(`${path}/${name}`);
        this.#places.set(path, "veiled");
        // New versions of a secret have names like `auth.json.tmp` before they take its place.
        const shown = this.#disk.list(path).filter(({ name }) =>
          !secrets.some((secret) => name.includes(secret))
        );
        this.#veiled.set(path, shown.slice(0, MAX_ENTRIES));
      }
    }
  }

  #isWithinHidden(path: string): boolean {
    if (this.#places.get(path) === "hiddenFolder") return true;
    for (let folder = parent(path); folder !== null; folder = parent(folder)) {
      if (this.#places.get(folder) === "hiddenFolder") return true;
    }
    return false;
  }

  /** The closest place that surrounds a path. */
  #around(path: string): Place | null {
    for (let folder = parent(path); folder !== null; folder = parent(folder)) {
      const as = this.#places.get(folder);
      if (as !== undefined) return { path: folder, as };
    }
    return null;
  }

  /** Folders above a place stay where they are, or another one could be put into their stead. */
  #pinBetween(root: string, path: string): void {
    for (const folder of between(root, path)) {
      if (!this.#places.has(folder)) this.#places.set(folder, "pinned");
    }
  }

  /** Read-only, together with the way to it; what is not there yet is kept from being made. */
  #protect(root: string, path: string): void {
    for (const step of [...between(root, path), path]) {
      const { kind } = this.#disk.look(step);
      if (kind === "missing" || this.#disk.isPlaceholder(step)) {
        this.#placeholders.add(step);
        this.#places.set(step, "readOnly");
        return;
      }
      if (step === path) {
        this.#places.set(path, kind === "link" ? "readOnlyLink" : "readOnly");
        return;
      }
      if (kind === "link") {
        throw new Refusal(`${path} cannot be kept read-only: ${step} is a symbolic link`);
      }
      if (!this.#places.has(step)) this.#places.set(step, "pinned");
      if (kind === "file") return;
    }
  }

  #readable(spec: SandboxSpec): Plan["readable"] {
    if (spec.readable === null) return null;
    const paths = new Set([...spec.readable, ...spec.writable]);
    return [...paths].sort().flatMap((path) => {
      const { kind } = this.#disk.look(path);
      if (kind === "link") {
        throw new Refusal(`The readable folder ${path} is a symbolic link: name what it leads to`);
      }
      return kind === "missing" ? [] : [{ path, isFolder: kind === "folder" }];
    });
  }
}

/** Specifications promise it; a mount at another place than the one that was meant would be a hole. */
function requirePaths(paths: readonly string[]): void {
  if (paths.length > MAX_PATHS) throw new Refusal(`More than ${MAX_PATHS} paths for one sandbox`);
  for (const path of paths) {
    const isPlain = path === "/" || /^(\/(?!\.{1,2}(\/|$))[^/\0]+)+$/.test(path);
    if (!isPlain) throw new Refusal(`${JSON.stringify(path)} is not a plain absolute path`);
  }
}

function parent(path: string): string | null {
  if (path === "/") return null;
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

function isBelow(path: string, folder: string): boolean {
  return folder === "/" ? path !== "/" : path.startsWith(`${folder}/`);
}

/** The folders that lie between a folder and a path below it, outermost first. */
function between(folder: string, path: string): string[] {
  const folders: string[] = [];
  for (let step = parent(path); step !== null && step !== folder; step = parent(step)) {
    folders.unshift(step);
  }
  return folders;
}

function depth(path: string): number {
  return path === "/" ? 0 : path.split("/").length - 1;
}
