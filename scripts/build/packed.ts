/** Makes the packed form: a script, the runtime and the bundle in one executable; must not know how they are made. */
import { constants, gunzipSync } from "node:zlib";
import { VERSION } from "../../src/lib/version.ts";
import { RUNTIME_FLAGS } from "../../src/programs/packaging.ts";
import { tarArchive } from "./archive.ts";
import type { Bundle } from "./bundle.ts";
import { concat, encodeHex, gzip, sha256 } from "./bytes.ts";
import { type Target, TARGETS } from "./targets.ts";

const STUB = new URL("stub.sh", import.meta.url);

/** What a packed file is made of. */
export interface PackedParts {
  readonly target: Target;
  readonly bundle: Bundle;
  /** The first part of the payload: the beginning of a gzipped archive, which holds `deno`. */
  readonly runtime: Uint8Array;
  /** SHA-256 of that `deno`; the one of the target's runtime unless said otherwise. */
  readonly runtimeSum?: string;
}

/** The bytes of an executable that unpacks itself. */
export async function packedFile(parts: PackedParts): Promise<Uint8Array> {
  const files = [...parts.bundle].map(([name, text]) => ({
    name: `app/${name}`,
    mode: 0o400,
    bytes: new TextEncoder().encode(text),
  }));
  const runtimeSum = parts.runtimeSum ?? TARGETS[parts.target].sha256;
  const manifest = new TextEncoder().encode(await manifestOf(files, runtimeSum));
  const program = gzip(
    await tarArchive([...files, { name: "MANIFEST", mode: 0o400, bytes: manifest }]),
  );
  const payload = concat([parts.runtime, program]);
  const manifestSum = encodeHex(await sha256(manifest));
  const stub = stubText(await Deno.readTextFile(STUB), {
    VERSION,
    TARGET: parts.target,
    NAME: `${VERSION}-${manifestSum.slice(0, 16)}`,
    FLAGS: RUNTIME_FLAGS.join(" "),
    PAYLOAD_SUM: encodeHex(await sha256(payload)),
    MANIFEST_SUM: manifestSum,
    RUNTIME_SIZE: String(firstMemberSize(parts.runtime)),
    FILES: String(files.length),
  }, payload.length);
  return concat([stub, payload]);
}

/** The checksums of all files, in the form that `sha256sum -c` reads. */
async function manifestOf(
  files: readonly { readonly name: string; readonly bytes: Uint8Array }[],
  runtimeSum: string,
): Promise<string> {
  const lines = await Promise.all(
    files.map(async ({ name, bytes }) => `${encodeHex(await sha256(bytes))}  ${name}\n`),
  );
  return [`${runtimeSum}  deno\n`, ...lines].join("");
}

/** The size of the first file in a gzipped archive, as its header tells it; only the beginning is unpacked. */
function firstMemberSize(archive: Uint8Array): number {
  const head = gunzipSync(archive.subarray(0, 4096), { finishFlush: constants.Z_SYNC_FLUSH });
  const size = parseInt(new TextDecoder().decode(head.subarray(124, 136)), 8);
  if (Number.isNaN(size)) throw new Error("The runtime to pack is not a tar archive");
  return size;
}

/** Fills in the script. It holds its own length, so those two numbers get a fixed width. */
function stubText(
  template: string,
  values: Readonly<Record<string, string>>,
  payloadLength: number,
): Uint8Array {
  const filled = template.replaceAll(/@([A-Z_]+)@/g, (mark, name: string) => values[name] ?? mark);
  const number = (value: number) => String(value).padEnd(10);
  const withNumbers = (length: number) =>
    filled.replaceAll("@SIZE@", number(length + payloadLength))
      .replaceAll("@OFFSET@", number(length + 1));
  const { length } = new TextEncoder().encode(withNumbers(0));
  const text = withNumbers(length);
  const left = /@[A-Z_]+@/.exec(text);
  if (left) throw new Error(`The script at the head has an unknown mark: ${left[0]}`);
  return new TextEncoder().encode(text);
}
