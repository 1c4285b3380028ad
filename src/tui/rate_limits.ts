/** What the model provider says about limits of use, kept and put into words; must not know how it is shown. */
import type { ReconnectingClient } from "../client/reconnect.ts";
import { sanitizeLine } from "../lib/sanitize.ts";
import type { RateLimits } from "../protocol/turn_types.ts";
import { formatDuration } from "./duration.ts";
import { fieldsOf, numberIn } from "./fields.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MINS = 24 * 60;
const WEEK_MINS = 7 * DAY_MINS;

/** The newest that was told, by which limit it is. */
export class RateLimitNews {
  readonly #stop: () => void;
  readonly #byId = new Map<string, RateLimits>();

  constructor(client: Pick<ReconnectingClient, "on">) {
    this.#stop = client.on("account/rateLimits/updated", ({ rateLimits }) => {
      this.#byId.set(rateLimits.limitId ?? "", rateLimits);
    });
  }

  /** Empty while nothing was told. */
  get all(): readonly RateLimits[] {
    return [...this.#byId.values()];
  }

  stop(): void {
    this.#stop();
  }
}

/** Each limit as one line, such as `5h: 40% left, resets in 2h 05m`; parts that are not told are left out. */
export function rateLimitLines(
  limits: readonly unknown[],
  { nowMs }: { readonly nowMs: number },
): string[] {
  return limits.flatMap((limit) => {
    const { limitName, primary, secondary } = fieldsOf(limit);
    const name = typeof limitName === "string" ? `${sanitizeLine(limitName)} ` : "";
    return [primary, secondary].flatMap((window) => windowLine(window, { name, nowMs }));
  });
}

function windowLine(
  window: unknown,
  { name, nowMs }: { readonly name: string; readonly nowMs: number },
): string[] {
  const fields = fieldsOf(window);
  const used = numberIn(fields, "usedPercent");
  if (used === null) return [];
  const minutes = numberIn(fields, "windowDurationMins");
  const resetsAt = numberIn(fields, "resetsAt");
  const left = Math.round(Math.min(100, Math.max(0, 100 - used)));
  const resets = resetsAt === null
    ? ""
    : `, resets in ${formatDuration(resetsAt * SECOND_MS - nowMs)}`;
  return [`${name}${windowName(minutes)}: ${left}% left${resets}`];
}

function windowName(minutes: number | null): string {
  if (minutes === null) return "limit";
  if (minutes === WEEK_MINS) return "weekly";
  if (minutes >= DAY_MINS) return `${Math.round(minutes / DAY_MINS)}d`;
  return formatDuration(minutes * MINUTE_MS).replace(/ 00m$/, "");
}
