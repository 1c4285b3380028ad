/** Tests of `list_dir`: its answers, its limits, and that it keeps to what may be read. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { listDirTool } from "../../src/agent/tools/list_dir.ts";
import type { ToolContext } from "../../src/agent/tools/tool.ts";
import { RecordedTurn, Scratch } from "./patch_scratch.ts";

/** The answer without its first line, which names the folder. */
async function list(
  args: unknown,
  options: { readonly scratch: Scratch; readonly changes?: Partial<ToolContext> },
): Promise<string[]> {
  const turn = new RecordedTurn();
  const call = { callId: "call_1", name: "list_dir", input: JSON.stringify(args) };
  const { content } = await listDirTool().run(
    call,
    turn.context(options.scratch.dir, options.changes),
  );
  assert.ok(typeof content === "string");
  assert.deepEqual(turn.told, [], "clients are told of no item, as upstream");
  const lines = content.split("\n");
  return lines[0]?.startsWith("Absolute path: ") ? lines.slice(1) : lines;
}

Deno.test("list_dir shows files, folders, links and others, with what folders hold below them", async () => {
  await using scratch = new Scratch();
  await scratch.write({ "b.txt": "", "a/deep/x": "", "a/y": "", "a-b": "", ".hidden": "" });
  await Deno.symlink("/", scratch.path("root"));
  await new Deno.Command("mkfifo", { args: [scratch.path("pipe")] }).output();
  const shown = [".hidden", "a/", "  deep/", "  y", "a-b", "b.txt", "pipe?", "root@"];
  assert.deepEqual(await list({ dir_path: scratch.dir }, { scratch }), shown);
  assert.deepEqual(await list({ dir_path: "." }, { scratch }), shown);
  assert.deepEqual(await list({ dir_path: "a", depth: 9 }, { scratch }), ["deep/", "  x", "y"]);
  const flat = shown.filter((line) => !line.startsWith(" "));
  assert.deepEqual(await list({ dir_path: ".", depth: 1 }, { scratch }), flat);
  await Deno.mkdir(scratch.path("empty"));
  assert.deepEqual(await list({ dir_path: "empty" }, { scratch }), []);
});

Deno.test("list_dir names the folder, and every name takes one line", async () => {
  await using scratch = new Scratch();
  await scratch.write({ "two\nlines": "", "esc\u001b[31m": "", "ünï": "" });
  const call = { callId: "c", name: "list_dir", input: '{"dir_path":"."}' };
  const { content } = await listDirTool().run(call, new RecordedTurn().context(scratch.dir));
  assert.equal(
    content,
    `Absolute path: ${scratch.dir}\nesc\\u001b[31m\ntwo\\u000alines\nünï`,
  );
});

Deno.test("list_dir shows a part, and says where it goes on", async () => {
  await using scratch = new Scratch();
  await scratch.write(Object.fromEntries(["a", "b", "c", "d", "e"].map((name) => [name, ""])));
  const page = (offset: number) => list({ dir_path: ".", limit: 2, offset }, { scratch });
  const more = (next: number) => `More than 2 entries found; the next one is offset ${next}`;
  assert.deepEqual(await page(1), ["a", "b", more(3)]);
  assert.deepEqual(await page(3), ["c", "d", more(5)]);
  assert.deepEqual(await page(5), ["e"]);
  assert.deepEqual(await page(6), ["offset exceeds directory entry count"]);
});

Deno.test("list_dir says what is wrong with its arguments or the folder", async () => {
  await using scratch = new Scratch();
  await scratch.write({ "file": "" });
  const cases: [unknown, RegExp][] = [
    [{}, /^failed to parse function arguments: missing field `dir_path`$/],
    [{ dir_path: 5 }, /^failed to parse function arguments: /],
    [{ dir_path: ".", depth: "many" }, /^failed to parse function arguments: /],
    [{ dir_path: ".", offset: 0 }, /^offset must be a 1-indexed entry number$/],
    [{ dir_path: ".", limit: 0 }, /^limit must be greater than zero$/],
    [{ dir_path: ".", depth: -1 }, /^depth must be greater than zero$/],
    [{ dir_path: "missing" }, /^failed to read directory: No such file/],
    [{ dir_path: "file" }, /^failed to read directory: Not a directory/],
    [{ dir_path: "a\0b" }, /^failed to read directory: /],
  ];
  for (const [args, message] of cases) {
    assert.match((await list(args, { scratch })).join("\n"), message);
  }
});

Deno.test("list_dir keeps to the folders that a policy lets it read", async () => {
  await using scratch = new Scratch();
  await using outside = new Scratch();
  await outside.write({ "secret": "" });
  await Deno.symlink(outside.dir, scratch.path("link"));
  const isShown = async (path: string, readableRoots: readonly string[]) => {
    const access = { type: "restricted" as const, readableRoots };
    const sandboxPolicy = { type: "readOnly" as const, networkAccess: false, access };
    const lines = await list({ dir_path: path }, { scratch, changes: { sandboxPolicy } });
    if (!lines[0]?.startsWith("failed")) return true;
    assert.match(lines[0], /the sandbox policy does not allow reading `\/.*`$/);
    return false;
  };
  assert.ok(await isShown(".", []));
  assert.ok(!await isShown(outside.dir, []));
  assert.ok(!await isShown("link", []));
  assert.ok(!await isShown("..", []));
  assert.ok(!await isShown(outside.dir, [outside.dir.slice(0, -1)]));
  assert.ok(await isShown("link", [outside.dir]));
  assert.deepEqual(await list({ dir_path: "." }, { scratch }), ["link@"], "a link is not followed");
});

Deno.test("list_dir stops when the turn is interrupted", async () => {
  await using scratch = new Scratch();
  const turn = new RecordedTurn();
  turn.interrupt();
  const call = { callId: "c", name: "list_dir", input: '{"dir_path":"."}' };
  await assert.rejects(listDirTool().run(call, turn.context(scratch.dir)), /^Error: Interrupted$/);
});

Deno.test("list_dir answers any input", async () => {
  await using scratch = new Scratch();
  const context = new RecordedTurn().context(scratch.dir);
  const numbers = fc.record({
    dir_path: fc.constantFrom(".", "", "x"),
    offset: fc.double(),
    limit: fc.double(),
    depth: fc.double(),
  }, { requiredKeys: ["dir_path"] });
  const inputs = fc.oneof(fc.string(), fc.json(), numbers.map((args) => JSON.stringify(args)));
  await fc.assert(fc.asyncProperty(inputs, async (input) => {
    const call = { callId: "call_1", name: "list_dir", input };
    assert.equal(typeof (await listDirTool().run(call, context)).content, "string");
  }));
});
