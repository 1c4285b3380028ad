/** Reads what a repository says about itself from its files; must not run git, nor anything else. */
import { dirname, isAbsolute, join, resolve } from "node:path";
import type { GitInfo } from "../../protocol/thread_types.ts";
import { findProjectRoot } from "./project_root.ts";

/** Larger files are not read: a foreign repository could hold anything. In bytes. */
const MAX_REF_BYTES = 4096;
const MAX_CONFIG_BYTES = 1024 * 1024;
const MAX_PACKED_REFS_BYTES = 16 * 1024 * 1024;

const OBJECT_ID = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/**
 * Commit, branch and origin of the repository around `cwd`, or null when there is none.
 *
 * What is missing, too large or unreadable is null. Included config files and `insteadOf` rules are not
 * followed, and passwords in the origin's URL are left out.
 */
export async function readGitInfo(cwd: string): Promise<GitInfo | null> {
  const root = await findProjectRoot(cwd, [".git"]);
  const gitDir = root === null ? null : await gitDirOf(join(root, ".git"));
  const head = gitDir === null ? null : await readSmall(join(gitDir, "HEAD"), MAX_REF_BYTES);
  if (gitDir === null || head === null) return null;
  const common = await readSmall(join(gitDir, "commondir"), MAX_REF_BYTES);
  const commonDir = common === null ? gitDir : resolve(gitDir, common.trim());
  const ref = /^ref:\s*(refs\/\S+)\s*$/.exec(head)?.[1] ?? null;
  const [sha, config] = await Promise.all([
    ref === null ? objectId(head) : shaOf(ref, { gitDir, commonDir }),
    readSmall(join(commonDir, "config"), MAX_CONFIG_BYTES),
  ]);
  return {
    sha,
    branch: ref?.startsWith("refs/heads/") ? ref.slice("refs/heads/".length) : null,
    originUrl: config === null ? null : originUrl(config),
  };
}

/** The folder that `.git` is, or that it names: linked worktrees and submodules have a file there. */
async function gitDirOf(path: string): Promise<string | null> {
  const stat = await onDisk(Deno.stat(path));
  if (stat?.isDirectory) return path;
  const text = await readSmall(path, MAX_REF_BYTES);
  const target = /^gitdir:\s*(.+?)\s*$/.exec(text ?? "")?.[1];
  if (target === undefined) return null;
  return isAbsolute(target) ? target : resolve(dirname(path), target);
}

async function shaOf(
  ref: string,
  { gitDir, commonDir }: { gitDir: string; commonDir: string },
): Promise<string | null> {
  if (ref.split("/").includes("..")) return null;
  for (const directory of new Set([gitDir, commonDir])) {
    const loose = objectId(await readSmall(join(directory, ref), MAX_REF_BYTES));
    if (loose !== null) return loose;
  }
  const packed = await readSmall(join(commonDir, "packed-refs"), MAX_PACKED_REFS_BYTES);
  const end = packed === null ? -1 : `${packed}\n`.indexOf(` ${ref}\n`);
  if (packed === null || end < 0) return null;
  return objectId(packed.slice(packed.lastIndexOf("\n", end) + 1, end));
}

function objectId(text: string | null): string | null {
  const id = text?.trim() ?? "";
  return OBJECT_ID.test(id) ? id : null;
}

/** The last `url` of the remote named origin. */
function originUrl(config: string): string | null {
  let isOrigin = false;
  let url: string | null = null;
  // A backslash at the end of a line continues it.
  for (const line of config.replace(/\\\r?\n/g, "").split(/\r?\n/)) {
    const section = /^\s*\[\s*([^\]]*)\]/.exec(line);
    // Only the first word of a section's name is the same in any case.
    if (section) isOrigin = /^[Rr][Ee][Mm][Oo][Tt][Ee]\s+"origin"\s*$/.test(section[1] ?? "");
    const entry = (section ? line.slice(section[0].length) : line).match(/^\s*url\s*=\s*(.*)$/i);
    if (isOrigin && entry) url = configValue(entry[1] ?? "");
  }
  return url === null || url === "" ? null : withoutPassword(url);
}

/** A value without quotes, escapes and the comment after it. */
function configValue(text: string): string {
  const pieces = text.match(/"(?:\\.|[^"\\])*"|\\.|[^"\\#;]+|[#;].*/g) ?? [];
  let value = "";
  for (const piece of pieces) {
    if (/^[#;]/.test(piece)) break;
    value += piece.startsWith('"') ? piece.slice(1, -1) : piece;
  }
  return value.replace(/\\(.)/g, "$1").trim();
}

/** People paste tokens into URLs; the name before them may stay, as in `ssh://git@host`. */
function withoutPassword(url: string): string {
  return url.replace(/^(https?:\/\/)[^/@]*@/i, "$1").replace(/^(\w+:\/\/[^/:@]*):[^/@]*@/, "$1@");
}

/** The text of a regular file of at most `maxBytes`, or null. */
async function readSmall(path: string, maxBytes: number): Promise<string | null> {
  const stat = await onDisk(Deno.stat(path));
  if (!stat?.isFile || stat.size > maxBytes) return null;
  return await onDisk(Deno.readTextFile(path));
}

/** Null where the file system has no such thing, or does not let us see it. */
async function onDisk<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Error) return null;
    throw error;
  }
}
