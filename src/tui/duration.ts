/** Lengths of time and counts as people read them; must not know where they are shown. */

const SECOND_MS = 1000;
const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86_400;

/** `4s`, `2m 05s`, `1h 07m`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / SECOND_MS));
  if (seconds < MINUTE_S) return `${seconds}s`;
  const pad = (value: number) => String(value).padStart(2, "0");
  const minutes = Math.floor(seconds / MINUTE_S);
  if (seconds < HOUR_S) return `${minutes}m ${pad(seconds % MINUTE_S)}s`;
  return `${Math.floor(seconds / HOUR_S)}h ${pad(minutes % MINUTE_S)}m`;
}

/** How long ago a moment was: `just now`, `5m ago`, `3h ago`, `2d ago`. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / SECOND_MS));
  if (seconds < MINUTE_S) return "just now";
  if (seconds < HOUR_S) return `${Math.floor(seconds / MINUTE_S)}m ago`;
  if (seconds < DAY_S) return `${Math.floor(seconds / HOUR_S)}h ago`;
  return `${Math.floor(seconds / DAY_S)}d ago`;
}

const THOUSAND = 1000;
const MILLION = 1_000_000;

/** `950`, `12.3k`, `1.2M`. */
export function formatCount(count: number): string {
  if (count < THOUSAND) return String(count);
  const [value, unit] = count < MILLION ? [count / THOUSAND, "k"] : [count / MILLION, "M"];
  return `${value < 100 ? value.toFixed(1) : Math.round(value)}${unit}`;
}
