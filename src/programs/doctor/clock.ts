/** Checks the clock against the one of the model endpoint, or against common sense; must not set it. */
import type { Reachability } from "../../agent/model/reachable.ts";
import { type Check, type Finding, ok, warning } from "./check.ts";

/** Nobody ran this program earlier. */
const EARLIEST_MS = Date.UTC(2026, 0, 1);
/** Nor will anybody run this version of it so much later. */
const LATEST_MS = Date.UTC(2046, 0, 1);
/** Certificates, tokens and rate limits are no longer right beyond this. */
const SKEW_MS_MAX = 60_000;
const FIX = "Set the clock, or let it be set: timedatectl set-ntp true";

/** The time of this machine. */
export const clockCheck: Check = {
  name: "clock",
  async run(context) {
    return clockFinding(context.host.clock.now(), await context.endpoint());
  },
};

/** What to say about the time. */
export function clockFinding(nowMs: number, reachability: Reachability | null): Finding {
  const shown = timeText(nowMs);
  if (nowMs < EARLIEST_MS || nowMs > LATEST_MS) {
    return warning(`The clock is wrong: it says ${shown}`, FIX);
  }
  if (reachability?.type !== "answered" || reachability.dateMs === null) {
    return ok(`${shown}; there was no other clock to compare with`);
  }
  // The answer was made some time between question and arrival, and its date has no milliseconds.
  const { answeredAtMs, tookMs, dateMs } = reachability;
  const aheadMs = answeredAtMs - tookMs / 2 - (dateMs + 500);
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  const difference = `${seconds} s ${
    aheadMs > 0 ? "ahead of" : "behind"
  } the clock of the endpoint`;
  if (Math.abs(aheadMs) > SKEW_MS_MAX) return warning(`${shown}, ${difference}`, FIX);
  return ok(`${shown}, as the endpoint has it`);
}

function timeText(ms: number): string {
  // Beyond these a date cannot be written.
  const date = new Date(Math.min(Math.max(ms, -8.64e15), 8.64e15));
  return `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
