/** Checks the folder that a packed program was unpacked to; must not change it. */
import { basename, dirname, join } from "node:path";
import { shellJoin } from "../../lib/shell_join.ts";
import { UNPACK_NAME, VERSION_NAME } from "../../store/runtime_cache.ts";
import type { Packaging } from "../packaging.ts";
import { type Check, type CheckContext, error, type Finding, ok, warning } from "./check.ts";
import { changedFiles, parseManifest, sha256OfFile } from "./manifest.ts";
import { isOpenToOthers, lookAt, modeText, sizeText } from "./paths.ts";

/** The unpacked runtime and program. */
export const cacheCheck: Check = { name: "cache", run: cacheFindings };

async function cacheFindings(context: CheckContext): Promise<Finding | readonly Finding[]> {
  const { packaging } = context.host;
  const folder = packaging.runtimeDir;
  if (folder === null) return ok(`None: this program runs ${wayOf(packaging)}`);
  const found = await lookAt(folder);
  if (found.type !== "found") {
    return error(`${folder} is gone, while this program runs from it`, "Start codex again");
  }
  const findings = [
    ...ownerFindings(folder, { stat: found.stat, uid: context.uid }),
    ...await contentFindings(folder),
    ...await leftoverFindings(folder),
  ];
  const size = sizeText(await sizeOnDisk(folder));
  const about = `${folder}, ${size}, mode ${modeText(found.stat)}`;
  if (packaging.isVerifiedAtStart) {
    const message =
      `${about}, outside of a private cache: every start verifies it, which takes a while`;
    const fix = "Set CODEX_RUNTIME_DIR to a folder of yours that programs may run from";
    return [warning(message, fix), ...findings];
  }
  return [ok(`${about}, private, trusted once it is unpacked`), ...findings];
}

function wayOf({ form }: Packaging): string {
  return form === "source" ? "from its sources" : "from one file as it is";
}

function ownerFindings(
  folder: string,
  { stat, uid }: { readonly stat: Deno.FileInfo; readonly uid: number | null },
): readonly Finding[] {
  const remove = removalText(folder);
  if (uid !== null && stat.uid !== uid) {
    const message = `${folder} belongs to user ${stat.uid}, who could put another program there`;
    return [error(message, remove)];
  }
  if (!isOpenToOthers(stat)) return [];
  const message = `${folder} is open to other users (mode ${modeText(stat)})`;
  return isOpenToOthers(stat, 0o022)
    ? [error(`${message}, who could put another program there`, remove)]
    : [warning(message, shellJoin(["chmod", "700", folder]))];
}

async function contentFindings(folder: string): Promise<readonly Finding[]> {
  const file = join(folder, "MANIFEST");
  const sum = await sha256OfFile(file);
  // The name of the folder ends in the beginning of that checksum.
  const isOurs = sum !== null && sum.startsWith(basename(folder).split("-").at(-1) ?? "?");
  const entries = isOurs ? parseManifest(await Deno.readTextFile(file)) : null;
  if (entries === null) {
    return [error(`${file} is missing, or not the one of this version`, removalText(folder))];
  }
  const changed = await changedFiles(folder, entries);
  if (changed.length === 0) return [ok(`All ${entries.length} files are as they were packed`)];
  const shown = changed.slice(0, 3).join(", ") + (changed.length > 3 ? ", ..." : "");
  const message =
    `${changed.length} of ${entries.length} files in ${folder} were changed: ${shown}`;
  return [error(message, removalText(folder))];
}

function removalText(folder: string): string {
  return `${shellJoin(["rm", "-rf", folder])}; the next start unpacks it again`;
}

async function leftoverFindings(folder: string): Promise<readonly Finding[]> {
  const base = dirname(folder);
  let bytes = 0;
  let count = 0;
  for await (const { name, isDirectory } of Deno.readDir(base)) {
    if (!isDirectory || name === basename(folder)) continue;
    if (!VERSION_NAME.test(name) && !UNPACK_NAME.test(name)) continue;
    count++;
    bytes += await sizeOnDisk(join(base, name));
  }
  if (count === 0) return [];
  const what = count === 1 ? "1 other version" : `${count} other versions`;
  return [warning(
    `${what} in ${base}, ${sizeText(bytes)}`,
    "codex cache clean, unless they are in use",
  )];
}

/** The space that a folder takes; what vanishes or cannot be seen meanwhile counts as nothing. */
async function sizeOnDisk(folder: string): Promise<number> {
  let bytes = 0;
  try {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      const path = join(folder, name);
      if (isDirectory) bytes += await sizeOnDisk(path);
      else {
        const { blocks, size } = await Deno.lstat(path);
        bytes += blocks === null ? size : blocks * 512;
      }
    }
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.PermissionDenied;
    if (!isMissing) throw error;
  }
  return bytes;
}
