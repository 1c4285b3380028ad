/** Watches over real files, on both notifiers where inotify works. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { Clock } from "../../src/lib/clock.ts";
import { Watches } from "../../src/exec/watch.ts";
import { ChangeBatch } from "../../src/exec/watch/change_batch.ts";
import { PortableNotifier } from "../../src/exec/watch/portable_notifier.ts";
import { Lab } from "./filesystem_lab.ts";
import { realClock } from "./real_clock.ts";

const isLinux = Deno.build.os === "linux";

/** What one watch has reported, to be waited for. */
class Reports {
  readonly #lab: Lab;
  #paths: string[] = [];
  #count = 0;
  #changed = Promise.withResolvers<void>();

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  get count(): number {
    return this.#count;
  }

  readonly take = (paths: readonly string[]): boolean => {
    this.#count++;
    this.#paths.push(...paths.map((path) => path.replace(`${this.#lab.root}/`, "")));
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
    return true;
  };

  /** Resolves once all of these were reported since the last call. */
  see(...paths: string[]): Promise<void> {
    return this.until((seen) => paths.every((path) => seen.has(path)));
  }

  /** Resolves once what was reported since the last call is enough. */
  async until(isEnough: (paths: ReadonlySet<string>) => boolean): Promise<void> {
    while (!isEnough(new Set(this.#paths))) await this.#changed.promise;
    this.#paths = [];
  }

  /** What was reported since the last call. */
  get paths(): readonly string[] {
    return [...new Set(this.#paths)];
  }
}

function watching(
  title: string,
  run: (lab: Lab, watch: (name: string) => Reports, parts: {
    readonly watches: Watches;
  }) => Promise<void>,
): void {
  Deno.test({
    ignore: !isLinux,
    name: `watch: ${title}`,
    fn: async () => {
      using lab = new Lab();
      await using watches = new Watches({ clock: realClock });
      await run(lab, (name) => {
        const reports = new Reports(lab);
        watches.watch(lab.path(name), reports.take);
        return reports;
      }, { watches });
    },
  });
}

watching(
  "a file goes on reporting when it is replaced, removed and made again",
  async (lab, watch) => {
    lab.file("f", "1");
    const reports = watch("f");
    for (let round = 0; round < 3; round++) {
      lab.file("f", `again ${round}`);
      await reports.see("f");
      lab.file("fresh", "2");
      Deno.renameSync(lab.path("fresh"), lab.path("f"));
      await reports.see("f");
      Deno.removeSync(lab.path("f"));
      await reports.see("f");
      lab.file("f", "3");
      await reports.see("f");
      Deno.chmodSync(lab.path("f"), 0o600);
      await reports.see("f");
    }
    lab.file("beside", "x");
    Deno.readTextFileSync(lab.path("f"));
    lab.file("f", "last");
    await reports.see("f");
    assert.deepEqual(reports.paths, []);
  },
);

watching(
  "a folder reports its direct entries, both names of a rename, and itself",
  async (lab, watch) => {
    lab.folder("d/sub");
    const reports = watch("d");
    lab.file("d/n1", "1");
    lab.file("d/n2", "2");
    await reports.see("d/n1", "d/n2");
    Deno.renameSync(lab.path("d/n1"), lab.path("d/n3"));
    await reports.see("d/n1", "d/n3");
    lab.file("d/sub/nested", "not seen");
    Deno.readTextFileSync(lab.path("d/n2"));
    Deno.removeSync(lab.path("d/n3"));
    await reports.see("d/n3");
    assert.deepEqual(reports.paths, []);
    Deno.chmodSync(lab.path("d"), 0o700);
    await reports.see("d");
    Deno.renameSync(lab.path("d"), lab.path("e"));
    await reports.see("d");
    lab.file("e/elsewhere", "");
    lab.folder("d");
    await reports.see("d");
    lab.file("d/new", "");
    await reports.see("d/new");
    Deno.removeSync(lab.path("d"), { recursive: true });
    await reports.see("d");
    lab.file("d/again", "");
    await reports.see("d");
  },
);

watching(
  "what is not there yet is reported when it comes, and when it comes again",
  async (lab, watch) => {
    const file = watch("later");
    const deep = watch("a/b/c");
    lab.file("later", "");
    await file.see("later");
    lab.folder("a/b");
    lab.file("a/b/c", "");
    await deep.see("a/b/c");
    Deno.removeSync(lab.path("a"), { recursive: true });
    await deep.see("a/b/c");
    lab.file("a/b/c", "");
    await deep.see("a/b/c");
    lab.file("a/b/c", "more");
    await deep.see("a/b/c");
  },
);

watching("a link reports what it leads to, also when that comes later", async (lab, watch) => {
  lab.file("f", "1");
  lab.folder("d");
  lab.link("to_f", "f");
  lab.link("to_d", "d");
  lab.link("chain", "to_later");
  lab.link("to_later", "x/later");
  const [file, folder, chain] = [watch("to_f"), watch("to_d"), watch("chain")];
  lab.file("f", "2");
  await file.see("to_f");
  lab.file("d/n", "");
  await folder.see("to_d/n");
  lab.file("x/later", "");
  await chain.see("chain");
  Deno.removeSync(lab.path("to_f"));
  await file.see("to_f");
  lab.link("to_f", "d");
  await file.see("to_f");
  lab.file("d/n", "2");
  await file.see("to_f/n");
});

watching(
  "the end of one watch leaves the others of its folder alone",
  async (lab, watch, { watches }) => {
    lab.folder("d");
    lab.link("l", "d");
    const ended = new Reports(lab);
    const handles = ["d", "l", "d/f"].map((name) => watches.watch(lab.path(name), ended.take));
    const [folder, file] = [watch("d"), watch("d/f")];
    for (const handle of handles) handle[Symbol.dispose]();
    lab.file("d/f", "");
    await Promise.all([folder.see("d/f"), file.see("d/f")]);
    assert.equal(ended.count, 0);
  },
);

watching("a burst is few reports with each path once", async (lab, watch) => {
  lab.folder("d");
  const reports = watch("d");
  const names = Array.from({ length: 500 }, (_, index) => `d/f${index}`);
  for (const name of names) lab.file(name, "x");
  await reports.see(...names);
  assert.ok(reports.count < 50, `${reports.count} reports`);
});

watching("hundreds of watches of one folder are one for the system", async (lab, watch) => {
  const all = Array.from({ length: 300 }, (_, index) => watch(`f${index}`));
  lab.file("f299", "");
  await all[299]?.see("f299");
  assert.equal(all.reduce((sum, { count }) => sum + count, 0), 1);
});

watching(
  "the root folder and names that are not UTF-8 can be watched",
  async (lab, watch, { watches }) => {
    watches.watch("/", () => true)[Symbol.dispose]();
    lab.folder("d");
    const reports = watch("d");
    const script = `: > "$(printf 'd/n\\377')"`;
    await new Deno.Command("/bin/sh", { args: ["-c", script], cwd: lab.root }).output();
    await reports.see("d/n\uFFFD");
  },
);

watching(
  "a folder with very many files is one watch, and all of it may change",
  async (lab, watch) => {
    const script = "seq -f entry-%06.0f 8000 | xargs touch";
    const run = (text: string) =>
      new Deno.Command("/bin/sh", { args: ["-c", text], cwd: lab.folder("d") }).output();
    await run(script);
    const reports = watch("d");
    lab.file("d/entry-000007", "x");
    await reports.see("d/entry-000007");
    await run("find . -type f -delete");
    // What is too much to be listed is told as the folder.
    await reports.until((paths) => paths.has("d") || paths.size === 8000);
    lab.file("d/again", "");
    await reports.until((paths) => paths.has("d") || paths.has("d/again"));
  },
);

/** How many changes the kernel keeps for a reader that is busy. */
const queueMax = isLinux
  ? Number(Deno.readTextFileSync("/proc/sys/fs/inotify/max_queued_events"))
  : 0;

Deno.test({
  ignore: !isLinux || queueMax > 50_000,
  name: "watch: when the system has lost changes, everything that is watched is told as changed",
  fn: async () => {
    using lab = new Lab();
    await using watches = new Watches({ clock: realClock });
    const names = ["d", "f", "e/later"];
    lab.file("d/a", "");
    lab.file("d/b", "");
    lab.folder("e");
    const reports = names.map((name) => {
      const own = new Reports(lab);
      watches.watch(lab.path(name), own.take);
      return own;
    });
    // While this runs the queue is read once at most, which takes 2048 changes out of it.
    for (let count = 0; count < queueMax + 4000; count++) {
      // The same change twice in a row would count once.
      Deno.chmodSync(lab.path(count % 2 ? "d/a" : "d/b"), 0o600);
    }
    await Promise.all(reports.map((own, index) => own.see(names[index] ?? "")));
    lab.file("e/later", "");
    await reports[2]?.see("e/later");
  },
});

for (
  const { limit, most, message } of [
    {
      limit: "max_inotify_watches",
      most: 2,
      message: "The system allows no more watches; end some with fs/unwatch, or raise " +
        "fs.inotify.max_user_watches",
    },
    {
      limit: "max_inotify_instances",
      most: 0,
      message:
        "The system lets no more programs of this user watch files; end some of them, or raise " +
        "fs.inotify.max_user_instances",
    },
  ]
) {
  Deno.test({
    ignore: !isLinux || !await canLimit(limit),
    name: `watch: the limit of the system is named (${limit})`,
    fn: async () => {
      using lab = new Lab();
      const program = new URL("./watch_child.ts", import.meta.url).pathname;
      const { stdout } = await limited({ limit, most }, [
        ...[Deno.execPath(), "run", "-A", "--no-check", "--no-lock", program],
        ...[lab.folder("a"), lab.folder("b"), lab.folder("c")],
      ]);
      assert.equal(new TextDecoder().decode(stdout).trim(), message);
    },
  });
}

/** Runs a program in a user namespace of its own, whose limit is set. */
function limited(
  { limit, most }: { readonly limit: string; readonly most: number },
  command: readonly string[],
) {
  const script = `echo ${most} > /proc/sys/user/${limit} && exec "$@"`;
  return new Deno.Command("unshare", {
    args: ["-Ur", "/bin/sh", "-c", script, "sh", ...command],
    env: { NO_COLOR: "1" },
  }).output();
}

async function canLimit(limit: string): Promise<boolean> {
  return (await limited({ limit, most: 100 }, ["true"])).success;
}

Deno.test("watch: the portable notifier keeps a folder for its other listeners", async () => {
  using lab = new Lab();
  await using notifier = new PortableNotifier();
  const seen = Promise.withResolvers<void>();
  const ignore = { event: () => {}, lost: () => {} };
  const first = notifier.watch(lab.root, ignore);
  notifier.watch(lab.root, {
    event: ({ name, isIdentity }) => {
      if (name === "f" && isIdentity) seen.resolve();
    },
    lost: () => {},
  });
  first[Symbol.dispose]();
  lab.file("f", "");
  await seen.promise;
  assert.throws(() => notifier.watch(lab.path("none"), ignore), { errno: 2 });
  assert.throws(() => notifier.watch(lab.path("f"), ignore), { errno: 20 });
});

/** A clock that moves when it is told to. */
class HandClock implements Clock {
  #nowMs = 0;
  #timers: { readonly atMs: number; readonly callback: () => void }[] = [];

  now(): number {
    return this.#nowMs;
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.push(timer);
    return () => this.#timers = this.#timers.filter((other) => other !== timer);
  }

  advance(ms: number): void {
    this.#nowMs += ms;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.#nowMs);
    for (const { callback } of due) callback();
  }
}

Deno.test("changes are reported soon after a pause, rarely while they go on, and each path once", () => {
  const clock = new HandClock();
  const reports: string[][] = [];
  const report = (paths: readonly string[]) => reports.push([...paths]) > 0;
  const batch = new ChangeBatch({ clock, target: "/d", report });
  batch.add("/d/a");
  batch.add("/d/b");
  batch.add("/d/a");
  clock.advance(5);
  assert.deepEqual(reports, [["/d/a", "/d/b"]]);
  for (let ms = 0; ms < 2000; ms++) {
    batch.add("/d/a");
    clock.advance(1);
  }
  assert.ok(reports.length > 8 && reports.length < 20, `${reports.length}`);
  clock.advance(1000);
  clock.advance(1000);
  const before = reports.length;
  batch.add("/d/a");
  clock.advance(5);
  assert.equal(reports.length, before + 1);
});

Deno.test("a receiver that cannot take a report gets all of it later; too much becomes the folder", () => {
  const clock = new HandClock();
  const reports: string[][] = [];
  let isReady = false;
  const batch = new ChangeBatch({
    clock,
    target: "/d",
    report: (paths) => {
      if (isReady) reports.push([...paths]);
      return isReady;
    },
  });
  batch.add("/d/a");
  clock.advance(100);
  batch.add("/d/b");
  clock.advance(1000);
  isReady = true;
  clock.advance(1000);
  assert.deepEqual(reports.splice(0), [["/d/a", "/d/b"]]);
  for (let index = 0; index < 20_000; index++) batch.add(`/d/${index}`);
  clock.advance(1000);
  assert.deepEqual(reports, [["/d"]]);
});

Deno.test("no change is lost between reports, whatever the times", () => {
  const step = fc.record({
    path: fc.nat({ max: 20 }),
    ms: fc.nat({ max: 300 }),
    ready: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(step), (steps) => {
    const clock = new HandClock();
    const open = new Set<string>();
    let isReady = true;
    const batch = new ChangeBatch({
      clock,
      target: "/d",
      report: (paths) => {
        if (isReady) { for (const path of paths) open.delete(path); }
        return isReady;
      },
    });
    for (const { path, ms, ready } of steps) {
      isReady = ready;
      batch.add(`/d/${path}`);
      open.add(`/d/${path}`);
      clock.advance(ms);
    }
    isReady = true;
    for (let count = 0; count < 5; count++) clock.advance(400);
    assert.equal(open.size, 0);
  }));
});
