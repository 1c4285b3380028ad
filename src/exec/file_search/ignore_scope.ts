/** Which ignore files speak about a folder, and in which order; must not know what is done with the rest. */
import { below, splitPath, toBytes } from "../filesystem/byte_text.ts";
import type { Folders } from "./folders.ts";
import { IgnorePatterns, type WalkedName } from "./ignore_patterns.ts";

/** Where a person keeps git's own configuration. */
export interface GitHome {
  readonly home: string | null;
  /** `$XDG_CONFIG_HOME`, when it is set. */
  readonly xdgConfigHome: string | null;
}

/** What is ignored in one folder: the same object for all folders that nothing more is said about. */
export interface IgnoreScope {
  /** `.ignore` files, which stand above all others; the deepest first. */
  readonly own: readonly IgnorePatterns[];
  /** `.gitignore` files of the repository, the deepest first; then its `info/exclude` and the person's own. */
  readonly git: readonly IgnorePatterns[];
  /** `.gitignore` means something only where there is a repository (as upstream). */
  readonly isInRepository: boolean;
}

const NO_SCOPE: IgnoreScope = { own: [], git: [], isInRepository: false };

/** The names that change a scope. */
const NAMES: readonly string[] = [".git", ".gitignore", ".ignore"];

/** Whether the scope leaves a name out. */
export function isIgnored(scope: IgnoreScope, walked: WalkedName): boolean {
  for (const patterns of scope.own) {
    const verdict = patterns.verdict(walked);
    if (verdict) return verdict === "ignored";
  }
  for (const patterns of scope.git) {
    const verdict = patterns.verdict(walked);
    if (verdict) return verdict === "ignored";
  }
  return false;
}

/** Reads ignore files. Every path that it looked at is told to `looked`: a change there changes the scope. */
export class IgnoreFiles {
  readonly #folders: Folders;
  readonly #gitHome: GitHome;
  readonly #looked: (path: string) => void;

  constructor(folders: Folders, gitHome: GitHome, options: { looked(path: string): void }) {
    this.#folders = folders;
    this.#gitHome = gitHome;
    this.#looked = options.looked;
  }

  /** The scope that a root lies in, from the files of the folders above it. */
  above(root: string): IgnoreScope {
    const above: string[] = [];
    for (let folder = root; folder !== "/";) above.unshift(folder = splitPath(folder).folder);
    return above.reduce((scope, folder) => {
      const names = NAMES.filter((name) => this.#exists(below(folder, name)));
      return this.enter(scope, folder, names);
    }, NO_SCOPE);
  }

  /** The scope inside a folder that has these names. */
  // Three parameters: called for every folder.
  enter(scope: IgnoreScope, folder: string, names: readonly string[]): IgnoreScope {
    const isRepository = names.includes(".git");
    const isInRepository = scope.isInRepository || isRepository;
    const own = names.includes(".ignore") ? this.#patterns(below(folder, ".ignore"), folder) : [];
    const git = isInRepository && names.includes(".gitignore")
      ? this.#patterns(below(folder, ".gitignore"), folder)
      : [];
    if (own.length === 0 && git.length === 0 && !isRepository) return scope;
    return {
      own: [...own, ...scope.own],
      // What is said outside of a repository does not count inside, also for one within another.
      git: [...git, ...isRepository ? this.#repositoryPatterns(folder) : scope.git],
      isInRepository,
    };
  }

  #exists(path: string): boolean {
    this.#looked(path);
    return this.#folders.stamp(path) !== null;
  }

  #patterns(path: string, base: string): IgnorePatterns[] {
    const text = this.#read(path);
    const patterns = text === null ? null : new IgnorePatterns(text, base);
    return patterns && !patterns.isEmpty ? [patterns] : [];
  }

  #repositoryPatterns(folder: string): IgnorePatterns[] {
    const exclude = below(this.#commonGitFolder(folder), "info/exclude");
    return [
      ...this.#patterns(exclude, folder),
      ...this.#personalExcludes().flatMap((path) => this.#patterns(path, folder)),
    ];
  }

  /** A worktree or a submodule has a file in place of the folder, which says where that is. */
  #commonGitFolder(repository: string): string {
    const entry = below(repository, ".git");
    const link = /^gitdir: (.+?)\r?\n*$/s.exec(this.#read(entry) ?? "")?.[1];
    if (link === undefined) return entry;
    const folder = resolve(repository, link);
    const common = this.#read(below(folder, "commondir"))?.trim();
    return common ? resolve(folder, common) : folder;
  }

  /** The file that `core.excludesFile` names, or its default. */
  #personalExcludes(): string[] {
    const { home, xdgConfigHome } = this.#gitHome;
    const configHome = xdgConfigHome || (home && `${home}/.config`);
    const candidates = [home && `${home}/.gitconfig`, configHome && `${configHome}/git/config`];
    for (const candidate of candidates) {
      if (!candidate) continue;
      const named = excludesFile(this.#read(toBytes(candidate)) ?? "");
      if (named === null) continue;
      const path = named.startsWith("~/") ? home && toBytes(home) + named.slice(1) : named;
      return path && path.startsWith("/") ? [path] : [];
    }
    return configHome ? [toBytes(`${configHome}/git/ignore`)] : [];
  }

  #read(path: string): string | null {
    this.#looked(path);
    return this.#folders.read(path);
  }
}

/** `core.excludesFile` of a git configuration file. Files that it includes are not followed. */
function excludesFile(config: string): string | null {
  let section = "";
  let value: string | null = null;
  for (const line of config.split("\n")) {
    section = /^\s*\[\s*([^\]"]*?)\s*\]/.exec(line)?.[1]?.toLowerCase() ?? section;
    const match = /^\s*(?:\[[^\]]*\]\s*)?excludesfile\s*=\s*("?)([^"#;]*?)\1\s*(?:[#;].*)?$/i.exec(
      line,
    );
    if (section === "core" && match?.[2]) value = match[2];
  }
  return value;
}

/** A path as another folder writes it down. */
function resolve(folder: string, path: string): string {
  if (path.startsWith("/")) return path;
  let at = folder;
  for (const part of path.split("/")) {
    if (part === "..") at = splitPath(at).folder;
    else if (part !== "." && part !== "") at = below(at, part);
  }
  return at;
}
