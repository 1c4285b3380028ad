import assert from "node:assert/strict";
import fc from "fast-check";
import { type ApplyPatchTool, applyPatchTool } from "../../src/agent/tools/apply_patch.ts";
import type { ToolContext } from "../../src/agent/tools/tool.ts";
import { RecordedTurn, Scratch } from "./patch_scratch.ts";

function tool(): ApplyPatchTool {
  return applyPatchTool({ freeform: true });
}

const UPDATE = "*** Begin Patch\n*** Update File: a.txt\n@@\n-a\n+b\n*** End Patch";
const SUCCESS = "Success. Updated the following files:\nM a.txt\n";

function call(input: string): { callId: string; name: string; input: string } {
  return { callId: "call_1", name: "apply_patch", input };
}

/** Runs one patch in a fresh folder `work` beside a folder `outside`. */
async function run(
  input: string,
  options: {
    turn?: RecordedTurn;
    changes?: Partial<ToolContext>;
    check?: (result: { output: unknown; turn: RecordedTurn; scratch: Scratch }) => Promise<void>;
  },
): Promise<void> {
  await using scratch = new Scratch();
  await scratch.write({ "work/a.txt": "a\n", "outside/a.txt": "a\n" });
  const turn = options.turn ?? new RecordedTurn();
  const context = turn.context(scratch.path("work"), options.changes);
  const { content } = await tool().run(call(input.replaceAll("$DIR", scratch.dir)), context);
  await options.check?.({ output: content, turn, scratch });
}

Deno.test("apply_patch tells the turn and the model what it wrote", async () => {
  await run(UPDATE, {
    check: async ({ output, turn, scratch }) => {
      assert.equal(
        output,
        '{"output":"Success. Updated the following files:\\nM a.txt\\n",' +
          '"metadata":{"exit_code":0,"duration_seconds":0.0}}',
      );
      const path = scratch.path("work/a.txt");
      const item = {
        type: "fileChange" as const,
        id: "call_1",
        changes: [{
          path,
          kind: { type: "update" as const, move_path: null },
          diff: "@@ -1 +1 @@\n-a\n+b\n",
        }],
      };
      assert.deepEqual(turn.told, [
        { type: "started", item: { ...item, status: "inProgress" } },
        { type: "completed", item: { ...item, status: "completed" } },
        { type: "changed", revisions: [{ path, before: "a\n", after: "b\n" }] },
      ]);
      assert.equal((await scratch.files())["work/a.txt"], "b\n");
    },
  });
});

Deno.test("apply_patch can be called as a function, and is then answered like a shell", async () => {
  await run(JSON.stringify({ input: UPDATE }), {
    check: ({ output }) => {
      assert.equal(output, `Exit code: 0\nWall time: 0 seconds\nOutput:\n${SUCCESS}`);
      return Promise.resolve();
    },
  });
  assert.equal(applyPatchTool({ freeform: true }).spec.type, "custom");
  assert.equal(applyPatchTool({ freeform: false }).spec.type, "function");
});

Deno.test("apply_patch says what is wrong with a patch, and shows no item", async () => {
  const cases: [string, RegExp][] = [
    ["nonsense", /^apply_patch verification failed: invalid patch: The first line/],
    ["*** Begin Patch\n*** End Patch", /^patch rejected: empty patch$/],
    [
      UPDATE.replace("-a", "-zz"),
      /^apply_patch verification failed: Failed to find expected lines in \/.*\/work\/a\.txt:\nzz$/,
    ],
    ["{", /^failed to parse function arguments: /],
    ['{"patch":1}', /^failed to parse function arguments: missing string field `input`$/],
  ];
  for (const [input, message] of cases) {
    await run(input, {
      check: ({ output, turn }) => {
        assert.ok(typeof output === "string");
        assert.match(output, message);
        assert.deepEqual(turn.told, []);
        return Promise.resolve();
      },
    });
  }
});

const OUTSIDE = UPDATE.replace("a.txt", "../outside/a.txt");
const READ_ONLY: Partial<ToolContext> = {
  sandboxPolicy: { type: "readOnly", networkAccess: false },
};
const FULL: Partial<ToolContext> = { sandboxPolicy: { type: "dangerFullAccess" } };

Deno.test("apply_patch asks, writes or refuses as the policies say", async () => {
  const policies = ["untrusted", "on-failure", "on-request", "never"] as const;
  const table: [string, string, Partial<ToolContext>, string[]][] = [
    ["inside", UPDATE, {}, ["asked", "wrote", "wrote", "wrote"]],
    ["outside", OUTSIDE, {}, ["asked", "asked", "asked", "refused"]],
    ["read only", UPDATE, READ_ONLY, ["asked", "asked", "asked", "refused"]],
    ["full access", OUTSIDE, FULL, ["asked", "wrote", "wrote", "wrote"]],
    [
      "protected",
      "*** Begin Patch\n*** Add File: .git/hooks/pre-commit\n+x\n*** End Patch",
      {},
      ["asked", "asked", "asked", "refused"],
    ],
  ];
  for (const [name, patch, changes, expected] of table) {
    const seen: string[] = [];
    for (const approvalPolicy of policies) {
      const turn = new RecordedTurn();
      turn.decision = { type: "decline" };
      await run(patch, {
        turn,
        changes: { ...changes, approvalPolicy },
        check: async ({ output, scratch }) => {
          const isWritten = JSON.stringify(await scratch.files()).includes('"b\\n"');
          const text = String(output);
          assert.equal(isWritten, text.includes("Success"));
          if (turn.kinds.includes("asked")) assert.equal(text, "patch rejected by user");
          const refused =
            "patch rejected: writing outside of the project; rejected by user approval settings";
          seen.push(
            turn.kinds.includes("asked") ? "asked" : text === refused ? "refused" : "wrote",
          );
        },
      });
    }
    assert.deepEqual(seen, expected, name);
  }
});

Deno.test("apply_patch sees through links that leave the writable folders", async () => {
  await using scratch = new Scratch();
  await scratch.write({ "work/x": "x\n", "outside/a.txt": "a\n" });
  await Deno.symlink("../outside", scratch.path("work/dir"));
  await Deno.symlink("../outside/a.txt", scratch.path("work/file.txt"));
  const patches = [
    UPDATE.replace("a.txt", "dir/a.txt"),
    UPDATE.replace("a.txt", "file.txt"),
    "*** Begin Patch\n*** Add File: dir/new/deep.txt\n+x\n*** End Patch",
    "*** Begin Patch\n*** Delete File: dir/a.txt\n*** End Patch",
    "*** Begin Patch\n*** Update File: x\n*** Move to: dir/x\n@@\n-x\n+y\n*** End Patch",
  ];
  const before = await scratch.files();
  for (const patch of patches) {
    const turn = new RecordedTurn();
    turn.decision = { type: "decline" };
    await tool().run(call(patch), turn.context(scratch.path("work")));
    assert.deepEqual(turn.kinds, ["started", "asked", "completed"], patch);
    const asked = turn.told[1];
    assert.ok(asked?.type === "asked" && asked.request.type === "fileChange");
    // The person sees where it would really go.
    assert.ok(asked.request.paths.some((path) => path.startsWith(scratch.path("outside/"))));
    assert.match(asked.request.reason ?? "", /outside the writable folders: .*\/outside\//);
    const never = turn.context(scratch.path("work"), { approvalPolicy: "never" });
    assert.match(String((await tool().run(call(patch), never)).content), /^patch rejected: /);
  }
  assert.deepEqual(await scratch.files(), before);
});

Deno.test("a patch in another folder gets no more rights there", async () => {
  await using scratch = new Scratch();
  await scratch.write({ "work/x": "x\n", "outside/a.txt": "a\n" });
  const turn = new RecordedTurn();
  const context = turn.context(scratch.path("work"), { approvalPolicy: "never" });
  const patch = { callId: "call_1", input: UPDATE, cwd: scratch.path("outside") };
  const output = await tool().apply(patch, { context, form: "shell" });
  assert.match(String(output.content), /^patch rejected: writing outside/);
});

Deno.test("a declined or cancelled patch is not written", async () => {
  for (const type of ["decline", "cancel"] as const) {
    const turn = new RecordedTurn();
    turn.decision = { type };
    await run(UPDATE, {
      turn,
      changes: { approvalPolicy: "untrusted" },
      check: async ({ output, scratch }) => {
        assert.equal(output, "patch rejected by user");
        assert.deepEqual(turn.kinds, ["started", "asked", "completed"]);
        const completed = turn.told[2];
        assert.ok(completed?.type === "completed" && completed.item.type === "fileChange");
        assert.equal(completed.item.status, "declined");
        assert.equal((await scratch.files())["work/a.txt"], "a\n");
      },
    });
  }
});

Deno.test("an interrupt while the person thinks writes nothing and rejects", async () => {
  const turn = new RecordedTurn();
  turn.whileAsked = () => Promise.resolve(turn.interrupt());
  await using scratch = new Scratch();
  await scratch.write({ "a.txt": "a\n" });
  const context = turn.context(scratch.dir, { approvalPolicy: "untrusted" });
  await assert.rejects(tool().run(call(UPDATE), context), /Interrupted/);
  assert.deepEqual(await scratch.files(), { "a.txt": "a\n" });
});

Deno.test("a file that changes between question and answer is not overwritten", async () => {
  const turn = new RecordedTurn();
  await using scratch = new Scratch();
  await scratch.write({ "a.txt": "a\n" });
  turn.whileAsked = () => scratch.write({ "a.txt": "a\nmore\n" });
  const context = turn.context(scratch.dir, { approvalPolicy: "untrusted" });
  const { content } = await tool().run(call(UPDATE), context);
  assert.match(String(content), /^\{"output":".*was changed by something else.*"exit_code":1/);
  assert.deepEqual(await scratch.files(), { "a.txt": "a\nmore\n" });
  const completed = turn.told.at(-1);
  assert.ok(completed?.type === "completed" && completed.item.type === "fileChange");
  assert.equal(completed.item.status, "failed");
});

Deno.test("paths accepted for the session are not asked about again, in their thread only", async () => {
  await using scratch = new Scratch();
  await scratch.write({ "a.txt": "a\n", "b.txt": "a\n" });
  const patchTool = tool();
  const turn = new RecordedTurn();
  turn.decision = { type: "acceptForSession" };
  const context = turn.context(scratch.dir, { approvalPolicy: "untrusted" });
  const asked = () => turn.kinds.filter((kind) => kind === "asked").length;
  await patchTool.run(call(UPDATE), context);
  assert.equal(asked(), 1);
  await patchTool.run(call(UPDATE.replace("-a", "-b").replace("+b", "+c")), context);
  assert.equal(asked(), 1);
  assert.equal((await scratch.files())["a.txt"], "c\n");
  await patchTool.run(call(UPDATE.replace("a.txt", "b.txt")), context);
  assert.equal(asked(), 2, "another path");
  await patchTool.run(call(UPDATE.replace("-a", "-c")), { ...context, threadId: "thread-2" });
  assert.equal(asked(), 3, "another thread");
});

Deno.test("apply_patch answers any input with text", async () => {
  await using scratch = new Scratch();
  const context = new RecordedTurn().context(scratch.dir, { approvalPolicy: "never" });
  const patchTool = tool();
  const input = fc.oneof(
    fc.string(),
    fc.json(),
    fc.string().map((text) => `*** Begin Patch\n*** Update File: ${text}\n*** End Patch`),
    fc.string().map((text) => `*** Begin Patch\n*** Delete File: ${text}\n*** End Patch`),
  );
  await fc.assert(fc.asyncProperty(input, async (text) => {
    assert.equal(typeof (await patchTool.run(call(text), context)).content, "string");
  }));
  assert.deepEqual(await scratch.files(), {});
});
