/** What makes our own stdio faster once much goes through it, by way of the C library; must not know what that is. */
import type { ByteSearch } from "../lib/lines.ts";
import { openCLibrary } from "./c_library.ts";

const F_SETPIPE_SZ = 1031;
/** What the kernel lets everybody have. The default is 64 KiB, so a message of 1 MiB takes 20 turns of both sides. */
const PIPE_BYTES = 1024 * 1024;

const SEARCH = { parameters: ["buffer", "i32", "usize"], result: "pointer" } as const;

/** Makes the pipes larger, where they are pipes, and gives a faster search; null where there is none. */
export function prepareLargeStdio(): ByteSearch | null {
  if (Deno.build.os !== "linux") return null;
  // It stays open: the search needs it for as long as the process lives.
  const { symbols } = openCLibrary({
    fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
    memchr: SEARCH,
    memrchr: SEARCH,
  });
  // Best effort: without it everything works, only large messages are slower.
  for (const descriptor of [0, 1]) symbols.fcntl(descriptor, F_SETPIPE_SZ, PIPE_BYTES);
  return {
    first: (bytes, byte) => indexIn(bytes, symbols.memchr(bytes, byte, BigInt(bytes.length))),
    last: (bytes, byte) => indexIn(bytes, symbols.memrchr(bytes, byte, BigInt(bytes.length))),
  };
}

function indexIn(bytes: Uint8Array<ArrayBuffer>, found: Deno.PointerValue): number {
  if (found === null) return -1;
  const start = Deno.UnsafePointer.of(bytes);
  return Number(Deno.UnsafePointer.value(found) - Deno.UnsafePointer.value(start));
}
