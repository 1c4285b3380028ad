/** What the agent does now, in a few words; must not know who shows them. */
import type { Block } from "./blocks.ts";
import { shownCommand } from "./render/shown_command.ts";

/** Of a command; the whole of it stands in the conversation. */
const COMMAND_CHARS = 60;

/** Null where nothing more can be told than that it works. */
export function doingOf(blocks: readonly Block[]): string | null {
  const last = blocks.at(-1);
  if (!last || last.isFinal) return null;
  switch (last.type) {
    case "command":
      return `Running ${shownCommand(last.command).slice(0, COMMAND_CHARS)}`;
    case "changes":
      return "Changing files";
    case "action":
      return `${last.label} ${last.detail}`.trim().slice(0, COMMAND_CHARS);
    case "message":
      return "Writing";
    case "reasoning":
      // Models begin the parts of a summary with a heading in bold.
      return /^\*\*([^*]+)\*\*/.exec(last.parts.at(-1) ?? "")?.[1] ?? "Thinking";
    default:
      return null;
  }
}
