/** All tools of the agent, made once for the whole server; must not know how any of them works. */
import type { Config } from "../config/config.ts";
import type { Processes } from "../exec/process.ts";
import type { Clock } from "../lib/clock.ts";
import { appendHomeFile } from "../store/home_file.ts";
import { Rules } from "./command_policy/rules.ts";
import { applyPatchTool } from "./tools/apply_patch.ts";
import { createCommandTools } from "./tools/command_tools.ts";
import { fromShell } from "./tools/patch_shell.ts";
import type { Tool } from "./tools/tool.ts";
import { updatePlanTool } from "./tools/update_plan.ts";
import { viewImageTool } from "./tools/view_image.ts";

/** The tools, and what must happen when a thread unloads. */
export interface Toolbox {
  readonly tools: readonly Tool[];
  /** Ends what the tools have left running for a thread. */
  closeThread(threadId: string): Promise<void>;
}

/** Makes every tool. */
export function createToolbox(options: {
  readonly codexHome: string;
  readonly shell: string;
  readonly clock: Clock;
  readonly processes: Processes;
  readonly newId: () => string;
  readonly outputTokenLimit: number;
}): Toolbox {
  const { codexHome, clock, processes, newId, outputTokenLimit } = options;
  const patch = applyPatchTool({ freeform: true });
  const rules = new Rules({
    codexHome,
    append: (path, line) => Promise.resolve(appendHomeFile(path, line)),
  });
  const commands = createCommandTools({
    clock,
    processes,
    rules,
    newId,
    shell: options.shell,
    outputTokenLimit,
    patch: {
      fromShell,
      run: (call, context) => patch.apply(call, { context, form: "shell" }),
    },
  });
  return {
    tools: [...commands.tools, patch, updatePlanTool(), viewImageTool()],
    closeThread: (threadId) => commands.closeThread(threadId),
  };
}

/** What a client may switch off for a thread that only writes text, such as one that makes titles. */
const SWITCHES: Readonly<Record<string, readonly string[]>> = {
  // Also what is not offered, because a model may call it from habit.
  "features.shell_tool": [
    "exec_command",
    "write_stdin",
    "shell",
    "shell_command",
    "local_shell",
    "apply_patch",
  ],
  "features.view_image": ["view_image"],
  "tools.update_plan.enabled": ["update_plan"],
};

/** The tools without those that the configuration switches off. */
export function offeredTools(tools: readonly Tool[], config: Config): readonly Tool[] {
  const off = new Set(
    Object.entries(SWITCHES).flatMap(([path, names]) =>
      valueAt(config.raw, path) === false ? names : []
    ),
  );
  return off.size === 0 ? tools : tools.filter((tool) => !off.has(tool.spec.name));
}

function valueAt(values: Readonly<Record<string, unknown>>, path: string): unknown {
  return path.split(".").reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined,
    values,
  );
}

/** The login shell of the user, where it is one that the tools can drive. */
export function userShell(env: Readonly<Record<string, string>>): string {
  const shell = env["SHELL"];
  return shell && /\/(bash|zsh|sh)$/.test(shell) ? shell : "/bin/bash";
}
