/** What the model is told about its surroundings, read from the disk; must not know threads. */
import type { Config } from "../config/config.ts";
import { writableRoots } from "../exec/sandbox_policy.ts";
import type { Clock } from "../lib/clock.ts";
import { AgentsMdCache, collectAgentsMd } from "./context/agents_md.ts";
import { environmentContext } from "./context/environment_context.ts";
import { permissionsText } from "./context/permissions_text.ts";
import type { ContextPiece } from "./context.ts";
import { localDate } from "./thread_log.ts";
import type { ThreadSettings } from "./thread_settings.ts";

/** Tells the pieces of a turn with these settings. */
export type ContextPieces = (settings: ThreadSettings, config: Config) => Promise<ContextPiece[]>;

/** Each piece starts with a tag of its own, by which it is found again in an old history. */
const TAGS = {
  permissions: "<permissions>",
  developer: "<developer_instructions>",
  mode: "<collaboration_mode>",
  project: "# AGENTS.md instructions",
  environment: "<environment_context>",
} as const;

/** The context of every thread of this server; project docs are read again only when they change. */
export function contextPieces(options: {
  readonly codexHome: string;
  readonly env: Readonly<Record<string, string>>;
  readonly shell: string;
  readonly clock: Clock;
  readonly timezone: string;
}): ContextPieces {
  const { codexHome, env, clock, shell, timezone } = options;
  const cache = new AgentsMdCache();
  return async (settings, config) => {
    const { cwd, sandboxPolicy, approvalPolicy } = settings;
    const project = await collectAgentsMd({
      codexHome,
      cwd,
      rootMarkers: config.projectRootMarkers,
      maxBytes: config.projectDocMaxBytes,
      fallbackNames: config.projectDocFallbackFilenames,
      cache,
    });
    const roots = writableRoots(sandboxPolicy, { cwd, tmpdir: env["TMPDIR"] ?? null });
    const permissions = permissionsText({ sandboxPolicy, approvalPolicy, writableRoots: roots });
    const date = localDate(clock.now());
    const pieces: ContextPiece[] = [
      { role: "developer", tag: TAGS.permissions, text: permissions },
      {
        role: "user",
        tag: TAGS.environment,
        text: environmentContext({ cwd, shell, date, timezone }),
      },
    ];
    if (settings.developerInstructions) {
      const text =
        `${TAGS.developer}\n${settings.developerInstructions}\n</developer_instructions>`;
      pieces.push({ role: "developer", tag: TAGS.developer, text });
    }
    if (settings.modeInstructions) {
      const text = `${TAGS.mode}\n${settings.modeInstructions}\n</collaboration_mode>`;
      pieces.push({ role: "developer", tag: TAGS.mode, text });
    }
    if (project.text) {
      const text = `${TAGS.project} for ${cwd}\n\n<INSTRUCTIONS>\n${project.text}\n</INSTRUCTIONS>`;
      pieces.push({ role: "user", tag: TAGS.project, text });
    }
    return pieces;
  };
}
