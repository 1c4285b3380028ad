/** Lists that come in pages. */
import assert from "node:assert/strict";
import { pagesOf } from "../../src/client/pages.ts";

/** The data of all pages, of a server that answers a cursor with the next one in the table. */
async function listed(next: Readonly<Record<string, string | null>>): Promise<string[]> {
  const data: string[] = [];
  const pages = pagesOf((cursor) =>
    Promise.resolve({ data: cursor ?? "first", nextCursor: next[cursor ?? "first"] ?? null })
  );
  for await (const page of pages) data.push(page.data);
  return data;
}

Deno.test("a list is followed to its last page", async () => {
  assert.deepEqual(await listed({ first: null }), ["first"]);
  assert.deepEqual(await listed({ first: "b", b: "c", c: null }), ["first", "b", "c"]);
});

Deno.test("a cursor that leads to itself is not followed for ever", async () => {
  assert.deepEqual(await listed({ first: "b", b: "b" }), ["first", "b"]);
});
