/** The lines above the composer: what the agent does now, and what waits to be sent; must not know how it is computed. */
import { truncateToWidth, visibleWidth } from "pi-tui";
import { lineStart, sanitizeLine } from "../lib/sanitize.ts";
import { formatDuration } from "./duration.ts";
import type { Draft, RunningTurn } from "./session_port.ts";
import type { Theme } from "./theme.ts";

/** What the lines say. */
export interface ActivityFacts {
  readonly running: RunningTurn | null;
  /** What it does, in a few words; null for simply working. */
  readonly doing: string | null;
  readonly isConnected: boolean;
  readonly sending: readonly Draft[];
  /** Told to the running turn, which has not taken them up yet. */
  readonly steered: readonly Draft[];
  readonly queued: readonly Draft[];
  readonly nowMs: number;
  /** Whether signs may move; a slow connection or a reader of screens wants none of it. */
  readonly moves: boolean;
}

const FRAMES = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/** Length of one of them. */
export const FRAME_MS = 120;
/** Columns for what it does, on the narrowest of screens too. */
const WHAT_MIN = 8;
/** Below this width a key has to speak for itself. */
const NARROW = 60;
/** Of drafts that wait; more are counted. */
const DRAFTS_MAX = 3;

/** No lines while nothing happens. */
export function renderActivity(
  facts: ActivityFacts,
  { width, theme }: { readonly width: number; readonly theme: Theme },
): string[] {
  const cut = (line: string) => truncateToWidth(line, width, "…");
  const later = width < NARROW ? "when connected" : "will be sent when connected";
  const waits = facts.isConnected ? "sending" : later;
  return [
    ...workingLine(facts, { width, theme }),
    ...draftLines(facts.sending, { label: waits, width, theme }),
    ...draftLines(facts.steered, { label: "taken up next", width, theme }),
    ...draftLines(facts.queued, { label: "queued, Alt-Up edits", width, theme }),
  ].map(cut);
}

function workingLine(
  { running, doing, nowMs, moves }: ActivityFacts,
  { width, theme }: { readonly width: number; readonly theme: Theme },
): string[] {
  if (!running) return [];
  const frame = FRAMES[Math.floor(nowMs / FRAME_MS) % FRAMES.length] ?? "";
  const sign = moves ? frame : "•";
  const what = doing === null ? "Working" : sanitizeLine(doing);
  const duration = formatDuration(nowMs - running.startedMs);
  const key = width < NARROW ? "Esc" : "Esc interrupts";
  const hint = `(${duration} · ${key})`;
  // How it is stopped is worth more than the end of a long command.
  const room = Math.max(WHAT_MIN, width - visibleWidth(hint) - 4);
  const shown = truncateToWidth(what, room, "…");
  return [` ${theme.accent(sign)} ${theme.bold(shown)} ${theme.dim(hint)}`];
}

function draftLines(
  drafts: readonly Draft[],
  { label, width, theme }: {
    readonly label: string;
    readonly width: number;
    readonly theme: Theme;
  },
): string[] {
  const shown = drafts.slice(0, DRAFTS_MAX);
  const lines = shown.map(({ text, images }) => {
    const words = lineStart(text, width) ||
      `${images.length} image${images.length === 1 ? "" : "s"}`;
    return ` ${theme.dim(`↳ ${label}:`)} ${words}`;
  });
  const more = drafts.length - shown.length;
  return more > 0 ? [...lines, ` ${theme.dim(`  and ${more} more`)}`] : lines;
}
