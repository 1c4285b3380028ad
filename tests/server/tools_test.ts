/** Tools in real turns: what clients are told, what really happens, and what the model reads of it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { call, custom, localShell, manualClock } from "../support/scripted_model.ts";
import { type TestServer } from "../support/server.ts";
import { onlyBackends } from "../exec/sandbox/test_sandbox.ts";
import { makeFifo } from "./fifo.ts";
import { completedItems, outline, paramsOf } from "./recorder.ts";
import { exists } from "./turn_steps.ts";
import { deltasOf, toolTurn } from "./tool_steps.ts";

Deno.test("the output of exec_command goes to clients and back to the model", async () => {
  const { events, outputs, project } = await toolTurn(
    call("exec_command", { cmd: "echo one; echo two; exit 3" }, "call_1"),
  );
  assert.deepEqual(outline(events).slice(4, 6), [
    "item/started commandExecution",
    "item/completed commandExecution",
  ]);
  assert.match(outputs[0] ?? "", /^Chunk ID: \w{6}\nWall time: [\d.]+ seconds\n/);
  assert.match(
    outputs[0] ?? "",
    /\nProcess exited with code 3\nOriginal token count: 2\nOutput:\none\ntwo\n$/,
  );
  const started = paramsOf(events, "item/started").at(1)?.item;
  assert.equal(started?.type === "commandExecution" ? started.status : null, "inProgress");
  const [item] = completedItems(events, "commandExecution");
  assert.equal(item?.id, "call_1");
  assert.equal(item?.command, "/bin/bash -lc 'echo one; echo two; exit 3'");
  assert.equal(item?.cwd, project);
  assert.equal(item?.status, "failed");
  assert.equal(item?.exitCode, 3);
  assert.equal(item?.aggregatedOutput, "one\ntwo\n");
  assert.equal(deltasOf(events, "call_1"), "one\ntwo\n");
});

Deno.test("calls of one response run side by side, and their outputs keep the order", async () => {
  // The first waits for the second: one after the other, they would never end.
  const { outputs } = await toolTurn([
    call("exec_command", { cmd: "read -r word < meet; echo first $word" }, "call_a"),
    call("exec_command", { cmd: "echo hello > meet; echo second" }, "call_b"),
  ], { prepare: async ({ project }) => void await makeFifo(join(project, "meet")) });
  assert.match(outputs[0] ?? "", /first hello\n$/);
  assert.match(outputs[1] ?? "", /second\n$/);
  assert.equal(outputs.length, 2);
});

const PATCH = `*** Begin Patch
*** Update File: a.txt
@@
 one
-two
+TWO
*** Add File: sub/new.txt
+fresh
*** Delete File: gone.txt
*** End Patch`;

async function patchedFiles({ project }: TestServer): Promise<void> {
  await Deno.writeTextFile(join(project, "a.txt"), "one\ntwo\n");
  await Deno.writeTextFile(join(project, "gone.txt"), "bye\n");
}

async function checkPatched({ project }: TestServer): Promise<void> {
  assert.equal(await Deno.readTextFile(join(project, "a.txt")), "one\nTWO\n");
  assert.equal(await Deno.readTextFile(join(project, "sub/new.txt")), "fresh\n");
  assert.equal(await exists(join(project, "gone.txt")), false);
}

Deno.test("apply_patch changes the files and tells what the turn has changed", async () => {
  const { events, outputs, project } = await toolTurn(
    custom("apply_patch", PATCH, "call_1"),
    { prepare: patchedFiles, check: checkPatched },
  );
  const order = outline(events);
  assert.deepEqual(order.slice(4, 6), ["item/started fileChange", "item/completed fileChange"]);
  assert.deepEqual(order.slice(-2), ["status idle", "turn/completed completed"]);
  // The diff is made while the model goes on, but the turn does not end without it.
  assert.ok(order.indexOf("turn/diff/updated") > order.indexOf("item/completed fileChange"));
  assert.ok(order.indexOf("turn/diff/updated") < order.indexOf("status idle"));
  const [item] = completedItems(events, "fileChange");
  assert.equal(item?.status, "completed");
  const kinds = item?.changes.map(({ path, kind }) => [path.slice(project.length), kind.type]);
  assert.deepEqual(
    new Map(kinds?.map(([path = "", kind = ""]) => [path, kind])),
    new Map([
      ["/a.txt", "update"],
      ["/sub/new.txt", "add"],
      ["/gone.txt", "delete"],
    ]),
  );
  const diff = paramsOf(events, "turn/diff/updated").at(-1)?.diff ?? "";
  assert.match(diff, /^-two\n\+TWO$/m);
  assert.match(diff, /^\+fresh$/m);
  assert.match(diff, /^-bye$/m);
  assert.match(outputs[0] ?? "", /Success\. Updated the following files:/);
});

Deno.test("a patch that does not fit changes nothing and says why", async () => {
  const { events, outputs } = await toolTurn(
    custom("apply_patch", PATCH.replace("-two", "-three"), "call_1"),
    {
      prepare: patchedFiles,
      check: async ({ project }) => {
        assert.equal(await Deno.readTextFile(join(project, "a.txt")), "one\ntwo\n");
        assert.equal(await exists(join(project, "sub/new.txt")), false);
      },
    },
  );
  assert.match(outputs[0] ?? "", /^apply_patch verification failed: /);
  assert.equal(paramsOf(events, "turn/diff/updated").length, 0);
});

Deno.test("a patch in a shell heredoc is applied as a patch, not as a command", async () => {
  const { events, outputs } = await toolTurn(
    call("exec_command", { cmd: `apply_patch <<'EOF'\n${PATCH}\nEOF` }, "call_1"),
    { prepare: patchedFiles, check: checkPatched },
  );
  assert.deepEqual(completedItems(events, "commandExecution"), []);
  assert.equal(completedItems(events, "fileChange")[0]?.status, "completed");
  assert.match(outputs[0] ?? "", /^Exit code: 0\n[\s\S]*Success\. Updated/);
});

Deno.test("update_plan shows the plan without an item", async () => {
  const { events, outputs } = await toolTurn(call("update_plan", {
    explanation: "Because",
    plan: [{ step: "Look", status: "completed" }, { step: "Leap", status: "in_progress" }],
  }));
  assert.deepEqual(outputs, ["Plan updated"]);
  const [update] = paramsOf(events, "turn/plan/updated");
  assert.equal(update?.explanation, "Because");
  assert.deepEqual(update?.plan, [
    { step: "Look", status: "completed" },
    { step: "Leap", status: "inProgress" },
  ]);
  const types = paramsOf(events, "item/started").map(({ item }) => item.type);
  assert.deepEqual(types, ["userMessage", "agentMessage"]);
});

const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

Deno.test("view_image shows clients the path and the model the picture", async () => {
  const { events, outputs, project } = await toolTurn(call("view_image", { path: "dot.png" }), {
    prepare: ({ project }) => Deno.writeFile(join(project, "dot.png"), Uint8Array.fromBase64(PNG)),
  });
  assert.equal(completedItems(events, "imageView")[0]?.path, join(project, "dot.png"));
  assert.deepEqual(JSON.parse(outputs[0] ?? ""), [
    { type: "input_image", image_url: `data:image/png;base64,${PNG}` },
  ]);
});

Deno.test("a picture that is not there is told to the model, without an item", async () => {
  const { events, outputs } = await toolTurn(call("view_image", { path: "none.png" }));
  assert.deepEqual(completedItems(events, "imageView"), []);
  assert.match(outputs[0] ?? "", /^unable to locate image at /);
});

Deno.test("local_shell_call runs words without a shell", async () => {
  const { events, outputs } = await toolTurn(localShell(["printf", "%s|", "a b", "$HOME"]));
  assert.match(
    outputs[0] ?? "",
    /^Exit code: 0\nWall time: [\d.]+ seconds\nOutput:\na b\|\$HOME\|$/,
  );
  assert.equal(completedItems(events, "commandExecution")[0]?.exitCode, 0);
});

Deno.test("a program that does not exist is a failed item and an answer", async () => {
  const { events, outputs } = await toolTurn(localShell(["/no/such/program"]));
  assert.match(outputs[0] ?? "", /^execution error: .*No such file or directory/);
  assert.equal(completedItems(events, "commandExecution")[0]?.status, "failed");
});

for (const sandbox of ["read-only", "workspace-write"] as const) {
  Deno.test(`${sandbox} runs no command where none can be confined`, async () => {
    const { events, outputs } = await toolTurn([
      call("exec_command", { cmd: "echo ran > made.txt" }),
      call("shell", { command: ["touch", "made.txt"] }),
      localShell(["touch", "made.txt"]),
    ], {
      sandbox,
      backends: onlyBackends(),
      check: async ({ project }) => assert.equal(await exists(join(project, "made.txt")), false),
    });
    assert.equal(outputs.length, 3);
    for (const output of outputs) assert.match(output, /The command was not run/);
    assert.deepEqual(completedItems(events, "commandExecution"), []);
  });
}

Deno.test("a patch under readOnly is refused", async () => {
  const { outputs } = await toolTurn(custom("apply_patch", PATCH), {
    sandbox: "read-only",
    prepare: patchedFiles,
    check: async ({ project }) =>
      assert.equal(await Deno.readTextFile(join(project, "a.txt")), "one\ntwo\n"),
  });
  assert.match(outputs[0] ?? "", /^patch rejected: /);
});

Deno.test("keys and tokens never reach a command", async () => {
  const secrets = {
    OPENAI_API_KEY: "sk-secret-openai",
    CODEX_API_KEY: "sk-secret-codex",
    GITHUB_TOKEN: "secret-github",
    ODD_NAME: "secret-of-provider",
    HEADER_VALUE: "secret-of-header",
    COPIED: "prefix-secret-of-provider",
  };
  const { outputs } = await toolTurn(
    [call("exec_command", { cmd: "printenv" }), localShell(["printenv"])],
    {
      env: { PATH: "/usr/local/bin:/usr/bin:/bin", PLAIN: "visible", ...secrets },
      config: `[model_providers.other]\nname = "Other"\nbase_url = "http://127.0.0.1:1/v1"\n` +
        `env_key = "ODD_NAME"\nenv_http_headers = { "X-Key" = "HEADER_VALUE" }\n`,
    },
  );
  assert.equal(outputs.length, 2);
  for (const output of outputs) {
    assert.match(output, /^PLAIN=visible$/m);
    assert.doesNotMatch(output, /secret/);
    for (const name of Object.keys(secrets)) assert.ok(!output.includes(`${name}=`), name);
  }
});

Deno.test("huge output keeps its beginning and end for the model, and clients are not flooded", async () => {
  // The clock stands still, so no sample of the flood is shown because of the time that it takes.
  const { events, outputs } = await toolTurn(
    call("exec_command", { cmd: "echo BEGIN; seq 1 2000000; echo END" }, "flood"),
    { clock: manualClock() },
  );
  const output = outputs[0] ?? "";
  assert.match(output, /\nOutput:\nTotal output lines: 2000002\n\nBEGIN\n1\n2\n/);
  assert.match(output, /…\d+ tokens truncated…/);
  assert.match(output, /\n2000000\nEND\n$/);
  assert.ok(output.length < 50_000, `${output.length} characters for the model`);
  const shown = deltasOf(events, "flood");
  assert.ok(shown.startsWith("BEGIN\n1\n"));
  assert.ok(shown.endsWith("END\n"));
  assert.ok(shown.length < 1.1 * 1024 * 1024, `${shown.length} characters for clients`);
  assert.match(shown, /bytes not shown/);
  const [item] = completedItems(events, "commandExecution");
  const kept = item?.aggregatedOutput ?? "";
  assert.ok(kept.startsWith("BEGIN\n") && kept.endsWith("END\n"));
  assert.ok(kept.length < 300 * 1024, `${kept.length} characters in the item`);
});

Deno.test("a call can ask for less output than the limit", async () => {
  const { outputs } = await toolTurn(
    call("exec_command", { cmd: "seq 1 10000", max_output_tokens: 20 }),
  );
  assert.match(outputs[0] ?? "", /tokens truncated/);
  assert.ok((outputs[0] ?? "").length < 400);
});
