/** Lists a tree within limits; must not know who asks. */
import { below, toBytes, toText } from "./byte_text.ts";
import type { Entry, Place } from "./disk.ts";
import type { GuardedDisk } from "./guarded_disk.ts";
import { CodexError } from "../../lib/errors.ts";
import { errnos, isErrno, OsError } from "./os_error.ts";
import type { FileOperations, WalkResult } from "./requests.ts";
import type { Steps } from "./steps.ts";

type Params = FileOperations["walk"]["params"];

interface Found {
  readonly name: string;
  readonly kind: "file" | "directory";
}

/** State of one walk. Folders that links lead back to are entered once. */
class Walk {
  readonly entries: WalkResult["entries"][number][] = [];
  readonly errors: WalkResult["errors"][number][] = [];
  readonly seen = new Set<string>();
  directories = 0;
  truncated = false;
}

/** Everything below a folder, in the order of names; one folder per step. */
export function* walk(guard: GuardedDisk, params: Params): Steps<WalkResult> {
  const state = new Walk();
  using root = guard.readable(toBytes(params.path));
  if (root.stat().kind !== "folder") throw new OsError(errnos.ENOTDIR, "Not a directory");
  yield* enter(guard, { params, state, place: root, path: toBytes(params.path), depth: 0 });
  const { entries, errors, truncated } = state;
  return { entries, errors, truncated };
}

interface Visit {
  readonly params: Params;
  readonly state: Walk;
  readonly place: Place;
  readonly path: string;
  readonly depth: number;
}

function* enter(guard: GuardedDisk, visit: Visit): Steps<void> {
  const { params, state, place, path, depth } = visit;
  const { identity } = place.stat();
  if (state.seen.has(identity)) return;
  if (state.directories >= params.maxDirectories) {
    state.truncated = true;
    return;
  }
  state.seen.add(identity);
  state.directories++;
  yield;
  for (const { name, kind } of listed(place, params)) {
    if (state.entries.length >= params.maxEntries) {
      state.truncated = true;
      return;
    }
    const child = below(path, name);
    state.entries.push({ path: toText(child), kind });
    if (kind === "directory" && depth < params.maxDepth) {
      yield* enterChild(guard, { ...visit, path: child, depth: depth + 1 });
    }
  }
}

/** A folder that cannot be read is told and passed over. */
function* enterChild(guard: GuardedDisk, visit: Omit<Visit, "place">): Steps<void> {
  try {
    using place = guard.readable(visit.path);
    yield* enter(guard, { ...visit, place });
  } catch (error) {
    if (!(error instanceof CodexError)) throw error;
    // It went away meanwhile.
    if (isErrno(error, errnos.ENOENT)) return;
    visit.state.errors.push({ path: toText(visit.path), message: error.message });
  }
}

function listed(place: Place, params: Params): readonly Found[] {
  const found: Found[] = [];
  for (const entries of place.entries()) {
    for (const entry of entries) {
      const kind = kindOf(place, { entry, follows: params.followDirectorySymlinks });
      if (kind !== null) found.push({ name: entry.name, kind });
    }
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function kindOf(
  place: Place,
  { entry, follows }: { readonly entry: Entry; readonly follows: boolean },
): Found["kind"] | null {
  let { kind } = entry;
  try {
    kind ??= place.statChild(entry.name, { follow: false }).kind;
    if (kind === "link" && follows) {
      return place.statChild(entry.name, { follow: true }).kind === "folder" ? "directory" : null;
    }
  } catch (error) {
    if (error instanceof OsError) return null;
    throw error;
  }
  return kind === "folder" ? "directory" : kind === "file" ? "file" : null;
}
