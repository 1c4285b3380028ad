import assert from "node:assert/strict";
import fc from "fast-check";
import { Processes } from "../../src/exec/process.ts";
import { exitFrom } from "../../src/exec/pty/exits.ts";
import { isRunning, PATH, run, runOnTerminal } from "./process_run.ts";
import { realClock } from "./real_clock.ts";

const encoder = new TextEncoder();

Deno.test("a command on a terminal leads a session, controls the terminal and knows its size", async () => {
  const processes = new Processes({ clock: realClock });
  const script = "stty size; tty; ps -o pid=,pgid=,sid=,tpgid= -p $$; echo err >&2; exit 7";
  const one = await runOnTerminal(processes, script, { size: { rows: 33, cols: 77 } });
  assert.ok(one.process.hasTerminal);
  assert.deepEqual(await one.process.exited, { code: 7, signal: null });
  const [size, tty, ids, error] = one.text().split("\r\n");
  assert.equal(size, "33 77");
  assert.match(tty ?? "", /^\/dev\/pts\/\d+$/);
  const pid = String(one.process.pid);
  assert.deepEqual(ids?.trim().split(/\s+/), [pid, pid, pid, pid]);
  assert.equal(error, "err");
  await one.process.gone();
  assert.equal(processes.size, 0);
});

Deno.test("a command on a terminal has its cwd, environment, default signals and no open files of ours", async () => {
  const processes = new Processes({ clock: realClock });
  const script = "pwd; echo $ONLY; grep -E 'SigIgn|SigBlk' /proc/self/status; ls /proc/self/fd";
  const one = await runOnTerminal(processes, script, { cwd: "/tmp", env: { PATH, ONLY: "this" } });
  assert.equal((await one.process.exited).code, 0);
  const [, signals, files] = /^\/tmp\r\nthis\r\n((?:Sig...:\t0+\r\n){2})([^]*)$/.exec(one.text()) ??
    [];
  assert.ok(signals, one.text());
  // Some may come from whoever started the tests; a child of the runtime has the same.
  const { stdout } = await new Deno.Command("ls", { args: ["/proc/self/fd"] }).output();
  const inherited = new TextDecoder().decode(stdout).trim().split(/\s+/).length;
  assert.equal(files?.trim().split(/\s+/).length, inherited);
});

Deno.test("a terminal takes input, echoes it, and ends it", async () => {
  const processes = new Processes({ clock: realClock });
  const one = await runOnTerminal(processes, "read line; echo got=$line; cat; echo end");
  assert.ok(one.process.isStdinOpen);
  assert.ok(await one.process.write(encoder.encode("hey\n")));
  await one.sees("got=hey\r\n");
  assert.ok(await one.process.write(encoder.encode("half a line")));
  await one.process.closeStdin();
  assert.ok(!one.process.isStdinOpen);
  assert.equal((await one.process.exited).code, 0);
  assert.match(one.text(), /^hey\r\ngot=hey\r\nhalf a line.*half a line.*end\r\n$/s);
  assert.equal(await one.process.write(encoder.encode("x")), false);
});

Deno.test("an interrupt typed into a terminal reaches what runs on it", async () => {
  const processes = new Processes({ clock: realClock });
  const script = "trap 'echo trapped; exit 5' INT; echo ready; while :; do sleep 0.1; done";
  const one = await runOnTerminal(processes, script);
  await one.sees("ready");
  await one.process.write(encoder.encode("\x03"));
  assert.equal((await one.process.exited).code, 5);
  assert.match(one.text(), /trapped\r\n$/);
});

Deno.test("a terminal is resized while a command runs on it, which is told", async () => {
  const processes = new Processes({ clock: realClock });
  const script = "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.01; done";
  const one = await runOnTerminal(processes, script);
  await one.sees("ready");
  assert.ok(one.process.resize({ rows: 10, cols: 20 }));
  await one.process.exited;
  assert.match(one.text(), /10 20\r\n/);
  await one.process.gone();
  assert.equal(one.process.resize({ rows: 1, cols: 1 }), false);
  const piped = run(processes, "true");
  assert.equal(piped.process.resize({ rows: 1, cols: 1 }), false);
  await piped.process.gone();
});

Deno.test("what a terminal is sent faster than it is read arrives whole", async () => {
  const processes = new Processes({ clock: realClock });
  const script = "stty raw -echo; echo ready; sleep 0.2; head -c 200000 | cksum";
  const one = await runOnTerminal(processes, script);
  await one.sees("ready");
  const bytes = new Uint8Array(200_000).map((_, at) => 97 + at % 26);
  const isWritten = one.process.write(bytes);
  assert.equal((await one.process.exited).code, 0);
  assert.ok(await isWritten);
  const expected = new Deno.Command("cksum", { stdin: "piped", stdout: "piped" }).spawn();
  const writer = expected.stdin.getWriter();
  await writer.write(bytes);
  await writer.close();
  const { stdout } = await expected.output();
  assert.ok(one.text().includes(new TextDecoder().decode(stdout).trim()), one.text());
});

Deno.test("a receiver that takes its time holds the command back and loses nothing", async () => {
  const processes = new Processes({ clock: realClock });
  const gate = Promise.withResolvers<void>();
  let bytes = 0;
  const one = await runOnTerminal(processes, "stty raw; seq 1 300000; echo done >/proc/$$/comm", {
    onOutput: async (_stream, chunk) => {
      bytes += chunk.length;
      await gate.promise;
    },
  });
  // Enough for every buffer on the way to fill up.
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.ok(one.process.isRunning);
  assert.ok(bytes < 100_000, String(bytes));
  gate.resolve();
  await one.process.exited;
  assert.equal(bytes, 1_988_895);
});

Deno.test("a command that cannot start on a terminal is data", async () => {
  const processes = new Processes({ clock: realClock });
  const cases = [
    [["no-such-program-here"], "/", "notFound"],
    [["/etc/passwd"], "/", "notPermitted"],
    [["true"], "/no/such/dir", "badCwd"],
    [["true"], "/etc/passwd", "badCwd"],
    [[], "/", "invalid"],
  ] as const;
  for (const [argv, cwd, reason] of cases) {
    const terminal = await processes.openTerminal({ rows: 1, cols: 1 });
    assert.ok(!("type" in terminal));
    const onOutput = () => {};
    const spec = { argv, cwd, env: { PATH }, stdin: "null", onOutput, terminal } as const;
    const result = processes.start(spec);
    assert.equal(result.type, "failed");
    assert.equal(result.type === "failed" && result.reason, reason);
  }
  assert.equal(processes.size, 0);
});

Deno.test("terminate ends a tree on a terminal, jobs in groups of their own included", async () => {
  const processes = new Processes({ clock: realClock });
  const script =
    "set -m; trap '' HUP TERM; nohup sleep 1000 & echo job $!; setsid sh -c 'echo apart $$; exec sleep 1000' & while :; do wait; done";
  const one = await runOnTerminal(processes, script, { argv: ["/bin/bash", "-c", script] });
  const text = await one.sees(/job \d+[^]*apart \d+/);
  const job = Number(/job (\d+)/.exec(text)?.[1]);
  const apart = Number(/apart (\d+)/.exec(text)?.[1]);
  assert.ok(isRunning(job));
  assert.ok(isRunning(apart));
  await one.process.terminate(50);
  assert.deepEqual(await one.process.exited, { code: 137, signal: "SIGKILL" });
  assert.ok(!isRunning(job));
  assert.ok(!isRunning(apart));
});

Deno.test("many terminals at once and one after the other keep their output apart", async () => {
  const processes = new Processes({ clock: realClock });
  await (await runOnTerminal(processes, "true")).process.gone();
  for (let round = 0; round < 5; round++) {
    const runs = await Promise.all(
      Array.from({ length: 20 }, (_, at) => runOnTerminal(processes, `echo ${at}; exit ${at}`)),
    );
    for (const [at, one] of runs.entries()) {
      assert.equal((await one.process.exited).code, at);
      assert.equal(one.text(), `${at}\r\n`);
      await one.process.gone();
    }
  }
  assert.equal(processes.size, 0);
});

Deno.test("a program that takes the terminal by itself is served as well", async () => {
  const processes = new Processes({ clock: realClock });
  const terminal = await processes.openTerminal({ rows: 5, cols: 6 });
  assert.ok(!("type" in terminal));
  const script =
    'exec setsid sh -c \'exec <"$0" >"$0" 2>&1; stty size; read x; echo got=$x; exit 3\'';
  const one = run(processes, "", {
    argv: ["/bin/sh", "-c", `${script} ${terminal.path}`],
    terminal,
    leads: true,
  });
  await one.sees("5 6");
  await one.process.write(encoder.encode("yes\n"));
  assert.equal((await one.process.exited).code, 3);
  assert.match(one.text(), /got=yes\r\n$/);
  await one.process.gone();
});

Deno.test("every status word is an exit code or a signal", () => {
  assert.deepEqual(exitFrom(0x0300), { code: 3, signal: null });
  assert.deepEqual(exitFrom(9), { code: 137, signal: "SIGKILL" });
  assert.deepEqual(exitFrom(11 | 0x80), { code: 139, signal: "SIGSEGV" });
  fc.assert(fc.property(fc.integer({ min: 0, max: 0xffff }), (status) => {
    const { code, signal } = exitFrom(status);
    assert.ok(code >= 0 && code <= 255);
    assert.equal(signal === null, (status & 0x7f) === 0);
  }));
});
