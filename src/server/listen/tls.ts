/** Reads certificates and keys, and notices when their files change; must not know listeners. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { Clock } from "../../lib/clock.ts";
import { CliError, messageOf } from "../../lib/errors.ts";
import { pemCertificates } from "../../lib/pem.ts";

/** The files of a listener with TLS: absolute paths, which may be the same. */
export interface TlsOptions {
  readonly certFile: string;
  readonly keyFile: string;
  /** Clients must have a certificate from one of these authorities; null: they need none. */
  readonly clientCaFile: string | null;
}

/** What a server with TLS is made of. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  readonly ca: string | null;
  /** SHA-256 of the certificate in lower-case hex digits. */
  readonly fingerprint: string;
  /** What works, but should be otherwise. */
  readonly warnings: readonly string[];
}

/** How long after a change the new files are used, in milliseconds. */
const POLL_MS = 2000;
const PRIVATE_KEY = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----.+?-----END \1-----/s;
/** For its owner alone. */
const PRIVATE_MODES = 0o077;

/** Reads the files; throws a `CliError` that says which of them is no good, and never shows what is in it. */
export function readTls(files: TlsOptions, now: number): TlsMaterial {
  const cert = readText("certificate", files.certFile);
  const key = readText("key", files.keyFile);
  const ca = files.clientCaFile === null ? null : readText("client CA", files.clientCaFile);
  const certificate = parsed(`certificate ${files.certFile}`, () => new X509Certificate(cert));
  // The reader of the runtime stops at the first block, and files hold certificates as well.
  const keyBlock = PRIVATE_KEY.exec(key)?.[0] ?? "";
  const privateKey = parsed(`key ${files.keyFile}`, () => createPrivateKey(keyBlock));
  if (ca !== null) checkAuthorities(ca, `client CA ${files.clientCaFile}`);
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new CliError(
      `The TLS key ${files.keyFile} does not belong to the certificate ${files.certFile}`,
    );
  }
  return {
    cert,
    key: keyBlock,
    ca,
    fingerprint: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
    warnings: warningsOf(files, certificate, now),
  };
}

/** Calls `changed` after any of the files has changed, until the returned function is called. */
export function watchTls(
  files: TlsOptions,
  { clock, changed }: { readonly clock: Clock; changed(): void },
): () => void {
  const paths = [
    files.certFile,
    files.keyFile,
    ...files.clientCaFile === null ? [] : [files.clientCaFile],
  ];
  let known = stampOf(paths);
  let cancel = later();
  function later(): () => void {
    return clock.after(POLL_MS, look, { background: true });
  }
  function look(): void {
    cancel = later();
    const stamp = stampOf(paths);
    if (stamp === known) return;
    known = stamp;
    changed();
  }
  return () => cancel();
}

/** Differs as soon as a file has other content or is another one. */
function stampOf(paths: readonly string[]): string {
  return paths.map((path) => {
    try {
      const { mtime, size, ino } = Deno.statSync(path);
      return `${mtime?.getTime()} ${size} ${ino}`;
    } catch (error) {
      // Between the removal of an old file and the arrival of a new one.
      return messageOf(error);
    }
  }).join("\n");
}

/** The runtime takes any text, and refuses every client then. */
function checkAuthorities(pem: string, what: string): void {
  const certificates = pemCertificates(pem);
  if (certificates.length === 0) throw new CliError(`The TLS ${what} holds no certificate in PEM`);
  for (const one of certificates) parsed(what, () => new X509Certificate(one));
}

function readText(what: string, path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new CliError(`Cannot read the TLS ${what} ${path}: ${messageOf(error)}`, 1, {
      cause: error,
    });
  }
}

function parsed<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new CliError(`The TLS ${what} is not valid PEM: ${messageOf(error)}`, 1, {
      cause: error,
    });
  }
}

function warningsOf(
  { certFile, keyFile }: TlsOptions,
  certificate: X509Certificate,
  now: number,
): readonly string[] {
  const warnings: string[] = [];
  if (Date.parse(certificate.validTo) <= now) {
    warnings.push(`The TLS certificate ${certFile} has expired on ${certificate.validTo}`);
  }
  if (Date.parse(certificate.validFrom) > now) {
    warnings.push(`The TLS certificate ${certFile} is not valid before ${certificate.validFrom}`);
  }
  if (certificate.ca) {
    warnings.push(
      `The TLS certificate ${certFile} is that of an authority, which some clients refuse for a server`,
    );
  }
  const { mode } = Deno.statSync(keyFile);
  if (mode !== null && (mode & PRIVATE_MODES) !== 0) {
    warnings.push(`Other users can read the TLS key ${keyFile}; run: chmod 600 ${keyFile}`);
  }
  return warnings;
}
