/** Turns a query for threads into SQL, and pages into cursors; pure, must not know the database. */
import { CodexError } from "../lib/errors.ts";
import type { SourceKind, ThreadRow } from "./thread_row.ts";

/** Which threads to list; absent and null filters let everything pass. */
export interface ThreadQuery {
  readonly limit?: number | null;
  readonly cursor?: string | null;
  /** `created_at` (also for unknown words), `updated_at` or `recency_at`, which counts as `updated_at`. */
  readonly sortKey?: string | null;
  readonly sortDirection?: "asc" | "desc" | null;
  readonly archived?: boolean | null;
  /** Exact match of any. */
  readonly cwds?: readonly string[] | null;
  readonly excludedIds?: readonly string[] | null;
  /** Empty lets all pass, as upstream. */
  readonly modelProviders?: readonly string[] | null;
  /** Provider of the threads whose file names none. */
  readonly defaultModelProvider?: string | null;
  /** Absent or empty: the interactive ones, `cli` and `vscode`, as upstream. */
  readonly sourceKinds?: readonly string[] | null;
  /** Substring of name or preview, whatever the case. */
  readonly searchTerm?: string | null;
}

/** One page of threads. */
export interface ThreadPage {
  readonly rows: readonly ThreadRow[];
  /** Null at the end. */
  readonly nextCursor: string | null;
}

/** A query that is ready to run. */
export interface ThreadSelect {
  readonly sql: string;
  readonly values: readonly (string | number)[];
  readonly limit: number;
  readonly column: "created_s" | "updated_s";
  readonly isAscending: boolean;
}

const LIMIT_DEFAULT = 25;
const LIMIT_MAX = 100;
const INTERACTIVE: readonly string[] = ["cli", "vscode"];
const SUB_AGENTS: readonly SourceKind[] = [
  "subAgentReview",
  "subAgentCompact",
  "subAgentThreadSpawn",
  "subAgentOther",
];
const CURSOR =
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))\|([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

/** The SQL of a query. It selects one row more than the limit, which tells whether there is a next page. */
export function selectThreads(query: ThreadQuery): ThreadSelect {
  const isByUpdate = query.sortKey === "updated_at" || query.sortKey === "recency_at";
  const column = isByUpdate ? "updated_s" : "created_s";
  const isAscending = query.sortDirection === "asc";
  const limit = Math.min(LIMIT_MAX, Math.max(1, Math.trunc(query.limit ?? LIMIT_DEFAULT)));
  const filters = ["archived = ?", "preview IS NOT NULL"];
  const values: (string | number)[] = [query.archived ? 1 : 0];
  if (query.cursor) {
    const { seconds, id } = parseCursor(query.cursor);
    filters.push(`(${column}, id) ${isAscending ? ">" : "<"} (?, ?)`);
    values.push(seconds, id);
  }
  addFilters(query, filters, values);
  const order = isAscending ? "ASC" : "DESC";
  const sql = `SELECT * FROM threads WHERE ${filters.join(" AND ")} ` +
    `ORDER BY ${column} ${order}, id ${order} LIMIT ${limit + 1}`;
  return { sql, values, limit, column, isAscending };
}

/** The page that the selected rows make. */
export function pageOf(select: ThreadSelect, rows: readonly ThreadRow[]): ThreadPage {
  const shown = rows.slice(0, select.limit);
  const last = shown.at(-1);
  const hasMore = rows.length > select.limit;
  return { rows: shown, nextCursor: hasMore && last ? cursorOf(select, last) : null };
}

/** The time, in Unix seconds, that a row is sorted by. */
export function sortSeconds(select: ThreadSelect, row: ThreadRow): number {
  return Math.floor((select.column === "created_s" ? row.createdAtMs : row.updatedAtMs) / 1000);
}

function addFilters(query: ThreadQuery, filters: string[], values: (string | number)[]): void {
  const sourceKinds = query.sourceKinds?.length ? query.sourceKinds : INTERACTIVE;
  const kinds = new Set<string>(
    sourceKinds.flatMap((kind): readonly string[] => (kind === "subAgent" ? SUB_AGENTS : [kind])),
  );
  filters.push(`source_kind IN (${placeholders(kinds.size)})`);
  values.push(...kinds);
  if (query.modelProviders?.length) {
    filters.push(`coalesce(model_provider, ?) IN (${placeholders(query.modelProviders.length)})`);
    values.push(query.defaultModelProvider ?? "", ...query.modelProviders);
  }
  if (query.cwds?.length) {
    filters.push(`cwd IN (${placeholders(query.cwds.length)})`);
    values.push(...query.cwds);
  }
  if (query.excludedIds?.length) {
    filters.push(`id NOT IN (${placeholders(query.excludedIds.length)})`);
    values.push(...query.excludedIds);
  }
  if (query.searchTerm) {
    filters.push("instr(search, ?) > 0");
    values.push(query.searchTerm.toLowerCase());
  }
}

function placeholders(count: number): string {
  return Array.from({ length: count }, () => "?").join(", ");
}

function cursorOf(select: ThreadSelect, row: ThreadRow): string {
  const time = new Date(sortSeconds(select, row) * 1000).toISOString().replace(".000Z", "Z");
  return `${time}|${row.id}`;
}

function parseCursor(cursor: string): { readonly seconds: number; readonly id: string } {
  const match = CURSOR.exec(cursor);
  const seconds = Math.floor(Date.parse(match?.[1] ?? "") / 1000);
  // Upstream's words: clients match on them.
  if (!match || Number.isNaN(seconds)) {
    throw new CodexError("invalidRequest", `invalid cursor: ${cursor}`);
  }
  return { seconds, id: (match[2] ?? "").toLowerCase() };
}
