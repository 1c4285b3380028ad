/** What the `--ws-*` flags ask for, checked in upstream's order and words; must not know listeners. */
import { CliError } from "../../lib/errors.ts";
import type { Clock } from "../../lib/clock.ts";
import { AttemptLimit } from "./attempt_limit.ts";
import type { Authorizer } from "./authorizer.ts";
import { isBearerToken } from "./bearer.ts";
import { CapabilityToken, sha256 } from "./capability_token.ts";
import { SecretFile } from "./secret_file.ts";

/** The values of the flags as they were written; null for a flag that is not set. */
export interface WsAuthFlags {
  /** `capability-token`, `signed-bearer-token` or `bearer:TOKEN`. */
  readonly mode: string | null;
  readonly tokenFile: string | null;
  readonly tokenSha256: string | null;
  readonly sharedSecretFile: string | null;
  readonly issuer: string | null;
  readonly audience: string | null;
  readonly maxClockSkewSeconds: string | null;
}

/** What the flags ask for, once they were found to fit together. */
export type WsAuth =
  | { readonly type: "none" }
  | { readonly type: "tokenFile"; readonly path: string }
  | { readonly type: "tokenDigest"; readonly digest: Uint8Array; readonly isInArgv: boolean }
  | {
    readonly type: "signed";
    readonly path: string;
    readonly issuer: string | null;
    readonly audience: string | null;
    readonly skewSeconds: number;
  };

const ARGV_PREFIX = "bearer:";
const DEFAULT_SKEW_SECONDS = "30";
const INT64_MAX = 2n ** 63n - 1n;
const SECRET_BYTES_MIN = 32;
const NO_TOKEN = "holds no token: one is a single line of printable ASCII characters";
const CAPABILITY = "capability-token";
const SIGNED = "signed-bearer-token";

/** Finds flags that contradict each other; throws a `CliError` that names them. */
export function wsAuthOf(flags: WsAuthFlags): WsAuth {
  const { mode, tokenFile, tokenSha256, sharedSecretFile } = flags;
  const ofTokens = [tokenFile, tokenSha256];
  const ofSigned = [sharedSecretFile, flags.issuer, flags.audience, flags.maxClockSkewSeconds];
  if (mode === null) {
    refuse(
      [...ofTokens, ...ofSigned].some(isSet),
      `websocket auth flags require \`--ws-auth ${CAPABILITY}\` or \`--ws-auth ${SIGNED}\``,
    );
    return { type: "none" };
  }
  if (mode === SIGNED) return signedOf(flags);
  refuse(
    ofSigned.some(isSet),
    "`--ws-shared-secret-file`, `--ws-issuer`, `--ws-audience`, and " +
      `\`--ws-max-clock-skew-seconds\` require \`--ws-auth ${SIGNED}\``,
  );
  if (mode.toLowerCase().startsWith(ARGV_PREFIX)) {
    return inlineOf(mode.slice(ARGV_PREFIX.length), ofTokens);
  }
  refuse(
    tokenFile !== null && tokenSha256 !== null,
    "`--ws-token-file` and `--ws-token-sha256` are mutually exclusive",
  );
  if (tokenFile !== null) return { type: "tokenFile", path: tokenFile };
  refuse(
    tokenSha256 === null,
    `\`--ws-token-file\` or \`--ws-token-sha256\` is required when \`--ws-auth ${CAPABILITY}\` is set`,
  );
  return { type: "tokenDigest", digest: digestOf(tokenSha256 ?? ""), isInArgv: false };
}

function signedOf(flags: WsAuthFlags): WsAuth {
  const { tokenFile, tokenSha256, sharedSecretFile, issuer, audience } = flags;
  refuse(
    tokenFile !== null || tokenSha256 !== null,
    "`--ws-token-file` and `--ws-token-sha256` require " +
      `\`--ws-auth ${CAPABILITY}\`, not \`${SIGNED}\``,
  );
  if (sharedSecretFile === null) {
    throw new CliError(
      `\`--ws-shared-secret-file\` is required when \`--ws-auth ${SIGNED}\` is set`,
    );
  }
  const skew = BigInt((flags.maxClockSkewSeconds ?? DEFAULT_SKEW_SECONDS).replace("+", ""));
  refuse(skew > INT64_MAX, "websocket auth clock skew must fit in a signed 64-bit integer");
  const skewSeconds = Number(skew);
  return { type: "signed", path: sharedSecretFile, issuer, audience, skewSeconds };
}

function inlineOf(token: string, others: readonly (string | null)[]): WsAuth {
  refuse(
    others.some(isSet),
    `\`--ws-token-file\` and \`--ws-token-sha256\` require \`--ws-auth ${CAPABILITY}\`, ` +
      `not \`${ARGV_PREFIX}TOKEN\``,
  );
  refuse(!isBearerToken(token), `\`--ws-auth ${ARGV_PREFIX}TOKEN\` ${NO_TOKEN}`);
  return { type: "tokenDigest", digest: sha256(token), isInArgv: true };
}

function digestOf(hex: string): Uint8Array {
  refuse(
    !/^[0-9a-f]{64}$/i.test(hex),
    "--ws-token-sha256 must be a 64-character hex SHA-256 digest",
  );
  return Uint8Array.fromHex(hex);
}

function isSet(value: string | null): boolean {
  return value !== null;
}

function refuse(isWrong: boolean, message: string): void {
  if (isWrong) throw new CliError(message);
}

/**
 * Who may connect, or null for everybody. Files are read now, so that a wrong path is told at the start; throws a
 * `CliError` then.
 */
export async function createAuthorizer(
  auth: WsAuth,
  { clock, warn }: { readonly clock: Clock; warn(text: string): void },
): Promise<Authorizer | null> {
  switch (auth.type) {
    case "none":
      return null;
    case "tokenDigest":
      return new AttemptLimit(new CapabilityToken(() => auth.digest), clock);
    case "tokenFile": {
      const check = (token: string) =>
        isBearerToken(token) ? null : `websocket auth secret ${auth.path} ${NO_TOKEN}`;
      const file = SecretFile.open(auth.path, { check, warn });
      return new AttemptLimit(new CapabilityToken(digestIn(file)), clock);
    }
    case "signed": {
      const file = openSigningSecret(auth.path, warn);
      const { SignedToken } = await import("./signed_token.ts");
      return new AttemptLimit(
        new SignedToken(() => file.current(), { rules: auth, clock }),
        clock,
      );
    }
  }
}

/** The secret that signs tokens; throws a `CliError` when the file holds none that is long enough. */
export function openSigningSecret(path: string, warn: (text: string) => void): SecretFile {
  const check = (secret: string) =>
    new TextEncoder().encode(secret).length >= SECRET_BYTES_MIN
      ? null
      : `signed websocket bearer secret ${path} must be at least ${SECRET_BYTES_MIN} bytes`;
  return SecretFile.open(path, { check, warn });
}

/** The digest of what the file holds, made anew only when that has changed. */
function digestIn(file: SecretFile): () => Uint8Array | null {
  let known: { readonly token: string; readonly digest: Uint8Array } | null = null;
  return () => {
    const token = file.current();
    if (token === null) return null;
    if (known?.token !== token) known = { token, digest: sha256(token) };
    return known.digest;
  };
}
