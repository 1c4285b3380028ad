/** Draws what the agent says and thinks; must not know where it came from. */
import type { MessageBlock, ReasoningBlock } from "../blocks.ts";
import { type Margin, marginFor, type RenderContext, withMargin } from "./context.ts";
import type { ProseLook } from "./prose.ts";
import { renderMarkdown, StreamedMarkdown } from "./streamed_markdown.ts";

/** Blocks whose text grows. */
export type TextBlock = MessageBlock | ReasoningBlock;
/** What the look of a text depends on. */
export type TextContext = Pick<RenderContext, "theme" | "width" | "highlight">;

const MARGIN: Margin = { first: "• ", rest: "  ", columns: 2 };

/** The lines of a message, or of reasoning. */
export function renderTextBlock(block: TextBlock, context: TextContext): string[] {
  const margin = marginFor(context.width, MARGIN);
  const place = { look: lookOf(block, context), width: context.width - margin.columns };
  return withMargin(renderMarkdown(textOf(block), place), marginOf(block, { margin, context }));
}

/** A text while it grows: the same lines, for less work. */
export class LiveText {
  readonly #margin: Margin;
  readonly #markdown: StreamedMarkdown;
  readonly #lines: string[] = [];

  constructor(block: TextBlock, context: TextContext) {
    const margin = marginFor(context.width, MARGIN);
    this.#margin = marginOf(block, { margin, context });
    this.#markdown = new StreamedMarkdown(
      lookOf(block, context),
      context.width - this.#margin.columns,
    );
  }

  /** The lines, always in the same list, and the first one that is not as it was. */
  update(block: TextBlock): { readonly lines: readonly string[]; readonly changedFrom: number } {
    const { isFinal } = block;
    const { lines, changedFrom } = this.#markdown.update(textOf(block), { isFinal });
    const { first, rest } = this.#margin;
    this.#lines.length = Math.min(this.#lines.length, changedFrom);
    for (let i = this.#lines.length; i < lines.length; i++) {
      const line = lines[i] ?? "";
      this.#lines.push(i === 0 ? `${first}${line}` : line === "" ? "" : `${rest}${line}`);
    }
    return { lines: this.#lines, changedFrom };
  }
}

function textOf(block: TextBlock): string {
  return block.type === "message" ? block.text : block.parts.join("\n\n");
}

function lookOf(block: TextBlock, { theme, highlight }: TextContext): ProseLook {
  const isThought = block.type === "reasoning";
  const style = isThought ? (text: string) => theme.dim(theme.italic(text)) : null;
  return { theme, style, highlight };
}

function marginOf(
  block: TextBlock,
  { margin, context }: { readonly margin: Margin; readonly context: TextContext },
): Margin {
  if (block.type === "message" || margin.columns === 0) return margin;
  return { ...margin, first: context.theme.dim(margin.first) };
}
