/** Choosing what the agent may do by itself: presets, and one's own mixture; must not know what is done with the choice. */
import type { Clock } from "../../lib/clock.ts";
import type { ApprovalPolicy, SandboxPolicy } from "../../protocol/policy.ts";
import type { PaneHost, ViewOptions } from "../pane/view.ts";
import { openPicker } from "./list_picker.ts";
import { fixedRows, type PickerRow } from "./rows.ts";

/** What was chosen. */
export interface Permissions {
  readonly approvalPolicy: ApprovalPolicy;
  readonly sandbox: SandboxPolicy;
}

export interface PermissionPickerOptions extends ViewOptions {
  readonly clock: Clock;
  readonly current: Permissions | null;
  onPick(permissions: Permissions): void;
}

interface Preset {
  readonly name: string;
  readonly doc: string;
  readonly permissions: Permissions;
}

const READ_ONLY: SandboxPolicy = { type: "readOnly", networkAccess: false };
const WORKSPACE: SandboxPolicy = {
  type: "workspaceWrite",
  writableRoots: [],
  networkAccess: false,
  excludeTmpdirEnvVar: false,
  excludeSlashTmp: false,
};
const FULL: SandboxPolicy = { type: "dangerFullAccess" };

/** As the real program has them. */
const PRESETS: readonly Preset[] = [
  {
    name: "Read Only",
    doc:
      "Reads files and runs what only reads; asks before it changes anything or uses the network",
    permissions: { approvalPolicy: "on-request", sandbox: READ_ONLY },
  },
  {
    name: "Auto",
    doc: "Changes files in the working folder and runs commands there; asks for more than that",
    permissions: { approvalPolicy: "on-request", sandbox: WORKSPACE },
  },
  {
    name: "Full Access",
    doc: "Does anything, the network included, and never asks. Be careful",
    permissions: { approvalPolicy: "never", sandbox: FULL },
  },
];

const SANDBOXES: readonly { readonly name: string; readonly sandbox: SandboxPolicy }[] = [
  { name: "Read files only", sandbox: READ_ONLY },
  { name: "Read files only, with network", sandbox: { ...READ_ONLY, networkAccess: true } },
  { name: "Write in the working folder", sandbox: WORKSPACE },
  {
    name: "Write in the working folder, with network",
    sandbox: { ...WORKSPACE, networkAccess: true },
  },
  { name: "No sandbox", sandbox: FULL },
];

const POLICIES: readonly {
  readonly policy: Exclude<ApprovalPolicy, "granular" | "on-failure">;
  readonly name: string;
  readonly doc: string;
}[] = [
  { policy: "untrusted", name: "Ask often", doc: "before all but commands known to only read" },
  { policy: "on-request", name: "Ask when needed", doc: "when the agent wants more than it may" },
  { policy: "never", name: "Never ask", doc: "what it may not do fails" },
];

/** Shows the presets, and with the last row the parts that they are made of. */
export function pickPermissions(host: PaneHost, options: PermissionPickerOptions): void {
  const { current, onPick } = options;
  const rows: PickerRow<Preset | null>[] = PRESETS.map((preset) => ({
    value: preset,
    key: preset.name,
    label: preset.name,
    doc: preset.doc,
    preview: preset.doc,
    sign: isSame(preset.permissions, current) ? "current" : undefined,
  }));
  const isCustom = current !== null && rows.every(({ sign }) => sign === undefined);
  rows.push({
    value: null,
    key: "custom",
    label: "Custom…",
    doc: "sandbox and questions one by one",
    preview: isCustom ? permissionsText(current) : "Sandbox and questions one by one",
    sign: isCustom ? "current" : undefined,
  });
  openPicker<Preset | null>(host, {
    ...options,
    title: () => "What the agent may do, from the next turn on",
    emptyText: "There are no presets",
    source: fixedRows(rows),
    initialKey: rows.find(({ sign }) => sign !== undefined)?.key,
    onPick: (preset) => {
      if (!preset) return pickSandbox(host, options);
      const { approvalPolicy, sandbox } = preset.permissions;
      onPick({ approvalPolicy, sandbox: withRootsOf(sandbox, current?.sandbox) });
    },
  });
}

function pickSandbox(host: PaneHost, options: PermissionPickerOptions): void {
  const { current } = options;
  const inUse = current && sandboxText(current.sandbox);
  const rows = SANDBOXES.map(({ name, sandbox }): PickerRow<SandboxPolicy> => ({
    value: sandbox,
    key: name,
    label: name,
    sign: sandboxText(sandbox) === inUse ? "current" : undefined,
  }));
  openPicker<SandboxPolicy>(host, {
    ...options,
    title: () => "Commands of the agent may",
    emptyText: "There are no sandboxes",
    source: fixedRows(rows),
    initialKey: rows.find(({ sign }) => sign !== undefined)?.key,
    onPick: (sandbox) =>
      pickPolicy(host, { ...options, sandbox: withRootsOf(sandbox, current?.sandbox) }),
  });
}

function pickPolicy(
  host: PaneHost,
  options: PermissionPickerOptions & { readonly sandbox: SandboxPolicy },
): void {
  const { current, sandbox, onPick } = options;
  openPicker<ApprovalPolicy>(host, {
    ...options,
    title: () => "The agent shall",
    emptyText: "There are no policies",
    source: fixedRows(POLICIES.map(({ policy, name, doc }) => ({
      value: policy,
      key: policy,
      label: name,
      doc,
      sign: policy === current?.approvalPolicy ? "current" : undefined,
    }))),
    initialKey: current?.approvalPolicy,
    onPick: (approvalPolicy) => onPick({ approvalPolicy, sandbox }),
  });
}

/** Folders that were writable besides the working folder stay so. */
function withRootsOf(sandbox: SandboxPolicy, current: SandboxPolicy | undefined): SandboxPolicy {
  if (sandbox.type !== "workspaceWrite" || current?.type !== "workspaceWrite") return sandbox;
  return { ...current, networkAccess: sandbox.networkAccess };
}

function isSame(one: Permissions, other: Permissions | null): boolean {
  return other !== null && one.approvalPolicy === other.approvalPolicy &&
    sandboxText(one.sandbox) === sandboxText(other.sandbox);
}

/** The name of the preset, or what the permissions are made of. */
export function permissionsText(permissions: Permissions): string {
  const preset = PRESETS.find((one) => isSame(one.permissions, permissions));
  const policy = `approvals ${permissions.approvalPolicy}`;
  return preset?.name ?? `${sandboxText(permissions.sandbox)}, ${policy}`;
}

/** A sandbox in a few words. */
export function sandboxText(sandbox: SandboxPolicy): string {
  switch (sandbox.type) {
    case "dangerFullAccess":
      return "full access";
    case "externalSandbox":
      return "sandbox of the surroundings";
    case "readOnly":
      return `read only${sandbox.networkAccess ? " with network" : ""}`;
    case "workspaceWrite":
      return `workspace write${sandbox.networkAccess ? " with network" : ""}`;
  }
}
