/** The life of the threads behind file operations. */
import assert from "node:assert/strict";
import type { Clock } from "../../src/lib/clock.ts";
import { FileSystem } from "../../src/exec/filesystem.ts";
import { bytesOf, fileSystem, Lab, textOf, whole } from "./filesystem_lab.ts";
import { realClock } from "./real_clock.ts";

Deno.test("operations of one tick are answered in their order, each with its own outcome", async () => {
  using lab = new Lab();
  using fs = fileSystem();
  const files = fs.under(null);
  const path = lab.path("f");
  const outcomes = await Promise.allSettled([
    files.writeFile({ path, bytes: bytesOf("one"), offset: null }),
    files.readFile(whole(path)),
    files.readFile(whole(lab.path("none"))),
    files.writeFile({ path, bytes: bytesOf("two"), offset: null }),
    files.readFile(whole(path)),
  ]);
  assert.deepEqual(outcomes.map(({ status }) => status), [
    "fulfilled",
    "fulfilled",
    "rejected",
    "fulfilled",
    "fulfilled",
  ]);
  assert.equal(lab.text("f"), "two");
});

Deno.test("a folder of many entries is listed while others are served", async () => {
  using lab = new Lab();
  using fs = fileSystem();
  const files = fs.under(null);
  const folder = lab.folder("many");
  const { success } = await new Deno.Command("/bin/sh", {
    args: ["-c", "seq -f entry-%06.0f 20000 | xargs touch"],
    cwd: folder,
  }).output();
  assert.ok(success);
  let served = 0;
  let isBusy = true;
  const serve = async () => {
    while (isBusy) {
      await files.getMetadata({ path: lab.root });
      served++;
    }
  };
  const others = serve();
  const entries = JSON.parse(await files.readDirectory({ path: folder }));
  await files.remove({ path: folder, recursive: true, force: false });
  isBusy = false;
  await others;
  assert.equal(
    new Set(entries.map(({ fileName }: { fileName: string }) => fileName)).size,
    20_000,
  );
  // Each waits for a round of steps at most, not for the end.
  assert.ok(served > 5, String(served));
  assert.deepEqual(lab.names(), []);
});

Deno.test("a simple read does without a thread, and says the same as the thread would", async () => {
  using lab = new Lab();
  let threads = 0;
  const clock: Clock = {
    ...realClock,
    after: (delayMs, callback) => {
      threads++;
      return realClock.after(delayMs, callback);
    },
  };
  using fs = new FileSystem({ clock });
  const files = fs.under(null);
  const path = lab.file("f", "content");
  assert.equal(textOf(await files.readFile(whole(path))), "content");
  assert.deepEqual(await files.readFile({ ...whole(path), bytesMax: 3 }), {
    type: "tooMuch",
    bytes: 7,
  });
  assert.equal(threads, 0);
  const none = { message: "No such file or directory (os error 2)" };
  await assert.rejects(files.readFile(whole(lab.path("none"))), none);
  await assert.rejects(files.readFile(whole(lab.root)), {
    message: "Is a directory (os error 21)",
  });
  await assert.rejects(files.readFile(whole(await lab.fifo("fifo"))), /is not a file/);
  assert.equal(threads, 1);
});

Deno.test("a thread without work ends, and the next operation starts another", async () => {
  using lab = new Lab();
  const timers: (() => void)[] = [];
  const clock: Clock = {
    ...realClock,
    after: (_, callback) => {
      timers.push(callback);
      return () => {};
    },
  };
  using fs = new FileSystem({ clock });
  const files = fs.under(null);
  lab.file("f", "x");
  await files.getMetadata({ path: lab.path("f") });
  // It was used since, so it stays; the second time it was not.
  timers.shift()?.();
  timers.shift()?.();
  assert.equal(timers.length, 0);
  assert.ok((await files.getMetadata({ path: lab.path("f") })).isFile);
  assert.equal(timers.length, 1);
});

Deno.test("what a closed file system is asked fails, also what it had been asked before", async () => {
  using lab = new Lab();
  const fs = fileSystem();
  const files = fs.under(null);
  const before = files.getMetadata({ path: lab.root });
  fs[Symbol.dispose]();
  await assert.rejects(before, { message: "The server is closing" });
  await assert.rejects(files.getMetadata({ path: lab.root }), { message: "The server is closing" });
});
