/** What `[permissions.network]` allows, as a question about a host and a port; must not know addresses of names. */
import { CodexError } from "../../lib/errors.ts";
import { addressKind } from "./address.ts";
import { type Authority, type Host, parseHost } from "./host.ts";

/** What a proxy lets through, as the configuration writes it. */
export interface NetworkRules {
  /** Names, `*.` and a name for whatever is below it, or addresses. */
  readonly allowDomains: readonly string[];
  /** Ports besides those of http and https. */
  readonly allowPorts: readonly number[];
}

const ALWAYS_ALLOWED_PORTS = [80, 443];
const WHERE = "[permissions.network] allow_domains";

/** The rules of one proxy. */
export class DomainRules {
  readonly #exact = new Set<string>();
  /** What comes after the star, such as `.example.com`. */
  readonly #suffixes = new Set<string>();
  readonly #ports: ReadonlySet<number>;

  /** Throws a `CodexError` for an entry that means nothing, or nothing that may be allowed. */
  constructor({ allowDomains, allowPorts }: NetworkRules) {
    for (const entry of allowDomains) this.#add(entry);
    this.#ports = new Set([...ALWAYS_ALLOWED_PORTS, ...allowPorts]);
    const bad = allowPorts.find((port) => !Number.isInteger(port) || port < 1 || port > 65_535);
    if (bad !== undefined) {
      throw invalid(`\`${bad}\` in [permissions.network] allow_ports is no port`);
    }
  }

  /** Why a target is not allowed, with what would allow it; null when it is. */
  refusalOf({ host, port }: Authority): string | null {
    if (!this.#allowsHost(host)) {
      const what = host.type === "address" ? "The address" : "The host";
      return `${what} ${host.text} is not in ${WHERE}. Whoever may allow it adds "${host.text}" there`;
    }
    return this.#ports.has(port)
      ? null
      : `Port ${port} is neither 80 nor 443. Whoever may allow it adds ${port} to ` +
        "[permissions.network] allow_ports";
  }

  #allowsHost(host: Host): boolean {
    if (this.#exact.has(host.text)) return true;
    if (host.type === "address") return false;
    for (let dot = host.text.indexOf("."); dot >= 0; dot = host.text.indexOf(".", dot + 1)) {
      if (this.#suffixes.has(host.text.slice(dot))) return true;
    }
    return false;
  }

  #add(entry: string): void {
    const isWildcard = entry.startsWith("*.");
    const bare = isWildcard ? entry.slice(2) : entry;
    const host = parseHost(bare) ?? (bare.includes(":") ? parseHost(`[${bare}]`) : null);
    if (host === null || (isWildcard && host.type === "address")) {
      throw invalid(
        `\`${entry}\` in ${WHERE} is no host: write a name such as "example.com", or ` +
          '"*.example.com" for whatever is below it, without scheme, port or path',
      );
    }
    if (host.type === "address") {
      const { kind, name } = addressKind(host.text);
      if (kind === "never") {
        throw invalid(`\`${entry}\` in ${WHERE} is ${name}, which is never allowed`);
      }
    }
    if (isWildcard) this.#suffixes.add(`.${host.text}`);
    else this.#exact.add(host.text);
  }
}

function invalid(message: string): CodexError {
  return new CodexError("invalidConfig", message);
}
