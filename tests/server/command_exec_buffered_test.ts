/** `command/exec` to its end: exit codes, output, limits, environment, and what is refused, as upstream. */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Params } from "../../src/protocol/mod.ts";
import { startServer } from "../support/server.ts";
import { FULL, sh } from "./command_steps.ts";

Deno.test("command/exec answers with exit code and both outputs", async () => {
  await using server = await startServer();
  const client = await server.connect();
  assert.deepEqual(await sh(client, "echo out; echo err >&2; exit 3"), {
    exitCode: 3,
    stdout: "out\n",
    stderr: "err\n",
  });
  assert.deepEqual(await sh(client, "echo out", { processId: "p0" }), {
    exitCode: 0,
    stdout: "out\n",
    stderr: "",
  });
  assert.equal((await sh(client, "kill -9 $$")).exitCode, 137);
  assert.equal((await sh(client, "cat; exit 4")).exitCode, 4, "the input is empty");
});

Deno.test("command/exec runs in the server's folder, or in one that is named from there", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const project = await Deno.realPath(server.project);
  await Deno.mkdir(join(project, "src"));
  assert.equal((await sh(client, "pwd")).stdout, `${project}\n`);
  assert.equal((await sh(client, "pwd", { cwd: "src" })).stdout, `${project}/src\n`);
  assert.equal((await sh(client, "pwd", { cwd: "/" })).stdout, "/\n");
});

Deno.test("command/exec adds to the environment and takes away from it, and shows no secrets", async () => {
  const PATH = "/usr/bin:/bin";
  await using server = await startServer({
    env: { PATH, HOME: "/home/me", OPENAI_API_KEY: "sk-secret-key", KEEP: "kept" },
  });
  const client = await server.connect();
  const { stdout } = await sh(client, "echo $FOO-${HOME-unset}-$KEEP; env", {
    env: { FOO: "bar", HOME: null },
  });
  assert.match(stdout, /^bar-unset-kept\n/);
  assert.doesNotMatch(stdout, /secret|NO_COLOR|PAGER|CODEX_THREAD_ID/);
  const project = await Deno.realPath(server.project);
  assert.match(stdout, new RegExp(`^CODEX_PROJECT_ROOT=${project}$`, "m"));
  assert.doesNotMatch(stdout, /CODEX_WORKTREE_PATH/);
  const worktree = join(project, "repository");
  await Deno.mkdir(join(worktree, ".git"), { recursive: true });
  const within = await sh(client, "echo $CODEX_WORKTREE_PATH", { cwd: worktree });
  assert.equal(within.stdout, `${worktree}\n`);
});

Deno.test("command/exec ends after its timeout with 124, and keeps what was written", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const started = performance.now();
  assert.deepEqual(await sh(client, "echo partial; sleep 1000", { timeoutMs: 300 }), {
    exitCode: 124,
    stdout: "partial\n",
    stderr: "",
  });
  assert.deepEqual(await sh(client, "sleep 1000", { timeoutMs: 0 }), {
    exitCode: 124,
    stdout: "",
    stderr: "",
  });
  assert.ok(performance.now() - started < 100_000);
  assert.equal((await sh(client, "sleep 0.05", { disableTimeout: true })).exitCode, 0);
});

Deno.test("command/exec keeps the first bytes of each stream: 1 MiB, as many as asked for, or all", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const both = "printf abcdefghijkl; printf ABCDEFGHIJKL >&2";
  assert.deepEqual(await sh(client, both, { outputBytesCap: 10 }), {
    exitCode: 0,
    stdout: "abcdefghij",
    stderr: "ABCDEFGHIJ",
  });
  assert.equal((await sh(client, both, { outputBytesCap: 0 })).stdout, "");
  const large = "head -c 3000000 /dev/zero | tr '\\0' x";
  assert.equal((await sh(client, large)).stdout.length, 1_048_576);
  const whole = await sh(client, large, { disableOutputCap: true });
  assert.equal(whole.stdout, "x".repeat(3_000_000));
  // The limit is in the middle of a character.
  const cut = await sh(client, "printf 'aä\\303\\244'", { outputBytesCap: 4 });
  assert.equal(cut.stdout, "aä");
});

Deno.test("command/exec reads output that is not UTF-8", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const texts: [string, string][] = [
    ["printf '\\377\\376ok'", "歯"],
    ["printf 'caf\\351 \\200'", "café €"],
    ["printf 'größe\\377'", "größe\ufffd"],
    ["printf '\\357\\273\\277x'", "\ufeffx"],
    ["printf 'a\\0b'", "a\0b"],
  ];
  for (const [script, expected] of texts) {
    assert.equal((await sh(client, script)).stdout, expected, script);
  }
});

Deno.test("command/exec does not wait for what it leaves behind, and loses nothing of itself", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const script = "sleep 1000 & head -c 900000 /dev/zero | tr '\\0' x; exit 5";
  const { exitCode, stdout } = await sh(client, script);
  assert.deepEqual([exitCode, stdout.length], [5, 900_000]);
});

Deno.test("200 commands at once are all answered with their own output", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, at) => sh(client, `echo ${at}; exit ${at}`)),
  );
  for (const [at, answer] of answers.entries()) {
    assert.deepEqual(answer, { exitCode: at, stdout: `${at}\n`, stderr: "" });
  }
});

const SPAWN_FAILED = "failed to spawn command: No such file or directory (os error 2)";
const NEEDS_ID = "command/exec tty or streaming requires a client-supplied processId";

/** What is asked for in vain, and upstream's answer. */
const REFUSALS: readonly (readonly [Partial<Params<"command/exec">>, number, string])[] = [
  [{ command: [] }, -32600, "command must not be empty"],
  [{ cwd: "/no/such/folder" }, -32603, SPAWN_FAILED],
  [{ command: ["no-such-program-here"] }, -32603, SPAWN_FAILED],
  [{ command: [""] }, -32603, "failed to spawn command: missing program for pipe spawn"],
  [
    { command: [""], tty: true, processId: "p" },
    -32603,
    "failed to spawn command: missing program for PTY spawn",
  ],
  [
    { command: ["true", "a\0b"] },
    -32603,
    "failed to spawn command: nul byte found in provided data",
  ],
  [{ cwd: "/etc/passwd" }, -32603, "failed to spawn command: Not a directory (os error 20)"],
  [
    { command: ["/etc/passwd"] },
    -32603,
    "failed to spawn command: Permission denied (os error 13)",
  ],
  [
    { timeoutMs: 5, disableTimeout: true },
    -32602,
    "command/exec cannot set both timeoutMs and disableTimeout",
  ],
  [
    { outputBytesCap: 5, disableOutputCap: true },
    -32602,
    "command/exec cannot set both outputBytesCap and disableOutputCap",
  ],
  [{ timeoutMs: -5 }, -32602, "command/exec timeoutMs must be non-negative, got -5"],
  [{ size: { rows: 1, cols: 1 } }, -32602, "command/exec size requires tty: true"],
  [
    { size: { rows: 0, cols: 1 }, tty: true, processId: "p" },
    -32602,
    "command/exec size rows and cols must be greater than 0",
  ],
  [{ tty: true }, -32600, NEEDS_ID],
  [{ streamStdin: true }, -32600, NEEDS_ID],
  [{ streamStdoutStderr: true }, -32600, NEEDS_ID],
  [
    { outputBytesCap: -1 },
    -32600,
    "Invalid request: invalid value: integer `-1`, expected usize",
  ],
  [
    { size: { rows: 70_000, cols: 1 }, tty: true, processId: "p" },
    -32600,
    "Invalid request: invalid value: integer `70000`, expected u16",
  ],
];

for (const [params, code, message] of REFUSALS) {
  Deno.test(`command/exec refuses ${JSON.stringify(params)}`, async () => {
    await using server = await startServer();
    const client = await server.connect();
    await assert.rejects(
      client.request("command/exec", { command: ["true"], sandboxPolicy: FULL, ...params }),
      { code, message },
    );
    assert.equal((await sh(client, "echo still here")).stdout, "still here\n");
  });
}

Deno.test("an external sandbox without network is named to the command", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const script = "echo ${CODEX_SANDBOX_NETWORK_DISABLED-unset}";
  const policy = (networkAccess: "restricted" | "enabled") => ({
    sandboxPolicy: { type: "externalSandbox" as const, networkAccess },
  });
  assert.equal((await sh(client, script, policy("restricted"))).stdout, "1\n");
  assert.equal((await sh(client, script, policy("enabled"))).stdout, "unset\n");
  assert.equal((await sh(client, script)).stdout, "unset\n");
});
