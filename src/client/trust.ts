/** Decides whether a server that shows a certificate is the one that was meant; must not know how that was received. */

/** Servers whose certificates were accepted before, by `host:port`. */
export interface KnownServers {
  /** The SHA-256 fingerprint as 64 lower-case hex digits, or null. */
  fingerprintOf(server: string): string | null;
  remember(server: string, fingerprint: string): void;
}

/** What a client goes by. */
export interface Trust {
  /** The one certificate that is right, whatever else is known. */
  readonly fingerprint: string | null;
  readonly known: KnownServers;
  /** Asked about a server that nobody vouches for and that was never met; true to trust it from now on. */
  acceptNew(server: string, fingerprint: string): Promise<boolean>;
}

/** What a server has shown. */
export interface Shown {
  /** `host:port`. */
  readonly server: string;
  readonly fingerprint: string;
  /** Its certificate is of a known authority, valid, and for this very name. */
  readonly isVouchedFor: boolean;
}

/** Why the server is not to be trusted, for people; null when it is. */
export async function distrust(
  { server, fingerprint, isVouchedFor }: Shown,
  trust: Trust,
): Promise<string | null> {
  if (trust.fingerprint !== null) {
    return trust.fingerprint === fingerprint ? null : changed({
      server,
      expected: `the one that --remote-tls-fingerprint asks for is SHA256:${trust.fingerprint}`,
      fingerprint,
    });
  }
  const known = trust.known.fingerprintOf(server);
  if (known === fingerprint || isVouchedFor) return null;
  if (known !== null) {
    return changed({ server, expected: `the one it had before is SHA256:${known}`, fingerprint });
  }
  if (!await trust.acceptNew(server, fingerprint)) {
    return `Nobody vouches for the certificate of ${server}. If SHA256:${fingerprint} is what the ` +
      `server printed at its start, pass --remote-tls-fingerprint ${fingerprint}`;
  }
  trust.known.remember(server, fingerprint);
  return null;
}

function changed({ server, expected, fingerprint }: {
  readonly server: string;
  readonly expected: string;
  readonly fingerprint: string;
}): string {
  return `The certificate of ${server} is not the expected one: ${expected}, ` +
    `this one is SHA256:${fingerprint}. Somebody may be listening in, or the server has a new ` +
    "certificate: compare with what the server printed at its start. No token was sent";
}

/** A fingerprint in any usual spelling (with `SHA256:` or colons, any case) as 64 hex digits; null for anything else. */
export function parseFingerprint(text: string): string | null {
  const hex = text.replace(/^sha-?256:/i, "").replaceAll(":", "").toLowerCase();
  return /^[0-9a-f]{64}$/.test(hex) ? hex : null;
}
