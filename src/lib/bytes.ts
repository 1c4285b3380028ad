/** Puts bytes together; must not know what they are. */

/** All of the chunks in one; the very chunk where there is only one. */
export function joinBytes<B extends ArrayBufferLike>(
  chunks: readonly Uint8Array<B>[],
): Uint8Array<B | ArrayBuffer> {
  const [first] = chunks;
  if (first !== undefined && chunks.length === 1) return first;
  const all = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
