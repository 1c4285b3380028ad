/** Shows what a turn has changed so far as one git-style diff; must not know threads, events or patches. */
import { dirname, relative } from "node:path";
import { findProjectRoot } from "../context/project_root.ts";
import type { FileRevision } from "./tool.ts";
import { unifiedHunks } from "./unified_diff.ts";

/** Longer texts are named, but their lines are not shown, in UTF-16 units. */
const MAX_TEXT_LENGTH = 1024 * 1024;
/** Once the diff is this long, later files are only named, in UTF-16 units. */
const MAX_DIFF_LENGTH = 4 * 1024 * 1024;
const CONTEXT_LINES = 3;
/** Stands for the blob of a file that does not exist, as in git. */
const NO_BLOB = "0".repeat(40);
const encoder = new TextEncoder();

/**
 * The difference between each file before its first revision and after its last one, sorted by name.
 *
 * Names are relative to the repository that a file lies in, else absolute without the leading slash. A
 * moved file is shown as a deleted and a new one. Files that are back at their first text are left out.
 */
export async function turnDiff(revisions: readonly FileRevision[]): Promise<string> {
  const roots = new Map<string, Promise<string | null>>();
  const named: { name: string; revision: FileRevision }[] = [];
  for (const revision of folded(revisions)) {
    named.push({ name: await nameOf(revision.path, roots), revision });
  }
  named.sort((a, b) => (a.name < b.name ? -1 : 1));
  let diff = "";
  for (const { name, revision } of named) {
    diff += await fileDiff(name, { revision, isShown: diff.length < MAX_DIFF_LENGTH });
  }
  return diff;
}

/** One revision for each changed file, from its first text to its last. */
function folded(revisions: readonly FileRevision[]): FileRevision[] {
  const byPath = new Map<string, FileRevision>();
  for (const { path, before, after } of revisions) {
    const first = byPath.get(path);
    byPath.set(path, { path, before: first ? first.before : before, after });
  }
  return [...byPath.values()].filter((revision) => revision.before !== revision.after);
}

async function nameOf(path: string, roots: Map<string, Promise<string | null>>): Promise<string> {
  const directory = dirname(path);
  let root = roots.get(directory);
  if (root === undefined) roots.set(directory, root = findProjectRoot(directory, [".git"]));
  const rootPath = await root;
  return rootPath === null ? path.replace(/^\/+/, "") : relative(rootPath, path);
}

async function fileDiff(
  name: string,
  { revision, isShown }: { revision: FileRevision; isShown: boolean },
): Promise<string> {
  const { before, after } = revision;
  const mode = before === null
    ? "new file mode 100644\n"
    : after === null
    ? "deleted file mode 100644\n"
    : "";
  const index = `${await blobId(before)}..${await blobId(after)}`;
  const head = `diff --git a/${name} b/${name}\n${mode}index ${index}\n`;
  const texts = { before: before ?? "", after: after ?? "" };
  const isLong = Math.max(texts.before.length, texts.after.length) > MAX_TEXT_LENGTH;
  if (isLong || !isShown) return `${head}[too long to be shown]\n`;
  const hunks = await unifiedHunks(texts, { context: CONTEXT_LINES });
  // An empty file has no lines to show, and git then omits the names too.
  if (hunks === "") return head;
  const from = before === null ? "/dev/null" : `a/${name}`;
  const to = after === null ? "/dev/null" : `b/${name}`;
  return `${head}--- ${from}\n+++ ${to}\n${hunks}`;
}

/**
 * The id that git gives a file of this text. Not by `node:crypto`, which takes a start 20 ms and 10 MiB: all of this
 * is loaded with the agent.
 */
async function blobId(text: string | null): Promise<string> {
  if (text === null) return NO_BLOB;
  const { length } = encoder.encode(text);
  const digest = await crypto.subtle.digest("SHA-1", encoder.encode(`blob ${length}\0${text}`));
  return new Uint8Array(digest).toHex();
}
