/** A thread as clients see it; pure, must not know where its parts come from. */
import type { UserInput } from "../protocol/item.ts";
import type { Thread, ThreadStatus } from "../protocol/thread_types.ts";
import type { Turn } from "../protocol/turn_types.ts";
import { previewOf as previewOfMessage } from "../store/rollout_meta.ts";
import type { ThreadMeta } from "./thread_parts.ts";

/** The view of a thread in the superset that both known clients accept. */
export function threadView(meta: ThreadMeta, now: {
  readonly settings: { readonly model: string | null; readonly modelProvider: string };
  readonly status: ThreadStatus;
  readonly path: string | null;
  readonly updatedAtMs: number;
  readonly turns: readonly Turn[];
}): Thread {
  return {
    id: meta.id,
    sessionId: meta.id,
    forkedFromId: meta.forkedFromId,
    preview: meta.preview,
    ephemeral: meta.ephemeral,
    modelProvider: now.settings.modelProvider,
    model: now.settings.model,
    createdAt: seconds(meta.createdAtMs),
    updatedAt: seconds(now.updatedAtMs),
    recencyAt: seconds(now.updatedAtMs),
    status: now.status,
    path: now.path,
    cwd: meta.cwd,
    cliVersion: meta.cliVersion,
    source: meta.source,
    threadSource: meta.threadSource,
    projectId: null,
    agentNickname: null,
    agentRole: null,
    gitInfo: meta.gitInfo,
    name: meta.name,
    turns: [...now.turns],
  };
}

/** The preview that the first input gives the thread; the same that its rollout will give it. */
export function previewOf(input: readonly UserInput[]): string {
  const texts = input.flatMap((part) => part.type === "text" ? [part.text] : []);
  return previewOfMessage(texts.join("\n"), input.length - texts.length);
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
