/** What a conversation is shown as: a list of blocks, each plain data; must not know widths, colours or terminals. */
import type { CommandStatus, FileChange } from "../protocol/item.ts";
import type { PlanStep, TurnStatus } from "../protocol/turn_types.ts";

/** What every block has. */
interface BlockBase {
  /** Unique in the conversation, and the same when the thread is loaded again. */
  readonly id: string;
  /** Grows with each change, so that a view knows what it has drawn. */
  revision: number;
  /** Nothing will change it any more, unless the thread is loaded again. */
  isFinal: boolean;
  /** The turn it belongs to; null for what the interface itself says. */
  readonly turnId: string | null;
}

/** What a person wrote. */
export interface UserBlock extends BlockBase {
  readonly type: "user";
  readonly text: string;
  /** How the images are called that came with it. */
  readonly images: readonly string[];
}

/** What the agent says, as markdown; grows while it streams. */
export interface MessageBlock extends BlockBase {
  readonly type: "message";
  text: string;
}

/** What the agent thinks: the parts of its summary, as markdown. */
export interface ReasoningBlock extends BlockBase {
  readonly type: "reasoning";
  parts: string[];
}

/** A command that the agent or a person ran. */
export interface CommandBlock extends BlockBase {
  readonly type: "command";
  readonly command: string;
  readonly cwd: string;
  /** A person typed it with `!`. */
  readonly isOfUser: boolean;
  status: CommandStatus;
  /** The beginning and the end; what lies between may be left out (`omittedChars`). */
  output: string;
  omittedChars: number;
  exitCode: number | null;
  durationMs: number | null;
  /** Unix milliseconds by the clock of this client; null for what was loaded. */
  startedMs: number | null;
  /** It does not run yet: a person is asked whether it may. */
  isAsked?: boolean;
}

/** Changes of files. */
export interface ChangesBlock extends BlockBase {
  readonly type: "changes";
  changes: readonly FileChange[];
  status: CommandStatus;
  /** A person is asked whether they may be made. */
  isAsked?: boolean;
}

/** The plan of the agent; the newest one of a turn replaces those before. */
export interface PlanBlock extends BlockBase {
  readonly type: "plan";
  explanation: string | null;
  steps: readonly PlanStep[];
}

/** One line about something that the agent did: a search, an image it looked at, a compaction. */
export interface ActionBlock extends BlockBase {
  readonly type: "action";
  label: string;
  detail: string;
}

/** What the interface itself says: errors, warnings, answers to slash commands. */
export interface NoticeBlock extends BlockBase {
  readonly type: "notice";
  readonly level: "info" | "warning" | "error";
  text: string;
}

/** The end of a turn that did not simply complete, or its length. */
export interface TurnEndBlock extends BlockBase {
  readonly type: "turnEnd";
  readonly status: TurnStatus;
  readonly durationMs: number | null;
  /** Why it failed. */
  readonly error: string | null;
}

/** One block of a conversation. */
export type Block =
  | UserBlock
  | MessageBlock
  | ReasoningBlock
  | CommandBlock
  | ChangesBlock
  | PlanBlock
  | ActionBlock
  | NoticeBlock
  | TurnEndBlock;

/** The conversation as views see it. */
export interface BlockList {
  readonly blocks: readonly Block[];
  /** Another number after every load: whoever has drawn blocks starts anew. */
  readonly generation: number;
}
