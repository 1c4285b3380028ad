/**
 * Starts commands so that they are held to a policy, or says why that cannot be; never less confined than asked.
 *
 * Must not know threads, tools or approvals.
 */
import { assertNever, CodexError } from "../../lib/errors.ts";
import type { SandboxPolicy } from "../../protocol/policy.ts";
import type { Ceiling } from "../ceiling.ts";
import type { Backend, Command, ConfinedCommand, Probe } from "./backend.ts";
import { unmetDemand, weaknessesOf } from "./guarantees.ts";
import { type PlaceSources, type ResolvedSpec, resolveSpec, type SeenPlaces } from "./places.ts";
import { Backends } from "./probe.ts";
import { proxyEnvironment } from "./relay_port.ts";
import type { SandboxSpec } from "./spec.ts";

/** How a command is to be started. */
export type Confinement =
  /** As it is: its policy asks for no confinement by us. */
  | { readonly type: "unconfined" }
  | { readonly type: "confined"; readonly command: ConfinedCommand; readonly backend: Backend }
  /** Not at all; `reason` is a sentence. */
  | { readonly type: "refused"; readonly reason: string; readonly isProgramMissing: boolean };

/** What commands of a policy would be held to here. */
export type Prospect =
  | { readonly type: "none" }
  | { readonly type: "confined"; readonly spec: SandboxSpec; readonly backend: Backend }
  | { readonly type: "refused"; readonly reason: string };

/** Whether a command can be held to a policy; `reason` is a sentence for people and models. */
export type Enforcement =
  | { readonly enforced: true; readonly confined: boolean }
  | { readonly enforced: false; readonly reason: string };

/** The policy of a command, with the folder that it is about. */
export interface PolicyOfCommand {
  readonly policy: SandboxPolicy;
  /** The working directory of the thread; the command itself may start elsewhere. */
  readonly cwd: string;
  readonly seen?: SeenPlaces;
  /** What is kept from the command besides, for policies that say more than ours can: absolute paths. */
  readonly besides?: { readonly readOnly: readonly string[]; readonly hidden: readonly string[] };
}

/** The proxy that lets commands reach named domains, if the network is limited to some. */
export interface ProxySource {
  /** The path of its socket, once it listens. */
  socket(): Promise<string>;
}

/** Tells a command that no answer is to be expected from the network (upstream's name). */
const OFFLINE = "CODEX_SANDBOX_NETWORK_DISABLED";
/** What commands are told about their network. */
const NETWORK_VARIABLES: Readonly<
  Record<SandboxSpec["network"]["type"], Readonly<Record<string, string>>>
> = {
  none: { [OFFLINE]: "1" },
  proxy: proxyEnvironment(),
  full: {},
};

/** The sandbox of one process. Every command of an agent or a client is started through it. */
export class Sandbox {
  readonly ceiling: Ceiling;
  readonly #sources: PlaceSources;
  readonly #backends: Backends;
  readonly #proxy: ProxySource | null;
  readonly #openListeners: () => readonly string[];
  readonly #warn: (warning: string) => void;
  #hasWarned = false;

  constructor(options: {
    readonly sources: PlaceSources;
    readonly ceiling: Ceiling;
    readonly backends?: Backends;
    /** With it, no confined command has more of the network than this lets through. */
    readonly proxy?: ProxySource | null;
    /** Addresses at which this process takes orders from anybody on this machine. */
    readonly openListeners?: () => readonly string[];
    /** Told once what the backend cannot do, as soon as it is chosen. */
    readonly warn?: (warning: string) => void;
  }) {
    this.ceiling = options.ceiling;
    this.#sources = options.sources;
    this.#backends = options.backends ?? new Backends();
    this.#proxy = options.proxy ?? null;
    this.#openListeners = options.openListeners ?? (() => []);
    this.#warn = options.warn ?? (() => {});
  }

  /** What came of trying every backend, best first. */
  probes(): Promise<readonly Probe[]> {
    return this.#backends.all();
  }

  /** The backend in use, or null where none works. */
  backend(): Promise<Backend | null> {
    return this.#backends.best();
  }

  /** Whether commands can be held to a policy. */
  async enforcementOf(asked: PolicyOfCommand): Promise<Enforcement> {
    const prospect = await this.prospect(asked);
    switch (prospect.type) {
      case "none":
        return { enforced: true, confined: false };
      case "confined":
        return { enforced: true, confined: true };
      case "refused":
        return {
          enforced: false,
          reason: `The sandbox policy ${asked.policy.type} cannot be enforced: ${prospect.reason}`,
        };
      default:
        return assertNever(prospect);
    }
  }

  /** What a policy comes to here, whatever would enforce it; for what this process does itself. */
  specOf(asked: PolicyOfCommand): ResolvedSpec {
    return this.#specWith(this.#sources, asked);
  }

  #specWith(
    sources: PlaceSources,
    { policy, cwd, seen, besides }: PolicyOfCommand,
  ): ResolvedSpec {
    const resolved = resolveSpec(policy, {
      cwd,
      sources: besides === undefined ? sources : {
        ...sources,
        protectedPaths: [...sources.protectedPaths, ...besides.readOnly],
        hiddenPaths: [...sources.hiddenPaths, ...besides.hidden],
      },
      ...seen === undefined ? {} : { seen },
    });
    if (resolved.type === "refused") return resolved;
    const reason = this.ceiling.refusalOf(resolved.type === "spec" ? resolved.spec : null);
    return reason === null ? resolved : { type: "refused", reason };
  }

  /** What commands would be held to, and by what. */
  async prospect(asked: PolicyOfCommand): Promise<Prospect> {
    const sources = await this.#sourcesOf(asked.policy);
    if ("type" in sources) return sources;
    const resolved = this.#specWith(sources, asked);
    if (resolved.type === "refused") return resolved;
    const spec = resolved.type === "spec" ? resolved.spec : null;
    if (spec === null) return { type: "none" };
    const backend = await this.#backends.best();
    if (backend === null) return { type: "refused", reason: await this.#backends.whyNone() };
    this.#warnOf(backend);
    const reason = unmetDemand(spec, backend.guarantees) ?? this.#wayBack(spec);
    return reason === null ? { type: "confined", spec, backend } : { type: "refused", reason };
  }

  /** The command as it must be started. What is confined must be released when it is gone. */
  async confine(command: Command, asked: PolicyOfCommand): Promise<Confinement> {
    const prospect = await this.prospect(asked);
    if (prospect.type === "none") return { type: "unconfined" };
    if (prospect.type === "refused") return { ...prospect, isProgramMissing: false };
    const { spec, backend } = prospect;
    const env = { ...command.env, ...NETWORK_VARIABLES[spec.network.type] };
    const confined = backend.confine({ ...command, env }, spec);
    return "type" in confined
      ? {
        type: "refused",
        reason: confined.reason,
        isProgramMissing: confined.isProgramMissing ?? false,
      }
      : { type: "confined", command: confined, backend };
  }

  /** Starts the proxy for the first command that may use the network; without one, such a command is refused. */
  async #sourcesOf(
    policy: SandboxPolicy,
  ): Promise<PlaceSources | Extract<Prospect, { readonly type: "refused" }>> {
    const isConfined = policy.type === "readOnly" || policy.type === "workspaceWrite";
    if (this.#proxy === null || !isConfined || !policy.networkAccess) return this.#sources;
    try {
      return { ...this.#sources, proxySocket: await this.#proxy.socket() };
    } catch (error) {
      if (error instanceof CodexError) return { type: "refused", reason: error.message };
      throw error;
    }
  }

  #warnOf({ name, guarantees }: Backend): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const weaknesses = weaknessesOf(guarantees);
    if (weaknesses.length === 0) return;
    this.#warn(`Commands are confined by ${name}, which is not enough: ${weaknesses.join("; ")}`);
  }

  /** With the network of this machine a command reaches every listener of ours, and could order what it likes. */
  #wayBack(spec: SandboxSpec): string | null {
    const [listener] = spec.network.type === "full" ? this.#openListeners() : [];
    return listener === undefined
      ? null
      : `With network access a command could give orders to this server at ${listener}, which asks ` +
        "for no token. Use stdio or a unix socket, or leave the network off";
  }
}
