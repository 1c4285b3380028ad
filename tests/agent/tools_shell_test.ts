import assert from "node:assert/strict";
import { join } from "node:path";
import { hastyClock, ToolBench } from "./tool_bench.ts";

Deno.test("shell runs the very words and answers in upstream's form", async () => {
  await ToolBench.use(async (bench) => {
    const output = await bench.call("shell", { command: ["printf", "%s|", "a b", "$HOME"] });
    assert.match(output, /^Exit code: 0\nWall time: \d(\.\d)? seconds\nOutput:\na b\|\$HOME\|$/);
    assert.deepEqual(bench.kinds, ["started", "output", "completed"]);
    assert.equal(bench.item("completed").source, "agent");
    assert.equal(bench.item("completed").processId, null);
    assert.equal(bench.item("completed").command, "printf '%s|' 'a b' '$HOME'");
    const failing = await bench.call("container.exec", { command: ["sh", "-c", "exit 7"] });
    assert.match(failing, /^Exit code: 7\n/);
    assert.equal(bench.item("completed").status, "failed");
  });
});

Deno.test("shell_command runs a script in the user's shell", async () => {
  await ToolBench.use(async (bench) => {
    await Deno.mkdir(join(bench.dir, "sub"));
    const output = await bench.call("shell_command", { command: "pwd | cat", workdir: "sub" });
    assert.ok(output.endsWith(`Output:\n${bench.dir}/sub\n`));
    assert.equal(bench.item("completed").command, "/bin/bash -lc 'pwd | cat'");
  });
});

Deno.test("local_shell takes the action of the model", async () => {
  await ToolBench.use(async (bench) => {
    const input = { command: ["pwd"], workdir: bench.dir, timeout_ms: 60_000 };
    assert.ok((await bench.call("local_shell", input)).endsWith(`${bench.dir}\n`));
  });
});

Deno.test("shell ends a command that takes too long, with all that it started", async () => {
  await ToolBench.use(async (bench) => {
    const command = ["sh", "-c", "echo started; sleep 1000 & sleep 1000"];
    const output = await bench.call("shell", { command, timeout_ms: 30_000 });
    assert.match(
      output,
      /^Exit code: 124\nWall time: [\d.]+ seconds\nOutput:\ncommand timed out after 30000 milliseconds\nstarted\n$/,
    );
    await bench.processes.terminateAll();
    assert.equal(bench.processes.size, 0);
    assert.equal(bench.item("completed").exitCode, 143);
  }, { clock: hastyClock });
});

Deno.test("shell is interrupted with its whole group", async () => {
  await ToolBench.use(async (bench) => {
    const call = bench.call("shell", { command: ["sh", "-c", "echo ready; sleep 1000 & wait"] });
    await bench.seen((event) => event.type === "output");
    bench.abort.abort("interrupted");
    await assert.rejects(call, (reason) => reason === "interrupted");
    await bench.seen((event) => event.type === "completed");
  });
});

Deno.test("shell says what is wrong with a call or a program", async () => {
  await ToolBench.use(async (bench) => {
    const cases: [string, unknown, string][] = [
      ["shell", {}, "failed to parse function arguments: missing field `command`"],
      [
        "shell",
        { command: "ls" },
        "failed to parse function arguments: invalid type for `command`, expected a list of strings",
      ],
      ["shell_command", {}, "failed to parse function arguments: missing field `command`"],
      ["shell", { command: [] }, "execution error: command must not be empty"],
      [
        "shell",
        { command: ["no-such-program"] },
        "execution error: No such file or directory (os error 2)",
      ],
    ];
    for (const [name, input, expected] of cases) {
      assert.equal(await bench.call(name, input), expected);
    }
  });
});

Deno.test("only exec_command and write_stdin are offered", async () => {
  await ToolBench.use((bench) => {
    const offered = bench.tools.tools.filter((tool) => !tool.hidden).map((tool) => tool.spec.name);
    assert.deepEqual(offered, ["exec_command", "write_stdin"]);
    return Promise.resolve();
  });
});
