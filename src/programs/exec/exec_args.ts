/** What a command line of `codex exec` asks for, ready to use; must not read anything from disk. */
import { resolve } from "node:path";
import type { Args } from "../../cli/args.ts";

/** Which thread a run works in. */
export type Target =
  | { readonly type: "new" }
  | { readonly type: "last"; readonly anyDirectory: boolean }
  | { readonly type: "named"; readonly idOrName: string };

/** A parsed command line of `codex exec`. Paths are absolute. */
export interface ExecArgs {
  readonly target: Target;
  /** The prompt argument; null or `-` means stdin. */
  readonly prompt: string | null;
  readonly images: readonly string[];
  readonly json: boolean;
  readonly color: string | null;
  readonly lastMessageFile: string | null;
  /** As it was written, for error messages. */
  readonly schemaFile: string | null;
  readonly skipsGitCheck: boolean;
  readonly ephemeral: boolean;
  readonly threadSource: string | null;
  /** Only when it was asked for: a resumed thread keeps its own model otherwise. */
  readonly model: string | null;
}

/** Reads the flags of `exec` and `exec resume`. */
export function execArgs(args: Args, { cwd }: { readonly cwd: string }): ExecArgs {
  const absolute = (path: string) => resolve(cwd, path);
  const lastMessageFile = args.text("output-last-message");
  const { target, prompt } = args.path.includes("resume")
    ? resumeTarget(args)
    : { target: { type: "new" as const }, prompt: args.text("PROMPT") };
  return {
    target,
    prompt,
    images: args.texts("image").map(absolute),
    json: args.isSet("json"),
    color: args.text("color"),
    lastMessageFile: lastMessageFile === null ? null : absolute(lastMessageFile),
    schemaFile: args.text("output-schema"),
    skipsGitCheck: args.isSet("skip-git-repo-check") ||
      args.isSet("dangerously-bypass-approvals-and-sandbox"),
    ephemeral: args.isSet("ephemeral"),
    threadSource: args.text("thread-source"),
    model: args.text("model"),
  };
}

/** With `--last`, and without any word, the first word is already the prompt. */
function resumeTarget(args: Args): { readonly target: Target; readonly prompt: string | null } {
  const [idOrName, prompt] = [args.text("SESSION_ID"), args.text("PROMPT")];
  if (!args.isSet("last") && idOrName !== null) {
    return { target: { type: "named", idOrName }, prompt };
  }
  const target: Target = { type: "last", anyDirectory: args.isSet("all") };
  return { target, prompt: prompt ?? idOrName };
}
