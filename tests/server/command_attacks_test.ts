/** Commands of a client that attack the server that runs them: what they could use and must not get at. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { Backends } from "../../src/exec/sandbox/probe.ts";
import type { SandboxPolicy } from "../../src/protocol/policy.ts";
import { leftOf } from "../exec/process_run.ts";
import { hasProgram } from "../exec/sandbox/launcher_support.ts";
import { startServer } from "../support/server.ts";
import { Deltas, FULL, sh } from "./command_steps.ts";

const PYTHON = "/usr/bin/python3";
const ignore = await new Backends().best() === null || !hasProgram(PYTHON);
const READ_ONLY: SandboxPolicy = { type: "readOnly", networkAccess: false };
const WORKSPACE: SandboxPolicy = {
  type: "workspaceWrite",
  writableRoots: [],
  networkAccess: false,
  excludeSlashTmp: true,
  excludeTmpdirEnvVar: true,
};
const PATH = "/usr/local/bin:/usr/bin:/bin";

Deno.test({
  name: "sockets that take orders for others are out of reach, wherever the environment names them",
  ignore,
  async fn() {
    const folder = await Deno.makeTempDir({ dir: "/var/tmp" });
    const path = join(folder, "control");
    try {
      using _listener = Deno.listen({ transport: "unix", path });
      await using server = await startServer({ env: { PATH, SSH_AUTH_SOCK: path } });
      const client = await server.connect();
      const attack = ["import socket", `socket.socket(socket.AF_UNIX).connect("${path}")`];
      const command = [PYTHON, "-c", attack.join("\n")];
      for (const sandboxPolicy of [READ_ONLY, WORKSPACE]) {
        const { exitCode, stderr } = await client.request("command/exec", {
          command,
          sandboxPolicy,
        });
        assert.equal(exitCode, 1);
        assert.match(stderr, /ConnectionRefusedError|PermissionError/, sandboxPolicy.type);
      }
      const free = await client.request("command/exec", { command, sandboxPolicy: FULL });
      assert.equal(free.exitCode, 0, "the attack is one");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "the server can be neither seen nor killed, and its keys are nowhere",
  ignore: ignore || (await new Backends().best())?.guarantees.processesApart !== true,
  async fn() {
    await using server = await startServer({
      env: { PATH, OPENAI_API_KEY: "sk-of-the-server", GITHUB_TOKEN: "ghp-of-the-user", A: "b" },
    });
    const home = join(server.home, "home");
    await Deno.writeTextFile(join(home, "auth.json"), "sk-of-the-file", { mode: 0o600 });
    const client = await server.connect();
    const script = [
      "env",
      `cat ${home}/auth.json /proc/1/environ /proc/${Deno.pid}/environ /proc/${Deno.pid}/cmdline`,
      `kill -9 ${Deno.pid}`,
      "for each in /proc/[0-9]*; do cat $each/environ; done",
      `cp ${home}/auth.json . && cat auth.json`,
      `grep -rs sk-of ${home}`,
      "true",
    ].join("; ");
    for (const sandboxPolicy of [READ_ONLY, WORKSPACE]) {
      const { exitCode, stdout } = await sh(client, script, { sandboxPolicy });
      assert.equal(exitCode, 0);
      assert.match(stdout, /^A=b$/m);
      assert.doesNotMatch(stdout, /sk-of|ghp-of/);
    }
  },
});

Deno.test({
  name: "a flood of output is cut at its limit, and a horde of processes ends with its command",
  ignore,
  async fn() {
    await using server = await startServer();
    const client = await server.connect();
    const flood = await sh(client, "head -c 200000000 /dev/zero; echo end >&2", {
      sandboxPolicy: READ_ONLY,
      disableTimeout: true,
      outputBytesCap: 1000,
    });
    assert.deepEqual([flood.exitCode, flood.stdout.length, flood.stderr], [0, 1000, "end\n"]);
    const deltas = new Deltas(client);
    const mark = `1${Deno.pid}1`;
    const horde = [
      "import os, signal, time",
      "signal.signal(signal.SIGTERM, signal.SIG_IGN)",
      "for _ in range(60):",
      "    if os.fork() == 0:",
      "        os.setsid()",
      "        os.fork()",
      `        os.execlp("sleep", "sleep", "${mark}")`,
      'print("up", flush=True)',
      "time.sleep(1000)",
    ].join("\n");
    const answer = client.request("command/exec", {
      command: [PYTHON, "-c", horde],
      processId: "p",
      streamStdoutStderr: true,
      sandboxPolicy: READ_ONLY,
      disableTimeout: true,
    });
    await deltas.sees("p", "up");
    await client.request("command/exec/terminate", { processId: "p" });
    assert.equal((await answer).exitCode, 137);
    const found = await new Deno.Command("pgrep", { args: ["-f", `^sleep ${mark}$`] }).output();
    const pids = new TextDecoder().decode(found.stdout).split("\n").filter(Boolean).map(Number);
    assert.deepEqual(await leftOf(pids), []);
  },
});
