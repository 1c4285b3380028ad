/** Lets in whoever has the one token; must not know where it is kept. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Admission, Authorizer, Credentials } from "./authorizer.ts";
import { bearerToken } from "./bearer.ts";
import { plainRefusal } from "./refusals.ts";

/** Everybody with the token is the same person. */
const PRINCIPAL = "capability";

/** Compares by hashes of equal length, in a time that tells nothing about the token. */
export class CapabilityToken implements Authorizer {
  readonly #digest: () => Uint8Array | null;

  /** `digest` gives the SHA-256 of the token that is right now, or null while there is none. */
  constructor(digest: () => Uint8Array | null) {
    this.#digest = digest;
  }

  authorize({ authorization }: Credentials): Promise<Admission> {
    return Promise.resolve(this.#admission(authorization));
  }

  #admission(authorization: readonly string[]): Admission {
    const token = bearerToken(authorization);
    if (typeof token !== "string") return token;
    const digest = this.#digest();
    const isRight = digest !== null && timingSafeEqual(sha256(token), digest);
    return isRight
      ? { type: "admitted", principal: PRINCIPAL, expiresAtMs: null }
      : plainRefusal("token");
  }
}

/** The SHA-256 of a token. */
export function sha256(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}
