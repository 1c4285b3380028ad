/** Reads host names and ports strictly, in the one form in which rules compare them; must not know rules. */
import { addressBytes } from "./address.ts";

/** A host in canonical form: lower case, ASCII, without a trailing dot; an address as the standard writes it. */
export interface Host {
  readonly type: "name" | "address";
  readonly text: string;
}

/** A host with a port. */
export interface Authority {
  readonly host: Host;
  readonly port: number;
}

const NAME_CHARS_MAX = 253;
/** Longer than any name, also in Unicode. */
const TEXT_CHARS_MAX = 1024;
const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * A host as people and programs write it; null if it is none. Addresses are recognised in every notation that a
 * URL knows (`0x7f.1`, `2130706433`), so that none passes for a name.
 */
export function parseHost(text: string): Host | null {
  if (text === "" || text.length > TEXT_CHARS_MAX) return null;
  // Nothing that a URL would take for something else than a host, or decode first.
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x20\x7f@/\\?#%<>^|]/.test(text)) return null;
  const isBracketed = text.startsWith("[");
  if (isBracketed ? !/^\[[0-9a-f:.]+\]$/i.test(text) : /[[\]:]/.test(text)) return null;
  const bare = isBracketed ? text : text.replace(/\.$/, "");
  const url = URL.parse(`http://${bare}/`);
  if (url === null || url.hostname === "" || url.port !== "") return null;
  const { hostname } = url;
  const address = hostname.replace(/^\[|\]$/g, "");
  if (addressBytes(address) !== null) return { type: "address", text: address };
  const isName = hostname.length <= NAME_CHARS_MAX &&
    hostname.split(".").every((label) => LABEL.test(label));
  return isName && !isBracketed ? { type: "name", text: hostname } : null;
}

/** `host:port`; without a port the default one, and null if there is no default either. */
export function parseAuthority(
  text: string,
  { defaultPort }: { readonly defaultPort: number | null },
): Authority | null {
  const parts = /^(\[[^\]]*\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(text);
  if (parts === null) return null;
  const host = parseHost(parts[1] ?? "");
  const port = parts[2] === undefined ? defaultPort : Number(parts[2]);
  if (host === null || port === null || port < 1 || port > 65_535) return null;
  return { host, port };
}

/** An authority as it is written in messages and requests. */
export function authorityText({ host, port }: Authority): string {
  return `${
    host.type === "address" && host.text.includes(":") ? `[${host.text}]` : host.text
  }:${port}`;
}
