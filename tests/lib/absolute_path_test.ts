/** `absolutePath` against `node:path`, which it stands in for. */
import assert from "node:assert/strict";
import { posix } from "node:path";
import fc from "fast-check";
import { absolutePath } from "../../src/lib/absolute_path.ts";

Deno.test("absolutePath() gives what node:path resolves to", () => {
  const segment = fc.constantFrom("a", "b.c", "..", ".", "", " x ");
  const path = fc.array(segment, { maxLength: 6 }).map((segments) => segments.join("/"));
  fc.assert(fc.property(path, path, (relative, base) => {
    assert.equal(absolutePath(relative, `/${base}`), posix.resolve(`/${base}`, relative));
    assert.equal(absolutePath(`/${relative}`, `/${base}`), posix.resolve("/", relative));
  }));
});
