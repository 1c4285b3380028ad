/** Tells public internet addresses from all others; must not know names or rules. */

/**
 * `public`: anybody's. `private`: of some local network, reached only if a rule names the very address.
 * `never`: of this machine, of no machine, or a cover for another address.
 */
export interface AddressKind {
  readonly kind: "public" | "private" | "never";
  /** What such addresses are called. */
  readonly name: string;
}

type Range = readonly [start: string, bits: number, kind: AddressKind["kind"], name: string];

/** What is in none of these is public. */
const V4_RANGES: readonly Range[] = [
  ["0.0.0.0", 8, "never", "an unspecified address"],
  ["10.0.0.0", 8, "private", "a private address"],
  ["100.64.0.0", 10, "private", "a carrier's private address"],
  ["127.0.0.0", 8, "never", "a loopback address"],
  ["169.254.0.0", 16, "never", "a link-local address, where clouds keep credentials"],
  ["172.16.0.0", 12, "private", "a private address"],
  ["192.0.0.0", 24, "never", "an address with a special meaning"],
  ["192.0.2.0", 24, "never", "an address of documentation"],
  ["192.88.99.0", 24, "never", "an address of 6to4 relays"],
  ["192.168.0.0", 16, "private", "a private address"],
  ["198.18.0.0", 15, "never", "an address of benchmarks"],
  ["198.51.100.0", 24, "never", "an address of documentation"],
  ["203.0.113.0", 24, "never", "an address of documentation"],
  // Azure's wire server: public by number only.
  ["168.63.129.16", 32, "never", "an address at which clouds keep credentials"],
  ["224.0.0.0", 4, "never", "a multicast address"],
  ["240.0.0.0", 4, "never", "a reserved address"],
];

/** The first match counts. The last one is all that is not global unicast, link-local and multicast included. */
const V6_RANGES: readonly Range[] = [
  ["::ffff:0:0", 96, "never", "an IPv4 address in the form of IPv6"],
  ["64:ff9b::", 96, "never", "a translated IPv4 address (NAT64)"],
  ["64:ff9b:1::", 48, "never", "a translated IPv4 address (NAT64)"],
  ["2001::", 23, "never", "an address with a special meaning"],
  ["2001:db8::", 32, "never", "an address of documentation"],
  ["2002::", 16, "never", "an IPv4 address in the form of IPv6 (6to4)"],
  ["3fff::", 20, "never", "an address of documentation"],
  ["2000::", 3, "public", "a public address"],
  ["fc00::", 7, "private", "a private address"],
  ["fe80::", 10, "never", "a link-local address"],
  ["ff00::", 8, "never", "a multicast address"],
  ["::1", 128, "never", "a loopback address"],
  ["::", 0, "never", "an address that is not of the internet"],
];

/** The 4 or 16 bytes of an address in canonical text, without brackets; null if it is none. */
export function addressBytes(text: string): Uint8Array | null {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) {
    const bytes = text.split(".").map(Number);
    return bytes.every((byte) => byte < 256) ? new Uint8Array(bytes) : null;
  }
  return text.includes(":") ? v6Bytes(text) : null;
}

/** What an address is, given its canonical text. What cannot be read is no public address. */
export function addressKind(text: string): AddressKind {
  const bytes = addressBytes(text);
  if (bytes === null) return { kind: "never", name: "no address" };
  const ranges = bytes.length === 4 ? V4_RANGES : V6_RANGES;
  for (const [start, bits, kind, name] of ranges) {
    if (isWithin(bytes, addressBytes(start), bits)) return { kind, name };
  }
  return { kind: "public", name: "a public address" };
}

/** Whether two texts name the same address. */
export function isSameAddress(one: string, other: string): boolean {
  const [bytes, others] = [addressBytes(one), addressBytes(other)];
  return bytes !== null && others !== null && bytes.length === others.length &&
    bytes.every((byte, index) => byte === others[index]);
}

function isWithin(bytes: Uint8Array, start: Uint8Array | null, bits: number): boolean {
  if (start === null || start.length !== bytes.length) return false;
  return bytes.every((byte, index) => {
    const left = Math.min(8, Math.max(0, bits - index * 8));
    const mask = 0xff << 8 - left & 0xff;
    return (byte & mask) === ((start[index] ?? 0) & mask);
  });
}

function v6Bytes(text: string): Uint8Array | null {
  // The last 32 bits may be written as an IPv4 address.
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const v4 = tail?.[2] === undefined ? null : addressBytes(tail[2]);
  if (tail && v4 === null) return null;
  const words = v4 === null ? "" : `${hexWord(v4[0], v4[1])}:${hexWord(v4[2], v4[3])}`;
  const [head = "", rest, ...more] = `${tail?.[1] ?? text}${words}`.split("::");
  if (more.length > 0) return null;
  const left = head === "" ? [] : head.split(":");
  const right = rest === undefined || rest === "" ? [] : rest.split(":");
  const missing = 8 - left.length - right.length;
  if (rest === undefined ? missing !== 0 : missing < 1) return null;
  const groups = [...left, ...Array.from({ length: missing }, () => "0"), ...right];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  return new Uint8Array(groups.flatMap((group) => {
    const word = Number.parseInt(group, 16);
    return [word >> 8, word & 0xff];
  }));
}

function hexWord(high = 0, low = 0): string {
  return (high << 8 | low).toString(16);
}
