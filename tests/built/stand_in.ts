/** Packed files as the build makes them, but with a small shell script as their runtime; knows no test. */
import { tarMember } from "../../scripts/build/archive.ts";
import { ownTarget } from "../../scripts/build.ts";
import { encodeHex, gzip, sha256 } from "../../scripts/build/bytes.ts";
import { packedFile } from "../../scripts/build/packed.ts";
import type { Target } from "../../scripts/build/targets.ts";

/**
 * Stands in for the runtime. It runs the commands in STAND_IN, else it tells which program it was started
 * with, and appends a line to the file STAND_IN_MARK whenever it is started at all. Only builtins, so that
 * it works without a PATH.
 */
const RUNTIME = `#!/bin/sh
[ -z "\${STAND_IN_MARK-}" ] || echo started >>"$STAND_IN_MARK"
[ "$1" != --version ] || exit 0
flags=''
while [ "\${1##*/}" != main.js ]; do flags="$flags $1"; shift; done
main=$1
shift
if [ "$*" = "cache prime" ]; then echo primed >>"$DENO_DIR/primed"; exit; fi
if [ -n "\${STAND_IN-}" ]; then eval "$STAND_IN"; exit; fi
read -r program <"$main"
echo "program $program"
echo "dir $CODEX_PACKED_DIR"
echo "file $CODEX_PACKED_FILE"
echo "verified \${CODEX_PACKED_VERIFIED-no}"
echo "deno_dir $DENO_DIR"
echo "flags$flags"
for one; do echo "word $one"; done
`;

/** A packed file in memory. */
export interface StandIn {
  readonly bytes: Uint8Array;
  /** The name of its version folder. */
  readonly name: string;
  /** Bytes of the script at its head. */
  readonly scriptLength: number;
  /** Bytes of the first part of the payload, the runtime. */
  readonly runtimeLength: number;
  /** Bytes of the unpacked runtime. */
  readonly runtimeSize: number;
}

/** What one is made of, where it matters. */
export interface StandInOptions {
  readonly program?: string;
  readonly target?: Target;
  /** Further bytes of the program that do not compress. */
  readonly ballast?: number;
  readonly runtime?: string;
}

/** Makes a packed file; `program` is the first line of its `app/main.js`. */
export async function makeStandIn(options: StandInOptions = {}): Promise<StandIn> {
  const { program = "genuine", target = ownTarget(), ballast = 0, runtime = RUNTIME } = options;
  const bytes = new TextEncoder().encode(runtime);
  const member = gzip(await tarMember({ name: "deno", mode: 0o500, bytes }));
  const file = await packedFile({
    target,
    bundle: new Map([
      ["chunk.js", noise(ballast)],
      ["main.js", `${program}\n`],
    ]),
    runtime: member,
    runtimeSum: encodeHex(await sha256(bytes)),
  });
  const head = new TextDecoder().decode(file.subarray(0, 16_384));
  return {
    bytes: file,
    name: /\$cx_base\/([0-9.]+-[0-9a-f]{16})"/.exec(head)?.[1] ?? "",
    scriptLength: Number(/tail -c \+(\d+)/.exec(head)?.[1]) - 1,
    runtimeLength: member.length,
    runtimeSize: bytes.length,
  };
}

/** Letters without a pattern, always the same. */
function noise(length: number): string {
  let state = 1;
  return Array.from({ length }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return String.fromCharCode(33 + (state >> 8) % 90);
  }).join("");
}
