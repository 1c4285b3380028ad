/** The last line of the screen: where one is and whether the server hears; must not know who computes the facts. */
import { truncateToWidth, visibleWidth } from "pi-tui";
import type { ConnectionState } from "../client/reconnect.ts";
import { sanitizeLine } from "../lib/sanitize.ts";
import type { SandboxPolicy } from "../protocol/policy.ts";
import type { ThreadTokenUsage } from "../protocol/turn_types.ts";
import { formatCount, formatDuration } from "./duration.ts";
import type { SessionSettings } from "./session_port.ts";
import type { Theme } from "./theme.ts";

/** What the line says. */
export interface StatusFacts {
  readonly connection: ConnectionState;
  /** The address of the server; null for one of our own on this machine. */
  readonly remote: string | null;
  /** Of the last round trip. */
  readonly latencyMs: number | null;
  readonly nowMs: number;
  readonly settings: SessionSettings | null;
  readonly usage: ThreadTokenUsage | null;
  /** Programs on the thread, this one among them. */
  readonly clientCount: number;
  /** Home folder of the person, shown as `~` where the server is on this machine. */
  readonly home: string | null;
}

interface Segment {
  readonly text: string;
  /** What is tried before it is left out; absent where it cannot be shortened. */
  readonly short?: string;
  /** Segments with high numbers are left out first. */
  readonly rank: number;
}

const SEPARATOR = " · ";
/** Between what stands left and right. */
const GAP = 2;
const PERCENT = 100;

/** One line of at most `width` columns. What does not fit is left out whole, the least important first. */
export function renderStatusLine(
  facts: StatusFacts,
  { width, theme }: { readonly width: number; readonly theme: Theme },
): string {
  const left = settingsSegments(facts);
  const roomBeside = ({ text }: { readonly text: string }) =>
    width - visibleWidth(text) - (text === "" ? 0 : GAP) - 1;
  const whole = connectionText(facts);
  const isTight = facts.connection.type === "connected" &&
    visibleWidth(left[0]?.text ?? "") > roomBeside(whole);
  const right = isTight ? { text: shortConnection(facts), isBad: false } : whole;
  const kept = fitting(left, roomBeside(right));
  const text = ` ${kept}`;
  const style = right.isBad ? theme.warning : theme.dim;
  const fill = " ".repeat(Math.max(0, width - visibleWidth(text) - visibleWidth(right.text)));
  return truncateToWidth(`${theme.dim(text)}${fill}${style(right.text)}`, width, "");
}

/** What is known about the connection, for people; empty while there is nothing to say. */
function connectionText(
  { connection, remote, latencyMs, nowMs }: StatusFacts,
): { readonly text: string; readonly isBad: boolean } {
  const where = remote === null ? "" : sanitizeLine(remote);
  switch (connection.type) {
    case "connected": {
      const latency = latencyMs === null ? "" : ` ${latencyMs} ms`;
      return { text: where === "" ? "" : `● ${where}${latency}`, isBad: false };
    }
    case "reconnecting": {
      const since = formatDuration(nowMs - connection.sinceMs);
      const next = connection.nextMs === null
        ? "reconnecting now"
        : `reconnecting in ${Math.max(0, Math.ceil((connection.nextMs - nowMs) / 1000))}s`;
      return { text: `○ offline for ${since}, ${next}`, isBad: true };
    }
    case "closed":
      return { text: `○ closed: ${sanitizeLine(connection.reason)}`, isBad: true };
  }
}

/** Where it leads is known to who has opened it, and does not change. */
function shortConnection({ remote, latencyMs }: StatusFacts): string {
  if (remote === null) return "";
  return latencyMs === null ? "● remote" : `● ${latencyMs} ms`;
}

function settingsSegments(
  { settings, usage, clientCount, home }: StatusFacts,
): readonly Segment[] {
  if (!settings) return [];
  const model = settings.effort === null ? settings.model : `${settings.model} ${settings.effort}`;
  const segments: Segment[] = [
    { text: sanitizeLine(model), rank: 1 },
    { ...pathTexts(sanitizeLine(shortPath(settings.cwd, home))), rank: 2 },
    { text: shortSandbox(settings.sandbox), rank: 4 },
  ];
  const left = usage && contextLeft(usage);
  if (left !== null) segments.push({ text: `${left}% context left`, rank: 3 });
  if (usage) segments.push({ text: `${formatCount(usage.total.totalTokens)} tokens`, rank: 5 });
  if (clientCount > 1) segments.push({ text: `${clientCount} clients`, rank: 2 });
  return segments;
}

/** How much of the context window the last request left, in whole percent; null where the size is not known. */
export function contextLeft({ last, modelContextWindow }: ThreadTokenUsage): number | null {
  if (modelContextWindow === null || modelContextWindow <= 0) return null;
  const left = 1 - last.totalTokens / modelContextWindow;
  return Math.round(Math.min(1, Math.max(0, left)) * PERCENT);
}

/** What commands may do, in two words. */
function shortSandbox(policy: SandboxPolicy): string {
  switch (policy.type) {
    case "dangerFullAccess":
      return "full access";
    case "readOnly":
      return "read only";
    case "externalSandbox":
      return "external sandbox";
    case "workspaceWrite":
      return policy.networkAccess ? "workspace + network" : "workspace";
  }
}

/** The path with the home folder as `~`. */
function shortPath(path: string, home: string | null): string {
  if (home === null || home === "/") return path;
  if (path === home) return "~";
  return path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}

function pathTexts(text: string): Pick<Segment, "text" | "short"> {
  const short = `…/${text.split("/").at(-1) ?? ""}`;
  return visibleWidth(short) < visibleWidth(text) ? { text, short } : { text };
}

function fitting(segments: readonly Segment[], limit: number): string {
  const kept = [...segments];
  const joined = () => kept.map(({ text }) => text).join(SEPARATOR);
  while (kept.length > 0 && visibleWidth(joined()) > limit) {
    const worst = kept.reduce((one, other) => other.rank >= one.rank ? other : one);
    const { short, rank } = worst;
    kept.splice(kept.indexOf(worst), 1, ...short === undefined ? [] : [{ text: short, rank }]);
  }
  return joined();
}
