import assert from "node:assert/strict";
import { join } from "node:path";
import { allRequestMethods } from "../../src/protocol/mod.ts";
import { jsonSchemaFiles } from "../../src/protocol/schema.ts";
import { typescriptFiles } from "../../src/protocol/typescript.ts";

Deno.test("generated JSON Schema is the same every time and refers to nothing that is missing", async () => {
  const files = await jsonSchemaFiles();
  assert.deepEqual([...await jsonSchemaFiles()], [...files]);
  assert.ok(files.has("v2/TurnStartParams.json"));
  for (const [name, content] of files) {
    const { definitions } = JSON.parse(content);
    for (const [, target] of content.matchAll(/"\$ref": "#\/definitions\/([^"]+)"/g)) {
      assert.ok(Object.hasOwn(definitions, target ?? ""), `${name} lacks ${target}`);
    }
  }
});

Deno.test("the JSON Schema bundle has every method of the client", async () => {
  const files = await jsonSchemaFiles();
  const bundle = JSON.parse(files.get("codex_app_server_protocol.schemas.json") ?? "");
  const listed = bundle.definitions.ClientRequest.oneOf.map((
    one: { properties: { method: { enum: string[] } } },
  ) => one.properties.method.enum[0]);
  assert.deepEqual(listed, await allRequestMethods());
});

Deno.test("generated TypeScript type-checks, also where it is used", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, content] of await typescriptFiles()) {
      await Deno.writeTextFile(join(folder, name), content);
    }
    await Deno.writeTextFile(join(folder, "use.ts"), USE);
    const output = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--no-config", "--no-lock", join(folder, "use.ts")],
      stderr: "piped",
    }).output();
    assert.ok(output.success, new TextDecoder().decode(output.stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

const USE = `
import type { ClientRequests, ServerNotifications, ThreadItem } from "./index.ts";
export const start: ClientRequests["turn/start"]["params"] = {
  threadId: "t",
  input: [{ type: "text", text: "hi" }],
  sandboxPolicy: { type: "readOnly" },
};
// @ts-expect-error: the input is missing.
export const bad: ClientRequests["turn/start"]["params"] = { threadId: "t" };
export function idOf(note: ServerNotifications["item/started"]["params"]): string {
  const item: ThreadItem = note.item;
  return item.type === "commandExecution" ? item.command : item.id;
}
`;
