/** Approval and sandbox policies as they appear on the wire. Data only. */
import * as z from "zod";
import { memo } from "./method.ts";

/** When a person is asked before a command or a patch runs. */
export const ApprovalPolicy = memo(() =>
  z.enum(["untrusted", "on-failure", "on-request", "granular", "never"]).meta({
    id: "AskForApproval",
  })
);
/** When a person is asked. */
export type ApprovalPolicy = z.infer<ReturnType<typeof ApprovalPolicy>>;

/** An approval policy as clients send it; the granular form has no string, as upstream. */
export const ApprovalPolicyParam = memo(() =>
  ApprovalPolicy().refine(
    (policy) => policy !== "granular",
    "invalid type: unit variant, expected struct variant",
  )
);

/** The short form of `thread/start`, the command line and the config file. */
export const SandboxMode = memo(() =>
  z.enum(["read-only", "workspace-write", "danger-full-access"]).meta({ id: "SandboxMode" })
);
/** The short form of a sandbox policy. */
export type SandboxMode = z.infer<ReturnType<typeof SandboxMode>>;

/** A relative path would mean another folder to the server than to the client. */
const AbsolutePath = memo(() =>
  z.string().refine(
    (path) => path.startsWith("/") || /^[A-Za-z]:[\\/]/.test(path),
    "AbsolutePathBuf deserialized without a base path",
  ).meta({ isPath: true })
);

const ReadAccess = memo(() => z.looseObject({ type: z.string() }).meta({ id: "ReadOnlyAccess" }));

/** What a command may do. Absent members mean the narrower choice. */
export const SandboxPolicy = memo(() =>
  z.discriminatedUnion("type", [
    z.object({ type: z.literal("dangerFullAccess") }),
    z.object({
      type: z.literal("readOnly"),
      access: ReadAccess().optional(),
      networkAccess: z.boolean().default(false),
    }),
    z.object({
      type: z.literal("externalSandbox"),
      networkAccess: z.union([z.boolean(), z.enum(["restricted", "enabled"])]).default(
        "restricted",
      ),
    }),
    z.object({
      type: z.literal("workspaceWrite"),
      writableRoots: z.array(AbsolutePath()).default([]),
      readOnlyAccess: ReadAccess().optional(),
      networkAccess: z.boolean().default(false),
      excludeTmpdirEnvVar: z.boolean().default(false),
      excludeSlashTmp: z.boolean().default(false),
    }),
  ]).meta({ id: "SandboxPolicy" })
);
/** What a command may do. */
export type SandboxPolicy = z.infer<ReturnType<typeof SandboxPolicy>>;
