/** What clients of 0.169 send in the place of a sandbox policy: a permission profile with its places. Data only. */
import * as z from "zod";
import { Place } from "./exec_server_fields.ts";
import { memo } from "./method.ts";

const SpecialPath = memo(() =>
  z.object({
    kind: z.enum([
      "root",
      "minimal",
      "current_working_directory",
      "project_roots",
      "tmpdir",
      "slash_tmp",
      "unknown",
    ]),
    /** Below each of the `project_roots`. */
    subpath: z.string().nullish(),
  }).meta({ id: "FileSystemSpecialPath" })
);

const EntryPath = memo(() =>
  z.discriminatedUnion("type", [
    z.object({ type: z.literal("path"), path: Place() }),
    z.object({ type: z.literal("glob_pattern"), pattern: z.string() }),
    z.object({ type: z.literal("special"), value: SpecialPath() }),
  ]).meta({ id: "FileSystemPath" })
);

const Entry = memo(() =>
  z.object({
    path: EntryPath(),
    access: z.enum(["read", "write", "deny", "none"]),
    /** `skip`: an entry whose path is not there says nothing. */
    missing_path_behavior: z.string().nullish(),
  }).meta({ id: "FileSystemSandboxEntry" })
);
/** One rule: the longest path decides, among the same ones `deny`, then `write`. */
export type PermissionEntry = z.infer<ReturnType<typeof Entry>>;

const Network = memo(() => z.enum(["restricted", "enabled"]));

const Permissions = memo(() =>
  z.discriminatedUnion("type", [
    z.object({
      type: z.literal("managed"),
      file_system: z.discriminatedUnion("type", [
        z.object({ type: z.literal("restricted"), entries: z.array(Entry()) }),
        z.object({ type: z.literal("unrestricted") }),
      ]),
      network: Network(),
    }),
    z.object({ type: z.literal("disabled") }),
    z.object({ type: z.literal("external"), network: Network() }),
  ]).meta({ id: "PermissionProfile" })
);

/** A permission profile, and what its special paths stand for. */
export const SandboxContext = memo(() =>
  z.object({
    permissions: Permissions(),
    cwd: Place().nullish(),
    workspaceRoots: z.array(Place()).default([]),
    /** What `tmpdir` stands for; that of the exec-server if left out. */
    temporaryDirectories: z.array(Place()).nullish(),
  }).meta({ id: "FileSystemSandboxContext" })
);
/** A permission profile with its places. */
export type SandboxContext = z.infer<ReturnType<typeof SandboxContext>>;
