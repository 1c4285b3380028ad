import assert from "node:assert/strict";
import { captureText, HeadTailBuffer } from "../../src/exec/capture.ts";
import { Processes, type ProcessSpec, type StartResult } from "../../src/exec/process.ts";
import { realClock } from "./real_clock.ts";

const PATH = "/usr/local/bin:/usr/bin:/bin";

interface Run {
  readonly result: StartResult;
  /** Text of both streams so far. */
  text(): string;
  /** Resolves once the output contains the text. */
  sees(text: string): Promise<void>;
}

function run(processes: Processes, script: string, options: Partial<ProcessSpec> = {}): Run {
  const buffer = new HeadTailBuffer(1 << 16);
  const waiting: { text: string; resolve: () => void }[] = [];
  const text = () => captureText(buffer.snapshot());
  const result = processes.start({
    argv: ["/bin/sh", "-c", script],
    cwd: "/",
    env: { PATH },
    stdin: "null",
    onOutput: (_stream, chunk) => {
      buffer.push(chunk);
      for (const each of waiting) if (text().includes(each.text)) each.resolve();
    },
    ...options,
  });
  return {
    result,
    text,
    sees: (expected) => {
      if (text().includes(expected)) return Promise.resolve();
      return new Promise((resolve) => waiting.push({ text: expected, resolve }));
    },
  };
}

function started(result: StartResult) {
  if (result.type !== "started") throw new Error(`Not started: ${result.message}`);
  return result.process;
}

/** Whether a process runs: a zombie that waits for its parent does not. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || String(error).includes("ESRCH")) return false;
    throw error;
  }
}

Deno.test("process reports output of both streams and the exit code", async () => {
  const processes = new Processes({ clock: realClock });
  const one = run(processes, "echo out; echo err >&2; exit 7");
  assert.deepEqual(await started(one.result).exited, { code: 7, signal: null });
  assert.match(one.text(), /out\n/);
  assert.match(one.text(), /err\n/);
  await started(one.result).gone();
  assert.equal(processes.size, 0);
});

Deno.test("process gets exactly the given environment, cwd and arguments", async () => {
  const processes = new Processes({ clock: realClock });
  const cwd = await Deno.realPath(await Deno.makeTempDir());
  const one = run(processes, "", {
    argv: ["env"],
    cwd,
    env: { PATH, ONLY: "this one" },
  });
  await started(one.result).exited;
  const variables = one.text().trim().split("\n").sort();
  assert.match(variables.shift() ?? "", /^CODEX_COMMAND_ID=[\d-]+\.\d+\.\d+$/);
  assert.deepEqual(variables, ["ONLY=this one", `PATH=${PATH}`]);
  const two = run(processes, "", { argv: ["pwd"], cwd });
  await started(two.result).exited;
  assert.equal(two.text(), `${cwd}\n`);
  await Deno.remove(cwd);
});

Deno.test("process that a signal ends has the code 128 plus its number", async () => {
  const processes = new Processes({ clock: realClock });
  const one = run(processes, "kill -9 $$");
  assert.deepEqual(await started(one.result).exited, { code: 137, signal: "SIGKILL" });
});

Deno.test("process that cannot start is data with upstream's text", () => {
  const processes = new Processes({ clock: realClock });
  const cases: [Partial<ProcessSpec>, string, string][] = [
    [{ argv: ["no-such-program-here"] }, "notFound", "No such file or directory (os error 2)"],
    [{ cwd: "/no/such/dir" }, "badCwd", "No such file or directory (os error 2)"],
    [{ cwd: "/etc/passwd" }, "badCwd", "Not a directory (os error 20)"],
    [{ argv: ["/etc/passwd"] }, "notPermitted", "Permission denied (os error 13)"],
    [{ argv: [] }, "invalid", "command must not be empty"],
    [{ argv: ["echo", "a\0b"] }, "invalid", "nul byte found in provided data"],
    [{ env: { PATH: "/bin", A: "a\0b" } }, "invalid", "nul byte found in provided data"],
    [
      { argv: ["passwd"], env: { PATH: "/no:/etc" } },
      "notPermitted",
      "Permission denied (os error 13)",
    ],
  ];
  for (const [options, reason, message] of cases) {
    assert.deepEqual(run(processes, "true", options).result, { type: "failed", reason, message });
  }
  assert.equal(processes.size, 0);
});

Deno.test("without a PATH programs are looked for where they usually are", async () => {
  const processes = new Processes({ clock: realClock });
  const one = run(processes, "", { argv: ["sh", "-c", "exit 3"], env: {} });
  assert.equal((await started(one.result).exited).code, 3);
});

Deno.test("terminate ends the whole group", async () => {
  const processes = new Processes({ clock: realClock });
  const one = run(processes, "sleep 1000 & echo child $!; wait");
  const process = started(one.result);
  await one.sees("\n");
  const child = Number(/child (\d+)/.exec(one.text())?.[1]);
  assert.ok(isRunning(child));
  await process.terminate();
  assert.equal((await process.exited).code, 143);
  assert.ok(!isRunning(child));
});

Deno.test("terminate kills a group that ignores SIGTERM", async () => {
  const processes = new Processes({ clock: realClock });
  const one = run(processes, "trap '' TERM; sleep 1000 & echo child $!; while :; do wait; done");
  const process = started(one.result);
  await one.sees("\n");
  const child = Number(/child (\d+)/.exec(one.text())?.[1]);
  await process.terminate(50);
  assert.deepEqual(await process.exited, { code: 137, signal: "SIGKILL" });
  await process.gone();
  assert.ok(!isRunning(child));
});

Deno.test("exit of the leader does not wait for a descendant that holds the pipes", async () => {
  const processes = new Processes({ clock: realClock });
  const one = run(processes, "sleep 1000 & echo child $!; exit 3");
  const process = started(one.result);
  assert.equal((await process.exited).code, 3);
  const child = Number(/child (\d+)/.exec(one.text())?.[1]);
  assert.ok(isRunning(child), "a server started in the background lives on");
  assert.equal(processes.size, 1);
  await processes.terminateAll();
  await process.gone();
  assert.ok(!isRunning(child), "and dies at shutdown");
  assert.equal(processes.size, 0);
});

Deno.test("output of a descendant after the exit of the leader is discarded, not an error", async () => {
  const processes = new Processes({ clock: realClock });
  const file = await Deno.makeTempFile();
  const one = run(
    processes,
    `(while [ ! -s ${file} ]; do sleep 0.01; done; echo late && echo alive >> ${file}) & echo first`,
  );
  const process = started(one.result);
  await process.exited;
  const before = one.text();
  await Deno.writeTextFile(file, "go\n");
  await process.gone();
  assert.equal(one.text(), before);
  assert.equal(before, "first\n");
  assert.equal(await Deno.readTextFile(file), "go\nalive\n");
  await Deno.remove(file);
});

Deno.test("abort signal ends the process", async () => {
  const processes = new Processes({ clock: realClock });
  const abort = new AbortController();
  const one = run(processes, "echo ready; sleep 1000", { signal: abort.signal });
  await one.sees("ready");
  abort.abort();
  assert.equal((await started(one.result).exited).code, 143);
  const late = run(processes, "sleep 1000", { signal: abort.signal });
  assert.equal((await started(late.result).exited).code, 143);
  await processes.terminateAll();
});

Deno.test("stdin is fed and closed", async () => {
  const processes = new Processes({ clock: realClock });
  const one = run(processes, "read line; echo got=$line; cat; echo end", { stdin: "piped" });
  const process = started(one.result);
  assert.ok(process.isStdinOpen);
  assert.ok(await process.write(new TextEncoder().encode("hey\nrest\n")));
  await one.sees("rest");
  await process.closeStdin();
  assert.equal((await process.exited).code, 0);
  assert.equal(one.text(), "got=hey\nrest\nend\n");
  assert.equal(await process.write(new Uint8Array(1)), false);
  assert.ok(!process.isStdinOpen);
});

Deno.test("stdin of a process that does not read is no failure", async () => {
  const processes = new Processes({ clock: realClock });
  const one = run(processes, "exec 0<&-; echo closed; sleep 1000", { stdin: "piped" });
  const process = started(one.result);
  await one.sees("closed");
  assert.equal(await process.write(new TextEncoder().encode("x")), false);
  await process.terminate();
});

Deno.test("stdin is empty when it is not piped", async () => {
  const processes = new Processes({ clock: realClock });
  const one = run(processes, "cat; echo end");
  assert.equal((await started(one.result).exited).code, 0);
  assert.equal(one.text(), "end\n");
});

Deno.test("large output keeps its end, in bounded memory", async () => {
  const processes = new Processes({ clock: realClock });
  const one = run(processes, "echo first; head -c 200000000 /dev/zero; echo; echo last");
  await started(one.result).exited;
  const text = one.text();
  assert.ok(text.startsWith("first\n"));
  assert.ok(text.endsWith("\nlast\n"));
  assert.ok(text.length < 1 << 17);
  assert.match(text, /\[\.\.\. 199\d{6} bytes omitted \.\.\.\]/);
});

Deno.test("characters that arrive in pieces are not split, and broken ones survive", async () => {
  const processes = new Processes({ clock: realClock });
  const chunks: string[] = [];
  const one = run(
    processes,
    "printf '\\303'; sleep 0.02; printf '\\244'; sleep 0.02; printf '\\377\\200|'",
    { onOutput: (_stream, chunk) => chunks.push(new TextDecoder().decode(chunk)) },
  );
  await started(one.result).exited;
  assert.equal(chunks.join(""), "ä\ufffd\ufffd|");
});

Deno.test("terminateOwned ends only the processes of that owner", async () => {
  const processes = new Processes({ clock: realClock });
  const a = run(processes, "sleep 1000", { owner: "a" });
  const b = run(processes, "sleep 1000", { owner: "b" });
  await processes.terminateOwned("a");
  assert.ok(!started(a.result).isRunning);
  assert.ok(started(b.result).isRunning);
  await processes.terminateAll();
  assert.equal(processes.size, 0);
});

Deno.test("many processes at once all end with their own output", async () => {
  const processes = new Processes({ clock: realClock });
  const runs = Array.from({ length: 50 }, (_, index) => run(processes, `echo ${index}`));
  await Promise.all(runs.map((one) => started(one.result).exited));
  assert.deepEqual(runs.map((one) => one.text()), runs.map((_, index) => `${index}\n`));
});

Deno.test("process that is ended in its first moment is gone, with or without its group", async () => {
  const processes = new Processes({ clock: realClock });
  const one = started(run(processes, "", { argv: ["sleep", "1000"] }).result);
  await one.terminate();
  assert.equal((await one.exited).signal, "SIGTERM");
});
