/** Files of the server, through its protocol; must not know how they are shown. */
import type { ReconnectingClient } from "../../client/reconnect.ts";
import { messageOf } from "../../lib/errors.ts";
import { fieldsOf, numberIn } from "../fields.ts";
import { childOf } from "./paths.ts";

/** Something in a folder. */
export interface Entry {
  readonly name: string;
  readonly path: string;
  /** A link that leads nowhere, a device or the like is `other`. */
  readonly kind: "folder" | "file" | "other";
}

/** A part of a file, from its beginning or from `offset`. */
export interface FilePart {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of the whole file. */
  readonly fileSize: number;
}

/** Why a file that was edited is not written yet. */
export type Conflict = "changed" | "deleted";

/** One part; servers of other versions send the whole file whatever is asked for. */
export const PART_BYTES = 256 * 1024;
/** Larger files are not edited: they travel whole, twice. */
const EDIT_BYTES_MAX = 2 * 1024 * 1024;
const BINARY_PROBE_BYTES = 8192;

type Client = Pick<ReconnectingClient, "request">;

/** The entries of a folder: folders first, then by name. */
export async function readFolder(
  client: Client,
  path: string,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<Entry[]> {
  const options = signal ? { signal } : {};
  const { entries } = await client.request("fs/readDirectory", { path }, options);
  return entries.map(({ fileName, isDirectory, isFile }): Entry => ({
    name: fileName,
    path: childOf(path, fileName),
    kind: isDirectory ? "folder" : isFile ? "file" : "other",
  })).sort(byKindAndName);
}

/** Reads a part of a file. */
export async function readPart(
  client: Client,
  path: string,
  { offset, signal }: { readonly offset: number; readonly signal?: AbortSignal },
): Promise<FilePart> {
  const wanted = { path, offset, length: PART_BYTES };
  const result = await client.request("fs/readFile", wanted, signal ? { signal } : {});
  const all = Uint8Array.fromBase64(result.dataBase64);
  if (result.fileSize !== undefined) return { bytes: all, fileSize: result.fileSize };
  return { bytes: all.slice(offset), fileSize: all.length };
}

/** What is known of a path, size included where the server tells it. */
export async function statFile(
  client: Client,
  path: string,
): Promise<
  { readonly isFile: boolean; readonly isDirectory: boolean; readonly size: number | null }
> {
  const metadata = await client.request("fs/getMetadata", { path });
  const { isFile, isDirectory } = metadata;
  return { isFile, isDirectory, size: numberIn(fieldsOf(metadata), "size") };
}

/** The whole of a file that is to be edited; rejects with a sentence for people. */
export async function readWhole(client: Client, path: string): Promise<Uint8Array> {
  const { isFile, size } = await statFile(client, path);
  if (!isFile) throw new Error(`${path} is not a file`);
  const first = await readPart(client, path, { offset: 0 });
  const fileSize = size ?? first.fileSize;
  if (fileSize > EDIT_BYTES_MAX) {
    throw new Error(`${path} has ${fileSize} bytes; at most ${EDIT_BYTES_MAX} can be edited`);
  }
  const parts = [first.bytes];
  let length = first.bytes.length;
  while (length < first.fileSize) {
    const { bytes } = await readPart(client, path, { offset: length });
    if (bytes.length === 0) break;
    parts.push(bytes);
    length += bytes.length;
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** Whether somebody else has changed the file since. Its time would not tell: two changes may fall into one tick. */
export async function conflictWith(
  client: Client,
  path: string,
  { before }: { readonly before: Uint8Array },
): Promise<Conflict | null> {
  try {
    const now = await readWhole(client, path);
    const isSame = now.length === before.length &&
      now.every((byte, index) => byte === before[index]);
    return isSame ? null : "changed";
  } catch (error) {
    if (isMissing(error)) return "deleted";
    throw error;
  }
}

/** Makes the text the whole content of the file. */
export async function writeText(
  client: Client,
  path: string,
  { text }: { readonly text: string },
): Promise<void> {
  const dataBase64 = new TextEncoder().encode(text).toBase64();
  await client.request("fs/writeFile", { path, dataBase64 });
}

/** The bytes as text; null when they are none. */
export function textOfBytes(bytes: Uint8Array): string | null {
  if (isBinary(bytes)) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

/** A byte of zero at the beginning: no text has one. */
export function isBinary(bytes: Uint8Array): boolean {
  return bytes.subarray(0, BINARY_PROBE_BYTES).includes(0);
}

/** Servers say it in the words of their system. */
function isMissing(error: unknown): boolean {
  return /No such file|os error 2\b|not found/i.test(messageOf(error));
}

function byKindAndName(one: Entry, other: Entry): number {
  if ((one.kind === "folder") !== (other.kind === "folder")) return one.kind === "folder" ? -1 : 1;
  return one.name < other.name ? -1 : one.name > other.name ? 1 : 0;
}
