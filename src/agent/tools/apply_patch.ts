/** The tool with which a model edits files: verifies, asks, writes; must not know the patch format's details. */
import { isWritablePath } from "../../exec/sandbox_policy.ts";
import { elapsedMs } from "../../lib/clock.ts";
import type { FileChangeItem } from "../../protocol/item.ts";
import type { SandboxPolicy } from "../../protocol/policy.ts";
import type { ToolSpec } from "../model/port.ts";
import { APPLY_PATCH_CUSTOM_SPEC, APPLY_PATCH_FUNCTION_SPEC } from "./apply_patch_spec.ts";
import { type PatchPlan, planPatch } from "./patch_apply.ts";
import { commitFiles } from "./patch_files.ts";
import { parsePatch, type Result } from "./patch_parse.ts";
import type { Decision, Tool, ToolCall, ToolContext, ToolOutput } from "./tool.ts";

/** A patch that was found in a call, for `ApplyPatchTool.apply`. */
export interface PatchCall {
  readonly callId: string;
  /** The text of the patch. */
  readonly input: string;
  /** The folder that its paths are relative to. */
  readonly cwd: string;
}

/** How the outcome is written: upstream answers custom calls and shell calls differently. */
export type PatchOutputForm = "custom" | "shell";

/** The tool, and the way in for patches that a model sends through a shell. */
export interface ApplyPatchTool extends Tool {
  /** Runs a patch exactly as a call of the tool would; never throws for a failed one. */
  apply(
    patch: PatchCall,
    options: { readonly context: ToolContext; readonly form: PatchOutputForm },
  ): Promise<ToolOutput>;
}

/** Makes the tool; `freeform` is for models that support custom tools. One tool may serve many threads. */
export function applyPatchTool({ freeform }: { readonly freeform: boolean }): ApplyPatchTool {
  return new PatchTool(freeform ? APPLY_PATCH_CUSTOM_SPEC : APPLY_PATCH_FUNCTION_SPEC);
}

class PatchTool implements ApplyPatchTool {
  readonly spec: ToolSpec;
  readonly parallel = false;
  readonly #grants = new Grants();

  constructor(spec: ToolSpec) {
    this.spec = spec;
  }

  async run(call: ToolCall, context: ToolContext): Promise<ToolOutput> {
    const request = readInput(call.input);
    if (!request.ok) return { content: request.message };
    const { input, form } = request.value;
    return await this.apply({ callId: call.callId, input, cwd: context.cwd }, { context, form });
  }

  async apply(
    patch: PatchCall,
    { context, form }: { readonly context: ToolContext; readonly form: PatchOutputForm },
  ): Promise<ToolOutput> {
    const startedAtMs = context.now();
    const plan = await prepare(patch);
    // No item is shown for a patch that does not fit, as upstream; the model mends it and tries again.
    if (!plan.ok) return { content: plan.message };
    const need = this.#approvalNeed(plan.value, context);
    if (need.type === "refused") return { content: `patch rejected: ${need.reason}` };
    const item: FileChangeItem = {
      type: "fileChange",
      id: patch.callId,
      changes: [...plan.value.changes],
      status: "inProgress",
    };
    context.itemStarted(item);
    if (need.type === "ask") {
      const decision = await ask(plan.value, { context, itemId: item.id, reason: need.reason });
      if (decision.type === "decline" || decision.type === "cancel") {
        context.itemCompleted({ ...item, status: "declined" });
        return { content: "patch rejected by user" };
      }
      if (decision.type === "acceptForSession") this.#grants.add(context.threadId, plan.value);
    }
    context.signal.throwIfAborted();
    const problem = await commitFiles(plan.value.files);
    const text = problem === null ? plan.value.summary : `${problem}\n`;
    context.fileChangeOutput(item.id, text);
    context.itemCompleted({ ...item, status: problem === null ? "completed" : "failed" });
    if (problem === null && plan.value.revisions.length > 0) {
      context.filesChanged(plan.value.revisions);
    }
    const durationMs = elapsedMs(context, startedAtMs);
    return { content: written(form, { text, exitCode: problem === null ? 0 : 1, durationMs }) };
  }

  #approvalNeed(plan: PatchPlan, context: ToolContext): ApprovalNeed {
    const beyond = pathsOutside(plan, context, context.sandbox.ceiling.policyAt(context.cwd));
    if (beyond.length > 0) {
      return { type: "refused", reason: `${AT_THE_CEILING}: ${beyond.join(", ")}` };
    }
    const outside = pathsOutside(plan, context, context.sandboxPolicy);
    const isAllowed = outside.length === 0;
    if (context.approvalPolicy === "never") {
      return isAllowed ? { type: "none" } : { type: "refused", reason: OUTSIDE };
    }
    if (isAllowed && context.approvalPolicy !== "untrusted") return { type: "none" };
    if (this.#grants.cover(context.threadId, plan)) return { type: "none" };
    return {
      type: "ask",
      reason: isAllowed ? null : `Writes outside the writable folders: ${outside.join(", ")}`,
    };
  }
}

const AT_THE_CEILING = "the server lets nobody write there, and nobody can be asked";
const OUTSIDE = "writing outside of the project; rejected by user approval settings";

type ApprovalNeed =
  | { readonly type: "none" }
  | { readonly type: "ask"; readonly reason: string | null }
  | { readonly type: "refused"; readonly reason: string };

/** Paths that were accepted for the rest of a thread, by where they really are. */
class Grants {
  readonly #byThread = new Map<string, Set<string>>();

  add(threadId: string, plan: PatchPlan): void {
    const granted = this.#byThread.get(threadId) ?? new Set();
    // Moved to the end, so that the thread that asked longest ago is forgotten first: it will be asked again.
    this.#byThread.delete(threadId);
    this.#byThread.set(threadId, granted);
    for (const file of plan.files) granted.add(file.realPath);
    const [oldest] = this.#byThread.keys();
    if (this.#byThread.size > MAX_THREADS && oldest !== undefined) this.#byThread.delete(oldest);
  }

  cover(threadId: string, plan: PatchPlan): boolean {
    const granted = this.#byThread.get(threadId);
    return granted !== undefined && plan.files.every((file) => granted.has(file.realPath));
  }
}

/** Threads whose grants are remembered. */
const MAX_THREADS = 1000;

/** The patch of a custom call, or of a function call with `{"input": "..."}`. */
function readInput(text: string): Result<{ input: string; form: PatchOutputForm }> {
  if (!text.trimStart().startsWith("{")) {
    return { ok: true, value: { input: text, form: "custom" } };
  }
  const failure = "failed to parse function arguments: ";
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null && "input" in parsed) {
      const { input } = parsed;
      if (typeof input === "string") return { ok: true, value: { input, form: "shell" } };
    }
    return { ok: false, message: `${failure}missing string field \`input\`` };
  } catch (error) {
    if (error instanceof SyntaxError) return { ok: false, message: failure + error.message };
    throw error;
  }
}

async function prepare({ input, cwd }: PatchCall): Promise<Result<PatchPlan>> {
  const parsed = parsePatch(input);
  if (parsed.ok && parsed.value.length === 0) {
    return { ok: false, message: "patch rejected: empty patch" };
  }
  const plan = parsed.ok ? await planPatch(parsed.value, { cwd }) : parsed;
  return plan.ok
    ? plan
    : { ok: false, message: `apply_patch verification failed: ${plan.message}` };
}

/** The shown paths of the files that a sandbox policy protects. */
function pathsOutside(plan: PatchPlan, context: ToolContext, policy: SandboxPolicy): string[] {
  const options = {
    policy,
    cwd: context.cwd,
    tmpdir: context.env["TMPDIR"] ?? null,
    protectedPaths: context.protectedPaths,
  };
  return plan.files.flatMap(({ path, realPath }) => {
    if (isWritablePath(realPath, options)) return [];
    return [realPath === path ? path : `${path} (really ${realPath})`];
  });
}

function ask(
  plan: PatchPlan,
  options: { context: ToolContext; itemId: string; reason: string | null },
): Promise<Decision> {
  return options.context.approve({
    type: "fileChange",
    itemId: options.itemId,
    reason: options.reason,
    paths: plan.paths,
  });
}

function written(
  form: PatchOutputForm,
  { text, exitCode, durationMs }: { text: string; exitCode: number; durationMs: number },
): string {
  const seconds = Math.round(durationMs / 100) / 10;
  if (form === "shell") {
    return `Exit code: ${exitCode}\nWall time: ${seconds} seconds\nOutput:\n${text}`;
  }
  // Written by hand, because upstream's number always has a decimal.
  const metadata = `{"exit_code":${exitCode},"duration_seconds":${seconds.toFixed(1)}}`;
  return `{"output":${JSON.stringify(text)},"metadata":${metadata}}`;
}
