/** What slash commands work with; must not know any command. */
import type { Clock } from "../../lib/clock.ts";
import type { BlockList, NoticeBlock } from "../blocks.ts";
import type { PaneHost, ViewOptions } from "../pane/view.ts";
import type { RateLimits } from "../../protocol/turn_types.ts";
import type { Desk } from "../ports.ts";
import type { SessionPort } from "../session_port.ts";

/** Everything that a command may use. */
export interface CommandContext extends ViewOptions, PaneHost {
  readonly session: SessionPort;
  readonly conversation: BlockList & {
    notice(level: NoticeBlock["level"], text: string): void;
  };
  readonly desk: Desk;
  readonly clock: Clock;
  readonly composer: {
    readonly isEmpty: boolean;
    setText(text: string): void;
    /** Puts text where the cursor is. */
    insert(text: string): void;
  };
  /** Where the server is, for people: its URL, or how it was started. */
  readonly serverName: string;
  /** Of this program. */
  readonly version: string;
  /** What the provider has said about limits of use. */
  readonly rateLimits: { readonly all: readonly RateLimits[] };
  /** Asks the terminal to put text into its clipboard; false when it cannot. */
  copyByTerminal(text: string): boolean;
  /** Draws the whole screen anew. */
  redraw(): void;
  quit(): void;
}

/** One slash command. */
export interface SlashCommand {
  /** Without the slash. */
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly doc: string;
  /** How its arguments are written; one in angle brackets (`<name>`) must be given. */
  readonly argumentHint?: string;
  /** Methods of the server without which there is no such command. */
  readonly needs?: readonly string[];
  /** Whether it makes sense while a turn runs. */
  readonly whileRunning: boolean;
  run(context: CommandContext, args: string): void | Promise<void>;
}
