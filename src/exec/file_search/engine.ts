/** Answers queries over the trees that it keeps; runs in the worker, but must not know that. */
import { isWithin, toBytes } from "../filesystem/byte_text.ts";
import type { Folders } from "./folders.ts";
import type { GitHome } from "./ignore_scope.ts";
import type { SearchLimits, SearchRequest, SearchResult } from "./messages.ts";
import { parseQuery, type Query } from "./query.ts";
import { type Hit, Search, type SearchedIndex } from "./search.ts";
import { Tree } from "./tree.ts";

export interface EngineOptions {
  readonly folders: Folders;
  readonly gitHome: GitHome;
  readonly limits: SearchLimits;
  /** Lets other work of the thread run. */
  readonly pause: () => Promise<void>;
}

/** While somebody types, paths are made sure of this often; a single query always is. */
const LIVE_AGE_MAX_MS = 1000;
/** How many entries are compared before others get a turn: a few milliseconds. */
const PORTION = 16_384;
/** Trees beyond these limits are forgotten when they are not in use, the longest unused first. */
const TREES_MAX = 16;

/** One root of a query with its tree. */
interface Place {
  readonly root: number;
  /** One character per byte. */
  readonly path: string;
  readonly tree: Tree;
  readonly excluded: readonly string[];
}

/** Keeps the trees of recent queries and answers any number of queries at once. */
export class Engine {
  readonly #options: EngineOptions;
  /** By path, the longest unused first. */
  readonly #trees = new Map<string, Tree>();
  readonly #inUse = new Map<Tree, number>();

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  /** Number of trees that are kept. */
  get treeCount(): number {
    return this.#trees.size;
  }

  /** The answer, or null once the signal was aborted. Updates are told of only if they differ from the last. */
  async search(
    request: SearchRequest,
    options: { readonly signal: AbortSignal; readonly update: (hits: readonly Hit[]) => void },
  ): Promise<SearchResult | null> {
    const places = this.#places(request.roots);
    for (const { tree } of places) this.#inUse.set(tree, (this.#inUse.get(tree) ?? 0) + 1);
    try {
      return await new Answer(request, { ...options, ...this.#options, places }).run();
    } finally {
      for (const { tree } of places) this.#release(tree);
      this.#forget();
    }
  }

  /** Roots that are the same count once; what lies in two of them belongs to the inner one. */
  #places(roots: readonly string[]): Place[] {
    const paths = roots.map((root) => normalized(toBytes(root)));
    return paths.flatMap((path, root) => {
      if (paths.indexOf(path) !== root) return [];
      const prefix = path === "/" ? "/" : `${path}/`;
      const excluded = paths.filter((other) => other !== path && isWithin(other, path))
        .map((other) => other.slice(prefix.length));
      return [{ root, path, tree: this.#tree(path), excluded }];
    });
  }

  #tree(path: string): Tree {
    const { folders, gitHome, limits, pause } = this.#options;
    const { entriesMax } = limits;
    const tree = this.#trees.get(path) ?? new Tree(path, { folders, gitHome, pause, entriesMax });
    this.#trees.delete(path);
    this.#trees.set(path, tree);
    return tree;
  }

  #release(tree: Tree): void {
    const users = (this.#inUse.get(tree) ?? 1) - 1;
    if (users > 0) this.#inUse.set(tree, users);
    else this.#inUse.delete(tree);
  }

  #forget(): void {
    let entries = 0;
    for (const { index } of this.#trees.values()) entries += index.count;
    for (const [path, tree] of this.#trees) {
      const isTooMuch = this.#trees.size > TREES_MAX || entries > this.#options.limits.entriesMax;
      // What was used last stays: the next key pressed asks for it.
      if (!isTooMuch || this.#trees.size === 1) return;
      if (this.#inUse.has(tree)) continue;
      this.#trees.delete(path);
      entries -= tree.index.count;
    }
  }
}

interface AnswerOptions extends EngineOptions {
  readonly places: readonly Place[];
  readonly signal: AbortSignal;
  readonly update: (hits: readonly Hit[]) => void;
}

/** One query on its way. */
class Answer {
  readonly #request: SearchRequest;
  readonly #options: AnswerOptions;
  readonly #query: Query;
  #search: Search;
  #searched: readonly SearchedIndex[];
  /** The last update, for comparison. */
  #told: string | null = null;
  #portions = 0;

  constructor(request: SearchRequest, options: AnswerOptions) {
    this.#request = request;
    this.#options = options;
    this.#query = parseQuery(request.text);
    this.#searched = this.#indexes();
    this.#search = this.#newSearch();
  }

  async run(): Promise<SearchResult | null> {
    const { places, signal } = this.#options;
    const { nowMs, isLive } = this.#request;
    const freshness = { nowMs, ageMaxMs: isLive ? LIVE_AGE_MAX_MS : 0 };
    const stale = places.filter(({ tree }) => !tree.isFresh(freshness));
    if (isLive && stale.length > 0 && places.some(({ tree }) => tree.isComplete)) {
      if (!await this.#finish()) return null;
      this.#tell();
    }
    await Promise.all(stale.map(({ tree }) => tree.refresh(freshness, () => this.#progress())));
    const searched = this.#indexes();
    if (searched.some(({ index }, at) => index !== this.#searched[at]?.index)) {
      this.#searched = searched;
      this.#search = this.#newSearch();
    }
    if (!await this.#finish() || signal.aborted) return null;
    this.#search.remember();
    const hits = this.#search.hits();
    if (isLive) this.#tell(hits);
    return { hits, isLimited: places.some(({ tree }) => tree.isLimited) };
  }

  /** Looks at all that there is; false when nobody waits for it any more. */
  async #finish(): Promise<boolean> {
    while (!this.#options.signal.aborted) {
      if (!this.#search.advance(PORTION)) return true;
      await this.#options.pause();
    }
    return false;
  }

  /** Tells of what a walk has found so far, each time after twice as much of it. */
  #progress(): void {
    if (!this.#request.isLive || this.#options.signal.aborted) return;
    this.#portions++;
    if (this.#portions < 2 || (this.#portions & (this.#portions - 1)) !== 0) return;
    this.#search.advance(Infinity);
    const hits = this.#search.hits();
    if (hits.length > 0) this.#tell(hits);
  }

  #tell(hits: readonly Hit[] = this.#search.hits()): void {
    const text = hits.map(({ root, path, score }) => `${root}/${path}:${score}`).join("\n");
    if (text === this.#told) return;
    this.#told = text;
    this.#options.update(hits);
  }

  #indexes(): SearchedIndex[] {
    return this.#options.places.map(({ root, tree, excluded }) => ({
      root,
      index: tree.index,
      excluded,
      isComplete: tree.isComplete,
    }));
  }

  #newSearch(): Search {
    return new Search(this.#query, this.#searched, { limit: this.#options.limits.hitsMax });
  }
}

/** An absolute path without empty parts, `.` and `..`. */
function normalized(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
