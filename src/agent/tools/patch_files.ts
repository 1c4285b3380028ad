/** Reads and replaces the files of a patch, all or none; must not know hunks, policies or approvals. */
import { basename, dirname, join } from "node:path";
import { messageOf } from "../../lib/errors.ts";
import type { Result } from "./patch_parse.ts";

/** A file as it was when the patch was prepared. */
export interface TargetFile {
  /** The absolute path by which it was addressed. */
  readonly path: string;
  /** Where that path led; all reading and writing happens there. */
  readonly realPath: string;
  /** Its text, or null where nothing exists. */
  readonly before: string | null;
  /** Permission bits, or null for a file that does not exist yet. */
  readonly mode: number | null;
  readonly owner: { readonly uid: number; readonly gid: number } | null;
}

/** A file with the text that it shall have; null removes it. */
export interface PlannedFile extends TargetFile {
  readonly after: string | null;
  /** Permission bits of the new text, or null for the usual ones. */
  readonly afterMode: number | null;
}

/** Larger files are refused: a patch keeps several copies in memory. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;
/** So many unfinished patches beside one file mean that something else is wrong. */
const MAX_TEMPORARY_NAMES = 1000;

/**
 * Reads what is at an absolute path, without ever opening anything but a regular file.
 *
 * Links are followed once, here. Everything later uses `realPath`, and is refused when the path leads
 * elsewhere by then.
 */
export async function readTarget(path: string): Promise<Result<TargetFile>> {
  try {
    const realPath = await locate(path);
    const stat = await statOrNull(realPath);
    if (stat === null) {
      return { ok: true, value: { path, realPath, before: null, mode: null, owner: null } };
    }
    const problem = unfitness(stat);
    if (problem !== null) return { ok: false, message: problem };
    const before = decode(await Deno.readFile(realPath));
    if (before === null) {
      return { ok: false, message: "the file is not UTF-8 text and cannot be patched" };
    }
    const owner = stat.uid === null || stat.gid === null ? null : { uid: stat.uid, gid: stat.gid };
    const mode = stat.mode === null ? null : stat.mode & 0o777;
    return { ok: true, value: { path, realPath, before, mode, owner } };
  } catch (error) {
    return { ok: false, message: reasonOf(error) };
  }
}

/**
 * Brings all files to their new text, or leaves all as they were. Returns null, or why it failed.
 *
 * New texts are first written beside their files. Then every file is compared with what the patch was
 * prepared against, and only then are the files replaced, each in one step. Between the comparison and
 * the step stay some microseconds that no portable call can close; a rename never writes through a link
 * that appears in them, nor into another hard link of the file.
 */
export async function commitFiles(files: readonly PlannedFile[]): Promise<string | null> {
  const undo: (() => Promise<void>)[] = [];
  const changed = files.filter((file) => file.after !== file.before);
  try {
    const staged: { file: PlannedFile; temporary: string }[] = [];
    for (const file of changed) {
      if (file.after === null) continue;
      await createParents(file, undo);
      staged.push({ file, temporary: await stage(file, { text: file.after, undo }) });
    }
    for (const file of files) await requireUnchanged(file);
    for (const { file, temporary } of staged) {
      await Deno.rename(temporary, file.realPath).catch(
        failWith(`Failed to write file ${file.path}`),
      );
      undo.push(() => restore(file));
    }
    for (const file of changed) {
      if (file.after !== null) continue;
      await Deno.remove(file.realPath).catch(failWith(`Failed to delete file ${file.path}`));
      undo.push(() => restore(file));
    }
    return null;
  } catch (error) {
    const leftovers = await rollBack(undo);
    return [messageOf(error), ...leftovers].join("\n");
  }
}

/** The words of a system error as upstream shows them, without Deno's operation and path. */
export function reasonOf(error: unknown): string {
  const message = messageOf(error);
  return /^.*?\(os error \d+\)/.exec(message)?.[0] ?? message;
}

/** Where writing to an absolute path would really end; names that do not exist are kept. */
async function locate(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  if (await statOrNull(path) !== null) throw new Error("Symbolic link leads nowhere");
  const parent = dirname(path);
  return parent === path ? path : join(await locate(parent), basename(path));
}

async function statOrNull(path: string): Promise<Deno.FileInfo | null> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function unfitness(stat: Deno.FileInfo): string | null {
  if (stat.isDirectory) return "Is a directory (os error 21)";
  // Opening a FIFO would wait for its other end, and a device has no text.
  if (!stat.isFile) return "not a regular file";
  if (stat.size <= MAX_FILE_BYTES) return null;
  return `the file has ${stat.size} bytes, more than the ${MAX_FILE_BYTES} that a patch may change`;
}

function decode(bytes: Uint8Array): string | null {
  // A NUL byte is valid UTF-8, yet no text file has one.
  if (bytes.includes(0)) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

async function createParents(file: PlannedFile, undo: (() => Promise<void>)[]): Promise<void> {
  const missing: string[] = [];
  const fail = failWith(`Failed to create parent directories for ${file.path}`);
  let parent = dirname(file.realPath);
  for (; await statOrNull(parent).catch(fail) === null; parent = dirname(parent)) {
    missing.push(parent);
  }
  for (const directory of missing.reverse()) {
    await Deno.mkdir(directory).catch(fail);
    undo.push(() => Deno.remove(directory));
  }
}

/** Writes the text to a new file in the same folder, with the mode and owner of the old one. */
async function stage(
  file: PlannedFile,
  { text, undo }: { text: string; undo: (() => Promise<void>)[] },
): Promise<string> {
  const fail = failWith(`Failed to write file ${file.path}`);
  const directory = dirname(file.realPath);
  if (await Deno.realPath(directory).catch(fail) !== directory) throw conflict(file);
  const temporary = await createBeside(file, { text, mode: file.afterMode }).catch(fail);
  undo.push(async () => {
    if (await statOrNull(temporary) !== null) await Deno.remove(temporary);
  });
  return temporary;
}

async function createBeside(
  file: TargetFile,
  { text, mode }: { text: string; mode: number | null },
): Promise<string> {
  const temporary = await createEmptyBeside(file.realPath, mode);
  try {
    await Deno.writeTextFile(temporary, text, { create: false });
    await adoptOwner(temporary, file);
    if (mode !== null && Deno.build.os !== "windows") await Deno.chmod(temporary, mode);
    return temporary;
  } catch (error) {
    await Deno.remove(temporary);
    throw error;
  }
}

/** Creates a file of a name that nothing has, which never follows a link. */
async function createEmptyBeside(realPath: string, mode: number | null): Promise<string> {
  for (let attempt = 0;; attempt++) {
    const path = join(dirname(realPath), `.codex-patch-${attempt}.tmp`);
    try {
      // A replacement is private until it has the mode of its file; a new file has the usual mode.
      const options = { createNew: true, write: true, mode: mode === null ? 0o666 : 0o600 };
      (await Deno.open(path, options)).close();
      return path;
    } catch (error) {
      const isTaken = error instanceof Deno.errors.AlreadyExists;
      if (!isTaken || attempt >= MAX_TEMPORARY_NAMES) throw error;
    }
  }
}

/** A server that runs as root must not take a user's file away; others cannot give files away, nor need to. */
async function adoptOwner(temporary: string, { owner }: TargetFile): Promise<void> {
  if (owner === null || Deno.build.os === "windows") return;
  const { uid, gid } = await Deno.lstat(temporary);
  if (uid === owner.uid && gid === owner.gid) return;
  try {
    await Deno.chown(temporary, owner.uid, owner.gid);
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
  }
}

/** Also a file that the patch leaves as it is must still be what was looked at. */
async function requireUnchanged(file: PlannedFile): Promise<void> {
  const now = await readTarget(file.path);
  const isSame = now.ok && now.value.realPath === file.realPath && now.value.before === file.before;
  if (!isSame) throw conflict(file);
}

function conflict(file: TargetFile): Error {
  return new Error(
    `${file.path} was changed by something else after this patch was prepared; nothing was written. ` +
      "Read it again and send a new patch",
  );
}

async function restore(file: PlannedFile): Promise<void> {
  if (file.before === null) return await Deno.remove(file.realPath);
  const temporary = await createBeside(file, { text: file.before, mode: file.mode });
  await Deno.rename(temporary, file.realPath);
}

/** Undoes the steps, the last one first, and says what could not be undone. */
async function rollBack(undo: readonly (() => Promise<void>)[]): Promise<string[]> {
  const leftovers: string[] = [];
  for (const step of undo.toReversed()) {
    try {
      await step();
    } catch (error) {
      leftovers.push(`Failed to undo a step of this patch: ${messageOf(error)}`);
    }
  }
  return leftovers;
}

function failWith(what: string): (error: unknown) => never {
  return (error) => {
    throw new Error(`${what}: ${reasonOf(error)}`, { cause: error });
  };
}
