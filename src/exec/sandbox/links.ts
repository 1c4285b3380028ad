/**
 * Where paths lead, found without exceptions where that can be: they cost 30 microseconds each, every command
 * needs some twenty paths, and most of these are not there. Must not know what the paths are for.
 */
import { basename, dirname, join } from "node:path";
import { lookAt } from "./launcher/disk.ts";

/** As in Linux: more links than this in one path are a loop. */
const LINKS_MAX = 40;
const PATH_CHARS_MAX = 4096;

/** Whether a path lies below a folder or is it. */
export function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`);
}

/**
 * Where an absolute path really leads. Parts that do not exist are kept, so that what is made there later can
 * be told from a link that is put there. Null when it cannot be told.
 */
export function resolveLinks(path: string): string | null {
  // As in Linux; no such file can be opened.
  if (path.length > PATH_CHARS_MAX) return null;
  if (!exists(path) && dirname(path) !== path) {
    const folder = resolveLinks(dirname(path));
    if (folder === null) return null;
    const place = join(folder, basename(path));
    // Something is there all the same: the path goes into a missing folder and out again.
    return place !== path && exists(place) ? resolveLinks(place) : place;
  }
  // Most paths exist, and the system resolves them in one call.
  return onDisk(() => Deno.realPathSync(path)) ?? resolveStepwise(path);
}

/** For links that lead nowhere or in circles. */
function resolveStepwise(path: string): string | null {
  const rest = path.split("/").reverse();
  let resolved = "/";
  let links = 0;
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    if (name === "" || name === ".") continue;
    if (name === "..") {
      resolved = dirname(resolved);
      continue;
    }
    const next = join(resolved, name);
    const target = linkTarget(next);
    if (target === undefined) return null;
    if (target === null) {
      resolved = next;
      continue;
    }
    if (++links > LINKS_MAX) return null;
    if (target.startsWith("/")) resolved = "/";
    rest.push(...target.split("/").reverse());
  }
  return resolved;
}

/** The target of a symlink, null for anything else or nothing, undefined when it cannot be read. */
export function linkTarget(path: string): string | null | undefined {
  const kind = kindOf(path);
  if (kind === "folder" || kind === "file") return null;
  try {
    return Deno.lstatSync(path).isSymlink ? Deno.readLinkSync(path) : null;
  } catch (error) {
    const isAbsent = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    return isAbsent ? null : undefined;
  }
}

/** Whether something is at the path itself, also a link that leads nowhere. */
export function exists(path: string): boolean {
  const kind = kindOf(path);
  return kind === null ? onDisk(() => Deno.lstatSync(path)) !== null : kind !== "missing";
}

/** Null where there is no such thing, or it is not ours to see. */
export function onDisk<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && !(error instanceof TypeError)) return null;
    throw error;
  }
}

/** What is at a path, as the C library says; null where that cannot be asked. */
function kindOf(path: string): ReturnType<typeof lookAt>["kind"] | null {
  if (!canLook || path.includes("\0")) return null;
  try {
    return lookAt(path).kind;
  } catch (error) {
    // No library of that name, or no permission to use it: that does not change while the program runs.
    if (!(error instanceof Error)) throw error;
    canLook = false;
    return null;
  }
}

let canLook = Deno.build.os === "linux";
