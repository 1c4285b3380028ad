/** Fields that the requests of the exec-server share: places on its machine, policies, streams. Data only. */
import * as z from "zod";
import { memo } from "./method.ts";
import type { SandboxPolicy } from "./policy.ts";

/** The path that a plain path or a `file://` URI stands for; null where it is neither. */
export function placeOf(text: string): string | null {
  if (text.startsWith("/")) return text;
  const url = /^file:/i.test(text) ? URL.parse(text) : null;
  if (url === null || url.hostname !== "" || url.search !== "" || url.hash !== "") return null;
  try {
    return decodeURIComponent(url.pathname);
  } catch {
    // Percent signs that stand for no UTF-8.
    return null;
  }
}

/** The `file://` URI of an absolute path. */
export function fileUri(path: string): string {
  return `file://${path.split("/").map(encodeURIComponent).join("/")}`;
}

/** The place in the form in which a client named another one. */
export function likeNamed(path: string, { named }: { readonly named: string }): string {
  return named.startsWith("/") ? path : fileUri(path);
}

/** An absolute path (0.120) or a `file://` URI (0.169). */
export const Place = memo(() =>
  z.string().refine(
    (text) => placeOf(text) !== null,
    "AbsolutePathBuf deserialized without a base path",
  )
);

/** Where the output of a process comes from; a terminal has one stream for both. */
export const Stream = memo(() =>
  z.enum(["stdout", "stderr", "pty"]).meta({ id: "ExecOutputStream" })
);

const ReadAccess = memo(() =>
  z.looseObject({ type: z.string() }).meta({ id: "ExecReadOnlyAccess" })
);

/** A sandbox policy in the form of the agent's core, which differs from that of the app-server. */
export const CoreSandboxPolicy = memo(() =>
  z.discriminatedUnion("type", [
    z.object({ type: z.literal("danger-full-access") }),
    z.object({
      type: z.literal("read-only"),
      access: ReadAccess().optional(),
      network_access: z.boolean().default(false),
    }),
    z.object({
      type: z.literal("external-sandbox"),
      network_access: z.enum(["restricted", "enabled"]).default("restricted"),
    }),
    z.object({
      type: z.literal("workspace-write"),
      writable_roots: z.array(Place()).default([]),
      read_only_access: ReadAccess().optional(),
      network_access: z.boolean().default(false),
      exclude_tmpdir_env_var: z.boolean().default(false),
      exclude_slash_tmp: z.boolean().default(false),
    }),
  ]).meta({ id: "ExecSandboxPolicy" })
);
/** A sandbox policy in the core form. */
export type CoreSandboxPolicy = z.infer<ReturnType<typeof CoreSandboxPolicy>>;

/** The same policy in the form that the rest of this program knows. */
export function policyOfCore(policy: CoreSandboxPolicy): SandboxPolicy {
  switch (policy.type) {
    case "danger-full-access":
      return { type: "dangerFullAccess" };
    case "read-only":
      return {
        type: "readOnly",
        networkAccess: policy.network_access,
        ...policy.access === undefined ? {} : { access: policy.access },
      };
    case "external-sandbox":
      return { type: "externalSandbox", networkAccess: policy.network_access };
    case "workspace-write":
      return {
        type: "workspaceWrite",
        writableRoots: policy.writable_roots.flatMap((root) => placeOf(root) ?? []),
        networkAccess: policy.network_access,
        excludeTmpdirEnvVar: policy.exclude_tmpdir_env_var,
        excludeSlashTmp: policy.exclude_slash_tmp,
        ...policy.read_only_access === undefined ? {} : { readOnlyAccess: policy.read_only_access },
      };
  }
}
