/** Reads the bearer token of a handshake; must not know which tokens are right. */
import { plainRefusal, type Refusal } from "./refusals.ts";

/** Longer ones are refused unread; that is four times what an identity provider signs. */
const TOKEN_CHARS_MAX = 16 * 1024;

/** The token in the `Authorization` headers, or why there is none. */
export function bearerToken(authorization: readonly string[]): string | Refusal {
  const [header] = authorization;
  if (header === undefined) return plainRefusal("missing");
  // Two headers are two stories; proxies and servers disagree on which of them counts.
  if (authorization.length > 1) return plainRefusal("header");
  const match = /^ *(\S+) +(\S.*?) *$/.exec(header);
  const [, scheme = "", token = ""] = match ?? [];
  return scheme.toLowerCase() === "bearer" && isBearerToken(token) ? token : plainRefusal("header");
}

/** Whether a client can send this as a token and be understood. */
export function isBearerToken(text: string): boolean {
  return /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text) && text.length <= TOKEN_CHARS_MAX;
}
