/** The error classes of the whole program; must not know the protocol, the terminal or any feature. */

/** Closed set of operational failures; the word reaches clients as `data.reason`. */
export type CodexErrorKind =
  | "invalidRequest"
  | "invalidConfig"
  | "threadNotLoaded"
  | "threadLocked"
  | "threadArchived"
  | "rolloutNotFound"
  | "turnNotActive"
  | "turnMismatch"
  | "inputEmpty"
  | "providerNotFound"
  | "credentialsMissing"
  | "sandboxDenied"
  | "aboveCeiling"
  | "shuttingDown"
  | "diskFull"
  | "readOnlyHome"
  | "io";

/** An operational failure that a user or client can act on. */
export class CodexError extends Error {
  override readonly name = "CodexError";
  readonly kind: CodexErrorKind;
  constructor(kind: CodexErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** A failure of a command line program: printed once by `main.ts`, without a stack. */
export class CliError extends Error {
  override readonly name = "CliError";
  /** 1 failure, 2 usage, 130 interrupted. */
  readonly exitCode: number;
  constructor(message: string, exitCode = 1, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** A broken assumption of the program itself: a bug, never the user's fault. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/** Throws an `InvariantError` unless `condition` holds. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}

/** Marks the branch of a closed union that cannot be reached. */
export function assertNever(value: never): never {
  throw new InvariantError(`Unexpected value: ${JSON.stringify(value)}`);
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
