/** Searches files through the server: in a session where it has those, else query by query; must not know the screen. */
import type { NotificationParams, Params, Result } from "../../protocol/mod.ts";
import type { Clock } from "../../lib/clock.ts";
import type { FileMatches, FileSearch, OpenFileSearch } from "./file_search.ts";

type Files = Result<"fuzzyFileSearch">["files"];
type SearchMethod =
  | "fuzzyFileSearch"
  | "fuzzyFileSearch/sessionStart"
  | "fuzzyFileSearch/sessionUpdate"
  | "fuzzyFileSearch/sessionStop";

/** What is needed of the client. */
export interface SearchClient {
  request<M extends SearchMethod>(
    method: M,
    params: Params<M>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<Result<M>>;
  on<M extends "fuzzyFileSearch/sessionUpdated" | "fuzzyFileSearch/sessionCompleted">(
    method: M,
    listener: (params: NotificationParams<M>) => void,
  ): () => void;
}

/** Where and with what to search. */
export interface ServerFileSearchOptions {
  readonly client: SearchClient;
  /** The folders, on the server. */
  roots(): readonly string[];
  has(method: string): boolean;
  randomId(): string;
  readonly clock: Clock;
}

/** Keys come in bursts; a person does not see what was found in between. */
const PAUSE_MS = 40;
/** A list has no room for more. */
const FILES_MAX = 50;

/** File search of the server that the client is connected to. */
export class ServerFileSearch implements FileSearch {
  readonly #options: ServerFileSearchOptions;
  /** The server has refused a session: it is not asked again. */
  #hasSessions = true;

  constructor(options: ServerFileSearchOptions) {
    this.#options = options;
  }

  open(onFound: (matches: FileMatches) => void): OpenFileSearch {
    const { has } = this.#options;
    const hasSessions = this.#hasSessions && has("fuzzyFileSearch/sessionStart");
    const refused = () => void (this.#hasSessions = false);
    return new ServerSearch(this.#options, { onFound, hasSessions, refused });
  }
}

/** Invariants: one request is under way at a time, and the newest query is the next; after `stop` nothing is told. */
class ServerSearch implements OpenFileSearch {
  readonly #options: ServerFileSearchOptions;
  readonly #onFound: (matches: FileMatches) => void;
  readonly #refused: () => void;
  readonly #stopping = new AbortController();
  readonly #token: string;
  readonly #removers: (() => void)[] = [];
  #hasSessions: boolean;
  #isStarted = false;
  /** Another one after each that was lost with its connection. */
  #sessionId = "";
  #query: string | null = null;
  #sent: string | null = null;
  #files: FileMatches["files"] = [];
  #isBusy = false;
  #isPausing = false;
  #cancelPause = () => {};

  constructor(options: ServerFileSearchOptions, parts: {
    readonly onFound: (matches: FileMatches) => void;
    readonly hasSessions: boolean;
    readonly refused: () => void;
  }) {
    this.#options = options;
    this.#onFound = parts.onFound;
    this.#refused = parts.refused;
    this.#hasSessions = parts.hasSessions;
    this.#token = options.randomId();
    if (!parts.hasSessions) return;
    const { client } = options;
    this.#removers.push(
      client.on("fuzzyFileSearch/sessionUpdated", ({ sessionId, query, files }) => {
        if (sessionId === this.#sessionId) this.#found(query, { files, isComplete: false });
      }),
      client.on("fuzzyFileSearch/sessionCompleted", ({ sessionId }) => {
        if (sessionId !== this.#sessionId || this.#sent !== this.#query) return;
        this.#tell({ isComplete: true });
      }),
    );
  }

  look(query: string): void {
    if (this.#stopping.signal.aborted || query === this.#query) return;
    this.#query = query;
    if (!this.#isPausing) this.#next();
  }

  stop(): void {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    this.#cancelPause();
    for (const remove of this.#removers) remove();
    // One that has not begun yet may still begin.
    if (!this.#hasSessions || this.#sessionId === "") return;
    const { client } = this.#options;
    // The session ends with the connection at the latest.
    client.request("fuzzyFileSearch/sessionStop", { sessionId: this.#sessionId }).catch(() => {});
  }

  #next(): void {
    const query = this.#query;
    if (this.#isBusy || query === null || query === this.#sent) return;
    this.#isBusy = true;
    this.#isPausing = true;
    this.#cancelPause = this.#options.clock.after(PAUSE_MS, () => {
      this.#isPausing = false;
      this.#next();
    }, { background: true });
    void this.#ask(query).finally(() => {
      this.#isBusy = false;
      if (!this.#isPausing && !this.#stopping.signal.aborted) this.#next();
    });
  }

  async #ask(query: string): Promise<void> {
    this.#sent = query;
    this.#files = [];
    if (this.#hasSessions && await this.#askSession(query)) return;
    if (this.#stopping.signal.aborted) return;
    try {
      const { client, roots } = this.#options;
      const params = { query, roots: [...roots()], cancellationToken: this.#token };
      const { files } = await client.request("fuzzyFileSearch", params, this.#signal());
      this.#found(query, { files, isComplete: true });
    } catch {
      // Nothing found is all that a list of files can say; what is typed stays as it is.
      this.#found(query, { files: [], isComplete: true });
    }
  }

  /** False when the server has no sessions. A session that was lost with its connection is begun anew. */
  async #askSession(query: string): Promise<boolean> {
    if (this.#isStarted) {
      const isKept = await this.#updateSession(query).then(() => true, () => false);
      if (isKept || this.#stopping.signal.aborted) return true;
    }
    try {
      await this.#start();
      await this.#updateSession(query);
      return true;
    } catch (error) {
      if (this.#stopping.signal.aborted) return true;
      // A connection that broke says nothing about what the server can do.
      if (!isRefusal(error)) return false;
      this.#hasSessions = false;
      this.#refused();
      return false;
    }
  }

  async #updateSession(query: string): Promise<void> {
    const params = { sessionId: this.#sessionId, query };
    await this.#options.client.request("fuzzyFileSearch/sessionUpdate", params, this.#signal());
  }

  async #start(): Promise<void> {
    const { client, roots, randomId } = this.#options;
    this.#isStarted = false;
    this.#sessionId = randomId();
    const params = { sessionId: this.#sessionId, roots: [...roots()] };
    await client.request("fuzzyFileSearch/sessionStart", params, this.#signal());
    this.#isStarted = true;
  }

  #found(query: string, found: { readonly files: Files; readonly isComplete: boolean }): void {
    if (query !== this.#query) return;
    this.#files = found.files.slice(0, FILES_MAX).map((file) => ({
      path: file.path,
      isFolder: file.match_type === "directory",
      indices: file.indices ?? [],
    }));
    this.#tell(found);
  }

  #tell({ isComplete }: { readonly isComplete: boolean }): void {
    if (this.#stopping.signal.aborted || this.#query === null) return;
    this.#onFound({ query: this.#query, files: this.#files, isComplete });
  }

  #signal(): { readonly signal: AbortSignal } {
    return { signal: this.#stopping.signal };
  }
}

/** Whether the server has answered, with a code. */
function isRefusal(error: unknown): boolean {
  return typeof Object(error).code === "number";
}
