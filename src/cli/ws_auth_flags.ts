/** The flags about tokens of listeners, as data; must not know how a token is checked. */
import type { Flag } from "./commands.ts";

/** A token that is written on the command line. */
const INLINE_TOKEN = /^bearer:./is;

/** How clients prove who they are. */
export const wsAuthFlags: readonly Flag[] = [
  {
    name: "ws-auth",
    value: "MODE",
    choices: ["capability-token", "signed-bearer-token"],
    isChoice: (value) => INLINE_TOKEN.test(value),
    doc: "How clients prove who they are; bearer:TOKEN is seen by others",
  },
  {
    name: "ws-token-file",
    value: "PATH",
    completes: "file",
    doc: "File with the capability token",
  },
  {
    name: "ws-token-sha256",
    value: "HEX",
    doc: "SHA-256 of the capability token, instead of the file",
  },
  {
    name: "ws-shared-secret-file",
    value: "PATH",
    completes: "file",
    doc: "File with the secret that signs bearer tokens (HS256)",
  },
  { name: "ws-issuer", value: "ISSUER", doc: "Required issuer of bearer tokens" },
  { name: "ws-audience", value: "AUDIENCE", doc: "Required audience of bearer tokens" },
  {
    name: "ws-max-clock-skew-seconds",
    value: "SECONDS",
    check: checkUnsigned,
    doc: "Clock difference that is tolerated (default: 30)",
  },
  {
    name: "ws-close-at-expiry",
    doc: "Close a connection when its bearer token expires",
  },
  {
    name: "allow-token-in-argv",
    doc: "Take --ws-auth bearer:TOKEN beyond loopback as well",
  },
];

/** A number of seconds as Rust's `u64` parser reads it; clients see its words. */
export function checkUnsigned(value: string): string | null {
  if (value === "") return "cannot parse integer from empty string";
  if (!/^\+?[0-9]+$/.test(value)) return "invalid digit found in string";
  return BigInt(value.replace("+", "")) > 18_446_744_073_709_551_615n
    ? "number too large to fit in target type"
    : null;
}
