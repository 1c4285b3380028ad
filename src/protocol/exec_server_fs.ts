/** `fs/*` of the exec-server: like those of the app-server, but with a policy for each call. Data only. */
import * as z from "zod";
import { CoreSandboxPolicy, Place } from "./exec_server_fields.ts";
import { SandboxContext } from "./exec_server_permissions.ts";
import { Empty } from "./fields.ts";
import { memo, request } from "./method.ts";

const MaybeFlag = memo(() => z.boolean().nullish());

/** The policy of one call; without one the call may do whatever the exec-server may. */
const policy = memo(() => ({
  sandboxPolicy: CoreSandboxPolicy().nullish(),
  sandbox: SandboxContext().nullish(),
}));

const DirectoryEntry = memo(() =>
  z.object({ fileName: z.string(), isDirectory: z.boolean(), isFile: z.boolean() }).meta({
    id: "ExecFsReadDirectoryEntry",
  })
);

const fileRequests = {
  "fs/readFile": request({
    doc: "Reads a file of at most 40 MiB; for more see `fs/open`.",
    params: () => z.object({ path: Place(), ...policy() }).meta({ id: "FsReadFileParams" }),
    result: () => z.object({ dataBase64: z.string() }).meta({ id: "ExecFsReadFileResponse" }),
    ordering: "concurrent",
  }),
  "fs/writeFile": request({
    doc: "Makes data of at most 40 MiB the whole content of a file; folders are not made.",
    params: () =>
      z.object({ path: Place(), dataBase64: z.string(), ...policy() }).meta({
        id: "FsWriteFileParams",
      }),
    result: Empty,
    ordering: "concurrent",
  }),
  "fs/getMetadata": request({
    doc: "Tells what a path leads to; links are followed. Times are 0 where they are not known.",
    params: () => z.object({ path: Place(), ...policy() }).meta({ id: "FsGetMetadataParams" }),
    result: () =>
      z.object({
        isDirectory: z.boolean(),
        isFile: z.boolean(),
        isSymlink: z.boolean(),
        size: z.int(),
        createdAtMs: z.int(),
        modifiedAtMs: z.int(),
      }).meta({ id: "ExecFsGetMetadataResponse" }),
    ordering: "concurrent",
  }),
  "fs/canonicalize": request({
    doc: "The path without links, `.` and `..`, as a URI if it was named by one (0.169).",
    params: () => z.object({ path: Place(), ...policy() }).meta({ id: "FsCanonicalizeParams" }),
    result: () => z.object({ path: z.string() }).meta({ id: "FsCanonicalizeResponse" }),
    ordering: "concurrent",
  }),
};

const treeRequests = {
  "fs/createDirectory": request({
    doc: "Makes a folder, and unless `recursive` is false also what is missing above it.",
    params: () =>
      z.object({ path: Place(), recursive: MaybeFlag(), ...policy() }).meta({
        id: "FsCreateDirectoryParams",
      }),
    result: Empty,
    ordering: "concurrent",
  }),
  "fs/readDirectory": request({
    doc: "Lists a folder, in no order. Links count as what they lead to.",
    params: () => z.object({ path: Place(), ...policy() }).meta({ id: "FsReadDirectoryParams" }),
    result: () =>
      z.object({ entries: z.array(DirectoryEntry()) }).meta({ id: "ExecFsReadDirectoryResponse" }),
    ordering: "concurrent",
  }),
  "fs/walk": request({
    doc:
      "Lists a tree in the order of names (0.169), folders before what is in them; `maxDepth` 0 is the " +
      "folder alone. Links are left out, or followed where they lead to folders. `truncated` tells that " +
      "a limit was reached.",
    params: () =>
      z.object({
        path: Place(),
        options: z.object({
          maxDepth: z.int().min(0),
          maxDirectories: z.int().min(0),
          maxEntries: z.int().min(0),
          followDirectorySymlinks: z.boolean().default(false),
        }).meta({ id: "FsWalkOptions" }),
        ...policy(),
      }).meta({ id: "FsWalkParams" }),
    result: () =>
      z.object({
        entries: z.array(z.object({ path: z.string(), kind: z.enum(["file", "directory"]) })),
        errors: z.array(z.object({ path: z.string(), message: z.string() })),
        truncated: z.boolean(),
      }).meta({ id: "FsWalkResponse" }),
    ordering: "concurrent",
  }),
  "fs/remove": request({
    doc:
      "Removes a file, a link or a folder; by default with everything in it, and without an error " +
      "when there is nothing.",
    params: () =>
      z.object({ path: Place(), recursive: MaybeFlag(), force: MaybeFlag(), ...policy() }).meta({
        id: "FsRemoveParams",
      }),
    result: Empty,
    ordering: "concurrent",
  }),
  "fs/copy": request({
    doc:
      "Copies a file, a link as a link, or with `recursive` a folder, merging it into one that exists.",
    params: () =>
      z.object({
        sourcePath: Place(),
        destinationPath: Place(),
        recursive: z.boolean(),
        ...policy(),
      }).meta({ id: "FsCopyParams" }),
    result: Empty,
    ordering: "concurrent",
  }),
};

/** A file that is read in blocks. */
const handleRequests = {
  "fs/open": request({
    doc: "Opens a file for `fs/readBlock` under a name of the client's choice (0.169).",
    params: () =>
      z.object({ handleId: z.string(), path: Place(), ...policy() }).meta({ id: "FsOpenParams" }),
    result: () => z.object({ handleId: z.string() }).meta({ id: "FsOpenResponse" }),
    ordering: "concurrent",
  }),
  "fs/readBlock": request({
    doc:
      "Reads at most 1 MiB of an open file (0.169); less, with `eof`, where the file ends. A file that " +
      "was replaced since it was opened is refused.",
    params: () =>
      z.object({ handleId: z.string(), offset: z.int().min(0), len: z.int().min(0) }).meta({
        id: "FsReadBlockParams",
      }),
    result: () =>
      z.object({ chunk: z.string(), eof: z.boolean() }).meta({ id: "FsReadBlockResponse" }),
    ordering: "concurrent",
  }),
  "fs/close": request({
    doc: "Forgets an open file (0.169); an unknown name is no error.",
    params: () => z.object({ handleId: z.string() }).meta({ id: "FsCloseParams" }),
    result: Empty,
    ordering: "concurrent",
  }),
};

/** Requests whose method starts with `fs/`. */
export const fsRequests = { ...fileRequests, ...treeRequests, ...handleRequests };
