import assert from "node:assert/strict";
import {
  allRequestEntries,
  allRequestMethods,
  loadClientNotifications,
  loadedRequestEntry,
  loadRequestEntry,
  loadServerNotifications,
  loadServerRequests,
  requestModules,
} from "../../src/protocol/mod.ts";
import { METHOD_NAMES } from "../../src/protocol/method_names.ts";
import { experimentalUse } from "../../src/protocol/experimental.ts";
import { type JsonSchema, protocolSchema } from "../../src/protocol/schema.ts";

// Comes first: the other tests load the modules.
Deno.test("an entry is loaded on demand, and at hand without waiting from then on", async () => {
  assert.equal(loadedRequestEntry("model/list"), undefined);
  const entry = await loadRequestEntry("model/list");
  assert.equal(entry?.method, "model/list");
  assert.equal(loadedRequestEntry("model/list"), entry);
  assert.equal(await loadRequestEntry("model/list"), entry);
  assert.equal(loadedRequestEntry("model/nope"), null);
});

Deno.test("an unknown method has no entry", async () => {
  for (const method of ["nope", "nope/x", "thread/nope", "", "/", "__proto__", "constructor/x"]) {
    assert.equal(await loadRequestEntry(method), null, method);
    assert.equal(loadedRequestEntry(method), null, method);
  }
});

Deno.test("the module of a method is named by its first segment", async () => {
  for (const [name, load] of Object.entries(requestModules)) {
    for (const method of Object.keys((await load()).requests)) {
      assert.equal(method.split("/")[0], name);
    }
  }
});

Deno.test("every entry has a doc of whole sentences", async () => {
  const tables = [
    Object.fromEntries((await allRequestEntries()).map((entry) => [entry.method, entry])),
    await loadClientNotifications(),
    await loadServerRequests(),
    await loadServerNotifications(),
  ];
  for (const [method, { doc }] of tables.flatMap((table) => Object.entries(table))) {
    assert.match(doc, /^[A-Z].*\.$/s, method);
  }
});

Deno.test("the list of all methods starts with initialize and has no doubles", async () => {
  const methods = await allRequestMethods();
  assert.equal(methods[0], "initialize");
  assert.equal(new Set(methods).size, methods.length);
});

Deno.test("ordering by thread names a param that is required", async () => {
  const { clientRequests, definitions } = await protocolSchema();
  for (const entry of await allRequestEntries()) {
    if (entry.ordering === "concurrent" || "global" in entry.ordering) continue;
    const params = clientRequests.find(({ method }) => method === entry.method)?.params;
    assert.ok(params);
    const read: PropertyKey[] = [];
    entry.ordering.thread(
      new Proxy({}, { get: (_, key) => (read.push(key), "id") }),
    );
    assert.deepEqual(read, ["threadId"], entry.method);
    assert.ok(definitions[params]?.required?.includes("threadId"), entry.method);
  }
});

Deno.test("experimental fields are params of their method", async () => {
  const { clientRequests, definitions } = await protocolSchema();
  for (const { method, experimentalFields } of await allRequestEntries()) {
    const params = clientRequests.find((message) => message.method === method)?.params;
    for (const [field, name] of Object.entries(experimentalFields ?? {})) {
      assert.ok(params && Object.hasOwn(definitions[params]?.properties ?? {}, field), field);
      assert.ok(name.startsWith(`${method}.`), name);
    }
  }
});

Deno.test("every time and every count is an integer", async () => {
  const { definitions } = await protocolSchema();
  let times = 0;
  for (const [path, schema] of Object.entries(definitions).flatMap(([n, s]) => members(n, s))) {
    if (!/(At|AtMs|Ms|Tokens|Index|exitCode)$/.test(path)) continue;
    times++;
    assert.deepEqual([schema.type].flat().filter((type) => type !== "null"), ["integer"], path);
  }
  assert.ok(times > 15);
});

Deno.test("a gated field counts as used when it says something", async () => {
  const entry = await loadRequestEntry("thread/start");
  assert.ok(entry);
  const persisted = "thread/start.persistFullHistory";
  assert.equal(experimentalUse(entry, { persistExtendedHistory: true }), persisted);
  assert.equal(experimentalUse(entry, { persistExtendedHistory: false }), null);
  assert.equal(experimentalUse(entry, { dynamicTools: [] }), null);
  assert.equal(experimentalUse(entry, { dynamicTools: [{}] }), "thread/start.dynamicTools");
  assert.equal(experimentalUse(entry, { dynamicTools: null }), null);
  assert.equal(experimentalUse(entry, {}), null);
  assert.equal(experimentalUse({ ...entry, experimental: true }, {}), "thread/start");
});

Deno.test("the list of names has the methods of the tables", async () => {
  assert.deepEqual(METHOD_NAMES, await allRequestMethods());
});

Deno.test("the tables, the parser and initialize load no schema library", async () => {
  // Without the import map `zod` cannot be resolved, so a static import of it would fail.
  for (const file of ["mod", "parse", "experimental", "initialize_params", "method_names"]) {
    const path = new URL(`../../src/protocol/${file}.ts`, import.meta.url);
    const output = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-config", "--no-lock", "--no-check", "--no-remote", path.href],
      stderr: "piped",
    }).output();
    assert.ok(output.success, `${file}: ${new TextDecoder().decode(output.stderr)}`);
  }
});

/** Every named member of a schema, with its path. */
function members(path: string, schema: JsonSchema | boolean): [string, JsonSchema][] {
  if (typeof schema === "boolean") return [];
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, member]) =>
    typeof member === "boolean"
      ? []
      : [[`${path}.${name}`, member] as [string, JsonSchema], ...members(`${path}.${name}`, member)]
  );
  const inner = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  return [...own, ...inner.flatMap((option) => members(path, option))];
}
