/** What the server and the worker of a file search say to each other. Data only. */
import type { GitHome } from "./ignore_scope.ts";
import type { Hit } from "./search.ts";

/** How much a search may hold. */
export interface SearchLimits {
  /** Entries of one root; more are left out, and the result says so. */
  readonly entriesMax: number;
  /** Hits of one query. */
  readonly hitsMax: number;
}

/** A query. */
export interface SearchRequest {
  readonly text: string;
  /** Absolute paths. */
  readonly roots: readonly string[];
  /** Whether to tell of hits while the walk goes on, and of what is known before it is made sure of. */
  readonly isLive: boolean;
  /** Unix milliseconds. */
  readonly nowMs: number;
}

/** What a query has found. `Hit.root` counts the roots of the request. */
export interface SearchResult {
  readonly hits: readonly Hit[];
  /** There are more files than a search holds: something may be missing. */
  readonly isLimited: boolean;
}

/** To the worker. `begin` is the first, and the only one of its kind. */
export type ToWorker =
  | { readonly type: "begin"; readonly gitHome: GitHome; readonly limits: SearchLimits }
  | { readonly type: "search"; readonly id: number; readonly request: SearchRequest }
  | { readonly type: "cancel"; readonly id: number };

/** From the worker: any number of updates of a live query, then one end unless it was cancelled. */
export type FromWorker =
  | { readonly type: "update"; readonly id: number; readonly hits: readonly Hit[] }
  | { readonly type: "found"; readonly id: number; readonly result: SearchResult }
  | { readonly type: "failed"; readonly id: number; readonly message: string };
