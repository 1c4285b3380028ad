/** From a policy and the places it refers to, what exactly a command is held to; pure, must not know any backend. */
import type { SandboxPolicy } from "../../protocol/policy.ts";
import { assertNever } from "../../lib/errors.ts";

/**
 * What a confined command may do. All paths are absolute and free of links, `.` and `..`, without a trailing
 * slash. What is not listed as writable is read-only.
 */
export interface SandboxSpec {
  /** The folder that the policy is about; a command may start in another one. */
  readonly cwd: string;
  /** Folders below which files may be written, parents before children. */
  readonly writable: readonly string[];
  /** Paths inside writable folders that stay read-only, also when nothing is there yet. */
  readonly readOnly: readonly string[];
  /** Files and folders whose content cannot even be read: credentials and sockets that lead back to us. */
  readonly hidden: readonly string[];
  /** Those of the hidden paths that hold no secret: sockets, and folders of sockets, that take orders. */
  readonly sockets?: readonly string[];
  /** Folders below which files may be read, besides the writable ones; null: everywhere. */
  readonly readable: readonly string[] | null;
  /** `proxy`: no network but the unix socket of our own proxy, which lets named domains through. */
  readonly network:
    | { readonly type: "none" }
    | { readonly type: "full" }
    | { readonly type: "proxy"; readonly socket: string };
}

/** Nothing to write, nothing to reach: what a backend tries itself with, checked from inside. */
export const STRICTEST: SandboxSpec = {
  cwd: "/",
  writable: [],
  readOnly: [],
  hidden: [],
  readable: null,
  network: { type: "none" },
};

/** The places that policies refer to; all resolved by the caller, so that this stays pure. */
export interface SandboxPlaces {
  readonly cwd: string;
  /** `$TMPDIR`, or null when it is not set. */
  readonly tmpdir: string | null;
  /** Where `/tmp` really is, if it is a link; null when there is none. */
  readonly slashTmp?: string | null;
  /** Names below every writable root that stay read-only, such as `.git`, also before they exist. */
  readonly protectedNames: readonly string[];
  /**
   * Whether something is at a path. In `/tmp` and `$TMPDIR`, unless a project lies there, names are protected only
   * once they exist (as in 0.120). To keep them from being made would take folders in the sight of everybody for
   * each command, and gain little: tools that look upwards from a folder in there trust much else besides.
   * Left out: everything is taken to exist.
   */
  readonly isThere?: (path: string) => boolean;
  /** Paths that stay read-only wherever they are: git folders outside, the runtime cache, our own file. */
  readonly protectedPaths: readonly string[];
  readonly hiddenPaths: readonly string[];
  /** Sockets, and folders of sockets, whose owners do what they are told; hidden as well. */
  readonly socketPaths?: readonly string[];
  /** The socket of the proxy that lets `allow_domains` through; null where none are configured. */
  readonly proxySocket: string | null;
}

/** What a policy demands; null when it asks for no confinement by us. */
export function sandboxSpec(policy: SandboxPolicy, places: SandboxPlaces): SandboxSpec | null {
  switch (policy.type) {
    case "dangerFullAccess":
    case "externalSandbox":
      return null;
    case "readOnly":
      return specOf({ projects: [], scratch: [] }, { policy, places, access: policy.access });
    case "workspaceWrite": {
      const projects = [places.cwd, ...policy.writableRoots];
      const scratch: string[] = [];
      const { slashTmp = "/tmp" } = places;
      if (!policy.excludeSlashTmp && slashTmp !== null) scratch.push(slashTmp);
      if (!policy.excludeTmpdirEnvVar && places.tmpdir !== null) scratch.push(places.tmpdir);
      return specOf({ projects, scratch }, { policy, places, access: policy.readOnlyAccess });
    }
    default:
      return assertNever(policy);
  }
}

/** Writable folders by what they are for. */
interface Roots {
  readonly projects: readonly string[];
  readonly scratch: readonly string[];
}

function specOf(roots: Roots, options: {
  readonly policy: Extract<SandboxPolicy, { readonly networkAccess: boolean }>;
  readonly places: SandboxPlaces;
  readonly access: { readonly type: string; readonly [name: string]: unknown } | undefined;
}): SandboxSpec {
  const { policy, places, access } = options;
  const { isThere = () => true } = places;
  const projects = roots.projects.map(withoutSlash);
  const writable = [...new Set([...projects, ...roots.scratch.map(withoutSlash)])].sort((
    one,
    other,
  ) => one.length - other.length);
  const named = writable.flatMap((root) => {
    const paths = places.protectedNames.map((name) => `${root === "/" ? "" : root}/${name}`);
    return projects.some((project) => isWithin(project, root)) ? paths : paths.filter(isThere);
  });
  return {
    cwd: places.cwd,
    writable,
    readOnly: [...new Set([...named, ...places.protectedPaths])],
    hidden: [...new Set([...places.hiddenPaths, ...places.socketPaths ?? []])],
    sockets: places.socketPaths ?? [],
    readable: readableRoots(access),
    network: networkOf(policy.networkAccess, places.proxySocket),
  };
}

function networkOf(isAllowed: boolean, socket: string | null): SandboxSpec["network"] {
  if (!isAllowed) return { type: "none" };
  return socket === null ? { type: "full" } : { type: "proxy", socket };
}

/** `{type: "restricted", readableRoots}` of the protocol; anything else reads everywhere. */
function readableRoots(
  access: { readonly type: string; readonly [name: string]: unknown } | undefined,
): readonly string[] | null {
  const roots = access?.["readableRoots"];
  if (access?.type !== "restricted") return null;
  return Array.isArray(roots) ? roots.filter((root) => typeof root === "string") : [];
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder === "/" ? "/" : `${folder}/`);
}

function withoutSlash(path: string): string {
  return path.length > 1 ? path.replace(/\/+$/, "") : path;
}
