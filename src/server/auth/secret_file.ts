/** A secret in a file, read anew when the file changes; must not know what it opens. */
import { CliError, messageOf } from "../../lib/errors.ts";
import { osCode } from "../../store/home_file.ts";

/** Modes that let others than the owner read or write. */
const FOREIGN_MODE = 0o077;
const PERMISSION_BITS = 0o777;
const FILE_BYTES_MAX = 64 * 1024;

/** What may be wrong with a secret, and who is told about what only looks wrong. */
export interface SecretOptions {
  /** Why this text will not do, or null. */
  check(secret: string): string | null;
  warn(text: string): void;
}

/** Upstream's words for what the system says. */
const CAUSES: Readonly<Record<string, string>> = {
  ENOENT: "No such file or directory (os error 2)",
  EACCES: "Permission denied (os error 13)",
  EISDIR: "Is a directory (os error 21)",
};

/**
 * Invariant: what `current` gives is what the file held when it was asked. A file that is gone or broken gives null,
 * so that removing it locks everybody out.
 */
export class SecretFile {
  readonly path: string;
  readonly #options: SecretOptions;
  #stamp: string;
  #secret: string | null;

  private constructor(
    path: string,
    state: { options: SecretOptions; stamp: string; secret: string },
  ) {
    this.path = path;
    this.#options = state.options;
    this.#stamp = state.stamp;
    this.#secret = state.secret;
  }

  /** Reads it for the first time; throws a `CliError` in upstream's words when that does not work. */
  static open(path: string, options: SecretOptions): SecretFile {
    const { stamp, secret } = read(path, options);
    return new SecretFile(path, { options, stamp, secret });
  }

  /** The secret without the white space around it; null while the file cannot be used. */
  current(): string | null {
    try {
      if (stampOf(Deno.statSync(this.path)) === this.#stamp) return this.#secret;
      const { stamp, secret } = read(this.path, this.#options);
      this.#stamp = stamp;
      this.#secret = secret;
    } catch (error) {
      // Told once, not at every handshake until it is mended.
      if (this.#secret !== null) this.#options.warn(`Nobody can connect: ${messageOf(error)}`);
      this.#stamp = "";
      this.#secret = null;
    }
    return this.#secret;
  }
}

function read(path: string, { check, warn }: SecretOptions): { stamp: string; secret: string } {
  const { info, text } = readText(path);
  const secret = text.trim();
  // deno-lint-ignore codex/error-message -- Upstream's words.
  if (secret === "") throw new CliError(`websocket auth secret ${path} must not be empty`);
  const problem = check(secret);
  if (problem !== null) throw new CliError(problem);
  warnOfMode(path, { info, warn });
  return { stamp: stampOf(info), secret };
}

function readText(path: string): { readonly info: Deno.FileInfo; readonly text: string } {
  try {
    using file = Deno.openSync(path);
    // Of the very file that is read: its name may lead elsewhere by then.
    const info = file.statSync();
    const bytes = new Uint8Array(FILE_BYTES_MAX + 1);
    let length = 0;
    for (let count: number | null = 0; count !== null && length < bytes.length; length += count) {
      count = file.readSync(bytes.subarray(length));
      if (count === null) break;
    }
    if (length > FILE_BYTES_MAX) throw new Error(`It is longer than ${FILE_BYTES_MAX} bytes`);
    return {
      info,
      text: new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(0, length)),
    };
  } catch (error) {
    const cause = CAUSES[osCode(error) ?? ""] ?? messageOf(error);
    // deno-lint-ignore codex/error-message -- Upstream's words.
    throw new CliError(`failed to read websocket auth secret ${path}: ${cause}`, 1, {
      cause: error,
    });
  }
}

function warnOfMode(
  path: string,
  { info, warn }: { readonly info: Deno.FileInfo; readonly warn: (text: string) => void },
): void {
  const mode = (info.mode ?? 0) & PERMISSION_BITS;
  if ((mode & FOREIGN_MODE) === 0) return;
  warn(
    `Other users can use ${path}: its mode is 0${mode.toString(8)}; \`chmod 600\` keeps it private`,
  );
}

function stampOf({ dev, ino, size, mtime, ctime }: Deno.FileInfo): string {
  return [dev, ino, size, mtime?.getTime(), ctime?.getTime()].join(":");
}
