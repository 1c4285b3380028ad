/** Why a handshake is refused, in upstream's words; must not know how that was found out. */
import type { Admission } from "./authorizer.ts";

/** A refusal. */
export type Refusal = Extract<Admission, { readonly type: "refused" }>;

const UNAUTHORIZED = 401;
const TOO_MANY_REQUESTS = 429;

const TEXTS = {
  missing: "missing websocket bearer token",
  header: "invalid authorization header",
  token: "invalid websocket bearer token",
  jwt: "invalid websocket jwt",
  expired: "expired websocket jwt",
  notYet: "websocket jwt is not valid yet",
  issuer: "websocket jwt issuer mismatch",
  audience: "websocket jwt audience mismatch",
} as const;

/** The kinds of refusals that upstream knows. */
export type RefusalKind = keyof typeof TEXTS;

/** A refusal as upstream words it. */
export function plainRefusal(reason: RefusalKind): Refusal {
  return { type: "refused", status: UNAUTHORIZED, text: TEXTS[reason], reason, isLogged: true };
}

/** The refusal of somebody who was wrong too often, whatever was wrong this time. */
export function tooManyFailures(): Refusal {
  const text = "too many failed attempts; wait a minute";
  return {
    type: "refused",
    status: TOO_MANY_REQUESTS,
    text,
    reason: "tooManyFailures",
    isLogged: false,
  };
}
