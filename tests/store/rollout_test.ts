import assert from "node:assert/strict";
import { join } from "node:path";
import { CodexError } from "../../src/lib/errors.ts";
import { ownerPid } from "../../src/store/rollout_lock.ts";
import { parseRolloutName } from "../../src/store/rollout_path.ts";
import { readRollout } from "../../src/store/rollout_reader.ts";
import { rolloutLine, rolloutPath, RolloutWriter } from "../../src/store/rollout.ts";
import { sampleMeta, sampleTurn, threadIdAt } from "./sample_records.ts";
import { withTempDir } from "./temp_dir.ts";

const AT = 1_795_168_800_123;
const CHILD = new URL("./rollout_child.ts", import.meta.url).pathname;
const ID = threadIdAt(AT);

function note(count: number) {
  return { type: "event_msg", payload: { count } };
}

function isKind(kind: string): (error: unknown) => boolean {
  return (error) => error instanceof CodexError && error.kind === kind;
}

async function counts(path: string): Promise<unknown[]> {
  return (await readRollout(path)).map((record) => record.payload);
}

/** Starts the child and waits for its first line. */
async function startChild(command: string, args: string[]) {
  const child = new Deno.Command(command, { args, stdout: "piped", stderr: "null" }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let output = "";
  const readUntil = async (isEnough: (output: string) => boolean) => {
    while (!isEnough(output)) {
      const { value, done } = await reader.read();
      if (done) break;
      output += value;
    }
    return output;
  };
  await readUntil((text) => text.includes("\n"));
  return { child, readUntil };
}

function childArgs(path: string, task: string): string[] {
  return ["run", "--no-lock", "--no-check", "-A", CHILD, path, task];
}

Deno.test("rolloutPath names the file as upstream does, and parseRolloutName reads it back", () => {
  const path = rolloutPath("/home", { threadId: ID, createdAtMs: AT });
  assert.match(
    path,
    /^\/home\/sessions\/\d{4}\/\d\d\/\d\d\/rollout-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-[0-9a-f-]{36}\.jsonl$/,
  );
  const name = parseRolloutName(path.split("/").at(-1) ?? "");
  assert.equal(name?.threadId, ID);
  assert.deepEqual(name?.day, path.split("/").slice(3, 6));
  assert(name !== null && name.createdAtMaxMs >= AT);
  assert.equal(parseRolloutName("rollout-2026-11-21.jsonl"), null);
});

Deno.test("RolloutWriter.append writes whole lines with one time", () =>
  withTempDir((dir) => {
    const path = join(dir, "sessions", "r.jsonl");
    const writer = RolloutWriter.create(path);
    writer.append([note(1), note(2)], AT);
    writer.append([], AT);
    writer.close();
    assert.equal(
      Deno.readTextFileSync(path),
      [1, 2].map((count) =>
        `{"timestamp":"2026-11-20T10:00:00.123Z","type":"event_msg","payload":{"count":${count}}}\n`
      ).join(""),
    );
    assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
    assert.throws(() => writer.append([note(3)], AT), isKind("io"));
  }));

Deno.test("RolloutWriter.create refuses a file that exists, open one that does not", () =>
  withTempDir((dir) => {
    const path = join(dir, "r.jsonl");
    Deno.writeTextFileSync(path, "keep");
    assert.throws(() => RolloutWriter.create(path), isKind("io"));
    assert.equal(Deno.readTextFileSync(path), "keep");
    assert.throws(() => RolloutWriter.open(join(dir, "no.jsonl")), isKind("rolloutNotFound"));
  }));

Deno.test("RolloutWriter.open repairs a file that was torn at any byte, and touches nothing before it", () =>
  withTempDir(async (dir) => {
    const whole = [note(1), note(2), note(3)].map((item) => rolloutLine(item, "T")).join("");
    const bytes = new TextEncoder().encode(whole);
    const lineLength = bytes.length / 3;
    for (let length = 0; length <= bytes.length; length++) {
      const path = join(dir, `${length}.jsonl`);
      Deno.writeFileSync(path, bytes.subarray(0, length));
      RolloutWriter.open(path).close();
      assert.equal(Deno.statSync(path).size, length, "opening changes nothing");
      const writer = RolloutWriter.open(path);
      writer.append([note(9)], AT);
      writer.close();
      // A last record that lacks only its newline is whole.
      const kept = Math.floor((length + 1) / lineLength);
      const expected = [...[1, 2, 3].slice(0, kept), 9].map((count) => ({ count }));
      assert.deepEqual(await counts(path), expected, `torn at ${length}`);
      assert.equal(Deno.readTextFileSync(path).split("\n").length, kept + 2);
    }
  }));

Deno.test("RolloutWriter.open cuts a zero-filled tail and a broken last line, and keeps broken lines before", () =>
  withTempDir((dir) => {
    const line = rolloutLine(note(1), "T");
    const cases: [string, string][] = [
      [`${line}${"\0".repeat(5000)}`, line],
      [`${line}{"timestamp":"T","ty\n`, line],
      [`{broken\n${line}{"x`, `{broken\n${line}`],
      [`{broken\n${line}`, `{broken\n${line}`],
      [`${line}\n\n`, `${line}\n\n`],
    ];
    for (const [index, [before, kept]] of cases.entries()) {
      const path = join(dir, `${index}.jsonl`);
      Deno.writeTextFileSync(path, before);
      const writer = RolloutWriter.open(path);
      writer.append([note(2)], AT);
      writer.close();
      const text = Deno.readTextFileSync(path);
      assert.equal(text.slice(0, kept.length), kept);
      assert.equal(text.slice(kept.length).split("\n").length, 2, text);
    }
  }));

Deno.test("RolloutWriter refuses to acknowledge lines of a removed file", () =>
  withTempDir((dir) => {
    const path = join(dir, "r.jsonl");
    const writer = RolloutWriter.create(path);
    Deno.removeSync(path);
    assert.throws(() => writer.append([note(1)], AT), /was removed/);
    writer.close();
  }));

Deno.test("RolloutWriter keeps on writing when its file is moved, as for the archive", () =>
  withTempDir(async (dir) => {
    const writer = RolloutWriter.create(join(dir, "a.jsonl"));
    writer.append([note(1)], AT);
    Deno.renameSync(join(dir, "a.jsonl"), join(dir, "b.jsonl"));
    writer.append([note(2)], AT);
    writer.close();
    assert.deepEqual(await counts(join(dir, "b.jsonl")), [{ count: 1 }, { count: 2 }]);
  }));

Deno.test("a second writer of one process is told that the thread is in use", () =>
  withTempDir((dir) => {
    const path = join(dir, "r.jsonl");
    const writer = RolloutWriter.create(path);
    assert.throws(() => RolloutWriter.open(path), isKind("threadLocked"));
    writer.close();
    RolloutWriter.open(path).close();
  }));

Deno.test("a writer of another process is named, and its lock dies with it", () =>
  withTempDir(async (dir) => {
    const path = join(dir, "r.jsonl");
    RolloutWriter.create(path).close();
    const { child, readUntil } = await startChild(Deno.execPath(), childArgs(path, "hold"));
    const isNamed = Deno.build.os === "linux";
    assert.throws(() => RolloutWriter.open(path), (error) => {
      assert(isKind("threadLocked")(error));
      const owner = isNamed ? `deno (process ${child.pid})` : "another process";
      return error instanceof Error && error.message.includes(owner);
    });
    assert.deepEqual(await readRollout(path), [], "reading goes on");
    child.kill("SIGKILL");
    await child.status;
    await readUntil(() => false);
    RolloutWriter.open(path).close();
  }));

Deno.test("kill -9 at any moment loses nothing that was acknowledged", () =>
  withTempDir(async (dir) => {
    for (const lines of [3, 40, 400]) {
      const path = join(dir, `${lines}.jsonl`);
      RolloutWriter.create(path).close();
      const { child, readUntil } = await startChild(Deno.execPath(), childArgs(path, "append"));
      await readUntil((output) => output.split("\n").length > lines);
      child.kill("SIGKILL");
      await child.status;
      const output = await readUntil(() => false);
      const acknowledged = output.slice(0, output.lastIndexOf("\n")).split("\n").slice(1);
      assert(acknowledged.length >= lines - 1);
      const found = (await readRollout(path)).filter((record) => record.type === "event_msg");
      for (const [index] of acknowledged.entries()) {
        assert.deepEqual(found[index]?.payload, { count: index });
      }
      const writer = RolloutWriter.open(path);
      writer.append([note(-1)], AT);
      writer.close();
      assert.deepEqual((await readRollout(path)).at(-1)?.payload, { count: -1 });
    }
  }));

Deno.test({
  name: "an append that the system cuts short leaves whole lines only",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withTempDir(async (dir) => {
      const path = join(dir, "r.jsonl");
      RolloutWriter.create(path).close();
      // The limit of the file's length makes a write stop in the middle, as a full disk does.
      const script = 'trap "" XFSZ; ulimit -f 64; exec "$0" "$@"';
      const args = ["-c", script, Deno.execPath(), ...childArgs(path, "append")];
      const { child, readUntil } = await startChild("sh", args);
      const output = await readUntil(() => false);
      await child.status;
      assert.match(output, /\nfailed io\n$/);
      const acknowledged = output.split("\n").filter((line) => /^\d+$/.test(line)).length;
      const text = Deno.readTextFileSync(path);
      assert(text.endsWith("}\n"), "no torn line is left");
      assert.equal((await readRollout(path)).length, acknowledged * 2);
    }),
});

Deno.test("a full disk is reported, nothing is torn, and the thread goes on once there is space", async (context) => {
  const dir = await Deno.makeTempDir();
  const mount = await new Deno.Command("mount", {
    args: ["-t", "tmpfs", "-o", "size=64k", "tmpfs", dir],
    stderr: "null",
  }).output().catch(() => ({ success: false }));
  try {
    await context.step({
      name: "on a file system of 64 KiB",
      ignore: !mount.success,
      fn: async () => {
        const writer = RolloutWriter.create(join(dir, "r.jsonl"));
        Deno.writeTextFileSync(join(dir, "ballast"), "x".repeat(30_000));
        const large = { type: "event_msg", payload: "y".repeat(5000) };
        let written = 0;
        assert.throws(() => {
          for (; written < 100; written++) writer.append([large], AT);
        }, isKind("diskFull"));
        assert.equal((await readRollout(join(dir, "r.jsonl"))).length, written);
        assert(Deno.readTextFileSync(join(dir, "r.jsonl")).endsWith("}\n"));
        Deno.removeSync(join(dir, "ballast"));
        writer.append([large], AT);
        writer.close();
        assert.equal((await readRollout(join(dir, "r.jsonl"))).length, written + 1);
      },
    });
  } finally {
    if (mount.success) await new Deno.Command("umount", { args: [dir] }).output();
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("rolloutLine replaces lone surrogates, which upstream's reader refuses", () => {
  const line = rolloutLine({ type: "x", payload: ["\ud800a", "\\ud800", "😀", "\\\udc00"] }, "T");
  assert.deepEqual(JSON.parse(line).payload, ["\ufffda", "\\ud800", "😀", "\\\ufffd"]);
});

Deno.test("ownerPid finds the lock of a file by device and inode, or by an inode that is unique", () => {
  const table = [
    "1: POSIX  ADVISORY  READ 5 fe:00:77 0 EOF",
    "2: FLOCK  ADVISORY  WRITE 10 fe:00:77 0 EOF",
    "3: FLOCK  ADVISORY  WRITE 11 00:2a:77 0 EOF",
    "4: FLOCK  ADVISORY  WRITE 12 00:2a:88 0 EOF",
  ].join("\n");
  assert.equal(ownerPid(table, { device: "00:2a", inode: "77" }), 11);
  assert.equal(ownerPid(table, { device: "00:99", inode: "77" }), null);
  assert.equal(ownerPid(table, { device: "00:99", inode: "88" }), 12);
  assert.equal(ownerPid(table, { device: "fe:00", inode: "99" }), null);
});

Deno.test("a thread written in several steps reads back in order", () =>
  withTempDir(async (dir) => {
    const path = rolloutPath(dir, { threadId: ID, createdAtMs: AT });
    const writer = RolloutWriter.create(path);
    writer.append([sampleMeta(ID)], AT);
    for (let turn = 0; turn < 20; turn++) writer.append(sampleTurn(`t${turn}`, `q${turn}`), AT);
    writer.close();
    const records = await readRollout(path);
    assert.deepEqual(records.map((record) => record.index), records.map((_, index) => index));
    assert.equal(records.length, 1 + 20 * 6);
  }));
