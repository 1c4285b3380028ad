/** Turns a permission profile of newer clients into what our sandbox can enforce; what it cannot, it refuses. */
import { absolutePath } from "../../lib/absolute_path.ts";
import { assertNever, invariant } from "../../lib/errors.ts";
import { placeOf } from "../../protocol/exec_server_fields.ts";
import type { PermissionEntry, SandboxContext } from "../../protocol/exec_server_permissions.ts";
import type { SandboxPolicy } from "../../protocol/policy.ts";
import { rpcCodes, RpcError } from "../../rpc/jsonrpc.ts";
import { exists, isBelow } from "../sandbox/links.ts";
import type { PolicyOfCommand } from "../sandbox/sandbox.ts";

/** What `minimal` stands for: what programs need to start. */
const MINIMAL = [
  "/bin",
  "/sbin",
  "/usr",
  "/lib",
  "/lib64",
  "/etc",
  "/nix/store",
  "/run/current-system/sw",
];

/** The places that a profile refers to without naming them. */
export interface ProfilePlaces {
  /** Where the command starts; taken where the profile names no folder. */
  readonly cwd: string;
  /** `$TMPDIR` of the exec-server, or null. */
  readonly tmpdir: string | null;
}

/** What a path may be used for; `none` wins over `write`, and that over `read`, where one path has several. */
type Access = "read" | "write" | "none";
const RANKS: Readonly<Record<Access, number>> = { read: 0, write: 1, none: 2 };

/** The policy that a profile comes to. Throws an `RpcError` for what no sandbox of ours can hold to. */
export function policyOfProfile(context: SandboxContext, places: ProfilePlaces): PolicyOfCommand {
  const { permissions } = context;
  const cwd = pathOf(context.cwd ?? places.cwd);
  switch (permissions.type) {
    case "disabled":
      return { policy: { type: "dangerFullAccess" }, cwd };
    case "external":
      return { policy: { type: "externalSandbox", networkAccess: permissions.network }, cwd };
    case "managed":
      break;
    default:
      return assertNever(permissions);
  }
  const networkAccess = permissions.network === "enabled";
  if (permissions.file_system.type === "restricted") {
    const rules = rulesOf(permissions.file_system.entries, { context, cwd, places });
    return { ...confining(rules, { cwd, networkAccess }), besides: besidesOf(rules) };
  }
  return networkAccess
    ? { policy: { type: "dangerFullAccess" }, cwd }
    : confining(new Map([["/", "write"]]), { cwd, networkAccess });
}

type Rules = ReadonlyMap<string, Access>;

function confining(
  rules: Rules,
  { cwd, networkAccess }: { readonly cwd: string; readonly networkAccess: boolean },
): { readonly policy: SandboxPolicy; readonly cwd: string } {
  const writable = withAccess(rules, "write");
  const access = rules.has("/")
    ? undefined
    : { type: "restricted", readableRoots: withAccess(rules, "read") };
  const [first] = writable;
  if (first === undefined) {
    return { policy: { type: "readOnly", networkAccess, ...access ? { access } : {} }, cwd };
  }
  // The folder that such a policy is about is always writable.
  const about = writable.includes(cwd) ? cwd : first;
  return {
    policy: {
      type: "workspaceWrite",
      writableRoots: writable.filter((root) => root !== about),
      networkAccess,
      excludeSlashTmp: true,
      excludeTmpdirEnvVar: true,
      ...access ? { readOnlyAccess: access } : {},
    },
    cwd: about,
  };
}

function besidesOf(rules: Rules): NonNullable<PolicyOfCommand["besides"]> {
  const hidden = withAccess(rules, "none");
  for (const [path, access] of rules) {
    const above = access === "none" ? undefined : hidden.find((each) => isBelow(path, each));
    if (above !== undefined) {
      throw unsupported(`${path} cannot be opened below ${above}, which is denied`);
    }
  }
  if (hidden.includes("/")) throw unsupported("/ cannot be denied");
  const readOnly = withAccess(rules, "read").filter((path) => accessAbove(path, rules) === "write");
  return { readOnly, hidden };
}

/** What holds where a path has no rule of its own. */
function accessAbove(path: string, rules: Rules): Access | null {
  let nearest = "";
  for (const other of rules.keys()) {
    if (other !== path && isBelow(path, other) && other.length > nearest.length) nearest = other;
  }
  return rules.get(nearest) ?? null;
}

function withAccess(rules: Rules, access: Access): string[] {
  return [...rules].flatMap(([path, each]) => each === access ? [path] : []);
}

interface Surroundings {
  readonly context: SandboxContext;
  readonly cwd: string;
  readonly places: ProfilePlaces;
}

function rulesOf(entries: readonly PermissionEntry[], of: Surroundings): Rules {
  const rules = new Map<string, Access>();
  for (const entry of entries) {
    const access = entry.access === "deny" ? "none" : entry.access;
    const maySkip = entry.missing_path_behavior === "skip";
    for (const path of pathsOf(entry, of)) {
      if (maySkip && !exists(path)) continue;
      const known = rules.get(path);
      if (known === undefined || RANKS[access] > RANKS[known]) rules.set(path, access);
    }
  }
  return rules;
}

function pathsOf({ path, access }: PermissionEntry, of: Surroundings): readonly string[] {
  if (path.type === "path") return [pathOf(path.path)];
  if (path.type === "glob_pattern") {
    throw unsupported(`The glob pattern ${path.pattern} cannot be enforced; name the paths`);
  }
  const { context, cwd, places } = of;
  const { kind, subpath } = path.value;
  switch (kind) {
    case "root":
      return ["/"];
    case "minimal":
      return MINIMAL.filter(exists);
    case "current_working_directory":
      return [cwd];
    case "project_roots": {
      const { workspaceRoots } = context;
      const roots = workspaceRoots.length === 0 ? [cwd] : workspaceRoots.map(pathOf);
      return subpath ? roots.map((root) => absolutePath(`${root}/${subpath}`, "/")) : roots;
    }
    case "tmpdir":
      return context.temporaryDirectories?.map(pathOf) ??
        (places.tmpdir?.startsWith("/") ? [pathOf(places.tmpdir)] : []);
    case "slash_tmp":
      return ["/tmp"];
    case "unknown":
      // What it would have allowed is not allowed; what it would have denied cannot be.
      if (access === "read" || access === "write") return [];
      throw unsupported("A special path that is not known cannot be denied");
    default:
      return assertNever(kind);
  }
}

function pathOf(text: string): string {
  const place = placeOf(text);
  invariant(place !== null, "The schema let a path through that is none");
  return absolutePath(place, "/");
}

function unsupported(what: string): RpcError {
  return new RpcError(rpcCodes.invalidParams, `sandbox permissions: ${what}`, {
    reason: "sandboxUnsupported",
  });
}
