/** Handlers of `fs/*`; what is allowed is decided in `file_access.ts` and enforced below it. */
import { type Files, FileSystem } from "../../exec/filesystem.ts";
import { decodeBase64, decodedLength, encodeBase64 } from "../../exec/filesystem/base64.ts";
import { assertFits } from "../../exec/filesystem/content.ts";
import { Watches } from "../../exec/watch.ts";
import { absolutePath } from "../../lib/absolute_path.ts";
import { invariant } from "../../lib/errors.ts";
import type { ClientMethod, Params } from "../../protocol/mod.ts";
import { EncodedJson } from "../../rpc/jsonrpc.ts";
import type { Handlers, RequestContext } from "../context.ts";
import { FileAccess } from "../file_access.ts";
import { OutboxPace } from "../outbox_pace.ts";
import type { Peer } from "../peer.ts";
import { PeerWatches } from "../peer_watches.ts";
import type { Runtime } from "../runtime.ts";

type FsMethod = Extract<ClientMethod, `fs/${string}`>;
type WatchMethod = "fs/watch" | "fs/unwatch";
type ReadMethod = "fs/readFile" | "fs/readDirectory";

/** A file of up to this size is read without asking for its size first, if its client can take so much now. */
const AT_ONCE_BYTES = 1536 * 1024;
/** The same for a client that is busy with earlier answers. */
const SMALL_BYTES = 16 * 1024;
/** A client that has not taken so much gets no reports of changes until it has. */
const REPORT_BACKLOG_BYTES = 1024 * 1024;
/** More than this is not kept for the next write. */
const SPARE_BYTES_MAX = 2 * 1024 * 1024;
const DONE = {};

/** The handlers of `fs/*`. */
export function fsHandlers(runtime: Runtime): Handlers<FsMethod> {
  const fileSystem = new FileSystem({ clock: runtime.clock });
  runtime.onClose(() => fileSystem[Symbol.dispose]());
  const access = new FileAccess(runtime, fileSystem);
  return {
    ...readHandlers(runtime, access),
    ...changeHandlers(runtime, access),
    ...watchHandlers(runtime, access),
  };
}

function readHandlers(runtime: Runtime, access: FileAccess): Handlers<ReadMethod> {
  const pace = new OutboxPace();
  return {
    "fs/readFile": async (params, context) => {
      const { bytes, fileSize } = await read(await access.files(), { params, context, pace });
      const isRange = typeof params.offset === "number" || typeof params.length === "number";
      const size = isRange ? `,"fileSize":${fileSize}` : "";
      const base64 = await inPieces(encodeBase64(bytes), runtime);
      giveBack(bytes);
      // Base64 needs no escapes.
      return new EncodedJson(`{"dataBase64":"${base64}"${size}}`);
    },
    "fs/readDirectory": async (params, context) => {
      const files = await access.files();
      const entries = await files.readDirectory({ path: normal(params.path) });
      await pace.turn(context, entries.length);
      return new EncodedJson(`{"entries":${entries}}`);
    },
  };
}

async function read(files: Files, request: {
  readonly params: Params<"fs/readFile">;
  readonly context: RequestContext;
  readonly pace: OutboxPace;
}): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly fileSize: number }> {
  const { params, context, pace } = request;
  const { offset = null, length = null } = params;
  const question = { path: normal(params.path), offset, length };
  const turn = pace.takeNow(context, AT_ONCE_BYTES * 4 / 3);
  const bytesMax = turn ? AT_ONCE_BYTES : SMALL_BYTES;
  const small = await files.readFile({ ...question, bytesMax });
  if (small.type === "content") {
    if (!turn) await pace.turn(context, small.bytes.length * 4 / 3);
    return small;
  }
  turn?.[Symbol.dispose]();
  await pace.turn(context, small.bytes * 4 / 3);
  const content = await files.readFile({ ...question, bytesMax: Infinity });
  invariant(content.type === "content", "A file without a limit was too much");
  return content;
}

function changeHandlers(
  runtime: Runtime,
  access: FileAccess,
): Handlers<Exclude<FsMethod, ReadMethod | WatchMethod>> {
  // The memory of an earlier write.
  let spare: ArrayBuffer | undefined;
  return {
    "fs/getMetadata": async ({ path }) =>
      await (await access.files()).getMetadata({ path: normal(path) }),
    "fs/writeFile": async ({ path, dataBase64, offset = null }) => {
      // Before it is decoded for nothing.
      assertFits(path, { size: decodedLength(dataBase64), offset });
      const what = "fs/writeFile requires valid base64 dataBase64";
      const memory = spare;
      spare = undefined;
      const bytes = await inPieces(decodeBase64(dataBase64, what, { memory }), runtime);
      const written = await (await access.files()).writeFile({ path: normal(path), bytes, offset });
      const { buffer } = written.bytes;
      if (buffer.byteLength <= SPARE_BYTES_MAX) spare = buffer;
      else giveBack(written.bytes);
      return DONE;
    },
    "fs/createDirectory": async ({ path, recursive }) => {
      const files = await access.files();
      await files.createDirectory({ path: normal(path), recursive: recursive ?? true });
      return DONE;
    },
    "fs/remove": async ({ path, recursive, force }) => {
      const files = await access.files();
      await files.remove({
        path: normal(path),
        recursive: recursive ?? true,
        force: force ?? true,
      });
      return DONE;
    },
    "fs/copy": async ({ sourcePath, destinationPath, recursive = false }) => {
      const files = await access.files();
      const [source, destination] = [normal(sourcePath), normal(destinationPath)];
      await files.copy({ source, destination, recursive });
      return DONE;
    },
  };
}

function watchHandlers(runtime: Runtime, access: FileAccess): Handlers<WatchMethod> {
  const watches = new Watches({ clock: runtime.clock });
  runtime.onClose(() => watches[Symbol.asyncDispose]());
  const byPeer = new WeakMap<Peer, PeerWatches>();
  const watchesOf = (peer: Peer) => {
    let own = byPeer.get(peer);
    if (!own) byPeer.set(peer, own = new PeerWatches(peer));
    return own;
  };
  return {
    "fs/watch": async ({ watchId, path: written }, { peer }) => {
      const path = normal(written);
      await watchesOf(peer).add(watchId, async () => {
        await (await access.files()).assertVisible({ path });
        return () => watches.watch(path, (changedPaths) => report(peer, { watchId, changedPaths }));
      });
      return { path };
    },
    "fs/unwatch": ({ watchId }, { peer }) => {
      watchesOf(peer).remove(watchId);
      return DONE;
    },
  };
}

function report(
  peer: Peer,
  change: { readonly watchId: string; readonly changedPaths: readonly string[] },
): boolean {
  if (peer.connection.bufferedBytes > REPORT_BACKLOG_BYTES) return false;
  peer.notify("fs/changed", { ...change });
  return true;
}

/** Runs to the end, and lets other clients have their turn between the pieces of something long. */
async function inPieces<T>(steps: Generator<void, T, void>, { clock }: Runtime): Promise<T> {
  for (let step = steps.next();; step = steps.next()) {
    if (step.done) return step.value;
    await new Promise<void>((resolve) => void clock.after(0, resolve));
  }
}

/** Frees the memory now: as garbage, that of a large file would stay for long. The array is empty afterwards. */
function giveBack({ buffer }: Uint8Array<ArrayBuffer>): void {
  buffer.transfer(0);
}

/** `.` and `..` are taken out of what the client wrote, as upstream does; links are not looked at for that. */
function normal(path: string): string {
  return absolutePath(path, "/");
}
