/** Choosing an earlier message to go back to; must not know how one goes back. */
import type { Clock } from "../../lib/clock.ts";
import type { Block } from "../blocks.ts";
import type { PaneHost, ViewOptions } from "../pane/view.ts";
import { openPicker } from "./list_picker.ts";
import { fixedRows } from "./rows.ts";

/** A message that began a turn: the thread can be forked before it. */
export interface RewindPoint {
  readonly turnId: string;
  readonly text: string;
  readonly images: readonly string[];
}

export interface RewindPickerOptions extends ViewOptions {
  readonly clock: Clock;
  readonly blocks: readonly Block[];
  onPick(point: RewindPoint): void;
}

/** The messages that began turns, newest first; those that joined a running turn cannot be cut off from it. */
export function rewindPoints(blocks: readonly Block[]): RewindPoint[] {
  const points = new Map<string, RewindPoint>();
  for (const block of blocks) {
    if (block.type !== "user" || block.turnId === null || points.has(block.turnId)) continue;
    points.set(block.turnId, { turnId: block.turnId, text: block.text, images: block.images });
  }
  return [...points.values()].reverse();
}

/** Shows them. */
export function pickRewindPoint(host: PaneHost, options: RewindPickerOptions): void {
  const points = rewindPoints(options.blocks);
  openPicker<RewindPoint>(host, {
    ...options,
    title: () => "Go back to before",
    emptyText: "There is no message to go back to",
    confirmHint: "edits it in a fork of the session",
    source: fixedRows(points.map((point, index) => ({
      value: point,
      key: point.turnId,
      label: point.text.trim() === "" ? `(${point.images.length} images)` : point.text,
      detail: index === 0 ? "last" : `${index + 1} messages ago`,
      preview: point.text,
    }))),
  });
}
