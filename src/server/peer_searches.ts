/** The file searches of one connection, by the ids and tokens that its client chose; must not know how files are found. */
import type { FileSearch, SearchResult } from "../exec/file_search.ts";
import type { Logger } from "../lib/log.ts";
import type { NotificationParams, Result } from "../protocol/mod.ts";
import { rpcCodes, RpcError } from "../rpc/jsonrpc.ts";
import type { RequestContext } from "./context.ts";
import type { Peer } from "./peer.ts";

type Files = Result<"fuzzyFileSearch">["files"];

/** What the searches need. */
export interface SearchParts {
  readonly fileSearch: FileSearch;
  readonly log: Logger;
}

const SESSIONS_MAX = 100;

interface Session {
  readonly roots: readonly string[];
  /** Ends the query that runs. */
  query: AbortController;
}

/**
 * Invariants: a session runs one query, its newest, and nothing is sent for an older one once a newer has come;
 * when the connection is closed or closes, every query ends.
 */
export class PeerSearches {
  readonly #peer: Peer;
  readonly #parts: SearchParts;
  readonly #sessions = new Map<string, Session>();
  /** Single queries that run, by their cancellation token; a symbol stands for none. */
  readonly #running = new Map<string | symbol, AbortController>();

  constructor(peer: Peer, parts: SearchParts) {
    this.#peer = peer;
    this.#parts = parts;
    peer.connection.signal.addEventListener("abort", () => this.#close(), { once: true });
  }

  /** One query; a later one with its token ends it. */
  async once(params: {
    readonly query: string;
    readonly roots: readonly string[];
    readonly cancellationToken?: string | null | undefined;
  }): Promise<Result<"fuzzyFileSearch">> {
    const { query, roots } = params;
    const token = params.cancellationToken ?? Symbol();
    this.#running.get(token)?.abort();
    const controller = new AbortController();
    this.#running.set(token, controller);
    try {
      const { signal } = controller;
      const result = await this.#parts.fileSearch.search({ text: query, roots }, { signal });
      // A query that was replaced is answered with nothing (as upstream).
      if (!result) return { files: [] };
      return { files: filesOf(result.hits, roots), ...this.#limit(result, roots) };
    } finally {
      if (this.#running.get(token) === controller) this.#running.delete(token);
    }
  }

  start(
    context: RequestContext,
    params: { readonly sessionId: string; readonly roots: readonly string[] },
  ): Record<string, never> {
    const { sessionId, roots } = params;
    if (sessionId === "") throw invalid("sessionId must not be empty", "emptySessionId");
    if (roots.length === 0) {
      // Upstream answers -32603 here.
      throw new RpcError(
        rpcCodes.internal,
        "failed to start fuzzy file search session: at least one search directory is required",
        { reason: "noRoots" },
      );
    }
    this.stop(sessionId);
    if (this.#sessions.size >= SESSIONS_MAX) {
      throw invalid(
        `A connection has at most ${SESSIONS_MAX} file search sessions; stop some first`,
        "tooManySessions",
      );
    }
    const session = { roots, query: new AbortController() };
    this.#sessions.set(sessionId, session);
    this.#run(context, { sessionId, session, query: "" });
    return {};
  }

  update(
    context: RequestContext,
    params: { readonly sessionId: string; readonly query: string },
  ): Record<string, never> {
    const { sessionId, query } = params;
    const session = this.#sessions.get(sessionId);
    if (!session) {
      throw invalid(`fuzzy file search session not found: ${sessionId}`, "sessionNotFound");
    }
    this.#run(context, { sessionId, session, query });
    return {};
  }

  stop(sessionId: string): Record<string, never> {
    this.#sessions.get(sessionId)?.query.abort();
    this.#sessions.delete(sessionId);
    return {};
  }

  #close(): void {
    for (const sessionId of [...this.#sessions.keys()]) this.stop(sessionId);
    for (const controller of this.#running.values()) controller.abort();
  }

  #run(
    context: RequestContext,
    run: { readonly sessionId: string; readonly session: Session; readonly query: string },
  ): void {
    const { sessionId, session, query } = run;
    session.query.abort();
    session.query = new AbortController();
    const { signal } = session.query;
    const { roots } = session;
    const update = (hits: SearchResult["hits"]) =>
      this.#updated({ sessionId, query, files: filesOf(hits, roots) });
    context.after(() => {
      this.#parts.fileSearch.search({ text: query, roots }, { signal, update }).then(
        (result) => result && this.#completed({ sessionId, ...this.#limit(result, roots) }),
        (error: unknown) => this.#failed(sessionId, error),
      );
    });
  }

  /** The protocol has no word for a failure: the client would wait for ever without an end. */
  #failed(sessionId: string, error: unknown): void {
    this.#parts.log.error?.(`File search session ${sessionId} failed: ${String(error)}`);
    this.#completed({ sessionId });
  }

  #updated(params: NotificationParams<"fuzzyFileSearch/sessionUpdated">): void {
    this.#peer.notify("fuzzyFileSearch/sessionUpdated", params);
  }

  #completed(params: NotificationParams<"fuzzyFileSearch/sessionCompleted">): void {
    this.#peer.notify("fuzzyFileSearch/sessionCompleted", params);
  }

  #limit({ isLimited }: SearchResult, roots: readonly string[]): { limitReached?: true } {
    if (!isLimited) return {};
    this.#parts.log.warn?.(`Too many files to search all of them below ${roots.join(", ")}`);
    return { limitReached: true };
  }
}

function filesOf(hits: SearchResult["hits"], roots: readonly string[]): Files {
  return hits.map(({ root, path, isFolder, score, indices }) => ({
    root: roots[root] ?? "",
    path,
    match_type: isFolder ? "directory" : "file",
    file_name: path.slice(path.lastIndexOf("/") + 1),
    score,
    indices: [...indices],
  }));
}

function invalid(message: string, reason: string): RpcError {
  return new RpcError(rpcCodes.invalidRequest, message, { reason });
}
