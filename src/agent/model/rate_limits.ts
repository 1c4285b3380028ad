/** Rate limits out of response headers; must not know who shows them. */
import type { RateLimits } from "../../protocol/turn_types.ts";

/** The limits that a provider reported in `x-codex-*` headers, or null where there are none. */
export function rateLimitsOf(headers: Headers): RateLimits | null {
  const primary = limitWindow(headers, "primary");
  const secondary = limitWindow(headers, "secondary");
  const credits = creditsOf(headers);
  if (!primary && !secondary && !credits) return null;
  return {
    limitId: headers.get("x-codex-active-limit") ?? "codex",
    limitName: headers.get("x-codex-limit-name"),
    primary,
    secondary,
    credits,
    planType: headers.get("x-codex-plan-type"),
  };
}

interface LimitWindow {
  readonly usedPercent: number;
  readonly windowDurationMins: number | null;
  /** Unix seconds. */
  readonly resetsAt: number | null;
}

function limitWindow(headers: Headers, name: string): LimitWindow | null {
  const usedPercent = wholeNumber(headers.get(`x-codex-${name}-used-percent`));
  if (usedPercent === null) return null;
  return {
    usedPercent,
    windowDurationMins: wholeNumber(headers.get(`x-codex-${name}-window-minutes`)),
    resetsAt: wholeNumber(headers.get(`x-codex-${name}-reset-at`)),
  };
}

function creditsOf(headers: Headers) {
  const hasCredits = headers.get("x-codex-credits-has-credits");
  if (hasCredits === null) return null;
  return {
    hasCredits: isTrue(hasCredits),
    unlimited: isTrue(headers.get("x-codex-credits-unlimited")),
    balance: headers.get("x-codex-credits-balance") || null,
  };
}

function wholeNumber(text: string | null): number | null {
  if (text === null || text.trim() === "") return null;
  const value = Number(text);
  return Number.isFinite(value) ? Math.round(value) : null;
}

function isTrue(text: string | null): boolean {
  return text?.toLowerCase() === "true" || text === "1";
}
