/** What a thread is made of, as data; must not know what is done with it. */
import type { UserInput } from "../protocol/item.ts";
import type { ResponseItem } from "../protocol/response_item.ts";
import type { GitInfo, SessionSource } from "../protocol/thread_types.ts";
import type { ThreadTokenUsage, Turn } from "../protocol/turn_types.ts";
import type { KeptReceipt, Receipt } from "./receipts.ts";
import type { ThreadSettings } from "./thread_settings.ts";

/** What is known of a thread apart from its history. */
export interface ThreadMeta {
  readonly id: string;
  readonly createdAtMs: number;
  readonly forkedFromId: string | null;
  readonly ephemeral: boolean;
  readonly source: SessionSource;
  readonly threadSource: string | null;
  readonly gitInfo: GitInfo | null;
  readonly name: string | null;
  readonly preview: string;
  readonly cliVersion: string;
  /** The folder the thread was started in; turns may run elsewhere. */
  readonly cwd: string;
}

/** What was read back from a rollout, or inherited by a fork. */
export interface ThreadPast {
  readonly history: readonly ResponseItem[];
  readonly turns: readonly Turn[];
  readonly usage: ThreadTokenUsage | null;
  readonly receipts: readonly KeptReceipt[];
}

/** User input with the context that goes before it, ready to be written in one step. */
export interface PreparedInput {
  readonly input: readonly UserInput[];
  readonly clientId: string | null;
  /** The same input as the model reads it. */
  readonly message: ResponseItem;
  /** Permissions, project docs and environment, where they have changed since the model last saw them. */
  readonly context: readonly ResponseItem[];
  /** What identifies the request that brought it, where that could come again. */
  readonly receipt: Receipt | null;
}

/** A command of the user, to be run within a turn: tells of itself, and returns what the model is told. Never rejects. */
export type ShellWork = (
  turn: { readonly id: string; readonly signal: AbortSignal },
) => Promise<ResponseItem>;

/** A turn that runs. */
export interface ActiveTurn {
  readonly id: string;
  readonly settings: ThreadSettings;
  /** JSON Schema of the final message, or undefined. */
  readonly outputSchema: unknown;
  readonly signal: AbortSignal;
}
