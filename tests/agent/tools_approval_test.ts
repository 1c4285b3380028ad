import assert from "node:assert/strict";
import { join } from "node:path";
import type { Decision, ToolContext } from "../../src/agent/tools/tool.ts";
import { ToolBench } from "./tool_bench.ts";

const UNTRUSTED: Partial<ToolContext> = { approvalPolicy: "untrusted" };

async function ran(bench: ToolBench, name = "ran"): Promise<boolean> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(bench.dir)) names.push(entry.name);
  return names.includes(name);
}

Deno.test("an accepted command runs after exactly one started item, and says what will run", async () => {
  await ToolBench.use(async (bench) => {
    const output = await bench.call("exec_command", { cmd: "touch ran && echo done" }, UNTRUSTED);
    assert.match(output, /code 0\n[^]*\ndone\n$/);
    assert.deepEqual(bench.kinds, ["started", "asked", "output", "completed"]);
    const [started, asked] = bench.events;
    assert.ok(started?.type === "started" && started.item.type === "commandExecution");
    assert.equal(started.item.source, "agent");
    assert.equal(started.item.processId, null);
    assert.ok(asked?.type === "asked");
    assert.deepEqual(asked.request, {
      type: "command",
      itemId: "call_1",
      reason: null,
      command: "/bin/bash -lc 'touch ran && echo done'",
      argv: ["/bin/bash", "-lc", "touch ran && echo done"],
      cwd: bench.dir,
      commandActions: [{ type: "unknown", command: "touch ran && echo done" }],
      proposedPrefix: ["touch", "ran"],
    });
    const completed = bench.item("completed");
    assert.equal(completed.source, "unifiedExecStartup");
    assert.match(completed.processId ?? "", /^\d+$/);
    assert.ok(await ran(bench));
  });
});

Deno.test("a declined or cancelled command never runs", async () => {
  for (const type of ["decline", "cancel"] as const) {
    await ToolBench.use(async (bench) => {
      bench.decision = { type };
      const output = await bench.call("exec_command", { cmd: "touch ran" }, UNTRUSTED);
      assert.equal(
        output,
        'exec_command failed for `/bin/bash -lc \'touch ran\'`: CreateProcess { message: "Rejected(\\"rejected by user\\")" }',
      );
      assert.deepEqual(bench.kinds, ["started", "asked", "completed"]);
      assert.equal(bench.item("completed").status, "declined");
      assert.equal(bench.item("completed").exitCode, null);
      const shell = await bench.call("shell", { command: ["touch", "ran"] }, UNTRUSTED);
      assert.equal(shell, "exec command rejected by user");
      assert.ok(!await ran(bench));
    });
  }
});

Deno.test("a command accepted for the session is not asked about again in its thread", async () => {
  await ToolBench.use(async (bench) => {
    const asked = () => bench.kinds.filter((kind) => kind === "asked").length;
    bench.decision = { type: "acceptForSession" };
    await bench.call("exec_command", { cmd: "touch ran" }, UNTRUSTED);
    await bench.call("exec_command", { cmd: "touch ran" }, UNTRUSTED);
    assert.equal(asked(), 1);
    await bench.call("exec_command", { cmd: "touch other" }, UNTRUSTED);
    assert.equal(asked(), 2);
    await bench.call("exec_command", { cmd: "touch ran" }, { ...UNTRUSTED, threadId: "other" });
    assert.equal(asked(), 3);
    await bench.tools.closeThread("thread");
    await bench.call("exec_command", { cmd: "touch ran" }, UNTRUSTED);
    assert.equal(asked(), 4);
  });
});

Deno.test("an accepted amendment is a rule from then on, for every thread", async () => {
  await ToolBench.use(async (bench) => {
    bench.decision = { type: "acceptWithExecpolicyAmendment", prefix: ["touch"] };
    await bench.call("exec_command", { cmd: "touch ran" }, UNTRUSTED);
    await bench.call("exec_command", { cmd: "touch other" }, { ...UNTRUSTED, threadId: "other" });
    assert.equal(bench.kinds.filter((kind) => kind === "asked").length, 1);
    assert.equal(
      await Deno.readTextFile(join(bench.dir, "home/rules/default.rules")),
      'prefix_rule(pattern=["touch"], decision="allow")\n',
    );
  });
});

Deno.test("an interrupt while a person is asked starts nothing", async () => {
  await ToolBench.use(async (bench) => {
    const answer = Promise.withResolvers<Decision>();
    bench.decision = answer.promise;
    const call = bench.call("exec_command", { cmd: "touch ran" }, UNTRUSTED);
    await bench.seen((event) => event.type === "asked");
    bench.abort.abort("interrupted");
    answer.resolve({ type: "accept" });
    await assert.rejects(call, (reason) => reason === "interrupted");
    assert.ok(!await ran(bench));
  });
});

Deno.test("a working directory that is swapped while a person is asked is not used", async () => {
  await ToolBench.use(async (bench) => {
    await Deno.mkdir(join(bench.dir, "a"));
    await Deno.mkdir(join(bench.dir, "b"));
    await Deno.symlink("a", join(bench.dir, "link"));
    const answer = Promise.withResolvers<Decision>();
    bench.decision = answer.promise;
    const call = bench.call("exec_command", { cmd: "touch ../ran", workdir: "link" }, UNTRUSTED);
    await bench.seen((event) => event.type === "asked");
    await Deno.remove(join(bench.dir, "link"));
    await Deno.symlink("b", join(bench.dir, "link"));
    answer.resolve({ type: "accept" });
    assert.match(await call, /^The working directory was replaced/);
    assert.equal(bench.item("completed").status, "declined");
    assert.ok(!await ran(bench));
  });
});

Deno.test("commands that only read run without a question under untrusted", async () => {
  await ToolBench.use(async (bench) => {
    await Deno.writeTextFile(join(bench.dir, "a.txt"), "hello\n");
    assert.match(await bench.call("exec_command", { cmd: "cat a.txt" }, UNTRUSTED), /hello\n$/);
    assert.deepEqual(bench.kinds, ["started", "output", "completed"]);
    assert.deepEqual(bench.item("started").commandActions, [
      { type: "read", command: "cat a.txt", name: "a.txt", path: join(bench.dir, "a.txt") },
    ]);
  });
});

Deno.test("readOnly and workspaceWrite refuse, and nothing runs", async () => {
  await ToolBench.use(async (bench) => {
    const policies: ToolContext["sandboxPolicy"][] = [
      { type: "readOnly", networkAccess: false },
      {
        type: "workspaceWrite",
        writableRoots: ["/"],
        networkAccess: true,
        excludeTmpdirEnvVar: false,
        excludeSlashTmp: false,
      },
    ];
    for (const sandboxPolicy of policies) {
      for (const approvalPolicy of ["untrusted", "on-request", "granular", "never"] as const) {
        const context = { sandboxPolicy, approvalPolicy };
        const touch = ["touch", join(bench.dir, "ran")];
        const outputs = [
          await bench.call("exec_command", { cmd: "touch ran" }, context),
          await bench.call("exec_command", { cmd: "ls; touch ran" }, context),
          await bench.call("shell", { command: touch }, context),
          await bench.call("container.exec", { command: touch }, context),
          await bench.call("local_shell", { command: touch }, context),
          await bench.call("shell_command", { command: "touch ran" }, context),
        ];
        for (const output of outputs) {
          assert.match(output, new RegExp(`^The sandbox policy ${sandboxPolicy.type} cannot be`));
        }
      }
    }
    assert.ok(!await ran(bench));
    assert.deepEqual(bench.events, []);
  });
});

Deno.test("on-failure asks before a command runs without the sandbox that is missing", async () => {
  await ToolBench.use(async (bench) => {
    const context: Partial<ToolContext> = {
      approvalPolicy: "on-failure",
      sandboxPolicy: { type: "readOnly", networkAccess: false },
    };
    bench.decision = { type: "decline" };
    await bench.call("exec_command", { cmd: "touch ran" }, context);
    assert.ok(!await ran(bench));
    bench.decision = { type: "accept" };
    await bench.call("exec_command", { cmd: "touch ran" }, context);
    assert.ok(await ran(bench));
    const [, asked] = bench.events;
    assert.ok(asked?.type === "asked");
    assert.match(asked.request.reason ?? "", /cannot be enforced: .* run it without a sandbox\?$/);
  });
});

Deno.test("an escalation is asked with its reason and prefix, or refused under never", async () => {
  await ToolBench.use(async (bench) => {
    const escalation = {
      cmd: "touch ran now",
      sandbox_permissions: "require_escalated",
      justification: "May I touch?",
      prefix_rule: ["touch", "ran"],
    };
    const readOnly = { type: "readOnly", networkAccess: false } as const;
    assert.equal(
      await bench.call("exec_command", escalation, { sandboxPolicy: readOnly }),
      "approval policy is Never; reject command — you cannot ask for escalated permissions if the approval policy is Never",
    );
    assert.equal(bench.events.length, 0);
    const context = { approvalPolicy: "on-request", sandboxPolicy: readOnly } as const;
    await bench.call("exec_command", escalation, context);
    const [, asked] = bench.events;
    assert.ok(asked?.type === "asked");
    assert.equal(asked.request.reason, "May I touch?");
    assert.deepEqual(asked.request.proposedPrefix, ["touch", "ran"]);
    assert.ok(await ran(bench));
  });
});
