/** Finds files by a few letters of their paths, in a thread of its own; must not know clients or sessions. */
import { resolve } from "node:path";
import type { Clock } from "../lib/clock.ts";
import { CodexError } from "../lib/errors.ts";
import type { FromWorker, SearchRequest, SearchResult, ToWorker } from "./file_search/messages.ts";
import type { Hit } from "./file_search/search.ts";

export type { Hit, SearchResult };

export interface FileSearchOptions {
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string>>;
  /** What relative roots are relative to. */
  readonly cwd: string;
  /** Entries of one root; more are left out, and the result says so. */
  readonly entriesMax?: number;
  /** How long the worker and its paths are kept without a query. */
  readonly idleMs?: number;
}

/** What is looked for, and in which folders. `Hit.root` counts these. */
export interface FileQuery {
  readonly text: string;
  readonly roots: readonly string[];
}

export interface FileQueryOptions {
  /** Ends the query; its promise resolves to null then. */
  readonly signal?: AbortSignal;
  /** Makes the query live: it hears of hits as they come, and of known ones before they are made sure of. */
  readonly update?: (hits: readonly Hit[]) => void;
}

interface Pending {
  readonly resolve: (result: SearchResult | null) => void;
  readonly reject: (error: Error) => void;
  readonly update: ((hits: readonly Hit[]) => void) | undefined;
}

/** As many as upstream. */
const HITS_MAX = 50;
/** About 60 MiB of paths as they are in large repositories. */
const ENTRIES_MAX = 500_000;
const IDLE_MS = 60_000;

/**
 * File searches of one server.
 *
 * Invariants: there is a worker only while a query runs or ran within `idleMs`; after `close` there is none.
 */
export class FileSearch implements Disposable {
  readonly #options: FileSearchOptions;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | null = null;
  #nextId = 1;
  #cancelIdle: (() => void) | null = null;
  #isClosed = false;

  constructor(options: FileSearchOptions) {
    this.#options = options;
  }

  /** Whether a worker runs, or waits for the next query. */
  get isRunning(): boolean {
    return this.#worker !== null;
  }

  /** The best hits, best first; null when the query was ended before. */
  search(query: FileQuery, options: FileQueryOptions = {}): Promise<SearchResult | null> {
    const { signal, update } = options;
    if (signal?.aborted || this.#isClosed) return Promise.resolve(null);
    const { promise, resolve: settle, reject } = Promise.withResolvers<SearchResult | null>();
    const id = this.#nextId++;
    this.#pending.set(id, { resolve: settle, reject, update });
    this.#post({ type: "search", id, request: this.#request(query, update !== undefined) });
    const cancel = () => {
      if (!this.#pending.has(id)) return;
      this.#post({ type: "cancel", id });
      this.#settle(id)?.resolve(null);
    };
    signal?.addEventListener("abort", cancel, { once: true });
    return promise.finally(() => signal?.removeEventListener("abort", cancel));
  }

  /** Ends the worker; queries that run are ended. */
  close(): void {
    this.#isClosed = true;
    this.#end();
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.resolve(null);
    this.#cancelIdle?.();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #request({ text, roots }: FileQuery, isLive: boolean): SearchRequest {
    const { clock, cwd } = this.#options;
    return { text, roots: roots.map((root) => resolve(cwd, root)), isLive, nowMs: clock.now() };
  }

  #post(message: ToWorker): void {
    this.#cancelIdle?.();
    this.#cancelIdle = null;
    this.#worker ??= this.#start();
    this.#worker.postMessage(message);
  }

  #start(): Worker {
    const worker = new Worker(workerUrl(), { type: "module", name: "file search" });
    worker.onmessage = (event: MessageEvent<FromWorker>) => this.#receive(event.data);
    worker.onerror = (event) => {
      event.preventDefault();
      if (worker === this.#worker) this.#fail(event.message);
    };
    const { env, entriesMax = ENTRIES_MAX } = this.#options;
    const begin: ToWorker = {
      type: "begin",
      gitHome: { home: env.HOME || null, xdgConfigHome: env.XDG_CONFIG_HOME || null },
      limits: { entriesMax, hitsMax: HITS_MAX },
    };
    worker.postMessage(begin);
    return worker;
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case "update":
        return this.#pending.get(message.id)?.update?.(message.hits);
      case "found":
        return this.#settle(message.id)?.resolve(message.result);
      case "failed":
        return this.#settle(message.id)?.reject(failure(message.message));
    }
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (this.#pending.size === 0 && this.#worker) this.#waitForMore();
    return pending;
  }

  #waitForMore(): void {
    const { clock, idleMs = IDLE_MS } = this.#options;
    this.#cancelIdle?.();
    this.#cancelIdle = clock.after(idleMs, () => this.#end(), { background: true });
  }

  #fail(message: string): void {
    this.#end();
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(failure(message));
  }

  #end(): void {
    this.#worker?.terminate();
    this.#worker = null;
  }
}

function failure(message: string): CodexError {
  return new CodexError("io", `File search stopped: ${message}`);
}

/** In a bundle all files lie in one folder, and the worker is an entry of its own. */
function workerUrl(): URL {
  const isSource = import.meta.url.endsWith(".ts");
  return new URL(isSource ? "./file_search/worker.ts" : "./file_search_worker.js", import.meta.url);
}
