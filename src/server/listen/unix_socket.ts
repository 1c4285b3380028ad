/** Prepares the place of a unix socket and guards it; must not know HTTP or what is served. */
import { dirname, join } from "node:path";
import { peerUid } from "../../exec/peer_uid.ts";
import { CliError, messageOf } from "../../lib/errors.ts";
import { makePrivateDir } from "../../store/home_file.ts";
import type { UnixAddress } from "./listener.ts";

/** Nothing for other users: what is bound meanwhile has mode 0600. */
const SOCKET_UMASK = 0o177;
const FOLDER_MODE = 0o700;
const MODE_BITS = 0o7777;
/** Longest path that fits into a socket address, in bytes. */
const PATH_BYTES_MAX = Deno.build.os === "darwin" ? 103 : 107;
/** Root may do anything to anybody's processes as it is. */
const ROOT = 0;

/** A socket that is in its place. */
export interface BoundSocket {
  /** Removes the path, unless something else is there by now. */
  remove(): void;
}

/**
 * Puts a socket at a path through `bind`, which binds the path that it is given before it returns. Missing folders
 * are made for this user alone.
 *
 * Throws a `CliError` where another server listens or something else lies there; the socket of a server that is dead
 * is replaced. Two servers that start at once do not take each other's place.
 */
export async function bindSocket(
  { path, ownsFolder }: UnixAddress,
  bind: (path: string) => Promise<void>,
): Promise<BoundSocket> {
  const folder = dirname(path);
  // The runtime removes what it has bound when it closes, also when that is the socket of a successor by now.
  const first = join(folder, `.codex-${Deno.pid}`);
  refuseLong(path, first);
  makePrivateDir(folder);
  if (ownsFolder) shutFolder(folder);
  using _folder = await lockedFolder(folder);
  await refuseTaken(path);
  await withUmask(() => bind(first));
  const { ino } = Deno.lstatSync(first);
  Deno.renameSync(first, path);
  return {
    remove() {
      if (statOf(path)?.ino === ino) Deno.removeSync(path);
    },
  };
}

/** Whose process is at the other end, when it may come in; null when it may not. Elsewhere than on Linux the folder alone decides. */
export function admittedUid(descriptor: number | null, own: number | null): number | null {
  if (Deno.build.os !== "linux") return own;
  const uid = descriptor === null ? null : peerUid(descriptor);
  return uid !== null && (uid === own || uid === ROOT) ? uid : null;
}

/** A folder that somebody else has put there, or a link to one, is not trusted. */
function shutFolder(folder: string): void {
  const { isDirectory, uid, mode } = Deno.lstatSync(folder);
  if (!isDirectory || uid !== Deno.uid()) {
    throw new CliError(`Cannot listen in ${folder}: it is not a folder of this user; remove it`);
  }
  if (mode !== null && (mode & MODE_BITS) !== FOLDER_MODE) Deno.chmodSync(folder, FOLDER_MODE);
}

/** Held while a path is looked at and bound. */
async function lockedFolder(folder: string): Promise<Disposable> {
  const file = Deno.openSync(folder);
  try {
    // In a folder of others, such as `/tmp`, anybody could hold it for ever.
    if (file.statSync().uid === Deno.uid()) await file.lock(true);
  } catch (error) {
    file.close();
    throw new CliError(`Cannot lock ${folder}: ${messageOf(error)}`, 1, { cause: error });
  }
  return file;
}

async function withUmask(bind: () => Promise<void>): Promise<void> {
  const usual = Deno.umask(SOCKET_UMASK);
  let bound: Promise<void>;
  try {
    bound = bind();
  } finally {
    Deno.umask(usual);
  }
  await bound;
}

function refuseLong(path: string, first: string): void {
  const length = Math.max(...[path, first].map((one) => new TextEncoder().encode(one).length));
  if (length <= PATH_BYTES_MAX) return;
  throw new CliError(
    `The path of the socket has ${length} bytes, and at most ${PATH_BYTES_MAX} are possible: ${path}`,
  );
}

async function refuseTaken(path: string): Promise<void> {
  const found = statOf(path);
  if (found === null) return;
  if (!found.isSocket) {
    throw new CliError(`Cannot listen on ${path}: it is there already, and no socket`);
  }
  if (await isAlive(path)) {
    throw new CliError(`Another server listens on ${path} already; stop it, or use another path`);
  }
}

async function isAlive(path: string): Promise<boolean> {
  try {
    using _connection = await Deno.connect({ transport: "unix", path });
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return false;
    throw new CliError(`Cannot tell who listens on ${path}: ${messageOf(error)}`, 1, {
      cause: error,
    });
  }
}

function statOf(path: string): Deno.FileInfo | null {
  try {
    return Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
