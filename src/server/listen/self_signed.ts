/** Makes the certificate of a server that was given none, once, and keeps it; must not know listeners. */
// It brings the decorators' metadata that the next one needs.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { join } from "node:path";
import { createHomeFile } from "../../store/home_file.ts";

/** Where the certificate and its key are kept, together in one file. */
export function selfSignedPath(codexHome: string): string {
  return join(codexHome, SELF_SIGNED_FOLDER, "server.pem");
}

/** The folder of the key, which no command may read. */
export const SELF_SIGNED_FOLDER = "app-server-tls";

/** What a new certificate says. */
export interface SelfSignedOptions {
  /** Names and addresses of this machine, by which clients may call it. */
  readonly names: readonly string[];
  /** Unix milliseconds. */
  readonly now: number;
  randomBytes(length: number): Uint8Array;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DAY_MS = 24 * 60 * 60 * 1000;
/** Clients pin it, so it should outlive the machine. */
const VALID_DAYS = 3650;
/** Clocks of clients may be behind. */
const BACKDATED_DAYS = 2;
const SERIAL_BYTES = 16;

/** Makes the file unless it is there: of two servers that start at once, both use what the first has written. */
export async function ensureSelfSigned(path: string, options: SelfSignedOptions): Promise<void> {
  if (isThere(path)) return;
  createHomeFile(path, await selfSigned(options));
}

/** A certificate with its key, in PEM. */
export async function selfSigned(options: SelfSignedOptions): Promise<string> {
  const { names, now } = options;
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(options.randomBytes(SERIAL_BYTES)),
    name: "CN=codex app-server",
    notBefore: new Date(now - BACKDATED_DAYS * DAY_MS),
    notAfter: new Date(now + VALID_DAYS * DAY_MS),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      // Clients built on rustls refuse a certificate authority as a server.
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([...new Set(names)].map(generalName)),
    ],
  });
  const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
  return `${certificate.toString("pem")}\n${x509.PemConverter.encode(key, "PRIVATE KEY")}\n`;
}

function generalName(name: string): x509.JsonGeneralName {
  return { type: /^[\d.]+$|:/.test(name) ? "ip" : "dns", value: name };
}

/** Positive, as RFC 5280 asks. */
function serialNumber(bytes: Uint8Array): string {
  const hex = bytes.toHex();
  return `0${hex.slice(1)}`;
}

function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
