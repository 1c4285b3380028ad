import assert from "node:assert/strict";
import { join } from "node:path";
import { exists } from "../support/exists.ts";
import { hastyClock, ToolBench } from "./tool_bench.ts";

function sessionIn(output: string): number {
  const [, id] = /^Process running with session ID (\d+)$/m.exec(output) ?? [];
  assert.ok(id, `no session in: ${output}`);
  return Number(id);
}

Deno.test("exec_command answers in upstream's form and tells clients in upstream's order", async () => {
  await ToolBench.use(async (bench) => {
    const output = await bench.call("exec_command", { cmd: "echo hello; exit 4" });
    assert.match(
      output,
      /^Chunk ID: [0-9a-f]{6}\nWall time: \d+\.\d{4} seconds\nProcess exited with code 4\nOriginal token count: 2\nOutput:\nhello\n$/,
    );
    assert.deepEqual(bench.kinds, ["started", "output", "completed"]);
    const started = bench.item("started");
    assert.deepEqual(started, {
      type: "commandExecution",
      id: "call_1",
      command: "/bin/bash -lc 'echo hello; exit 4'",
      cwd: bench.dir,
      processId: started.processId,
      source: "unifiedExecStartup",
      status: "inProgress",
      commandActions: [{ type: "unknown", command: "echo hello; exit 4" }],
      aggregatedOutput: null,
      exitCode: null,
      durationMs: null,
    });
    assert.match(started.processId ?? "", /^\d{4,6}$/);
    const completed = bench.item("completed");
    assert.deepEqual(completed, {
      ...started,
      status: "failed",
      aggregatedOutput: "hello\n",
      exitCode: 4,
      durationMs: completed.durationMs,
    });
    assert.equal(bench.processes.size, 0);
  });
});

Deno.test("exec_command without output completes with null output", async () => {
  await ToolBench.use(async (bench) => {
    const output = await bench.call("exec_command", { cmd: "true", login: false });
    assert.match(output, /code 0\nOriginal token count: 0\nOutput:\n$/);
    assert.equal(bench.item("completed").aggregatedOutput, null);
    assert.equal(bench.item("completed").command, "/bin/bash -c true");
  });
});

Deno.test("exec_command uses workdir, shell and exactly the context's environment", async () => {
  await ToolBench.use(async (bench) => {
    await Deno.mkdir(join(bench.dir, "sub"));
    const args = { cmd: "pwd; echo $0; printenv", workdir: "sub", shell: "/bin/sh", login: false };
    const output = await bench.call("exec_command", args);
    assert.match(output, new RegExp(`Output:\n${bench.dir}/sub\n/bin/sh\n`));
    assert.match(output, /^PATH=/m);
    for (const name of Object.keys(Deno.env.toObject())) {
      if (["PATH", "HOME", "PWD", "SHLVL", "_", "OLDPWD"].includes(name)) continue;
      assert.ok(!output.includes(`\n${name}=`), `${name} was inherited`);
    }
  });
});

Deno.test("exec_command tells a failed start to model and clients", async () => {
  await ToolBench.use(async (bench) => {
    const output = await bench.call("exec_command", { cmd: "ls", workdir: "/no/such" });
    assert.equal(
      output,
      'exec_command failed for `/bin/bash -lc ls`: CreateProcess { message: "No such file or directory (os error 2)" }',
    );
    assert.deepEqual(bench.kinds, ["started", "completed"]);
    assert.equal(bench.item("completed").status, "failed");
    const unknown = await bench.call("exec_command", { cmd: "ls", shell: "no-such-shell" });
    assert.match(unknown, /os error 2/);
  });
});

Deno.test("exec_command tells wrong arguments apart", async () => {
  await ToolBench.use(async (bench) => {
    const cases: [unknown, RegExp][] = [
      ["{", /^failed to parse function arguments: /],
      ["", /^failed to parse function arguments: /],
      ["[]", /^failed to parse function arguments: expected an object$/],
      ["null", /^failed to parse function arguments: expected an object$/],
      [{}, /^failed to parse function arguments: missing field `cmd`$/],
      [
        { cmd: 1 },
        /^failed to parse function arguments: invalid type for `cmd`, expected a string$/,
      ],
      [{ cmd: "ls", tty: "x" }, /`tty`, expected a boolean$/],
      [{ cmd: "ls", yield_time_ms: "soon" }, /`yield_time_ms`, expected a number$/],
      [{ cmd: "ls", prefix_rule: [1] }, /`prefix_rule`, expected a list of strings$/],
    ];
    for (const [input, expected] of cases) {
      assert.match(await bench.call("exec_command", input), expected);
    }
    assert.match(await bench.call("exec_command", { cmd: "a\0b" }), /nul byte found/);
    assert.deepEqual(bench.kinds, ["started", "completed"]);
  });
});

Deno.test("a command that outlives its call can be polled, and completes with its own item", async () => {
  await ToolBench.use(async (bench) => {
    const cmd = "echo one; while [ ! -e go ]; do sleep 0.01; done; echo two; exit 3";
    const first = await bench.call("exec_command", { cmd, yield_time_ms: 30_000 });
    const session_id = sessionIn(first);
    assert.match(first, /Output:\none\n$/);
    assert.equal(bench.item("started").processId, String(session_id));
    assert.ok(!bench.kinds.includes("completed"));
    const waiting = await bench.call("write_stdin", { session_id });
    assert.equal(sessionIn(waiting), session_id);
    assert.match(waiting, /Output:\n$/);
    await Deno.writeTextFile(join(bench.dir, "go"), "");
    await bench.seen((event) => event.type === "completed");
    assert.equal(bench.item("completed").aggregatedOutput, "one\ntwo\n");
    assert.equal(bench.item("completed").exitCode, 3);
    const last = await bench.call("write_stdin", { session_id });
    assert.match(last, /Process exited with code 3\n.*\nOutput:\ntwo\n$/);
    const gone = await bench.call("write_stdin", { session_id });
    assert.equal(gone, `write_stdin failed: Unknown process id ${session_id}`);
  }, { clock: hastyClock });
});

/** Types into a session and polls it until it has said what is expected; returns all that it said. */
async function talk(
  bench: ToolBench,
  { session_id, chars, until }: { session_id: number; chars: string; until: RegExp },
): Promise<string> {
  let said = "";
  for (let typed = chars; !until.test(said); typed = "") {
    const output = await bench.call("write_stdin", { session_id, chars: typed });
    said += output.replace(/^[^]*?\nOriginal token count: \d+\nOutput:\n/, "");
    if (/^Process exited/m.test(output)) return `${said}${output.split("\n", 3)[2]}`;
  }
  return said;
}

Deno.test("write_stdin types into a terminal: text, an interrupt and the end of input", async () => {
  await ToolBench.use(async (bench) => {
    const cmd = "stty size; tty -s && read line && echo got=$line; cat; echo end";
    const first = await bench.call("exec_command", { cmd, tty: true, login: false });
    const session_id = sessionIn(first);
    const size = first.includes("24 80") ? "" : await talk(bench, {
      session_id,
      chars: "",
      until: /24 80/,
    });
    assert.match(first + size, /24 80\r\n$/);
    const fed = await talk(bench, { session_id, chars: "hey\n", until: /got/ });
    assert.equal(fed, "hey\r\ngot=hey\r\n");
    const ended = await talk(bench, { session_id, chars: "more\n\x04", until: /never/ });
    assert.equal(ended, "more\r\nmore\r\nend\r\nProcess exited with code 0");
    const typed = bench.events.flatMap((event) =>
      event.type === "interaction" && event.stdin !== "" ? [event.stdin] : []
    );
    assert.deepEqual(typed, ["hey\n", "more\n\x04"]);
    const sleep = { cmd: "echo ready; exec sleep 1000", tty: true, login: false };
    const again = await bench.call("exec_command", sleep);
    const sleeping = sessionIn(again);
    if (!again.includes("ready")) {
      await talk(bench, { session_id: sleeping, chars: "", until: /ready/ });
    }
    const stopped = await talk(bench, { session_id: sleeping, chars: "\x03", until: /never/ });
    assert.match(stopped, /Process exited with code 130$/);
    assert.equal(bench.processes.size, 0);
  }, { clock: hastyClock });
});

Deno.test("write_stdin without a terminal interrupts, but cannot write", async () => {
  await ToolBench.use(async (bench) => {
    const sleeping = sessionIn(await bench.call("exec_command", { cmd: "exec sleep 1000" }));
    const closed = await bench.call("write_stdin", { session_id: sleeping, chars: "x" });
    assert.equal(
      closed,
      "write_stdin failed: stdin is closed for this session; rerun exec_command with tty=true to keep stdin open",
    );
    const interrupt = { session_id: sleeping, chars: "\x03", yield_time_ms: 30_000 };
    assert.match(await bench.call("write_stdin", interrupt), /Process exited with code 130\n/);
  }, { clock: hastyClock });
});

Deno.test("a terminal that nobody closes ends with its thread", async () => {
  await ToolBench.use(async (bench) => {
    const cmd = "trap '' HUP TERM; while :; do sleep 1000; done";
    sessionIn(await bench.call("exec_command", { cmd, tty: true }));
    await bench.tools.closeThread("thread");
    assert.equal(bench.processes.size, 0);
    assert.equal(bench.item("completed").status, "failed");
  }, { clock: hastyClock });
});

Deno.test("a command knows its thread, its project and its worktree", async () => {
  await ToolBench.use(async (bench) => {
    const [main, linked] = [join(bench.dir, "main"), join(bench.dir, "linked")];
    const gitDir = join(main, ".git/worktrees/linked");
    await Deno.mkdir(join(linked, "deep"), { recursive: true });
    await Deno.mkdir(gitDir, { recursive: true });
    await Deno.writeTextFile(join(linked, ".git"), `gitdir: ${gitDir}\n`);
    await Deno.writeTextFile(join(gitDir, "gitdir"), `${join(linked, ".git")}\n`);
    const cmd = "echo $CODEX_THREAD_ID $CODEX_PROJECT_ROOT ${CODEX_WORKTREE_PATH-none}";
    const said = async (workdir: string) => {
      const output = await bench.call("exec_command", { cmd, workdir, login: false });
      return output.split("Output:\n")[1]?.trim();
    };
    assert.equal(await said(join(linked, "deep")), `thread ${main} ${linked}`);
    assert.equal(await said(main), `thread ${main} ${main}`);
    assert.equal(await said(bench.dir), `thread ${bench.dir} none`);
  });
});

Deno.test("a session belongs to its thread, and ends with it", async () => {
  await ToolBench.use(async (bench) => {
    const session_id = sessionIn(await bench.call("exec_command", { cmd: "sleep 1000 & wait" }));
    const other = await bench.call("write_stdin", { session_id }, { threadId: "other" });
    assert.match(other, /^write_stdin failed: Unknown process id/);
    await bench.tools.closeThread("other");
    assert.equal(bench.processes.size, 1);
    await bench.tools.closeThread("thread");
    assert.equal(bench.processes.size, 0);
    assert.equal(bench.item("completed").exitCode, 143);
  }, { clock: hastyClock });
});

Deno.test("an interrupt ends the command that the call waits for, and rejects with its reason", async () => {
  await ToolBench.use(async (bench) => {
    const call = bench.call("exec_command", { cmd: "echo ready; sleep 1000" });
    await bench.seen((event) => event.type === "output");
    bench.abort.abort("interrupted");
    await assert.rejects(call, (reason) => reason === "interrupted");
    // Before the turn can end: nobody takes it for one in the background.
    const { exitCode, aggregatedOutput } = bench.item("completed");
    assert.deepEqual([exitCode, aggregatedOutput], [-1, "ready\ncommand aborted by user\n"]);
    await assert.rejects(bench.call("exec_command", { cmd: "ls" }));
  });
});

Deno.test("an interrupt while polling leaves the command running", async () => {
  await ToolBench.use(async (bench) => {
    const session_id = sessionIn(await bench.call("exec_command", { cmd: "sleep 1000" }));
    const abort = new AbortController();
    const poll = bench.call("write_stdin", { session_id, yield_time_ms: 300_000 }, {
      signal: abort.signal,
    });
    await bench.seen((event) => event.type === "interaction");
    abort.abort("interrupted");
    await assert.rejects(poll, (reason) => reason === "interrupted");
    assert.equal(bench.processes.size, 1);
    assert.ok(!bench.kinds.includes("completed"));
  }, { clock: hastyClock });
});

Deno.test("parallel commands keep their output apart", async () => {
  await ToolBench.use(async (bench) => {
    const outputs = await Promise.all(
      Array.from(
        { length: 20 },
        (_, at) =>
          bench.call("exec_command", { cmd: `echo start ${at}; echo end ${at}`, login: false }),
      ),
    );
    for (const [at, output] of outputs.entries()) {
      assert.ok(output.endsWith(`Output:\nstart ${at}\nend ${at}\n`), output);
    }
  });
});

Deno.test("long output keeps head and tail for model, item and clients", async () => {
  await ToolBench.use(async (bench) => {
    const cmd = "echo first; yes 0123456789 | head -c 20000000; echo last";
    const output = await bench.call("exec_command", { cmd, max_output_tokens: 100 });
    assert.match(
      output,
      /Original token count: 5000003\nOutput:\nTotal output lines: \d+\n\nfirst\n/,
    );
    assert.match(output, /…\d+ tokens truncated…[^]*last\n$/);
    assert.ok(output.length < 900);
    const { aggregatedOutput } = bench.item("completed");
    assert.match(aggregatedOutput ?? "", /^first\n[^]*bytes omitted[^]*last\n$/);
    assert.ok((aggregatedOutput ?? "").length < 300_000);
    assert.ok(bench.deltas.startsWith("first\n0123456789\n"));
    assert.ok(bench.deltas.endsWith("last\n"));
    assert.match(bench.deltas, /\[\.\.\. \d+ bytes not shown \.\.\.\]/);
    assert.ok(bench.deltas.length < 3_000_000);
    assert.ok(bench.kinds.length < 1000);
  });
});

Deno.test("output below the limit reaches clients whole and in few deltas", async () => {
  await ToolBench.use(async (bench) => {
    await bench.call("exec_command", { cmd: "seq 1 20000; printf 'ä€😀\\377'", login: false });
    const expected = Array.from({ length: 20_000 }, (_, at) => `${at + 1}\n`).join("") +
      "ä€😀\ufffd";
    assert.equal(bench.deltas, expected);
    assert.equal(bench.item("completed").aggregatedOutput, expected);
    assert.ok(bench.kinds.length < 60, `${bench.kinds.length} events`);
  });
});

Deno.test("too many commands left running is said, and ended ones make room", async () => {
  await ToolBench.use(async (bench) => {
    const sleeping = { cmd: "[ -e stop ] || exec sleep 1000", login: false };
    await Promise.all(Array.from({ length: 64 }, () => bench.call("exec_command", sleeping)));
    const refused = await bench.call("exec_command", { cmd: "touch ran" });
    assert.equal(
      refused,
      "exec_command failed: 64 commands are still running; end some of them first",
    );
    assert.ok(!await exists(join(bench.dir, "ran")));
    await bench.processes.terminateAll();
    assert.match(await bench.call("exec_command", { cmd: "echo ok" }), /ok\n$/);
  }, { clock: hastyClock });
});

Deno.test("an external sandbox without network is named to the command", async () => {
  await ToolBench.use(async (bench) => {
    const cmd = "echo ${CODEX_SANDBOX_NETWORK_DISABLED-unset}";
    const policy = (networkAccess: "restricted" | "enabled") => ({
      sandboxPolicy: { type: "externalSandbox" as const, networkAccess },
    });
    assert.match(await bench.call("exec_command", { cmd }, policy("restricted")), /\n1\n$/);
    assert.match(await bench.call("exec_command", { cmd }, policy("enabled")), /\nunset\n$/);
  });
});

Deno.test("a patch in a shell command goes to the patch tool", async () => {
  const ran: unknown[] = [];
  const patch = {
    fromShell: (argv: readonly string[]) =>
      argv.at(-1)?.startsWith("apply_patch <<") ? { input: "PATCH", cwd: "sub" } : null,
    run: (call: unknown) => {
      ran.push(call);
      return Promise.resolve({ content: "patched" });
    },
  };
  await ToolBench.use(async (bench) => {
    const cmd = "apply_patch <<'EOF'\nx\nEOF";
    assert.equal(await bench.call("exec_command", { cmd, workdir: "w" }), "patched");
    assert.equal(await bench.call("shell", { command: ["bash", "-lc", cmd] }), "patched");
    assert.deepEqual(ran, [
      { callId: "call_1", input: "PATCH", cwd: `${bench.dir}/w/sub` },
      { callId: "call_2", input: "PATCH", cwd: `${bench.dir}/sub` },
    ]);
    assert.deepEqual(bench.events, []);
    assert.match(await bench.call("exec_command", { cmd: "echo apply_patch" }), /apply_patch\n$/);
  }, { patch });
});
