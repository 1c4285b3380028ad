import assert from "node:assert/strict";
import fc from "fast-check";
import type { ToolContext } from "../../src/agent/tools/tool.ts";
import { readImage, viewImageTool } from "../../src/agent/tools/view_image.ts";
import { RecordedTurn, Scratch } from "./patch_scratch.ts";

const PNG = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3]);

async function view(
  path: unknown,
  options: { scratch: Scratch; changes?: Partial<ToolContext> },
): Promise<{ output: unknown; turn: RecordedTurn }> {
  const turn = new RecordedTurn();
  const call = { callId: "call_1", name: "view_image", input: JSON.stringify({ path }) };
  const context = turn.context(options.scratch.dir, options.changes);
  return { output: (await viewImageTool().run(call, context)).content, turn };
}

Deno.test("view_image attaches a picture and shows an item", async () => {
  await using scratch = new Scratch();
  await Deno.writeFile(scratch.path("a.dat"), PNG);
  const { output, turn } = await view("a.dat", { scratch });
  assert.deepEqual(output, [
    { type: "input_image", image_url: "data:image/png;base64,iVBORw0KGgoBAgM=" },
  ]);
  const item = { type: "imageView", id: "call_1", path: scratch.path("a.dat") };
  assert.deepEqual(turn.told, [{ type: "started", item }, { type: "completed", item }]);
});

Deno.test("readImage tells pictures by their first bytes", async () => {
  await using scratch = new Scratch();
  const kinds: [string, string][] = [
    ["\x89PNG\r\n\x1a\n....", "image/png"],
    ["\xff\xd8\xff\xe0....", "image/jpeg"],
    ["GIF87a......", "image/gif"],
    ["GIF89a......", "image/gif"],
    ["RIFF\x01\x02\x03\x04WEBPVP8 ", "image/webp"],
  ];
  for (const [start, type] of kinds) {
    await Deno.writeFile(scratch.path("x"), Uint8Array.from(start, (char) => char.charCodeAt(0)));
    const image = await readImage(scratch.path("x"));
    assert.ok("url" in image && image.url.startsWith(`data:${type};base64,`), type);
  }
});

Deno.test("view_image says why it cannot show something, and shows no item", async () => {
  await using scratch = new Scratch();
  await scratch.write({ "text.png": "no picture", "empty.png": "", "dir/x": "" });
  await new Deno.Command("mkfifo", { args: [scratch.path("fifo.png")] }).output();
  await Deno.writeFile(scratch.path("big.png"), PNG);
  await Deno.truncate(scratch.path("big.png"), 20 * 1024 * 1024 + 1);
  const cases: [unknown, RegExp][] = [
    ["text.png", /^unsupported image `\/.*text\.png`: it is not a PNG/],
    ["empty.png", /^unsupported image/],
    ["dir", /^image path `\/.*dir` is not a file$/],
    ["", /is not a file$/],
    ["fifo.png", /is not a file$/],
    ["missing.png", /^unable to locate image at `\/.*missing\.png`: No such file/],
    ["a\0b", /^unable to locate image at/],
    ["big.png", /has 20971521 bytes, more than the limit of 20971520$/],
    [5, /^failed to parse function arguments: /],
    [undefined, /^failed to parse function arguments: /],
  ];
  for (const [path, message] of cases) {
    const { output, turn } = await view(path, { scratch });
    assert.ok(typeof output === "string");
    assert.match(output, message);
    assert.deepEqual(turn.told, []);
  }
});

Deno.test("view_image keeps to the folders that a policy lets it read", async () => {
  await using scratch = new Scratch();
  await using outside = new Scratch();
  await Deno.writeFile(outside.path("a.png"), PNG);
  await Deno.writeFile(scratch.path("a.png"), PNG);
  await Deno.symlink(outside.path("a.png"), scratch.path("link.png"));
  const changes = (readableRoots: readonly string[]): Partial<ToolContext> => ({
    sandboxPolicy: {
      type: "readOnly",
      networkAccess: false,
      access: { type: "restricted", readableRoots },
    },
  });
  const isShown = async (path: string, roots: readonly string[]) =>
    typeof (await view(path, { scratch, changes: changes(roots) })).output !== "string";
  assert.ok(await isShown("a.png", []));
  assert.ok(!await isShown(outside.path("a.png"), []));
  assert.ok(!await isShown("link.png", []));
  assert.ok(!await isShown(outside.path("a.png"), [outside.dir.slice(0, -1)]));
  assert.ok(await isShown("link.png", [outside.dir]));
});

Deno.test("view_image answers any input", async () => {
  await using scratch = new Scratch();
  const context = new RecordedTurn().context(scratch.dir);
  await fc.assert(fc.asyncProperty(fc.oneof(fc.string(), fc.json()), async (input) => {
    const call = { callId: "call_1", name: "view_image", input };
    assert.equal(typeof (await viewImageTool().run(call, context)).content, "string");
  }));
});
