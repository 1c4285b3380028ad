/** Keeps paths that do not exist from being made by commands; must not know mounts or specifications. */
import { cString } from "../../c_library.ts";
import { errno, libc } from "../../ffi_libc.ts";
import { lookAt, lookInto } from "./disk.ts";
import { errorText } from "./errno.ts";

/** `O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC`, which differ between architectures. */
const OPEN_FOLDER = { x86_64: 0xb0000, aarch64: 0x8c000 } as const;
const EPERM = 1;
const EACCES = 13;
const EEXIST = 17;
const EROFS = 30;
const LOCK_SHARED_NOW = 1 | 4;
const LOCK_EXCLUSIVE_NOW = 2 | 4;
/** Sticky, which no folder of those names is otherwise: it tells a placeholder from the moment it is made. */
const MODE = 0o1755;
/** Somebody else may remove or make the folder while we look at it. */
const MAX_TRIES = 50;

/** A place that is kept free until `release`, or why that is not possible. */
export type Kept =
  | { readonly type: "kept"; release(): void }
  | { readonly type: "refused"; readonly reason: string };

interface Placeholder {
  readonly descriptor: number;
  users: number;
}

/**
 * A mount needs something to be mounted on. Where there is nothing, an empty folder is made before the
 * command starts and removed after the last command that needs it: removing it earlier would also remove
 * the mount that protects it, in all namespaces.
 *
 * Several servers may share a folder: each holds a shared lock on it while it needs it, and only who gets
 * the exclusive lock removes it. What a server that was killed left behind is known by its mode and by
 * being empty; the next command that needs it takes it over.
 * A folder into which somebody has put something since is an ordinary one, and stays.
 */
export class Placeholders {
  readonly #held = new Map<string, Placeholder>();

  /**
   * Whether the folder is one that keeps a place free: one of ours, or of another server, or what one has left.
   * One that has just been removed counts: whoever keeps the place makes it anew.
   */
  isPlaceholder(path: string): boolean {
    return this.#held.has(path) || isMarked(path);
  }

  /** Keeps the place free for one command. */
  keep(path: string): Kept {
    let placeholder = this.#held.get(path);
    if (placeholder === undefined) {
      const descriptor = acquire(path);
      if (typeof descriptor === "string") return { type: "refused", reason: descriptor };
      // Nobody can make anything there, the command included.
      if (descriptor === null) return { type: "kept", release: () => undefined };
      placeholder = { descriptor, users: 0 };
      this.#held.set(path, placeholder);
    }
    const held = placeholder;
    held.users++;
    let isHeld = true;
    return {
      type: "kept",
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        if (--held.users > 0) return;
        this.#held.delete(path);
        discard(path, held.descriptor);
      },
    };
  }
}

/** Many commands that start and end at once meet at `/tmp`. */
const TRIES_AT_ONCE = 5;
const PAUSE_MS = 1;
const NEVER = new Int32Array(new SharedArrayBuffer(4));

/** A descriptor of the folder, locked; null where nothing can be made; or a sentence. */
function acquire(path: string): number | null | string {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    if (libc().mkdir(cString(path), MODE) !== 0) {
      const reason = errno();
      // The command, which has no more rights than we, cannot make anything there either.
      if (reason === EROFS || reason === EACCES || reason === EPERM) return null;
      if (reason !== EEXIST) return `Cannot keep ${path} read-only: ${errorText(reason)}`;
    }
    const descriptor = openLocked(path);
    if (descriptor !== null) return descriptor;
    // Whoever is removing it has been put off by the system: a moment lets it go on.
    if (tries > TRIES_AT_ONCE) Atomics.wait(NEVER, 0, 0, PAUSE_MS);
  }
  return `Cannot keep ${path} read-only: somebody else changes or locks it`;
}

function openLocked(path: string): number | null {
  const descriptor = libc().open(cString(path), OPEN_FOLDER[Deno.build.arch], 0);
  if (descriptor < 0) return null;
  const isLocked = libc().flock(descriptor, LOCK_SHARED_NOW) === 0;
  // Its last user may have removed it between our looking and locking.
  if (isLocked && isSame(path, descriptor)) return descriptor;
  libc().close(descriptor);
  return null;
}

function discard(path: string, descriptor: number): void {
  const isLastUser = libc().flock(descriptor, LOCK_EXCLUSIVE_NOW) === 0;
  if (isLastUser && isSame(path, descriptor) && lookAt(path).isSticky) {
    // Fails if somebody has filled it or took it away: then it is theirs.
    libc().rmdir(cString(path));
  }
  libc().close(descriptor);
}

function isSame(path: string, descriptor: number): boolean {
  const { kind, identity } = lookAt(path);
  return kind === "folder" && identity === lookInto(descriptor).identity;
}

function isMarked(path: string): boolean {
  const { kind, isSticky } = lookAt(path);
  return kind === "missing" || (kind === "folder" && isSticky && isEmpty(path));
}

function isEmpty(path: string): boolean {
  try {
    return Deno.readDirSync(path)[Symbol.iterator]().next().done === true;
  } catch (error) {
    // Anything else is not ours to look into.
    return error instanceof Deno.errors.NotFound;
  }
}
