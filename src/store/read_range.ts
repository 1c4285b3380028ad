/** Reads a part of a file; must not know what is in it. */

/** The bytes from `start` up to `end`, fewer where the file ends before. Moves the place of the file. */
export function readRange(
  file: Deno.FsFile,
  { start, end }: { readonly start: number; readonly end: number },
): Uint8Array {
  file.seekSync(start, Deno.SeekMode.Start);
  const bytes = new Uint8Array(end - start);
  let filled = 0;
  while (filled < bytes.length) {
    const count = file.readSync(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}
