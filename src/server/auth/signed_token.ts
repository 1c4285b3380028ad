/** Lets in whoever has a token that was signed with the shared secret (JWT, HS256); must not know where that is kept. */
import { compactVerify } from "jose";
import type { Clock } from "../../lib/clock.ts";
import type { Admission, Authorizer, Credentials } from "./authorizer.ts";
import { bearerToken } from "./bearer.ts";
import { plainRefusal, type RefusalKind } from "./refusals.ts";

/** What a token is held to. */
export interface TokenRules {
  /** The issuer that it must name; null for any or none. */
  readonly issuer: string | null;
  readonly audience: string | null;
  /** How far clocks may differ. */
  readonly skewSeconds: number;
}

interface Claims {
  readonly exp: number;
  readonly nbf: number | null;
  readonly iss: string | null;
  readonly aud: readonly string[];
  readonly sub: unknown;
}

/** Three parts of base64url without padding, which the library would let pass. */
const COMPACT_FORM = /^[\w-]+\.[\w-]+\.[\w-]+$/;
/** Upstream reads times as 64-bit integers. */
const SECONDS_LIMIT = 2 ** 63;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Checks signature, times, issuer and audience, in upstream's order. */
export class SignedToken implements Authorizer {
  readonly #secret: () => string | null;
  readonly #rules: TokenRules;
  readonly #clock: Clock;

  constructor(
    secret: () => string | null,
    options: { readonly rules: TokenRules; readonly clock: Clock },
  ) {
    this.#secret = secret;
    this.#rules = options.rules;
    this.#clock = options.clock;
  }

  async authorize({ authorization }: Credentials): Promise<Admission> {
    const token = bearerToken(authorization);
    if (typeof token !== "string") return token;
    const secret = this.#secret();
    const claims = secret === null ? null : await verifiedClaims(token, secret);
    if (claims === null) return plainRefusal("jwt");
    const problem = problemOf(claims, this.#rules, this.#clock.now());
    if (problem !== null) return plainRefusal(problem);
    const { sub, exp } = claims;
    return {
      type: "admitted",
      principal: typeof sub === "string" ? `subject:${sub}` : "signed",
      // Upstream takes it until that second is over.
      expiresAtMs: (exp + this.#rules.skewSeconds + 1) * 1000,
    };
  }
}

function problemOf(claims: Claims, rules: TokenRules, nowMs: number): RefusalKind | null {
  const now = Math.floor(nowMs / 1000);
  const { issuer, audience, skewSeconds } = rules;
  if (claims.exp < now - skewSeconds) return "expired";
  if (claims.nbf !== null && claims.nbf > now + skewSeconds) return "notYet";
  if (issuer !== null && claims.iss !== issuer) return "issuer";
  return audience !== null && !claims.aud.includes(audience) ? "audience" : null;
}

/** The claims of a token that was signed with the secret; null for any other text. */
async function verifiedClaims(token: string, secret: string): Promise<Claims | null> {
  if (!COMPACT_FORM.test(token)) return null;
  try {
    const { payload } = await compactVerify(token, encoder.encode(secret), {
      algorithms: ["HS256"],
    });
    return parseClaims(decoder.decode(payload));
  } catch {
    // Whatever is wrong with a text that a stranger sent, it is no token.
    return null;
  }
}

function parseClaims(text: string): Claims | null {
  const claims: unknown = JSON.parse(text);
  if (!isRecord(claims) || hasTwice(text)) return null;
  const { exp, nbf = null, iss = null, sub } = claims;
  const aud: readonly unknown[] = Array.isArray(claims.aud) ? claims.aud : [claims.aud ?? ""];
  const isWellFormed = isSeconds(exp) && (nbf === null || isSeconds(nbf)) &&
    (iss === null || isString(iss)) && aud.every(isString);
  return isWellFormed ? { exp, nbf, iss, aud, sub } : null;
}

/** A claim that stands there twice means one thing to one reader and another to the next. */
function hasTwice(text: string): boolean {
  const seen = new Set<unknown>();
  let depth = 0;
  for (const [token, isKey] of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    if (depth !== 1 || isKey === undefined) continue;
    const name: unknown = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1));
    if (seen.has(name)) return true;
    seen.add(name);
  }
  return false;
}

function isSeconds(value: unknown): value is number {
  return Number.isInteger(value) && Math.abs(Number(value)) < SECONDS_LIMIT;
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
