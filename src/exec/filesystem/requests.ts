/** What can be asked of the file worker, and what it answers; data only. */
import type { CodexErrorKind } from "../../lib/errors.ts";
import type { FileRules } from "./rules.ts";
import type { Confinement } from "./landlock.ts";

/** Most bytes that one message may carry as a whole file. */
export const WHOLE_BYTES_MAX = 40 * 1024 * 1024;
/** Most bytes of one ranged read or write. */
export const RANGE_BYTES_MAX = 8 * 1024 * 1024;

/** Every operation. Paths are absolute and free of `.` and `..`. */
export interface FileOperations {
  readFile: {
    readonly params: {
      readonly path: string;
      /** With one of the two set, a part of the file is read; it ends early only at the end of the file. */
      readonly offset: number | null;
      readonly length: number | null;
      /** Fails when the path leads to another file by now; as `inspect` has told it. */
      readonly identity?: string;
      /** What is larger is not read but answered with its size, so that the caller can wait with it. */
      readonly bytesMax: number;
    };
    readonly result:
      | {
        readonly type: "content";
        readonly bytes: Uint8Array<ArrayBuffer>;
        readonly fileSize: number;
      }
      | { readonly type: "tooMuch"; readonly bytes: number };
  };
  writeFile: {
    readonly params: {
      readonly path: string;
      /** Changes hands: the caller's array is empty afterwards. */
      readonly bytes: Uint8Array<ArrayBuffer>;
      /** Null: the data becomes the whole content; else only what is there from this byte on is overwritten. */
      readonly offset: number | null;
    };
    /** The array comes back, so that its memory can serve the next write: fresh memory is what costs most. */
    readonly result: { readonly bytes: Uint8Array<ArrayBuffer> };
  };
  createDirectory: {
    readonly params: { readonly path: string; readonly recursive: boolean };
    readonly result: null;
  };
  getMetadata: {
    readonly params: { readonly path: string };
    readonly result: FileMetadata;
  };
  /** What a path leads to, with what tells it from everything else. */
  inspect: {
    readonly params: { readonly path: string };
    readonly result: FileInspection;
  };
  /** A tree, as far as the limits allow. */
  walk: {
    readonly params: WalkLimits & { readonly path: string };
    readonly result: WalkResult;
  };
  /** The array of entries as JSON text: it may be long, and goes into an answer as it is. */
  readDirectory: {
    readonly params: { readonly path: string };
    readonly result: string;
  };
  remove: {
    readonly params: {
      readonly path: string;
      readonly recursive: boolean;
      readonly force: boolean;
    };
    readonly result: null;
  };
  copy: {
    readonly params: {
      readonly source: string;
      readonly destination: string;
      readonly recursive: boolean;
    };
    readonly result: null;
  };
  /** What the rules are enforced by; null: there are none. */
  confinement: {
    readonly params: Readonly<Record<string, never>>;
    readonly result: FileConfinement | null;
  };
  /** Fails unless changes at the path may be watched; it need not exist. */
  assertVisible: {
    readonly params: { readonly path: string };
    readonly result: null;
  };
}

/** The name of an operation. */
export type FileOperation = keyof FileOperations;

/** What is known of a path; times are Unix milliseconds, 0 where unknown. */
export interface FileMetadata {
  readonly isDirectory: boolean;
  readonly isFile: boolean;
  readonly isSymlink: boolean;
  readonly createdAtMs: number;
  readonly modifiedAtMs: number;
}

/** More about a path. */
export interface FileInspection extends FileMetadata {
  readonly sizeBytes: number;
  /** Free of links. */
  readonly realPath: string;
  readonly identity: string;
}

/** Where a walk ends. */
export interface WalkLimits {
  /** 0: the entries of the folder itself. */
  readonly maxDepth: number;
  readonly maxDirectories: number;
  readonly maxEntries: number;
  /** Links to folders are entered; otherwise all links are left out. */
  readonly followDirectorySymlinks: boolean;
}

/** What a walk has found, in the order of names, folders before what is in them. */
export interface WalkResult {
  readonly entries: readonly { readonly path: string; readonly kind: "file" | "directory" }[];
  readonly errors: readonly { readonly path: string; readonly message: string }[];
  /** A limit other than the depth was reached. */
  readonly truncated: boolean;
}

/** One operation with its params, for the worker. */
export type FileRequest = {
  [O in FileOperation]: {
    readonly id: number;
    readonly operation: O;
    readonly params: FileOperations[O]["params"];
  };
}[FileOperation];

/** The answer to the request of that id. */
export type FileAnswer =
  | { readonly id: number; readonly type: "done"; readonly result: unknown }
  | {
    readonly id: number;
    readonly type: "failed";
    readonly kind: CodexErrorKind;
    readonly message: string;
    /**
     * Set when the worker was confined to folders that are not the ones of these paths any more: a new one may be
     * asked the same.
     */
    readonly again: FileRequest | null;
  };

/** The first message to a worker; it comes with the port for everything else. */
export interface FileWorkerStart {
  readonly rules: FileRules | null;
}

/** What operations are held to, in fact. */
export interface FileConfinement {
  /** Whether the kernel itself keeps the worker out of what it must not write. */
  readonly landlock: Confinement;
  /** Whether decisions are made on handles that no renaming or linking can redirect. */
  readonly isRaceFree: boolean;
  /** Whether the kernel refuses the links of `/proc` that lead past all names. */
  readonly refusesMagicLinks: boolean;
}
