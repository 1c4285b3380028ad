/** `command/exec` under the policies that confine it, by the backends of this machine. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Backends } from "../../src/exec/sandbox/probe.ts";
import type { SandboxPolicy } from "../../src/protocol/policy.ts";
import { leftOf } from "../exec/process_run.ts";
import { onlyBackends } from "../exec/sandbox/test_sandbox.ts";
import { startServer } from "../support/server.ts";
import { base64, Deltas, sh } from "./command_steps.ts";

const isConfining = await new Backends().best() !== null;
const READ_ONLY: SandboxPolicy = { type: "readOnly", networkAccess: false };
const WORKSPACE: SandboxPolicy = {
  type: "workspaceWrite",
  writableRoots: [],
  networkAccess: false,
  excludeSlashTmp: true,
  excludeTmpdirEnvVar: true,
};

Deno.test({
  name: "command/exec is held to its policy, which is about the server's folder",
  ignore: !isConfining,
  async fn() {
    await using server = await startServer();
    const client = await server.connect();
    const project = await Deno.realPath(server.project);
    const script =
      `touch ${project}/in; touch ${server.home}/out; echo $CODEX_SANDBOX_NETWORK_DISABLED`;
    const free = await sh(client, "echo $CODEX_SANDBOX_NETWORK_DISABLED");
    assert.equal(free.stdout, "\n");
    const none = await sh(client, script, { sandboxPolicy: READ_ONLY });
    assert.equal(none.stdout, "1\n");
    assert.match(none.stderr, /cannot touch .*in.*\n.*cannot touch .*out/);
    // Also when it starts elsewhere.
    const some = await sh(client, script, { sandboxPolicy: WORKSPACE, cwd: "/" });
    assert.doesNotMatch(some.stderr, /project\/in/);
    assert.match(some.stderr, /cannot touch .*out/);
    assert.ok((await Deno.stat(join(project, "in"))).isFile);
  },
});

Deno.test({
  name: "command/exec without a policy has the configured one",
  ignore: !isConfining,
  async fn() {
    await using server = await startServer();
    const config = join(server.home, "home", "config.toml");
    const text = await Deno.readTextFile(config);
    await Deno.writeTextFile(config, text.replace("danger-full-access", "read-only"));
    const client = await server.connect();
    const { stdout } = await client.request("command/exec", {
      command: ["/bin/sh", "-c", "touch made || echo refused"],
    });
    assert.equal(stdout, "refused\n");
  },
});

Deno.test({
  name: "a terminal works in a sandbox, and ends with everything on it",
  ignore: !isConfining,
  async fn() {
    await using server = await startServer();
    const client = await server.connect();
    const deltas = new Deltas(client);
    const options = { tty: true, processId: "p", sandboxPolicy: READ_ONLY };
    const script = "stty size; read x; echo got=$x; stty size; touch made || exit 9";
    const answer = sh(client, script, { ...options, size: { rows: 33, cols: 77 } });
    await deltas.sees("p", "33 77");
    const size = { rows: 10, cols: 20 };
    await client.request("command/exec/resize", { processId: "p", size });
    await client.request("command/exec/write", { processId: "p", deltaBase64: base64("yo\n") });
    assert.equal((await answer).exitCode, 9);
    assert.match(deltas.text("p"), /got=yo\r\n10 20\r\n/);
  },
});

Deno.test({
  name: "terminate ends what a sandbox holds",
  ignore: !isConfining,
  async fn() {
    await using server = await startServer();
    const client = await server.connect();
    const deltas = new Deltas(client);
    const mark = `10${Deno.pid}`;
    const script =
      `trap '' TERM; setsid sleep ${mark} & sleep ${mark} & echo up; while :; do wait; done`;
    const answer = sh(client, script, {
      streamStdoutStderr: true,
      processId: "p",
      sandboxPolicy: READ_ONLY,
    });
    await deltas.sees("p", "up");
    await client.request("command/exec/terminate", { processId: "p" });
    assert.equal((await answer).exitCode, 137);
    const found = await new Deno.Command("pgrep", { args: ["-f", `^sleep ${mark}$`] }).output();
    const pids = new TextDecoder().decode(found.stdout).split("\n").filter(Boolean).map(Number);
    assert.deepEqual(await leftOf(pids), []);
  },
});

/** Files that cannot be executed, and what upstream says about them without a sandbox. */
const UNFIT: Readonly<Record<string, { text: string; mode: number; reason: string }>> = {
  plain: { text: "echo hi\n", mode: 0o755, reason: "Exec format error (os error 8)" },
  empty: { text: "", mode: 0o755, reason: "Exec format error (os error 8)" },
  broken: { text: "\x7fELF!", mode: 0o755, reason: "Exec format error (os error 8)" },
  orphan: {
    text: "#!/no/such/interpreter -x\n",
    mode: 0o755,
    reason: "No such file or directory (os error 2)",
  },
  guarded: { text: "#!/bin/sh\n", mode: 0o644, reason: "Permission denied (os error 13)" },
  missing: { text: "", mode: 0, reason: "No such file or directory (os error 2)" },
};

for (const type of ["dangerFullAccess", "readOnly"] as const) {
  Deno.test({
    name: `what cannot be executed is an error of its own (${type})`,
    ignore: Deno.build.os !== "linux" || (type === "readOnly" && !isConfining),
    async fn() {
      await using server = await startServer();
      const client = await server.connect();
      const sandboxPolicy = type === "readOnly" ? READ_ONLY : { type };
      for (const [name, { text, mode, reason }] of Object.entries(UNFIT)) {
        const path = join(server.project, name);
        if (name !== "missing") await Deno.writeTextFile(path, text, { mode });
        for (const program of [`./${name}`, path]) {
          for (const tty of [false, true]) {
            const params = { command: [program], sandboxPolicy, tty, processId: "p" };
            await assert.rejects(client.request("command/exec", params), {
              code: -32603,
              message: `failed to spawn command: ${reason}`,
            }, `${program} ${tty}`);
          }
        }
      }
    },
  });
}

Deno.test({
  name: "a missing program is the same error in a sandbox as without one",
  ignore: !isConfining,
  async fn() {
    await using server = await startServer();
    const client = await server.connect();
    const params = { command: ["no-such-program-here"], sandboxPolicy: READ_ONLY };
    await assert.rejects(client.request("command/exec", params), {
      code: -32603,
      message: "failed to spawn command: No such file or directory (os error 2)",
    });
  },
});

Deno.test("command/exec refuses a policy that nothing here can enforce", async () => {
  await using server = await startServer({ backends: onlyBackends() });
  const client = await server.connect();
  await assert.rejects(
    client.request("command/exec", { command: ["true"], sandboxPolicy: READ_ONLY }),
    { code: -32600, data: { reason: "sandboxDenied" } },
  );
  const tty = { command: ["true"], sandboxPolicy: READ_ONLY, tty: true, processId: "p" };
  await assert.rejects(client.request("command/exec", tty), {
    data: { reason: "sandboxDenied" },
  });
  assert.equal((await sh(client, "echo free")).stdout, "free\n");
});
