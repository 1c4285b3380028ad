/** Draws any block; must not know what is above or below it. */
import type { Block } from "../blocks.ts";
import { renderChanges } from "./changes.ts";
import { renderCommand } from "./command.ts";
import type { RenderContext } from "./context.ts";
import { renderTextBlock } from "./message.ts";
import { renderAction, renderNotice, renderPlan, renderTurnEnd } from "./remarks.ts";
import { renderUser } from "./user.ts";

/** The lines of a block, none wider than `width`; none for a block that has nothing to show. */
export function renderBlock(block: Block, context: RenderContext): string[] {
  switch (block.type) {
    case "user":
      return renderUser(block, context);
    case "message":
    case "reasoning":
      return renderTextBlock(block, context);
    case "command":
      return renderCommand(block, context);
    case "changes":
      return renderChanges(block, context);
    case "plan":
      return renderPlan(block, context);
    case "action":
      return renderAction(block, context);
    case "notice":
      return renderNotice(block, context);
    case "turnEnd":
      return renderTurnEnd(block, context);
  }
}
