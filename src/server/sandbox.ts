/** The sandbox and the ceiling of one server, from what it was started with; must not know requests. */
import type { Config } from "../config/config.ts";
import { defaultPolicies } from "../config/trust.ts";
import { Ceiling } from "../exec/ceiling.ts";
import { controlSockets, credentialFiles, ownSockets } from "../exec/sandbox/places.ts";
import type { NetworkPorts } from "../exec/network_proxy/destinations.ts";
import { LazyNetworkProxy } from "../exec/network_proxy/lazy.ts";
import type { Backends } from "../exec/sandbox/probe.ts";
import { type ProxySource, Sandbox } from "../exec/sandbox/sandbox.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";

/** What a server was started with, as far as commands must be kept away from it. */
export interface SandboxSurroundings {
  readonly codexHome: string;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** What no sandboxed write may touch, wherever the writable folders are: absolute paths. */
  readonly protectedPaths: readonly string[];
  /** What no command may read besides the credentials, such as sockets of this server. */
  readonly hiddenPaths?: readonly string[];
  /** Unix sockets at which this server takes orders, besides those in its home. */
  readonly socketPaths?: readonly string[];
  /** Addresses at which this server takes orders from anybody on this machine. */
  openListeners?(): readonly string[];
  /** Clients need not be on this machine. */
  readonly isExposed?: boolean;
  /** Takes the place of trying the real ones in tests. */
  readonly backends?: Backends;
  /** Take the place of the real network in tests of `allow_domains`. */
  readonly networkPorts?: NetworkPorts;
}

/** What no command may change: what this program executes or believes at its next start. */
export function ownPaths(surroundings: SandboxSurroundings): readonly string[] {
  return [...surroundings.protectedPaths, surroundings.codexHome];
}

/**
 * The way to the domains of the configuration that the server started with; null: it names none, and network
 * access is access to all.
 */
export function networkProxyOf(
  { networkPorts }: SandboxSurroundings,
  { base, clock, log }: { readonly base: Config; readonly clock: Clock; readonly log: Logger },
): LazyNetworkProxy | null {
  const { allowDomains, allowPorts } = base;
  if (allowDomains === null) return null;
  return new LazyNetworkProxy({
    rules: { allowDomains, allowPorts },
    clock,
    log: log.child("network_proxy"),
    ...networkPorts === undefined ? {} : { ports: networkPorts },
  });
}

/** The same; throws a `CodexError` for what is no domain, sooner than the first command would be refused. */
export async function checkedNetworkProxy(
  surroundings: SandboxSurroundings,
  options: { readonly base: Config; readonly clock: Clock; readonly log: Logger },
): Promise<LazyNetworkProxy | null> {
  const proxy = networkProxyOf(surroundings, options);
  await proxy?.check();
  return proxy;
}

/**
 * What people are told when the configuration is read again: what is wrong with it, and what of it a running server
 * does not take over. Whoever lowers the ceiling of a server must not believe that this holds already.
 */
export function reloadWarnings(base: Config, now: Config): readonly string[] {
  const settings = {
    max_sandbox: (config: Config) => config.maxSandbox,
    allow_domains: (config: Config) => config.allowDomains,
    allow_ports: (config: Config) => config.allowPorts,
  };
  const changed = Object.entries(settings)
    .filter(([, read]) => JSON.stringify(read(base)) !== JSON.stringify(read(now)))
    .map(([name]) => `\`${name}\``);
  if (changed.length === 0) return now.warnings;
  const names = changed.length < 3 ? changed.join(" and ") : changed.join(", ");
  const kept = `${names} ${changed.length === 1 ? "has" : "have"} changed, which counts from the ` +
    "next start of the server: until then what it was started with holds";
  return [...now.warnings, kept];
}

/** `base` is the configuration that the server started with: what clients change later does not count. */
export function serverSandbox(
  surroundings: SandboxSurroundings,
  { base, proxy, warn }: {
    readonly base: Config;
    readonly proxy: ProxySource | null;
    readonly warn: (warning: string) => void;
  },
): Sandbox {
  const { cwd, env, codexHome, backends } = surroundings;
  const tmpdir = env["TMPDIR"] ?? null;
  return new Sandbox({
    ceiling: new Ceiling({
      asked: base.maxSandbox,
      configured: defaultPolicies(base, base.cwd).sandboxMode,
      isExposed: surroundings.isExposed ?? false,
      cwd,
      tmpdir,
      workspace: base.workspaceWrite,
    }),
    sources: {
      tmpdir,
      protectedPaths: ownPaths(surroundings),
      hiddenPaths: [...credentialFiles(codexHome), ...surroundings.hiddenPaths ?? []],
      socketPaths: [
        ...controlSockets(env, Deno.uid()),
        ...ownSockets(codexHome),
        ...surroundings.socketPaths ?? [],
      ],
      proxySocket: null,
    },
    warn,
    proxy,
    openListeners: () => surroundings.openListeners?.() ?? [],
    ...backends === undefined ? {} : { backends },
  });
}
