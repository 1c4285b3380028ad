/** Shows a list of blocks as one document; must not know what changes them, nor which part of it is on the screen. */
import type { Component } from "pi-tui";
import type { Clock } from "../lib/clock.ts";
import type { Block, BlockList } from "./blocks.ts";
import { LineBuffer } from "./line_buffer.ts";
import { renderBlock } from "./render/block.ts";
import { CodeColors } from "./render/code_colors.ts";
import { shownSeconds } from "./render/command.ts";
import type { RenderContext } from "./render/context.ts";
import { estimatedRows } from "./render/estimate.ts";
import { LiveText } from "./render/message.ts";
import { clip } from "./render/wrap.ts";
import type { Theme } from "./theme.ts";

export interface TranscriptOptions {
  readonly list: BlockList;
  readonly theme: Theme;
  readonly clock: Clock;
  readonly requestRender: () => void;
  /**
   * `all`: a long thread is drawn from its end on, the rest of it in pauses. `end`: only its end is drawn, for screens
   * that draw everything again when a line far above changes.
   */
  readonly history?: "all" | "end";
  /** Told by how many lines everything moves down because something above was drawn; negative for up. */
  readonly onShift?: (lines: number) => void;
  /** Whose `onReady` has to call `recolor`. */
  readonly colors?: CodeColors;
}

/** Lines that are drawn at once, more than any screen has. */
const FIRST_LINES = 400;
/** Lines of a document that ends, or of which only the end is drawn. */
const END_LINES = 1_000;
/** How long blocks are drawn before a pause, and at most how many: a clock of a test stands still. */
const SLICE_MS = 8;
const SLICE_BLOCKS = 200;
const PAUSE_MS = 4;
const SECOND_MS = 1_000;
/** The revision of an entry that has to be drawn anew though its block is the same. */
const OUTDATED = -1;

/** What is drawn of one block. */
interface Entry {
  readonly block: Block;
  revision: number;
  /** In the buffer. */
  position: number;
  count: number;
  /** Of a text that grows. */
  live: LiveText | null;
  /** The time that a running command shows. */
  seconds: number | null;
  /** It has code that could get colours. */
  isPlain: boolean;
}

/**
 * Invariants: the entries are those of the last blocks of the list, in their order, and `#undrawn` blocks come before
 * them; the lines are those that a new transcript would draw, but for the room at the top.
 */
export class Transcript implements Component {
  readonly #options: TranscriptOptions;
  readonly #colors: CodeColors;
  readonly #buffer = new LineBuffer();
  #entries: Entry[] = [];
  #undrawn = 0;
  #generation = -1;
  #width = 0;
  #isExpanded = false;
  #isFinal = false;
  #cwd: string | null = null;
  #isStale = true;
  #sawPlainCode = false;
  #cancelSlice: (() => void) | null = null;
  #cancelTick: (() => void) | null = null;

  constructor(options: TranscriptOptions) {
    this.#options = options;
    const { theme } = options;
    this.#colors = options.colors ?? new CodeColors({ theme, onReady: () => this.recolor() });
  }

  /** Whether long outputs and diffs are shown whole. */
  get isExpanded(): boolean {
    return this.#isExpanded;
  }

  setExpanded(isExpanded: boolean): void {
    if (isExpanded === this.#isExpanded) return;
    this.#isExpanded = isExpanded;
    this.invalidate();
    this.#options.requestRender();
  }

  /** Paths are shown relative to where the agent works. */
  setCwd(cwd: string | null): void {
    if (cwd === this.#cwd) return;
    this.#cwd = cwd;
    this.invalidate();
    this.#options.requestRender();
  }

  /** From now on only the end is given, as what stays on the terminal when the program is gone. */
  setFinal(isFinal: boolean): void {
    this.#isFinal = isFinal;
  }

  /** Whether all blocks are drawn. */
  get isComplete(): boolean {
    return this.#undrawn === 0;
  }

  invalidate(): void {
    this.#isStale = true;
  }

  /** Draws code again that had no colours when it was drawn. */
  recolor(): void {
    for (const entry of this.#entries) if (entry.isPlain) entry.revision = OUTDATED;
    this.#options.requestRender();
  }

  /** No timer of it is left. */
  dispose(): void {
    this.#cancelSlice?.();
    this.#cancelTick?.();
    this.#cancelSlice = null;
    this.#cancelTick = null;
  }

  /** The same list each time, changed in place. */
  render(width: number): string[] {
    const safeWidth = Math.max(1, Math.floor(width));
    const { list } = this.#options;
    if (this.#isStale || safeWidth !== this.#width || list.generation !== this.#generation) {
      this.#restart(safeWidth);
    } else this.#sync();
    this.#scheduleTick();
    return this.#isFinal ? this.#endLines() : this.#buffer.lines;
  }

  /** Draws the end, and leaves room for the rest. */
  #restart(width: number): void {
    const { list, history = "all" } = this.#options;
    this.#cancelSlice?.();
    this.#cancelSlice = null;
    this.#isStale = false;
    this.#width = width;
    this.#generation = list.generation;
    this.#entries = [];
    this.#buffer.clear();
    this.#undrawn = list.blocks.length;
    const lines = history === "end" ? END_LINES : FIRST_LINES;
    this.#drawBefore(() => this.#buffer.drawnCount < lines);
    if (this.#undrawn === 0) return;
    if (history === "end") return void this.#buffer.prepend([this.#note(EARLIER)]);
    this.#buffer.setRoom(this.#estimate());
    this.#scheduleSlice();
  }

  /** Draws undrawn blocks, the last one first, as long as it may; the entries are kept in one go. */
  #drawBefore(mayGoOn: () => boolean): void {
    const drawn: Entry[] = [];
    while (this.#undrawn > 0 && mayGoOn()) {
      const block = this.#options.list.blocks[--this.#undrawn];
      if (block === undefined) continue;
      const { entry, lines } = this.#draw(block);
      entry.position = this.#buffer.prepend(lines);
      drawn.push(entry);
    }
    if (drawn.length > 0) this.#entries = [...drawn.reverse(), ...this.#entries];
  }

  #scheduleSlice(): void {
    const { clock } = this.#options;
    this.#cancelSlice = clock.after(PAUSE_MS, () => this.#slice(), { background: true });
  }

  #slice(): void {
    this.#cancelSlice = null;
    // The next frame draws everything anew.
    if (this.#isStale || this.#options.list.generation !== this.#generation) return;
    this.#fill();
    if (this.#undrawn > 0) this.#scheduleSlice();
    this.#options.requestRender();
  }

  /** Draws some of what is missing. Lines below keep their places as long as the room suffices. */
  #fill(): void {
    const { clock, onShift } = this.#options;
    this.#sync();
    const before = this.#buffer.lines.length;
    const endsAt = clock.now() + SLICE_MS;
    let blocks = 0;
    this.#drawBefore(() => blocks++ < SLICE_BLOCKS && clock.now() < endsAt);
    let moved = this.#buffer.lines.length - before;
    const isTight = this.#buffer.room < this.#undrawn;
    if (this.#undrawn === 0 || isTight) moved += this.#buffer.setRoom(this.#estimate());
    if (moved !== 0) onShift?.(moved);
  }

  #estimate(): number {
    const { blocks } = this.#options.list;
    let rows = 0;
    for (let i = 0; i < this.#undrawn; i++) {
      const block = blocks[i];
      if (block !== undefined) rows += estimatedRows(block, this.#width);
    }
    return rows;
  }

  /** Brings the entries up to date with the blocks. */
  #sync(): void {
    const { blocks } = this.#options.list;
    const now = this.#options.clock.now();
    this.#followRemovals(blocks);
    for (let i = 0; i < this.#entries.length; i++) {
      const entry = this.#entries[i];
      if (entry === undefined) continue;
      const { block } = entry;
      const isSame = entry.revision === block.revision &&
        (entry.seconds === null || block.type !== "command" ||
          entry.seconds === shownSeconds(block, now));
      if (!isSame) this.#update(entry, i);
    }
    for (let i = this.#undrawn + this.#entries.length; i < blocks.length; i++) {
      const block = blocks[i];
      if (block === undefined) continue;
      const { entry, lines } = this.#draw(block);
      entry.position = this.#buffer.end;
      this.#buffer.replace(entry.position, 0, lines);
      this.#entries.push(entry);
    }
  }

  /** Blocks leave the list one at a time, or are replaced in their place: the entries of those go. */
  #followRemovals(blocks: readonly Block[]): void {
    const [first] = this.#entries;
    if (first !== undefined && blocks[this.#undrawn] !== first.block && this.#undrawn > 0) {
      const index = blocks.indexOf(first.block);
      if (index >= 0) this.#undrawn = index;
    }
    for (let i = 0; i < this.#entries.length;) {
      const block = blocks[this.#undrawn + i];
      if (this.#entries[i]?.block === block) {
        i++;
        continue;
      }
      const isRemoved = block === undefined || this.#entries[i + 1]?.block === block;
      if (isRemoved) this.#remove(i);
      else this.#replace(i, block);
    }
  }

  #remove(index: number): void {
    const [entry] = this.#entries.splice(index, 1);
    if (entry === undefined) return;
    this.#moveAfter(index, this.#buffer.replace(entry.position, entry.count, []));
  }

  #replace(index: number, block: Block): void {
    const old = this.#entries[index];
    if (old === undefined) return;
    const { entry, lines } = this.#draw(block);
    entry.position = old.position;
    this.#entries[index] = entry;
    this.#moveAfter(index + 1, this.#buffer.replace(old.position, old.count, lines));
  }

  #update(entry: Entry, index: number): void {
    const { block, live } = entry;
    const isText = block.type === "message" || block.type === "reasoning";
    if (!isText || live === null || entry.revision === OUTDATED) return this.#replace(index, block);
    this.#sawPlainCode = false;
    const { lines, changedFrom } = live.update(block);
    entry.revision = block.revision;
    entry.isPlain ||= this.#sawPlainCode;
    if (block.isFinal) entry.live = null;
    // One line above each block is its distance to the one before.
    const from = Math.min(entry.count, changedFrom + 1);
    const count = lines.length === 0 ? 0 : lines.length + 1;
    const changed = from === 0 ? spaced(lines) : lines.slice(from - 1);
    const grown = this.#buffer.replace(entry.position + from, entry.count - from, changed);
    entry.count = count;
    this.#moveAfter(index + 1, grown);
  }

  #moveAfter(index: number, lines: number): void {
    if (lines === 0) return;
    for (let i = index; i < this.#entries.length; i++) {
      const entry = this.#entries[i];
      if (entry !== undefined) entry.position += lines;
    }
  }

  #draw(block: Block): { readonly entry: Entry; readonly lines: readonly string[] } {
    this.#sawPlainCode = false;
    const context = this.#context();
    const isGrowing = (block.type === "message" || block.type === "reasoning") && !block.isFinal;
    const live = isGrowing ? new LiveText(block, context) : null;
    const lines = spaced(
      isGrowing && live ? live.update(block).lines : renderBlock(block, context),
    );
    const entry: Entry = {
      block,
      revision: block.revision,
      position: 0,
      count: lines.length,
      live,
      seconds: block.type === "command" ? shownSeconds(block, context.nowMs) : null,
      isPlain: this.#sawPlainCode,
    };
    return { entry, lines };
  }

  #context(): RenderContext {
    return {
      theme: this.#options.theme,
      width: this.#width,
      isExpanded: this.#isExpanded,
      nowMs: this.#options.clock.now(),
      cwd: this.#cwd,
      highlight: (code, language) => {
        const lines = this.#colors.highlight(code, language);
        if (lines === null && !this.#colors.isReady) this.#sawPlainCode = true;
        return lines;
      },
    };
  }

  /** While a command runs, its time goes on. */
  #scheduleTick(): void {
    if (this.#cancelTick !== null || this.#isFinal) return;
    const { clock } = this.#options;
    const now = clock.now();
    let delayMs = Infinity;
    for (const { block, seconds } of this.#entries) {
      if (seconds === null || block.type !== "command" || block.startedMs === null) continue;
      delayMs = Math.min(delayMs, SECOND_MS - Math.max(0, now - block.startedMs) % SECOND_MS);
    }
    if (delayMs === Infinity) return;
    this.#cancelTick = clock.after(delayMs, () => {
      this.#cancelTick = null;
      this.#options.requestRender();
    }, { background: true });
  }

  #endLines(): string[] {
    this.#drawBefore(() => this.#buffer.drawnCount < END_LINES);
    const { lines, drawnCount } = this.#buffer;
    const count = Math.min(END_LINES, drawnCount);
    const left = this.#undrawn > 0 || count < drawnCount;
    const end = lines.slice(lines.length - count);
    if (!left) return end;
    return [this.#note(EARLIER), ...end];
  }

  #note(text: string): string {
    return this.#options.theme.dim(clip(text, this.#width));
  }
}

const EARLIER = "… earlier messages are left out here";

/** An empty line above each block that shows anything. */
function spaced(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? lines : ["", ...lines];
}
