import assert from "node:assert/strict";
import { explainOperations } from "../../../src/exec/sandbox/launcher/explain.ts";
import { ImageCache } from "../../../src/exec/sandbox/launcher/image_cache.ts";
import { Journal } from "../../../src/exec/sandbox/launcher/journal.ts";
import { launchOperations } from "../../../src/exec/sandbox/launcher/operations.ts";
import { Placeholders } from "../../../src/exec/sandbox/launcher/placeholders.ts";
import type { Plan } from "../../../src/exec/sandbox/launcher/plan.ts";
import type { Traits } from "../../../src/exec/sandbox/launcher/traits.ts";
import { launcher, sandboxTest, specOf, unusable } from "./launcher_support.ts";

const TRAITS: Traits = {
  architecture: "x86_64",
  uid: 1000,
  gid: 100,
  needsUserNamespace: true,
  landlockAbi: 6,
  lastCapability: 1,
  devices: ["/dev/null", "/dev/tty"],
  shm: true,
  pts: true,
  ptmx: true,
  console: true,
  shared: null,
  journal: "/proc/1/fd/9",
};
const PLAN: Plan = {
  writesEverywhere: false,
  places: [
    { path: "/w", as: "writable" },
    { path: "/w/.git", as: "readOnly" },
    { path: "/w/a", as: "pinned" },
    { path: "/w/link", as: "readOnlyLink" },
    { path: "/w/a/key\n", as: "hiddenFile" },
    { path: "/w/a/sockets", as: "hiddenFolder" },
    {
      path: "/home",
      as: "veiled",
      entries: [
        { name: "skills", kind: "folder", target: null },
        { name: "config.toml", kind: "file", target: null },
        { name: "link", kind: "link", target: "../elsewhere" },
      ],
    },
  ],
  readable: [{ path: "/usr", isFolder: true }, { path: "/etc/hosts", isFolder: false }],
  network: "proxy",
  proxySocket: "/dev/shm/codex-proxy-1/proxy",
  input: { terminal: "/dev/pts/7" },
};

Deno.test("the listing of a launcher is the reviewed one", async () => {
  const file = new URL("./launcher_operations.golden.txt", import.meta.url);
  const text = explainOperations(launchOperations(PLAN, TRAITS));
  if (Deno.env.get("UPDATE_GOLDEN")) await Deno.writeTextFile(file, text);
  assert.equal(text, await Deno.readTextFile(file));
});

Deno.test("both architectures get the same operations", () => {
  // Some calls that the filter refuses exist on one of them only.
  const listing = (traits: Traits) =>
    explainOperations(launchOperations(PLAN, traits)).replace(/\{\d+ instructions\}/g, "{filter}");
  assert.equal(listing({ ...TRAITS, architecture: "aarch64" }), listing(TRAITS));
});

sandboxTest("a specification can be explained without starting anything", {}, async (folder) => {
  await Deno.mkdir(`${folder}/.git`);
  const readOnly = [`${folder}/.git`, `${folder}/none`];
  const text = launcher().explain?.(specOf({ cwd: folder, writable: [folder], readOnly })) ?? "";
  assert.match(text, /^launcher:\n/);
  assert.match(text, /# restrict .*\.git\n/);
  assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), [".git"]);
  const refused = launcher().explain?.(specOf({ cwd: folder, writable: ["relative"] }));
  assert.equal(refused, '"relative" is not a plain absolute path\n');
});

const ignore = unusable !== null;

Deno.test({
  name: "the journal finds the report of a start among others",
  ignore,
  fn: async () => {
    const journal = new Journal();
    const marks = [journal.nextMark(), journal.nextMark(), journal.nextMark()];
    assert.equal(journal.reportOf(marks[0] ?? ""), null);
    using file = await Deno.open(journal.path, { append: true });
    for (const [index, mark] of marks.slice(0, 2).entries()) {
      const report = new Uint8Array(24);
      report.set(new TextEncoder().encode(mark));
      const view = new DataView(report.buffer);
      view.setBigInt64(8, 4096n + BigInt(index), true);
      view.setBigInt64(16, -13n, true);
      file.writeSync(report);
    }
    assert.deepEqual(journal.reportOf(marks[0] ?? ""), { record: 4096, result: -13 });
    assert.deepEqual(journal.reportOf(marks[1] ?? ""), { record: 4097, result: -13 });
    assert.equal(journal.reportOf(marks[2] ?? ""), null);
    journal.close();
  },
});

Deno.test({
  name: "launchers are kept in bounded number, and never closed in use",
  ignore,
  fn: () => {
    const cache = new ImageCache<number>(2);
    const made: string[] = [];
    const lease = (key: string) =>
      cache.lease(key, () => {
        made.push(key);
        return { bytes: new Uint8Array([1, 2, 3]), notes: made.length };
      });
    const isOpen = (path: string) => {
      try {
        return Deno.readFileSync(path).length === 3;
      } catch (error) {
        assert(error instanceof Deno.errors.NotFound);
        return false;
      }
    };
    const [one, two] = [lease("one"), lease("two")];
    two.release();
    assert.equal(lease("one").path, one.path);
    const three = lease("three");
    assert.deepEqual([isOpen(one.path), isOpen(two.path), isOpen(three.path)], [true, false, true]);
    three.release();
    three.release();
    lease("four").release();
    lease("five").release();
    assert.equal(isOpen(one.path), true, "Leased twice, and pushed out");
    one.release();
    assert.equal(isOpen(one.path), true);
    assert.deepEqual(made, ["one", "two", "three", "four", "five"]);
    assert.throws(() => Deno.writeFileSync(lease("five").path, new Uint8Array(9)));
    cache.clear();
  },
});

sandboxTest("two servers share a placeholder, and the last removes it", {}, (folder) => {
  const path = `${folder}/.codex`;
  const exists = () => [...Deno.readDirSync(folder)].length === 1;
  const [one, other] = [new Placeholders(), new Placeholders()];
  const keep = (placeholders: Placeholders) => {
    const kept = placeholders.keep(path);
    assert(kept.type === "kept");
    return kept;
  };
  const [first, second, third] = [keep(one), keep(one), keep(other)];
  assert(one.isPlaceholder(path) && other.isPlaceholder(path));
  first.release();
  first.release();
  second.release();
  assert.equal(exists(), true);
  third.release();
  assert.equal(exists(), false);
  return Promise.resolve();
});

sandboxTest("a placeholder that cannot be made is no hole", {}, async (folder) => {
  const placeholders = new Placeholders();
  await Deno.writeTextFile(`${folder}/file`, "");
  const kept = placeholders.keep(`${folder}/file/below`);
  assert(kept.type === "refused");
  assert.match(kept.reason, /^Cannot keep .*below read-only: Not a directory \(os error 20\)$/);
  // The command could not make anything there either.
  assert.equal(placeholders.keep("/proc/codex").type, "refused");
  assert.equal(placeholders.keep("/sys/codex").type, "kept");
});

sandboxTest("a lock on a placeholder does not stop the server", {}, async (folder) => {
  const path = `${folder}/.codex`;
  await Deno.mkdir(path);
  using file = await Deno.open(path);
  await file.lock(true);
  const kept = new Placeholders().keep(path);
  assert(kept.type === "refused");
  assert.match(kept.reason, /somebody else changes or locks it/);
});
