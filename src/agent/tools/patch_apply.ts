/** Works out what a patch would do to the files on disk; must not know policies, approvals or events. */
import { relative, resolve } from "node:path";
import type { FileChange } from "../../protocol/item.ts";
import { type PlannedFile, readTarget, type TargetFile } from "./patch_files.ts";
import { applyHunks } from "./patch_match.ts";
import type { FilePatch, Result } from "./patch_parse.ts";
import type { FileRevision } from "./tool.ts";
import { unifiedHunks } from "./unified_diff.ts";

/** Everything that a patch would do, worked out in memory; nothing is written yet. */
export interface PatchPlan {
  /** Every file that the patch names, each once. */
  readonly files: readonly PlannedFile[];
  /** What a person is shown, with absolute paths: exactly what will be written. */
  readonly changes: readonly FileChange[];
  /** Absolute paths of all these files, as people are shown them. */
  readonly paths: readonly string[];
  /** What would be different, by the same paths. */
  readonly revisions: readonly FileRevision[];
  /** What the model is told when all is written; paths as the patch has them. */
  readonly summary: string;
}

/** A deleted file longer than this is shown cut, in UTF-16 units. */
const MAX_SHOWN_LENGTH = 1024 * 1024;
/** Unchanged lines around a change, as upstream's items have. */
const ITEM_CONTEXT_LINES = 1;

/** A file while the sections of a patch change it one after the other. */
interface Draft {
  readonly target: TargetFile;
  /** The path that people are shown: `path`, or where it leads when a link takes it elsewhere. */
  readonly shownPath: string;
  after: string | null;
  afterMode: number | null;
  /** Where an update moved it. */
  movedTo: Draft | null;
  movedFrom: Draft | null;
}

/** Applies the sections in memory. Fails as a whole when one of them does not fit. */
export async function planPatch(
  patches: readonly FilePatch[],
  { cwd }: { readonly cwd: string },
): Promise<Result<PatchPlan>> {
  const drafts = new Drafts(cwd);
  const marks: Record<"A" | "M" | "D", string[]> = { A: [], M: [], D: [] };
  for (const patch of patches) {
    const applied = await applySection(drafts, patch);
    if (!applied.ok) return applied;
    const shown = patch.type === "update" ? patch.moveTo ?? patch.path : patch.path;
    marks[MARK_OF[patch.type]].push(shown);
  }
  const listed = (["A", "M", "D"] as const)
    .flatMap((mark) => marks[mark].map((path) => `${mark} ${path}\n`)).join("");
  const all = drafts.all();
  return {
    ok: true,
    value: {
      files: all.map(({ target, after, afterMode }) => ({ ...target, after, afterMode })),
      changes: await changesOf(all),
      paths: all.map((draft) => draft.shownPath),
      revisions: all.flatMap(({ shownPath: path, target: { before }, after }) =>
        before === after ? [] : [{ path, before, after }]
      ),
      summary: `Success. Updated the following files:\n${listed}`,
    },
  };
}

const MARK_OF = { add: "A", update: "M", delete: "D" } as const;

/** The drafts by where they really are, so that two names of one file meet. */
class Drafts {
  readonly #cwd: string;
  readonly #byRealPath = new Map<string, Draft>();
  #realCwd: Promise<string> | null = null;

  constructor(cwd: string) {
    this.#cwd = cwd;
  }

  all(): readonly Draft[] {
    return [...this.#byRealPath.values()];
  }

  /** The draft of a path; a failure message starts with what was to be done. */
  async open(path: string, purpose: string): Promise<Result<Draft>> {
    const absolute = resolve(this.#cwd, path);
    const target = await readTarget(absolute);
    if (!target.ok) return { ok: false, message: `${purpose} ${absolute}: ${target.message}` };
    const { realPath } = target.value;
    const known = this.#byRealPath.get(realPath);
    if (known) return { ok: true, value: known };
    const draft: Draft = {
      target: target.value,
      shownPath: await this.#isWhereItSeems(absolute, realPath) ? absolute : realPath,
      after: target.value.before,
      afterMode: target.value.mode,
      movedTo: null,
      movedFrom: null,
    };
    this.#byRealPath.set(realPath, draft);
    return { ok: true, value: draft };
  }

  async #isWhereItSeems(absolute: string, realPath: string): Promise<boolean> {
    if (absolute === realPath) return true;
    // A folder that does not exist yet leads nowhere else.
    this.#realCwd ??= Deno.realPath(this.#cwd).catch(() => this.#cwd);
    return resolve(await this.#realCwd, relative(this.#cwd, absolute)) === realPath;
  }
}

const MISSING = "No such file or directory (os error 2)";

async function applySection(drafts: Drafts, patch: FilePatch): Promise<Result<null>> {
  const purpose = {
    add: "Failed to write file",
    delete: "Failed to delete file",
    update: "Failed to read file to update",
  }[patch.type];
  const opened = await drafts.open(patch.path, purpose);
  if (!opened.ok) return opened;
  const draft = opened.value;
  if (patch.type === "add") {
    draft.after = patch.content;
    return DONE;
  }
  if (draft.after === null) {
    return { ok: false, message: `${purpose} ${draft.target.path}: ${MISSING}` };
  }
  if (patch.type === "delete") {
    draft.after = null;
    return DONE;
  }
  const text = applyHunks(draft.after, { hunks: patch.hunks, path: draft.target.path });
  if (!text.ok) return text;
  if (patch.moveTo === null) draft.after = text.value;
  else return await move(drafts, { from: draft, to: patch.moveTo, text: text.value });
  return DONE;
}

const DONE: Result<null> = { ok: true, value: null };

async function move(
  drafts: Drafts,
  { from, to, text }: { from: Draft; to: string; text: string },
): Promise<Result<null>> {
  const opened = await drafts.open(to, "Failed to write file");
  if (!opened.ok) return opened;
  const target = opened.value;
  // Upstream deletes a file that is moved onto itself.
  if (target !== from) {
    from.after = null;
    from.movedTo = target;
    target.movedFrom = from;
    target.afterMode = from.afterMode;
  }
  target.after = text;
  return DONE;
}

async function changesOf(drafts: readonly Draft[]): Promise<FileChange[]> {
  const changes: FileChange[] = [];
  for (const draft of drafts) {
    const change = await changeOf(draft);
    if (change) changes.push(change);
  }
  return changes;
}

async function changeOf(draft: Draft): Promise<FileChange | null> {
  const { target: { before }, after, shownPath: path } = draft;
  if (after === null) {
    if (before === null) return null;
    const moved = draft.movedTo;
    if (moved !== null && isShownAsMove(draft, moved)) {
      return await update(path, { before, after: moved.after ?? "", movePath: moved.shownPath });
    }
    return { path, kind: { type: "delete" }, diff: shownContent(before) };
  }
  if (before !== null) return await update(path, { before, after, movePath: null });
  if (draft.movedFrom !== null && isShownAsMove(draft.movedFrom, draft)) return null;
  return { path, kind: { type: "add" }, diff: after };
}

/** A move that overwrites a file is shown as a change of that file, so that nothing is lost unseen. */
function isShownAsMove(from: Draft, to: Draft): boolean {
  return to.movedFrom === from && to.after !== null && to.target.before === null &&
    from.movedTo === to && from.after === null && from.target.before !== null;
}

async function update(
  path: string,
  { before, after, movePath }: { before: string; after: string; movePath: string | null },
): Promise<FileChange> {
  const diff = await unifiedHunks({ before, after }, { context: ITEM_CONTEXT_LINES });
  return { path, kind: { type: "update", move_path: movePath }, diff };
}

function shownContent(text: string): string {
  if (text.length <= MAX_SHOWN_LENGTH) return text;
  return `${text.slice(0, MAX_SHOWN_LENGTH)}\n[${
    text.length - MAX_SHOWN_LENGTH
  } characters not shown]\n`;
}
