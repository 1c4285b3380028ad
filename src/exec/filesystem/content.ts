/** Reads and writes files, whole or in part; must not know who asks. */
import { toBytes } from "./byte_text.ts";
import type { OpenFile } from "./disk.ts";
import type { GuardedDisk, WritableFile } from "./guarded_disk.ts";
import { errnos, OsError, unsuitable } from "./os_error.ts";
import { type FileOperations, RANGE_BYTES_MAX, WHOLE_BYTES_MAX } from "./requests.ts";
import type { Steps } from "./steps.ts";

/** What is moved in one step. */
const PIECE_BYTES = 512 * 1024;
/** Files of `/proc` claim to be empty. */
const UNKNOWN_BYTES = 48 * 1024;
/** For less, asking whether there is room costs more than it saves. */
const RESERVE_BYTES_MIN = 64 * 1024;

type Read = FileOperations["readFile"];

/** The content of a file, or a part of it. */
export function* readFile(guard: GuardedDisk, params: Read["params"]): Steps<Read["result"]> {
  const { path, length, bytesMax } = params;
  const isRange = params.offset !== null || length !== null;
  if (length !== null && length > RANGE_BYTES_MAX) throw rangeTooLong(length);
  using place = guard.readable(toBytes(path));
  const { kind, sizeBytes, identity } = place.stat();
  if (params.identity !== undefined && params.identity !== identity) {
    throw unsuitable(`\`${path}\` is another file by now`);
  }
  if (kind === "folder") throw new OsError(errnos.EISDIR, "Is a directory");
  // A device or a FIFO could wait for ever, and has no end.
  if (kind !== "file") throw unsuitable(`path \`${path}\` is not a file`);
  if (!isRange && sizeBytes > WHOLE_BYTES_MAX) throw tooLarge(path, sizeBytes);
  const start = params.offset ?? 0;
  const limit = isRange ? length ?? RANGE_BYTES_MAX : WHOLE_BYTES_MAX + 1;
  const expected = Math.min(limit, Math.max(0, sizeBytes - start));
  if (expected > bytesMax) return { type: "tooMuch", bytes: expected };
  using file = place.open("read");
  const bytes = yield* readBytes(file, { start, expected, limit });
  // It may have grown since it was looked at.
  if (!isRange && bytes.length > WHOLE_BYTES_MAX) throw tooLarge(path, bytes.length);
  const fileSize = bytes.length > 0 ? Math.max(sizeBytes, start + bytes.length) : sizeBytes;
  return { type: "content", bytes, fileSize };
}

/** Reads until the end or the limit; memory is taken once where the size is known. */
function* readBytes(file: OpenFile, range: {
  readonly start: number;
  readonly expected: number;
  readonly limit: number;
}): Steps<Uint8Array<ArrayBuffer>> {
  const { start, expected, limit } = range;
  // One byte more than expected shows in the same call that the file ends there.
  let bytes = new Uint8Array(Math.min(expected > 0 ? expected + 1 : UNKNOWN_BYTES, limit));
  let count = 0;
  while (count < limit) {
    if (count === bytes.length) bytes = grown(bytes, limit);
    const piece = bytes.subarray(count, count + PIECE_BYTES);
    const size = file.read(piece, start + count);
    count += size;
    if (size < piece.length) break;
    yield;
  }
  return bytes.subarray(0, count);
}

function grown(bytes: Uint8Array<ArrayBuffer>, limit: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(limit, bytes.length * 2));
  larger.set(bytes);
  return larger;
}

/** Replaces the content of a file, or a part of it; makes the file if there is none, but no folder. */
export function* writeFile(
  guard: GuardedDisk,
  params: FileOperations["writeFile"]["params"],
): Steps<FileOperations["writeFile"]["result"]> {
  const { path, bytes, offset } = params;
  assertFits(path, { size: bytes.length, offset });
  using target = guard.writable(toBytes(path));
  try {
    yield* fill(target, { bytes, offset });
  } catch (error) {
    target.undo();
    throw error;
  }
  return { bytes };
}

/** Content is overwritten and then cut rather than emptied first: without room for the new the old stays. */
function* fill(target: WritableFile, data: {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly offset: number | null;
}): Steps<void> {
  const { file } = target;
  const { bytes, offset } = data;
  if (offset === null && bytes.length >= RESERVE_BYTES_MIN) file.reserve(bytes.length);
  for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
    file.write(bytes.subarray(start, start + PIECE_BYTES), (offset ?? 0) + start);
    yield;
  }
  if (offset === null && !target.isNew) file.truncate(bytes.length);
}

/** Throws when content is too much for one write. */
export function assertFits(
  path: string,
  { size, offset }: { readonly size: number; readonly offset: number | null },
): void {
  if (offset === null && size > WHOLE_BYTES_MAX) throw tooLarge(path, size);
  if (offset !== null && size > RANGE_BYTES_MAX) throw rangeTooLong(size);
}

function tooLarge(path: string, size: number) {
  return unsuitable(
    `\`${path}\` is too large for one message: ${size} bytes, at most ${WHOLE_BYTES_MAX}; ` +
      `use \`offset\` (and \`length\` when reading) to move it in parts of at most ` +
      `${RANGE_BYTES_MAX} bytes`,
  );
}

function rangeTooLong(size: number) {
  return unsuitable(`A part of a file is at most ${RANGE_BYTES_MAX} bytes, not ${size}`);
}
