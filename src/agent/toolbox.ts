/** All tools of the agent, made once for the whole server; must not know how any of them works. */
import type { Config } from "../config/config.ts";
import type { Processes } from "../exec/process.ts";
import type { Clock } from "../lib/clock.ts";
import { appendHomeFile } from "../store/home_file.ts";
import { Rules } from "./command_policy/rules.ts";
import { applyPatchTool } from "./tools/apply_patch.ts";
import { type BackgroundCommands, createCommandTools } from "./tools/command_tools.ts";
import { listDirTool } from "./tools/list_dir.ts";
import { fromShell } from "./tools/patch_shell.ts";
import { ToolRegistry } from "./tool_calls.ts";
import type { Tool } from "./tools/tool.ts";
import { updatePlanTool } from "./tools/update_plan.ts";
import { viewImageTool } from "./tools/view_image.ts";

/** The tools, and what must happen when a thread unloads. */
export interface Toolbox {
  /** The tools under a configuration. */
  toolsOf(config: Config): ToolRegistry;
  readonly background: BackgroundCommands;
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
  const offered = new OfferedTools([
    ...commands.tools,
    patch,
    updatePlanTool(),
    listDirTool(),
    viewImageTool(),
  ]);
  return {
    toolsOf: (config) => offered.of(config),
    background: commands.background,
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
    "list_dir",
  ],
  "features.view_image": ["view_image"],
  "tools.update_plan.enabled": ["update_plan"],
};

/** The tools of each configuration: without those that it switches off, and made once per choice. */
class OfferedTools {
  readonly #tools: readonly Tool[];
  readonly #registries = new Map<string, ToolRegistry>();

  constructor(tools: readonly Tool[]) {
    this.#tools = tools;
  }

  of(config: Config): ToolRegistry {
    const off = Object.keys(SWITCHES).filter((path) => valueAt(config.raw, path) === false);
    const key = off.join();
    let registry = this.#registries.get(key);
    if (!registry) {
      const names = new Set(off.flatMap((path) => SWITCHES[path] ?? []));
      registry = new ToolRegistry(this.#tools.filter((tool) => !names.has(tool.spec.name)));
      this.#registries.set(key, registry);
    }
    return registry;
  }
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
