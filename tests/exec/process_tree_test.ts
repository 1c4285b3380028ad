import assert from "node:assert/strict";
import fc from "fast-check";
import { Processes } from "../../src/exec/process.ts";
import { parseStat, readProcess, readProcessTable } from "../../src/exec/process_table.ts";
import { MARK_VARIABLE, membersOf } from "../../src/exec/process_tree.ts";
import { isRunning, leftOf, PATH, run } from "./process_run.ts";
import { realClock } from "./real_clock.ts";

/** Ways to get away from the command that started it; each writes `escaped PID`. */
const ESCAPES: Readonly<Record<string, string>> = {
  "a session of its own": "setsid sh -c 'echo escaped $$; exec sleep 1000' &",
  "a double fork": "( sh -c 'echo escaped $$; exec sleep 1000' & ) &",
  "a daemon": "setsid -f sh -c 'echo escaped $$; exec sleep 1000 >/dev/null 2>&1 </dev/null'",
  "ignored signals":
    "setsid -f sh -c 'trap \"\" TERM HUP INT; echo escaped $$; while :; do sleep 1000; done'",
  "another environment": "setsid env -i /bin/sh -c 'echo escaped $$; exec sleep 1000' &",
};

for (const [how, script] of Object.entries(ESCAPES)) {
  Deno.test(`terminate finds a grandchild behind ${how}`, async () => {
    const processes = new Processes({ clock: realClock });
    const one = run(
      processes,
      `${script} while :; do sleep 1000; done`.replace("' while", "'; while"),
    );
    const escaped = Number(/escaped (\d+)/.exec(await one.sees(/escaped \d+\n/))?.[1]);
    assert.ok(isRunning(escaped));
    await one.process.terminate(100);
    assert.ok(!isRunning(escaped));
    assert.ok(!one.process.isRunning);
    await one.process.gone();
  });
}

Deno.test("what a command that ended has left behind ends with its owner, and no other", async () => {
  const processes = new Processes({ clock: realClock });
  const daemon = "setsid -f sh -c 'echo escaped $$; exec sleep 1000 >/dev/null 2>&1 </dev/null'";
  const pids: number[] = [];
  for (const owner of ["a", "b"]) {
    const one = run(processes, `${daemon}; sleep 0.01`, { owner });
    pids.push(Number(/escaped (\d+)/.exec(await one.sees(/escaped \d+\n/))?.[1]));
    await one.process.gone();
  }
  const [ofA = 0, ofB = 0] = pids;
  assert.equal(processes.size, 0, "nothing of it is in a group that we know");
  await processes.terminateOwned("a");
  assert.ok(!isRunning(ofA));
  assert.ok(isRunning(ofB));
  await processes.terminateAll();
  assert.ok(!isRunning(ofB));
});

Deno.test("terminateLeft ends what has outlived its command, and nothing that runs", async () => {
  const processes = new Processes({ clock: realClock });
  const left = run(processes, "sleep 1000 & echo child $!", { owner: "a" });
  const child = Number(/child (\d+)/.exec(await left.sees(/child \d+\n/))?.[1]);
  await left.process.exited;
  const running = run(processes, "sleep 1000", { owner: "a" });
  await processes.terminateLeft("a");
  assert.ok(!isRunning(child));
  assert.ok(running.process.isRunning);
  await processes.terminateAll();
});

Deno.test("terminateAll waits for what is being terminated, also where nobody else does", async () => {
  const held: (() => void)[] = [];
  let isHolding = false;
  const holding = Promise.withResolvers<void>();
  const processes = new Processes({
    clock: {
      now: () => 0,
      after(delayMs, callback) {
        if (!isHolding) return realClock.after(delayMs, callback);
        held.push(callback);
        holding.resolve();
        return () => {};
      },
    },
  });
  const daemon = run(
    processes,
    "setsid -f sh -c 'trap \"\" TERM; echo escaped $$; exec sleep 1000 >/dev/null 2>&1'",
  );
  const pid = Number(/escaped (\d+)/.exec(await daemon.sees(/escaped \d+\n/))?.[1]);
  await daemon.process.gone();
  isHolding = true;
  const order: string[] = [];
  const terminated = daemon.process.terminate().then(() => order.push("one"));
  await holding.promise;
  Deno.kill(pid, "SIGKILL");
  assert.deepEqual(await leftOf([pid]), []);
  const all = processes.terminateAll().then(() => order.push("all"));
  // Long enough for its look at all processes, after which nothing but the pause is left to wait for.
  for (let looks = 0; looks < 10; looks++) await readProcessTable();
  isHolding = false;
  for (const resume of held) resume();
  await Promise.all([terminated, all]);
  assert.deepEqual(order, ["one", "all"]);
});

Deno.test("a command inside a command is found by the mark of either", async () => {
  const outer = new Processes({ clock: realClock });
  const inner = new Processes({ clock: realClock });
  const script = `setsid -f sh -c 'echo escaped $$ $${MARK_VARIABLE}; exec sleep 1000'; sleep 1000`;
  const env = { PATH, [MARK_VARIABLE]: `other.1.1` };
  const one = run(inner, script, { env });
  const [, pid, marks] = /escaped (\d+) (\S+)/.exec(await one.sees(/escaped \d+ \S+\n/)) ?? [];
  assert.match(marks ?? "", /^other\.1\.1,[\d-]+\.\d+\.\d+$/);
  await outer.terminateAll();
  assert.ok(isRunning(Number(pid)), "nothing was started there");
  await inner.terminateAll();
  assert.ok(!isRunning(Number(pid)));
});

Deno.test("many terminated at once end together", async () => {
  const processes = new Processes({ clock: realClock });
  const runs = Array.from(
    { length: 40 },
    () => run(processes, "setsid sleep 1000 & sleep 1000", { owner: "a" }),
  );
  await processes.terminateOwned("a");
  assert.ok(runs.every((one) => !one.process.isRunning));
  assert.equal(processes.size, 0);
});

Deno.test("what the leader wrote arrives although a receiver is slow and a descendant holds the pipe", async () => {
  const processes = new Processes({ clock: realClock });
  let bytes = 0;
  const one = run(processes, "sleep 1000 & head -c 3000000 /dev/zero; exit 4", {
    onOutput: async (_stream, chunk) => {
      bytes += chunk.length;
      await new Promise((resolve) => setTimeout(resolve, 5));
    },
  });
  assert.equal((await one.process.exited).code, 4);
  assert.equal(bytes, 3_000_000);
  await processes.terminateAll();
});

/** How many commands: `CODEX_LONG_TESTS=1` for all. */
const COMMANDS = Deno.env.get("CODEX_LONG_TESTS") === "1" ? 10_000 : 300;

// In a process of its own, because others of this one open and close files meanwhile.
Deno.test(`${COMMANDS} commands leave no zombie, no open file and no terminal behind`, async () => {
  const probe = new URL("./leak_probe.ts", import.meta.url).pathname;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", probe, String(COMMANDS)],
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.ok(text.startsWith("{"), new TextDecoder().decode(stderr));
  assert.deepEqual(JSON.parse(text), {
    wrongCodes: [],
    left: 0,
    newFiles: 0,
    terminals: [],
    zombies: [],
  });
});

Deno.test("parseStat reads what the kernel writes, and refuses anything else", () => {
  const self = readProcess(Deno.pid);
  assert.equal(self?.pid, Deno.pid);
  assert.ok(self?.isRunning);
  const rest = "1 2 3 0 -1 4 0 0 0 0 0 0 0 0 20 0 1 0 777 8";
  assert.deepEqual(parseStat(`12 (a) b) (c) Z ${rest}`), {
    pid: 12,
    parent: 1,
    group: 2,
    session: 3,
    isRunning: false,
    startTicks: 777,
  });
  assert.equal(parseStat(""), null);
  assert.equal(parseStat("12 (a) R 1 2"), null);
  fc.assert(fc.property(fc.string(), (text) => {
    const row = parseStat(text);
    if (row) assert.ok(Number.isSafeInteger(row.startTicks));
  }));
});

Deno.test("members of a tree never include a stranger who got the id of a leader that is gone", () => {
  const row = { parent: 1, group: 50, session: 50, isRunning: true, startTicks: 9 };
  const stranger = [{ ...row, pid: 50 }, { ...row, pid: 51 }];
  const look = { rows: stranger, marks: new Map() };
  const gone = { mark: "x.1.1", leader: { pid: 50, isRunning: false } };
  assert.deepEqual(membersOf(look, { root: gone, found: new Map() }), []);
  const there = { mark: "x.1.1", leader: { pid: 50, isRunning: true } };
  assert.deepEqual(membersOf(look, { root: there, found: new Map() }), stranger);
  // Without its leader the group is still ours.
  const rest = { rows: [{ ...row, pid: 51 }], marks: new Map() };
  assert.deepEqual(membersOf(rest, { root: gone, found: new Map() }), rest.rows);
});

Deno.test("members of a tree are closed under descent, whatever the table looks like", () => {
  const pids = fc.integer({ min: 2, max: 12 });
  const row = fc.record({
    pid: pids,
    parent: pids,
    group: pids,
    session: pids,
    isRunning: fc.boolean(),
    startTicks: fc.constant(1),
  });
  const table = fc.uniqueArray(row, { selector: ({ pid }) => pid, maxLength: 11 });
  fc.assert(fc.property(table, pids, (rows, pid) => {
    const root = { mark: "m.1.1", leader: { pid, isRunning: true } };
    const members = membersOf({ rows, marks: new Map() }, { root, found: new Map() });
    const ids = new Set(members.map((member) => member.pid));
    for (const each of rows) {
      if (ids.has(each.parent) || each.group === pid || each.session === pid) {
        assert.ok(ids.has(each.pid));
      }
    }
  }));
});
