/** The one way to write under the home folder: private modes, atomic replace, clear failures; must not know what is written. */
import { dirname } from "node:path";
import { CodexError, messageOf } from "../lib/errors.ts";
import { withDisposed } from "../lib/with_disposed.ts";

/** Mode of every new folder: session texts and keys are nobody else's. */
const DIRECTORY_MODE = 0o700;
/** Mode of every new file. */
export const FILE_MODE = 0o600;

const encoder = new TextEncoder();
let temporaryCount = 0;

/** Makes the folder and the missing ones above it, private to the user; folders that exist stay as they are. */
export function makePrivateDir(path: string): void {
  inHome(`create the folder ${path}`, () => {
    Deno.mkdirSync(path, { recursive: true, mode: DIRECTORY_MODE });
  });
}

/**
 * Replaces the file in one step: after a crash or a failure at any moment it holds either the old or the new content.
 * A symbolic link stays a link: what it points to is replaced.
 */
export function replaceHomeFile(path: string, content: string | Uint8Array): void {
  inHome(`write ${path}`, () => {
    const target = linkTarget(path);
    Deno.mkdirSync(dirname(target), { recursive: true, mode: DIRECTORY_MODE });
    const temporary = `${target}.${Deno.pid}-${temporaryCount++}.tmp`;
    try {
      writeNewFile(temporary, content);
      Deno.renameSync(temporary, target);
    } catch (error) {
      removeIfPresent(temporary);
      throw error;
    }
    syncDir(dirname(target));
  });
}

/** Writes a file that is not there yet, in one step; false, and nothing has changed, when it is there. */
export function createHomeFile(path: string, content: string | Uint8Array): boolean {
  return inHome(`write ${path}`, () => {
    Deno.mkdirSync(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
    const temporary = `${path}.${Deno.pid}-${temporaryCount++}.tmp`;
    try {
      writeNewFile(temporary, content);
      // Unlike a rename it fails where there is a file.
      Deno.linkSync(temporary, path);
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) return false;
      throw error;
    } finally {
      removeIfPresent(temporary);
    }
    syncDir(dirname(path));
    return true;
  });
}

/** Appends the text in one write, so that lines of several processes never mix; a failed append leaves nothing behind. */
export function appendHomeFile(path: string, text: string): void {
  inHome(`append to ${path}`, () => {
    Deno.mkdirSync(dirname(path), { recursive: true, mode: DIRECTORY_MODE });
    using file = Deno.openSync(path, { create: true, append: true, mode: FILE_MODE });
    const length = file.statSync().size;
    try {
      writeAll(file, encoder.encode(text));
    } catch (error) {
      tryTruncate(file, length);
      throw error;
    }
  });
}

/** Moves a file inside the home folder in one step; the folder it goes to is made. */
export function moveHomeFile(from: string, to: string): void {
  inHome(`move ${from} to ${to}`, () => {
    Deno.mkdirSync(dirname(to), { recursive: true, mode: DIRECTORY_MODE });
    Deno.renameSync(from, to);
    syncDir(dirname(to));
  });
}

/** Removes a file; answers whether there was one. */
export function removeHomeFile(path: string): boolean {
  return inHome(`remove ${path}`, () => removeIfPresent(path));
}

/** Runs `action`; whatever the operating system refuses becomes a `CodexError` that says what was tried. */
export function inHome<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw toHomeError(error, what);
  }
}

/** The failure as a `CodexError`: disk full, home not writable, or another input/output error. */
export function toHomeError(error: unknown, what: string): CodexError {
  if (error instanceof CodexError) return error;
  const code = osCode(error);
  const options = { cause: error };
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new CodexError("diskFull", `Cannot ${what}: the disk is full; free some space`, options);
  }
  if (code === "EROFS" || code === "EACCES" || code === "EPERM") {
    const hint = "the home folder is not writable; check its permissions or set CODEX_HOME";
    return new CodexError("readOnlyHome", `Cannot ${what}: ${hint}`, options);
  }
  return new CodexError("io", `Cannot ${what}: ${messageOf(error)}`, options);
}

/** The name of the operating system's error, such as `ENOENT`, or null. */
export function osCode(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  if ("code" in error && typeof error.code === "string") return error.code;
  return error instanceof Deno.errors.PermissionDenied ? "EACCES" : null;
}

/** Writes every byte: one system call may write less when the disk gets full. */
export function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  let written = 0;
  while (written < bytes.length) written += file.writeSync(bytes.subarray(written));
}

/** Best effort after a failure that the caller is about to hear of; answers whether it went through. */
export function tryTruncate(file: Deno.FsFile, length: number): boolean {
  try {
    file.truncateSync(length);
    return true;
  } catch {
    // The first failure says more than this one would.
    return false;
  }
}

function writeNewFile(path: string, content: string | Uint8Array): void {
  using file = Deno.openSync(path, { createNew: true, write: true, mode: FILE_MODE });
  writeAll(file, typeof content === "string" ? encoder.encode(content) : content);
  // Without it the rename may survive a power cut that the content does not.
  file.syncSync();
}

function removeIfPresent(path: string): boolean {
  try {
    Deno.removeSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function linkTarget(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
    throw error;
  }
}

/** Makes a rename durable; folders that cannot be synced (some network file systems) are left to the system. */
function syncDir(path: string): void {
  if (Deno.build.os === "windows") return;
  try {
    withDisposed(Deno.openSync(path), (folder) => folder.syncSync());
  } catch (error) {
    if (osCode(error) === "EIO") throw error;
  }
}
