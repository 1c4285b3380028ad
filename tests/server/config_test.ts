/** What the server does with its configuration while it runs. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { custom, say } from "../support/scripted_model.ts";
import { startServer, text } from "../support/server.ts";

Deno.test("an unknown config key warns every client that is there, and stops nothing", async () => {
  await using server = await startServer({ config: "no_such_key = 1\n" });
  const client = await server.connect();
  await client.request("thread/start", {});
  const warning = await client.next("configWarning");
  assert.match(warning.summary, /no_such_key/);
});

Deno.test("a config file that changes while the server runs counts for the next thread", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const before = await client.request("thread/start", {});
  assert.equal(before.model, "scripted-model");
  const file = join(server.home, "home", "config.toml");
  const content = await Deno.readTextFile(file);
  await Deno.writeTextFile(file, content.replace("scripted-model", "another-model"));
  const after = await client.request("thread/start", {});
  assert.equal(after.model, "another-model");
});

Deno.test("a reload tells what counts only from the next start, as often as it is asked", async () => {
  await using server = await startServer({
    config: 'app_server.max_sandbox = "workspace-write"\n',
  });
  const client = await server.connect();
  await client.request("thread/start", {});
  const file = join(server.home, "home", "config.toml");
  const content = await Deno.readTextFile(file);
  await server.server.reload();
  const changed = content.replace('"workspace-write"', '"read-only"') +
    '[permissions.network]\nallow_domains = ["example.com"]\n';
  await Deno.writeTextFile(file, changed);
  for (let times = 0; times < 2; times++) {
    await server.server.reload();
    // The first of them: before anything had changed, nothing was said.
    assert.equal(
      (await client.next("configWarning")).summary,
      "`max_sandbox` and `allow_domains` have changed, which counts from the next start of the " +
        "server: until then what it was started with holds",
    );
  }
});

Deno.test("applying a patch is reported as output, completed item and diff, in this order", async () => {
  const patch = "*** Begin Patch\n*** Add File: new.txt\n+one\n*** End Patch\n";
  await using server = await startServer({
    responses: [custom("apply_patch", patch), say("done")],
  });
  const client = await server.connect();
  const { thread } = await client.request("thread/start", { approvalPolicy: "on-request" });
  const order: string[] = [];
  client.on("item/fileChange/outputDelta", ({ delta }) => order.push(delta.trim()));
  client.on("item/completed", ({ item }) => {
    if (item.type === "fileChange") order.push(item.status);
  });
  client.on("turn/diff/updated", ({ diff }) => order.push(diff.includes("+one") ? "diff" : diff));
  await client.request("turn/start", { threadId: thread.id, input: text("go") });
  await client.next("turn/completed");
  assert.deepEqual(order, [
    "Success. Updated the following files:\nA new.txt",
    "completed",
    "diff",
  ]);
});

Deno.test("account/login/cancel knows of no login that waits", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const answer = await client.request("account/login/cancel", { loginId: crypto.randomUUID() });
  assert.deepEqual(answer, { status: "notFound" });
});

Deno.test("words that only newer clients know work, but are not shown to older ones", async () => {
  await using server = await startServer({ responses: [say("done")] });
  const client = await server.connect();
  const { thread } = await client.request("thread/start", {});
  const threadId = thread.id;
  const newer = { serviceTier: "default", effort: "max" };
  await client.request("turn/start", { threadId, input: text("go"), ...newer });
  await client.next("turn/completed");
  assert.equal(server.model.requests[0]?.serviceTier, "default");
  assert.equal(server.model.requests[0]?.effort, "max");
  const resumed = await client.request("thread/resume", { threadId });
  assert.equal(resumed.serviceTier, null);
  assert.equal(resumed.reasoningEffort, null);
});

Deno.test("a resumed thread that is renamed stays with its provider in lists", async () => {
  const other = '[model_providers.other]\nbase_url = "http://127.0.0.1:1/v1"\n';
  await using server = await startServer({ config: other, responses: [say("done")] });
  const client = await server.connect();
  const { thread } = await client.request("thread/start", { modelProvider: "other" });
  const threadId = thread.id;
  await client.request("turn/start", { threadId, input: text("go") });
  await client.next("turn/completed");
  await server.stop();
  await using again = await startServer({ home: server.home });
  const later = await again.connect();
  await later.request("thread/resume", { threadId });
  await later.request("thread/name/set", { threadId, name: "renamed" });
  const { data } = await later.request("thread/list", { modelProviders: ["other"] });
  assert.deepEqual(data.map(({ id, name }) => [id, name]), [[threadId, "renamed"]]);
});
