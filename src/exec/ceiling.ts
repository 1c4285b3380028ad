/**
 * The widest sandbox policy that any client of a server can reach; the one place that decides about it.
 *
 * Must not know requests. Who turns a wish of a client into a process or a write asks here first: settings of
 * threads and turns, configuration that clients send, escalations, single commands, files.
 */
import type { SandboxMode, SandboxPolicy } from "../protocol/policy.ts";
import { isBelow, resolveLinks } from "./sandbox/links.ts";
import type { SandboxSpec } from "./sandbox/spec.ts";

/** What a ceiling is made of; read once, when the server starts, so that no client can change it. */
export interface CeilingOptions {
  /** What the command line or the configuration says; null: nothing. */
  readonly asked: SandboxMode | null;
  /** The mode of the configuration, for a server that the network can reach. */
  readonly configured: SandboxMode;
  /** A listener lets clients in that are not on this machine. */
  readonly isExposed: boolean;
  /** Where the server was started: the workspace that may be written at most, unless more is listed. */
  readonly cwd: string;
  /** `$TMPDIR`, or null when it is not set. */
  readonly tmpdir: string | null;
  /** `[sandbox_workspace_write]` and `--add-dir`. */
  readonly workspace: Workspace;
}

/** The limits of `workspace-write`. */
export interface Workspace {
  readonly writableRoots: readonly string[];
  readonly networkAccess: boolean;
  readonly excludeTmpdirEnvVar: boolean;
  readonly excludeSlashTmp: boolean;
}

/** A policy as far as the ceiling allows it, with a sentence for each thing that was cut away. */
export interface Held {
  readonly policy: SandboxPolicy;
  readonly excess: readonly string[];
}

type ReadOnly = Extract<SandboxPolicy, { readonly type: "readOnly" }>;
type WorkspaceWrite = Extract<SandboxPolicy, { readonly type: "workspaceWrite" }>;

/** The ceiling of one server. */
export class Ceiling {
  readonly mode: SandboxMode;
  readonly #options: CeilingOptions;
  /** Where clients may let write at most, free of links. */
  readonly #roots: readonly string[];

  constructor(options: CeilingOptions) {
    this.#options = options;
    this.mode = options.asked ??
      (options.isExposed ? options.configured : "danger-full-access");
    const { cwd, tmpdir, workspace } = options;
    const roots = [
      cwd,
      ...workspace.writableRoots,
      ...workspace.excludeSlashTmp ? [] : ["/tmp"],
      ...workspace.excludeTmpdirEnvVar || tmpdir === null ? [] : [tmpdir],
    ];
    this.#roots = roots.flatMap((root) => resolveLinks(root) ?? []);
  }

  /** Whether commands may run outside of every sandbox, if a person or a policy says so. */
  get isOpen(): boolean {
    return this.mode === "danger-full-access";
  }

  /**
   * Why a command may not be started with this specification (null: unconfined), whatever has let it come so
   * far; null when it may. Folders may have moved since a policy was accepted, and only this looks at the
   * places that will be mounted.
   */
  refusalOf(spec: SandboxSpec | null): string | null {
    if (this.isOpen) return null;
    if (spec === null) {
      return `This server runs no command without a sandbox (${this.mode} at most)`;
    }
    const allowed = this.mode === "read-only" ? [] : this.#roots;
    const outside = spec.writable.find((path) => !allowed.some((root) => isBelow(path, root)));
    if (outside !== undefined) {
      return `This server allows ${this.mode} at most, which excludes writing in ${outside}`;
    }
    return spec.network.type !== "none" && !this.#allowsNetwork
      ? `This server allows ${this.mode} at most, which excludes network access`
      : null;
  }

  /** The policy cut down to what the ceiling allows; `cwd` is the folder that it is about. */
  hold(policy: SandboxPolicy, cwd: string): Held {
    if (this.isOpen) return { policy, excess: [] };
    const cut = new Cut(this.mode);
    switch (policy.type) {
      case "dangerFullAccess":
      case "externalSandbox":
        cut.add(`the sandbox policy ${policy.type}`);
        return { policy: this.policyAt(cwd), excess: cut.excess };
      case "readOnly":
        return { policy: this.#holdReading(policy, cut), excess: cut.excess };
      case "workspaceWrite": {
        if (this.mode === "read-only") cut.add(`the sandbox policy ${policy.type}`);
        else if (!this.#contains(cwd)) cut.add(`writing in ${cwd}${this.#where()}`);
        else return { policy: this.#holdWriting(policy, cut), excess: cut.excess };
        const { networkAccess, readOnlyAccess } = policy;
        const reading: ReadOnly = {
          type: "readOnly",
          networkAccess,
          ...readOnlyAccess === undefined ? {} : { access: readOnlyAccess },
        };
        // What it narrows further needs no words of its own.
        return {
          policy: this.#holdReading(reading, new Cut(this.mode)),
          excess: cut.excess,
        };
      }
    }
  }

  /** The widest policy for work in a folder. */
  policyAt(cwd: string): SandboxPolicy {
    const { workspace } = this.#options;
    if (this.isOpen) return { type: "dangerFullAccess" };
    return this.mode === "workspace-write" && this.#contains(cwd)
      ? { type: "workspaceWrite", ...workspace, writableRoots: [...workspace.writableRoots] }
      : { type: "readOnly", networkAccess: this.#allowsNetwork };
  }

  /**
   * What an escalated command runs under, once it is allowed: the ceiling. Null where that is no wider than
   * what the command has anyway, so that nobody need be asked.
   */
  escalationOf(policy: SandboxPolicy, cwd: string): SandboxPolicy | null {
    const widest = this.policyAt(cwd);
    if (this.isOpen) return widest;
    const isWider = widest.type !== policy.type ||
      (widest.type === "workspaceWrite" && policy.type === "workspaceWrite" &&
        isWiderWorkspace(widest, policy)) ||
      ("networkAccess" in widest && "networkAccess" in policy &&
        widest.networkAccess === true && policy.networkAccess !== true);
    return isWider ? widest : null;
  }

  get #allowsNetwork(): boolean {
    return this.mode === "workspace-write" && this.#options.workspace.networkAccess;
  }

  #contains(path: string): boolean {
    const place = path.startsWith("/") ? resolveLinks(path) : null;
    return place !== null && this.#roots.some((root) => isBelow(place, root));
  }

  #where(): string {
    const known = this.#roots.length === 0 ? "nowhere" : this.#roots.join(", ");
    return ` (writable at most: ${known})`;
  }

  #holdReading(policy: ReadOnly, cut: Cut): ReadOnly {
    if (!policy.networkAccess || this.#allowsNetwork) return policy;
    cut.add("network access");
    return { ...policy, networkAccess: false };
  }

  #holdWriting(policy: WorkspaceWrite, cut: Cut): WorkspaceWrite {
    const { workspace } = this.#options;
    const outside = policy.writableRoots.filter((root) => !this.#contains(root));
    for (const root of outside) cut.add(`writing in ${root}${this.#where()}`);
    const allows = {
      network: workspace.networkAccess || !policy.networkAccess,
      slashTmp: !workspace.excludeSlashTmp || policy.excludeSlashTmp,
      tmpdir: !workspace.excludeTmpdirEnvVar || policy.excludeTmpdirEnvVar,
    };
    if (!allows.network) cut.add("network access");
    // Absent members mean that these folders are writable, so nobody has asked for them in so many words.
    return {
      ...policy,
      writableRoots: policy.writableRoots.filter((root) => !outside.includes(root)),
      networkAccess: policy.networkAccess && allows.network,
      excludeSlashTmp: policy.excludeSlashTmp || !allows.slashTmp,
      excludeTmpdirEnvVar: policy.excludeTmpdirEnvVar || !allows.tmpdir,
    };
  }
}

/** What does not fit under the ceiling, as sentences for the client. */
class Cut {
  readonly excess: string[] = [];
  readonly #mode: SandboxMode;

  constructor(mode: SandboxMode) {
    this.#mode = mode;
  }

  add(what: string): void {
    this.excess.push(`This server allows ${this.#mode} at most, which excludes ${what}`);
  }
}

function isWiderWorkspace(widest: WorkspaceWrite, policy: WorkspaceWrite): boolean {
  return widest.writableRoots.some((root) => !policy.writableRoots.includes(root)) ||
    (policy.excludeSlashTmp && !widest.excludeSlashTmp) ||
    (policy.excludeTmpdirEnvVar && !widest.excludeTmpdirEnvVar);
}

/** The ceiling of programs that take orders from their own user alone: none. */
export function openCeiling(): Ceiling {
  return new Ceiling({
    asked: "danger-full-access",
    configured: "danger-full-access",
    isExposed: false,
    cwd: "/",
    tmpdir: null,
    workspace: {
      writableRoots: [],
      networkAccess: true,
      excludeTmpdirEnvVar: false,
      excludeSlashTmp: false,
    },
  });
}
