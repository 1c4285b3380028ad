/** Handlers of `fs/*`: each call under its own policy, and never beyond the ceiling; must not know connections. */
import { absolutePath } from "../../lib/absolute_path.ts";
import { CodexError, invariant } from "../../lib/errors.ts";
import { KeyedLock } from "../../lib/keyed_lock.ts";
import { execServerCodes, type ExecServerMethod } from "../../protocol/exec_server.ts";
import {
  type CoreSandboxPolicy,
  likeNamed,
  placeOf,
  policyOfCore,
} from "../../protocol/exec_server_fields.ts";
import type { SandboxContext } from "../../protocol/exec_server_permissions.ts";
import { EncodedJson, rpcCodes, RpcError } from "../../rpc/jsonrpc.ts";
import { decodeBase64, encodeBase64 } from "../filesystem/base64.ts";
import type { Files } from "../filesystem.ts";
import { fileRules } from "../filesystem_rules.ts";
import type { PolicyOfCommand } from "../sandbox/sandbox.ts";
import { policyOfProfile } from "./permission_profile.ts";
import { refusal } from "./session.ts";
import type { ExecCall, ExecHandlers, ExecWorld } from "./world.ts";

type FsMethod = Extract<ExecServerMethod, `fs/${string}`>;
type HandleMethod = "fs/open" | "fs/readBlock" | "fs/close";
type ReadMethod =
  | "fs/readFile"
  | "fs/getMetadata"
  | "fs/canonicalize"
  | "fs/readDirectory"
  | "fs/walk";

/** Files of up to this size are read at once; larger ones one after the other. */
const AT_ONCE_BYTES = 1536 * 1024;
/** A client that has not taken so much has to, before the next large file is read for it. */
const PENDING_BYTES_MAX = 8 * 1024 * 1024;
const LOOK_MS = 5;
/** Upstream's number. */
const BLOCK_BYTES_MAX = 1024 * 1024;
/** A session has no more open files than this. */
const HANDLES_MAX = 1000;
const NOT_FOUND = /\(os error 2\)$/;
const DONE = {};

/** What decides about a call besides its path. */
interface PolicyParams {
  readonly sandboxPolicy?: CoreSandboxPolicy | null | undefined;
  readonly sandbox?: SandboxContext | null | undefined;
}

/** The handlers of `fs/*`. */
export function fsHandlers(world: ExecWorld): ExecHandlers<FsMethod> {
  return { ...readHandlers(world), ...changeHandlers(world), ...handleHandlers(world) };
}

function readHandlers(world: ExecWorld): ExecHandlers<ReadMethod> {
  const large = new KeyedLock();
  return {
    "fs/readFile": async (params, call) => {
      const bytes = await told("read", params.path, () => {
        const files = filesFor(world, params);
        const path = pathOf(params.path);
        return readWhole({ files, path }, { world, call, large });
      });
      // Base64 needs no escapes.
      return new EncodedJson(`{"dataBase64":"${await inPieces(encodeBase64(bytes), world)}"}`);
    },
    "fs/getMetadata": (params) =>
      told("read", params.path, async () => {
        const { realPath: _, identity: __, sizeBytes: size, ...metadata } = await filesFor(
          world,
          params,
        ).inspect({ path: pathOf(params.path) });
        return { ...metadata, size };
      }),
    "fs/canonicalize": (params) =>
      told("read", params.path, async () => {
        const { realPath } = await filesFor(world, params).inspect({ path: pathOf(params.path) });
        return { path: likeNamed(realPath, { named: params.path }) };
      }),
    "fs/readDirectory": (params) =>
      told("read", params.path, async () => {
        const path = pathOf(params.path);
        const entries = await filesFor(world, params).readDirectory({ path });
        return new EncodedJson(`{"entries":${entries}}`);
      }),
    "fs/walk": (params) =>
      told("read", params.path, async () => {
        const path = pathOf(params.path);
        const found = await filesFor(world, params).walk({ path, ...params.options });
        const renamed = <T extends { readonly path: string }>(one: T) => ({
          ...one,
          path: likeNamed(one.path, { named: params.path }),
        });
        return {
          entries: found.entries.map(renamed),
          errors: found.errors.map(renamed),
          truncated: found.truncated,
        };
      }),
  };
}

function changeHandlers(
  world: ExecWorld,
): ExecHandlers<Exclude<FsMethod, ReadMethod | HandleMethod>> {
  return {
    "fs/writeFile": (params) =>
      told("write", params.path, async () => {
        const files = filesFor(world, params);
        const what = "fs/writeFile requires valid base64 dataBase64";
        const bytes = await inPieces(decodeBase64(params.dataBase64, what), world);
        await files.writeFile({ path: pathOf(params.path), bytes, offset: null });
        return DONE;
      }),
    "fs/createDirectory": (params) =>
      told("write", params.path, async () => {
        const recursive = params.recursive ?? true;
        const path = pathOf(params.path);
        await filesFor(world, params).createDirectory({ path, recursive });
        return DONE;
      }),
    "fs/remove": (params) =>
      told("write", params.path, async () => {
        const { recursive, force } = params;
        await filesFor(world, params).remove({
          path: pathOf(params.path),
          recursive: recursive ?? true,
          force: force ?? true,
        });
        return DONE;
      }),
    "fs/copy": (params) =>
      told("write", params.destinationPath, async () => {
        await filesFor(world, params).copy({
          source: pathOf(params.sourcePath),
          destination: pathOf(params.destinationPath),
          recursive: params.recursive,
        });
        return DONE;
      }),
  };
}

function handleHandlers(world: ExecWorld): ExecHandlers<HandleMethod> {
  return {
    "fs/open": (params, { session: { handles } }) =>
      told("read", params.path, async () => {
        const { handleId } = params;
        if (handles.has(handleId)) {
          throw refusal(`file handle \`${handleId}\` already exists`, "handleExists");
        }
        if (handles.size >= HANDLES_MAX) {
          throw refusal(`A session has at most ${HANDLES_MAX} open files`, "tooManyHandles");
        }
        const path = pathOf(params.path);
        const { isFile, identity } = await filesFor(world, params).inspect({ path });
        if (!isFile) throw refusal(`path \`${path}\` is not a file`, "notAFile");
        handles.set(handleId, { path, identity, policy: params });
        return { handleId };
      }),
    "fs/readBlock": async ({ handleId, offset, len }, { session: { handles } }) => {
      if (len < 1 || len > BLOCK_BYTES_MAX) {
        const text = `file read block length must be between 1 and ${BLOCK_BYTES_MAX}`;
        throw refusal(text, "invalidLength");
      }
      const handle = handles.get(handleId);
      if (!handle) throw notFound(`unknown file handle \`${handleId}\``);
      const { path, identity, policy } = handle;
      const read = await told(
        "read",
        path,
        () =>
          filesFor(world, policy).readFile({
            path,
            identity,
            offset,
            length: len,
            bytesMax: Infinity,
          }),
      );
      invariant(read.type === "content", "A block without a limit was too much");
      return { chunk: read.bytes.toBase64(), eof: read.bytes.length < len };
    },
    "fs/close": ({ handleId }, { session: { handles } }) => {
      handles.delete(handleId);
      return DONE;
    },
  };
}

async function readWhole(
  { files, path }: { readonly files: Files; readonly path: string },
  { world, call, large }: {
    readonly world: ExecWorld;
    readonly call: ExecCall;
    readonly large: KeyedLock;
  },
): Promise<Uint8Array> {
  const question = { path, offset: null, length: null };
  const small = await files.readFile({ ...question, bytesMax: AT_ONCE_BYTES });
  if (small.type === "content") return small.bytes;
  return await large.run(call.session.id, async () => {
    while (call.pendingBytes > PENDING_BYTES_MAX) {
      await new Promise<void>((resolve) => void world.clock.after(LOOK_MS, resolve));
    }
    const content = await files.readFile({ ...question, bytesMax: Infinity });
    invariant(content.type === "content", "A file without a limit was too much");
    return content.bytes;
  });
}

/** Files under the policy of a call, cut down to the ceiling. */
function filesFor(world: ExecWorld, params: PolicyParams): Files {
  const { sandbox, fileSystem } = world;
  const asked = askedPolicy(world, params);
  const { policy } = sandbox.ceiling.hold(asked.policy, asked.cwd);
  const resolved = sandbox.specOf({ ...asked, policy });
  if (resolved.type === "refused") throw new CodexError("sandboxDenied", resolved.reason);
  return fileSystem.under(
    resolved.type === "none" ? null : fileRules(policy.type, resolved.spec),
  );
}

function askedPolicy(world: ExecWorld, { sandbox, sandboxPolicy }: PolicyParams): PolicyOfCommand {
  const { cwd, env } = world;
  if (sandbox) return policyOfProfile(sandbox, { cwd, tmpdir: env["TMPDIR"] ?? null });
  return sandboxPolicy
    ? { policy: policyOfCore(sandboxPolicy), cwd }
    : { policy: { type: "dangerFullAccess" }, cwd };
}

/** Failures as this protocol words them. */
async function told<T>(
  access: "read" | "write",
  path: string,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CodexError)) throw error;
    if (error.kind === "sandboxDenied") {
      const text = `fs/${access} is not permitted for path ${placeOf(path) ?? path}`;
      const data = { reason: error.kind, detail: error.message };
      throw new RpcError(rpcCodes.invalidRequest, text, data);
    }
    throw NOT_FOUND.test(error.message) ? notFound(error.message) : error;
  }
}

function notFound(message: string): RpcError {
  return new RpcError(execServerCodes.notFound, message, { reason: "notFound" });
}

/** `.` and `..` are taken out of what the client wrote, as upstream does; links are not looked at for that. */
function pathOf(text: string): string {
  const path = placeOf(text);
  invariant(path !== null, "The schema let a path through that is none");
  return absolutePath(path, "/");
}

/** Runs to the end, and lets other clients have their turn between the pieces of something long. */
async function inPieces<T>(steps: Generator<void, T, void>, { clock }: ExecWorld): Promise<T> {
  for (let step = steps.next();; step = steps.next()) {
    if (step.done) return step.value;
    await new Promise<void>((resolve) => void clock.after(0, resolve));
  }
}
