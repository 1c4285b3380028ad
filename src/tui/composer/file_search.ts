/** The search for files as the composer needs it; must not know who searches. */

/** A file or folder that fits. */
export interface FileMatch {
  /** Relative to the folder that is searched. */
  readonly path: string;
  readonly isFolder: boolean;
  /** The code points of `path` that fit. */
  readonly indices: readonly number[];
}

/** What was found so far. */
export interface FileMatches {
  readonly query: string;
  readonly files: readonly FileMatch[];
  /** Nothing will follow for this query. */
  readonly isComplete: boolean;
}

/** Finds files for whoever types a part of a path. */
export interface FileSearch {
  /** Begins; `onFound` is called until `stop`, never for another query than the newest. */
  open(onFound: (matches: FileMatches) => void): OpenFileSearch;
}

/** A search while somebody types. */
export interface OpenFileSearch {
  /** Looks for something else from now on. */
  look(query: string): void;
  stop(): void;
}
