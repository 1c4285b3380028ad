/**
 * Finds out where the paths of a policy really lead, so that a specification names what is meant.
 *
 * Must not know backends, nor what is done with a specification.
 */
import { basename, dirname, join, resolve } from "node:path";
import type { SandboxPolicy } from "../../protocol/policy.ts";
import { exists, isBelow, onDisk, resolveLinks } from "./links.ts";
import { type SandboxSpec, sandboxSpec } from "./spec.ts";

/** Folders below a writable root that stay read-only: what they hold is executed or trusted later. */
export const PROTECTED_NAMES: readonly string[] = [".git", ".codex", ".agents"];
/** Files and folders of the home folder with credentials, which no command may read. */
const CREDENTIAL_FILES = ["auth.json", ".credentials.json", "app-server-tls"];
/** A `.git` file is one short line; anything longer is none. */
const GIT_FILE_BYTES_MAX = 8192;

/** What every specification of this process refers to, whatever the policy. */
export interface PlaceSources {
  /** `$TMPDIR`, or null when it is not set. */
  readonly tmpdir: string | null;
  /** What no command may change, also inside a writable folder and before it exists. */
  readonly protectedPaths: readonly string[];
  /** What no command may read. */
  readonly hiddenPaths: readonly string[];
  /** Sockets, and folders of sockets, that no command may connect to: see `controlSockets`. */
  readonly socketPaths: readonly string[];
  /** The socket of the proxy that lets `allow_domains` through; null where none are configured. */
  readonly proxySocket: string | null;
}

/** Files of a home folder that hold credentials, whether they exist or not. */
export function credentialFiles(codexHome: string): readonly string[] {
  return CREDENTIAL_FILES.map((name) => join(codexHome, name));
}

/** Where servers of this home listen for programs of their user, and a command is one of those. */
export function ownSockets(codexHome: string): readonly string[] {
  return [join(codexHome, "app-server-control")];
}

/**
 * Where other programs of this user, or of the system, take orders and carry them out unconfined: a command
 * could have itself started again by them. Unix sockets work without a network, so these must be out of reach.
 */
export function controlSockets(
  env: Readonly<Record<string, string>>,
  uid: number | null,
): readonly string[] {
  const user = uid ?? 0;
  const runtime = env["XDG_RUNTIME_DIR"];
  const tmux = env["TMUX_TMPDIR"];
  return [
    // Message buses, the service manager of the user, agents for keys.
    `/run/user/${user}`,
    ...runtime?.startsWith("/") ? [runtime] : [],
    "/run/dbus",
    "/run/systemd/private",
    // Containers and machines.
    "/run/docker.sock",
    "/run/docker",
    "/run/containerd",
    "/run/podman",
    "/run/crio",
    "/run/libvirt",
    "/run/lxd.socket",
    "/run/incus",
    "/run/buildkit",
    "/run/k3s",
    "/run/snapd.socket",
    // Terminals and editors, and the screen.
    `/tmp/tmux-${user}`,
    `/tmp/emacs${user}`,
    ...tmux?.startsWith("/") ? [join(tmux, `tmux-${user}`)] : [],
    "/run/screen",
    "/run/screens",
    ...(onDisk(() => [...Deno.readDirSync("/tmp/.X11-unix")]) ?? [])
      .map(({ name }) => join("/tmp/.X11-unix", name)),
    ...socketsNamedIn(env),
  ];
}

/** By such names terminals, editors, agents for keys and containers tell programs where they listen. */
const SOCKET_NAME =
  /(SOCK|SOCKET|_SOCKET_NAME|_IPC_HOOK_CLI|_IPC_HANDLE|_LISTEN_ON|_LISTEN_ADDRESS|_BUS_ADDRESS|_HOST)$|^(TMUX|NVIM|GPG_AGENT_INFO)$/;

/** `/path`, `unix:/path`, `unix:///path` or `unix:path=/path`; further fields may follow. */
function socketsNamedIn(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).flatMap(([name, value]) => {
    const path = /^(?:unix:(?:path=|\/\/)?)?(\/[^,:;]+)/.exec(value)?.[1];
    const isSocket = path !== undefined && SOCKET_NAME.test(name) &&
      onDisk(() => Deno.statSync(path).isSocket) === true;
    return isSocket ? [path] : [];
  });
}

/** What a policy comes to on this machine, at this moment. */
export type ResolvedSpec =
  | { readonly type: "spec"; readonly spec: SandboxSpec }
  /** The policy asks for no confinement by us. */
  | { readonly type: "none" }
  | { readonly type: "refused"; readonly reason: string };

/**
 * The specification of a policy for work in `cwd`, with every path free of links.
 *
 * `seen` remembers where writable folders led when they were first used, and refuses when they have moved:
 * in a folder that commands may write, they could put a link in the place of a writable root.
 */
export function resolveSpec(
  policy: SandboxPolicy,
  options: { readonly cwd: string; readonly sources: PlaceSources; readonly seen?: SeenPlaces },
): ResolvedSpec {
  if (policy.type === "dangerFullAccess" || policy.type === "externalSandbox") {
    return { type: "none" };
  }
  const { sources, seen } = options;
  const moved: string[] = [];
  const place = (path: string): string[] => {
    const now = path.startsWith("/") ? resolveLinks(path) : null;
    if (now === null) return [];
    const first = seen?.firstPlaceOf(path, now) ?? now;
    if (first !== now) moved.push(`${path} led to ${first} and now leads to ${now}`);
    // In what is not there nothing can be written; it is remembered all the same, lest a link appear there.
    return exists(now) ? [now] : [];
  };
  const [cwd = options.cwd] = place(options.cwd);
  const resolved = resolvedPolicy(policy, place);
  // With TMPDIR or /tmp shut off they need not be looked for.
  const usesTmp = policy.type === "workspaceWrite";
  const [tmpdir = null] = usesTmp && sources.tmpdir !== null && !policy.excludeTmpdirEnvVar
    ? place(sources.tmpdir)
    : [];
  const [slashTmp = null] = usesTmp && !policy.excludeSlashTmp ? place("/tmp") : [];
  if (moved.length > 0) {
    const reason = `A writable folder has moved since this thread first used it: ${
      moved.join("; ")
    }. If that is meant, start a new thread`;
    return { type: "refused", reason };
  }
  const spec = sandboxSpec(resolved, {
    cwd,
    tmpdir,
    slashTmp,
    protectedNames: PROTECTED_NAMES,
    isThere: exists,
    protectedPaths: sources.protectedPaths.map(fixedPlace),
    hiddenPaths: sources.hiddenPaths.flatMap((path) => resolveLinks(path) ?? []),
    // Most of them are not there; each that is takes a mount.
    socketPaths: [
      ...new Set(sources.socketPaths.filter(exists).flatMap((path) => resolveLinks(path) ?? [])),
    ],
    proxySocket: sources.proxySocket,
  });
  return spec === null ? { type: "none" } : { type: "spec", spec: withGitFolders(spec) };
}

/** Where paths led when they were first used, for as long as a thread is loaded. */
export class SeenPlaces {
  readonly #places = new Map<string, string>();

  /** The first place of a path; `now` if it is new. */
  firstPlaceOf(path: string, now: string): string {
    const first = this.#places.get(path);
    if (first === undefined) this.#places.set(path, now);
    return first ?? now;
  }
}

type ConfiningPolicy = Extract<SandboxPolicy, { readonly type: "readOnly" | "workspaceWrite" }>;
type Access = NonNullable<Extract<SandboxPolicy, { readonly type: "readOnly" }>["access"]>;

function resolvedPolicy(
  policy: ConfiningPolicy,
  place: (path: string) => readonly string[],
): ConfiningPolicy {
  if (policy.type === "readOnly") {
    return policy.access === undefined
      ? policy
      : { ...policy, access: resolvedAccess(policy.access) };
  }
  return {
    ...policy,
    writableRoots: policy.writableRoots.flatMap(place),
    ...policy.readOnlyAccess === undefined
      ? {}
      : { readOnlyAccess: resolvedAccess(policy.readOnlyAccess) },
  };
}

function resolvedAccess(access: Access): Access {
  const roots = access["readableRoots"];
  if (!Array.isArray(roots)) return access;
  const readableRoots = roots.flatMap((root) =>
    typeof root === "string" && root.startsWith("/") ? resolveLinks(root) ?? [] : []
  );
  return { ...access, readableRoots };
}

/** A path without links above it; a link in the place itself stays, since it must not be replaced either. */
function fixedPlace(path: string): string {
  if (path === "/") return path;
  // A folder that we may not look into is out of reach for every command of ours as well.
  return join(resolveLinks(dirname(path)) ?? dirname(path), basename(path));
}

/** A worktree or a submodule has a `.git` file, which names the folder that must stay as it is. */
function withGitFolders(spec: SandboxSpec): SandboxSpec {
  const folders = spec.writable.flatMap((root) => gitFoldersOf(join(root, ".git")));
  const inside = folders.filter((folder) =>
    spec.writable.some((root) => isBelow(folder, root)) && !spec.readOnly.includes(folder)
  );
  return inside.length === 0 ? spec : { ...spec, readOnly: [...spec.readOnly, ...new Set(inside)] };
}

/** The real git folder that a `.git` file names, and the one that it shares with other worktrees. */
function gitFoldersOf(dotGit: string): string[] {
  const target = /^gitdir: (.+)$/m.exec(readSmallFile(dotGit) ?? "")?.[1];
  if (target === undefined) return [];
  const folder = resolve(dirname(dotGit), target);
  const common = readSmallFile(join(folder, "commondir"))?.trim();
  const folders = common ? [folder, resolve(folder, common)] : [folder];
  return folders.flatMap((each) => onDisk(() => Deno.realPathSync(each)) ?? []);
}

function readSmallFile(path: string): string | null {
  return !exists(path) ? null : onDisk(() => {
    const { isFile, size } = Deno.statSync(path);
    return isFile && size <= GIT_FILE_BYTES_MAX ? Deno.readTextFileSync(path) : null;
  });
}
