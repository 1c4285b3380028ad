/** The operations without rules, on every disk that works here. */
import assert from "node:assert/strict";
import { Libc } from "../../src/exec/filesystem/libc.ts";
import { LinuxDisk } from "../../src/exec/filesystem/linux_disk.ts";
import { benches, bytesOf, Lab, textOf, whole } from "./filesystem_lab.ts";

const MiB = 1024 * 1024;

for (const open of benches()) {
  const { name, [Symbol.dispose]: close } = open();
  close();
  const test = (title: string, run: (disk: ReturnType<typeof open>, lab: Lab) => unknown) =>
    Deno.test(`${name} disk: ${title}`, async () => {
      using disk = open();
      using lab = new Lab();
      await run(disk, lab);
    });

  test("reads files whole and in parts", (disk, lab) => {
    const path = lab.file("a", "0123456789");
    assert.equal(textOf(disk.run("readFile", whole(path))), "0123456789");
    const part = (offset: number | null, length: number | null) =>
      disk.run("readFile", { path, offset, length, bytesMax: Infinity });
    assert.equal(textOf(part(3, 4)), "3456");
    assert.equal(textOf(part(8, 4)), "89");
    assert.equal(textOf(part(10, 4)), "");
    assert.equal(textOf(part(99, null)), "");
    assert.equal(textOf(part(null, 2)), "01");
    const end = part(99, 1);
    assert.ok(end.type === "content" && end.fileSize === 10);
    assert.deepEqual(disk.run("readFile", { ...whole(path), bytesMax: 9 }), {
      type: "tooMuch",
      bytes: 10,
    });
  });

  test("reads what claims to be empty", (disk) => {
    if (Deno.build.os !== "linux") return;
    assert.match(textOf(disk.run("readFile", whole("/proc/version"))), /Linux/);
    const part = disk.run("readFile", { path: "/proc/version", offset: 0, length: 5, bytesMax: 9 });
    assert.equal(textOf(part), "Linux");
  });

  test(
    "says how a file that is too large is read, and reads nothing of a sparse terabyte",
    (disk, lab) => {
      const path = lab.file("sparse", "");
      Deno.truncateSync(path, 2 ** 40);
      assert.throws(() => disk.run("readFile", whole(path)), {
        kind: "invalidRequest",
        message:
          `\`${path}\` is too large for one message: 1099511627776 bytes, at most 41943040; ` +
          "use `offset` (and `length` when reading) to move it in parts of at most 8388608 bytes",
      });
      const last = disk.run("readFile", { path, offset: 2 ** 40 - 3, length: 9, bytesMax: 100 });
      assert.equal(textOf(last), "\0\0\0");
      assert.throws(
        () => disk.run("readFile", { path, offset: 0, length: 8 * MiB + 1, bytesMax: 100 }),
        { message: "A part of a file is at most 8388608 bytes, not 8388609" },
      );
    },
  );

  test("reads and writes 40 MiB, and refuses more", (disk, lab) => {
    const path = lab.path("large");
    const bytes = new Uint8Array(40 * MiB).map((_, index) => index * 31);
    disk.run("writeFile", { path, bytes, offset: null });
    const read = disk.run("readFile", whole(path));
    assert.ok(read.type === "content" && read.bytes.length === bytes.length);
    assert.deepEqual(read.bytes.subarray(-5), bytes.subarray(-5));
    const more = new Uint8Array(40 * MiB + 1);
    assert.throws(() => disk.run("writeFile", { path, bytes: more, offset: null }), /too large/);
    const part = new Uint8Array(8 * MiB + 1);
    assert.throws(() => disk.run("writeFile", { path, bytes: part, offset: 0 }), /at most 8388608/);
  });

  test("does not wait for a FIFO or read a device", async (disk, lab) => {
    const fifo = await lab.fifo("fifo");
    for (const path of [fifo, "/dev/zero", "/dev/null"]) {
      const refusal = { kind: "invalidRequest", message: `path \`${path}\` is not a file` };
      assert.throws(() => disk.run("readFile", whole(path)), refusal);
      assert.throws(
        () => disk.run("writeFile", { path, bytes: bytesOf("x"), offset: null }),
        refusal,
      );
    }
    assert.throws(() => disk.run("readFile", whole(lab.root)), {
      message: "Is a directory (os error 21)",
    });
  });

  test("writes whole files, parts, and through links also where they dangle", (disk, lab) => {
    const write = (name: string, text: string, offset: number | null = null) =>
      disk.run("writeFile", { path: lab.path(name), bytes: bytesOf(text), offset });
    write("new", "first content");
    write("new", "2nd");
    assert.equal(lab.text("new"), "2nd");
    write("new", "XY", 1);
    write("new", "!", 5);
    assert.equal(lab.text("new"), "2XY\0\0!");
    write("new", "");
    assert.equal(lab.text("new"), "");
    lab.folder("d");
    lab.link("link", "d/target");
    write("link", "through");
    assert.equal(lab.text("d/target"), "through");
    lab.link("loop", "loop");
    assert.throws(() => write("loop", "x"), { message: "Symbolic link loop (os error 40)" });
    assert.throws(() => write("n".repeat(256), "x"), {
      message: "Filename too long (os error 36)",
    });
    assert.throws(() => write("no/such", "x"), {
      message: "No such file or directory (os error 2)",
    });
    assert.throws(() => write("d", "x"), { message: "Is a directory (os error 21)" });
    assert.throws(() => write("new/x", "x"), { message: "Not a directory (os error 20)" });
  });

  test("makes folders", (disk, lab) => {
    const make = (name: string, recursive = true) =>
      disk.run("createDirectory", { path: lab.path(name), recursive });
    make("a/b/c");
    make("a/b/c");
    make("a/d", false);
    assert.deepEqual(lab.names("a"), ["b", "d"]);
    lab.file("file", "");
    lab.link("dangling", "nowhere");
    const exists = { message: "File exists (os error 17)" };
    lab.link("loop", "loop");
    assert.throws(() => make("a", false), exists);
    assert.throws(() => make("file"), exists);
    assert.throws(() => make("dangling"), exists);
    assert.throws(() => make("loop"), exists);
    assert.throws(() => make("loop/x"), { message: "Symbolic link loop (os error 40)" });
    assert.throws(() => disk.run("createDirectory", { path: "/", recursive: false }), exists);
    assert.throws(() => make("x/y", false), { message: "No such file or directory (os error 2)" });
    assert.throws(() => make("file/x"), { message: "Not a directory (os error 20)" });
    assert.throws(() => make("a\0b"), {
      kind: "invalidRequest",
      message: "file name contained an unexpected NUL byte",
    });
  });

  test("tells what a path leads to", (disk, lab) => {
    const meta = (path: string) => {
      const { createdAtMs, modifiedAtMs, ...kind } = disk.run("getMetadata", { path });
      assert.ok(Number.isInteger(createdAtMs) && createdAtMs >= 0);
      assert.ok(Number.isInteger(modifiedAtMs));
      return kind;
    };
    const file = lab.file("f", "x");
    Deno.utimeSync(file, 1, 1_700_000_000.123);
    assert.equal(disk.run("getMetadata", { path: file }).modifiedAtMs, 1_700_000_000_123);
    assert.deepEqual(meta(file), { isDirectory: false, isFile: true, isSymlink: false });
    assert.deepEqual(meta(lab.root), { isDirectory: true, isFile: false, isSymlink: false });
    assert.deepEqual(meta(lab.link("l", ".")), {
      isDirectory: true,
      isFile: false,
      isSymlink: true,
    });
    assert.deepEqual(meta("/dev/null"), { isDirectory: false, isFile: false, isSymlink: false });
    assert.throws(() => meta(lab.link("dangling", "no")), {
      message: "No such file or directory (os error 2)",
    });
  });

  test("lists a folder with links, also those that lead nowhere", (disk, lab) => {
    lab.file("d/f", "");
    lab.folder("d/sub");
    lab.link("d/to_file", "f");
    lab.link("d/to_folder", "sub");
    lab.link("d/dangling", "no");
    const entries = JSON.parse(disk.run("readDirectory", { path: lab.path("d") }));
    const byName = (a: { fileName: string }, b: { fileName: string }) =>
      a.fileName < b.fileName ? -1 : 1;
    assert.deepEqual(entries.sort(byName), [
      { fileName: "dangling", isDirectory: false, isFile: false },
      { fileName: "f", isDirectory: false, isFile: true },
      { fileName: "sub", isDirectory: true, isFile: false },
      { fileName: "to_file", isDirectory: false, isFile: true },
      { fileName: "to_folder", isDirectory: true, isFile: false },
    ]);
    assert.equal(disk.run("readDirectory", { path: lab.path("d/sub") }), "[]");
    assert.throws(() => disk.run("readDirectory", { path: lab.path("d/f") }), {
      message: "Not a directory (os error 20)",
    });
  });

  test("removes files, links and trees", (disk, lab) => {
    const remove = (path: string, { recursive = true, force = true } = {}) =>
      disk.run("remove", { path: lab.path(path), recursive, force });
    lab.file("keep/precious", "x");
    lab.file("tree/a/b/c", "");
    lab.link("tree/a/out", "../../keep");
    lab.link("link", "keep");
    remove("link");
    assert.throws(() => remove("tree", { recursive: false }), {
      message: "Directory not empty (os error 39)",
    });
    remove("tree");
    remove("tree");
    assert.deepEqual(lab.names(), ["keep"]);
    assert.equal(lab.text("keep/precious"), "x");
    assert.throws(() => remove("none", { force: false }), {
      message: "No such file or directory (os error 2)",
    });
    assert.throws(() => remove("keep/precious/x"), { message: "Not a directory (os error 20)" });
    assert.throws(() => disk.run("remove", { path: "/", recursive: true, force: true }), {
      message: "The root folder cannot be removed",
    });
    remove("keep/precious", { recursive: false, force: false });
    remove("keep", { recursive: false });
    assert.deepEqual(lab.names(), []);
  });

  test("copies files with their mode, over others and never over themselves", (disk, lab) => {
    const copy = (from: string, to: string, recursive = false) =>
      disk.run("copy", { source: lab.path(from), destination: lab.path(to), recursive });
    const source = lab.file("f", "hello");
    Deno.chmodSync(source, 0o4751);
    lab.file("long", "a much longer content");
    copy("f", "g");
    copy("f", "long");
    assert.equal(lab.text("g") + lab.text("long"), "hellohello");
    assert.equal((Deno.statSync(lab.path("g")).mode ?? 0) & 0o7777, 0o751);
    lab.link("to_f", "f");
    copy("f", "f");
    copy("f", "to_f");
    assert.equal(lab.text("f"), "hello");
    copy("to_f", "link");
    assert.equal(Deno.readLinkSync(lab.path("link")), "f");
    lab.folder("d");
    assert.throws(() => copy("to_f", "g"), { message: "File exists (os error 17)" });
    assert.throws(() => copy("f", "d"), { message: "Is a directory (os error 21)" });
    assert.throws(() => copy("none", "x"), { message: "No such file or directory (os error 2)" });
    assert.throws(() => copy("f", "no/x"), { message: "No such file or directory (os error 2)" });
    assert.throws(() =>
      disk.run("copy", {
        source: "/dev/null",
        destination: lab.path("x"),
        recursive: false,
      }), { message: "fs/copy only supports regular files, directories, and symlinks" });
  });

  test(
    "copies trees into what is there, without FIFOs, and not into themselves",
    async (disk, lab) => {
      const copy = (from: string, to: string, recursive = true) =>
        disk.run("copy", { source: lab.path(from), destination: lab.path(to), recursive });
      lab.file("t/a/b", "1");
      lab.file("t/c", "2");
      lab.file("u/old", "3");
      lab.link("t/l", "c");
      await lab.fifo("t/fifo");
      assert.throws(() => copy("t", "x", false), {
        message: "fs/copy requires recursive: true when sourcePath is a directory",
      });
      for (const into of ["t", "t/inner", "t/a/b2"]) {
        assert.throws(() => copy("t", into), {
          message: "fs/copy cannot copy a directory to itself or one of its descendants",
        });
      }
      lab.link("to_t", "t");
      assert.throws(() => copy("t", "to_t/a/x"), /to itself or one of its descendants/);
      copy("t", "u");
      assert.deepEqual(lab.names("u"), ["a", "c", "l", "old"]);
      assert.equal(lab.text("u/a/b") + lab.text("u/l"), "12");
      assert.throws(() => copy("t", "u/c"), { message: "File exists (os error 17)" });
      lab.link("loop", "loop");
      assert.throws(() => copy("t", "loop"), { message: "File exists (os error 17)" });
      // As upstream: for a folder what is missing above is made, for a file it is not.
      copy("t", "new/above/x");
      assert.deepEqual(lab.names("new/above/x"), ["a", "c", "l"]);
      assert.throws(() => copy("t", "t/c/x"), /to itself|os error 20/);
    },
  );

  test("copies what does not know its size", (disk, lab) => {
    if (Deno.build.os !== "linux") return;
    const copied = (source: string) => {
      disk.run("copy", { source, destination: lab.path("copy"), recursive: false });
      return lab.text("copy");
    };
    assert.equal(copied("/proc/version"), Deno.readTextFileSync("/proc/version"));
    // It claims to have a page of content.
    const settings = "/sys/kernel/mm/transparent_hugepage/enabled";
    if (disk.name === "linux") assert.equal(copied(settings), Deno.readTextFileSync(settings));
  });

  test("copies from one file system to another", (disk, lab) => {
    if (Deno.build.os !== "linux") return;
    const other = Deno.makeTempDirSync({ dir: "/dev/shm" });
    try {
      lab.file("t/a", "x".repeat(3 * MiB));
      lab.file("t/empty", "");
      disk.run("copy", { source: lab.path("t"), destination: `${other}/t`, recursive: true });
      assert.equal(Deno.readTextFileSync(`${other}/t/a`), "x".repeat(3 * MiB));
      assert.equal(Deno.statSync(`${other}/t/empty`).size, 0);
      disk.run("remove", { path: `${other}/t`, recursive: true, force: false });
      assert.deepEqual([...Deno.readDirSync(other)], []);
    } finally {
      Deno.removeSync(other, { recursive: true });
    }
  });

  test("does not copy into a FIFO or a device", async (disk, lab) => {
    const source = lab.file("f", "x");
    for (const destination of [await lab.fifo("fifo"), "/dev/null"]) {
      assert.throws(() => disk.run("copy", { source, destination, recursive: false }), {
        kind: "invalidRequest",
        message: `path \`${destination}\` is not a file`,
      });
    }
    assert.throws(
      () => disk.run("copy", { source: lab.path("fifo"), destination: source, recursive: true }),
      { message: "fs/copy only supports regular files, directories, and symlinks" },
    );
  });

  test("removes and copies deep trees", (disk, lab) => {
    const depth = 400;
    const deep = Array.from({ length: depth }, () => "d").join("/");
    lab.file(`t/${deep}/f`, "bottom");
    disk.run("copy", { source: lab.path("t"), destination: lab.path("u"), recursive: true });
    assert.equal(lab.text(`u/${deep}/f`), "bottom");
    for (const name of ["t", "u"]) {
      disk.run("remove", { path: lab.path(name), recursive: true, force: false });
    }
    assert.deepEqual(lab.names(), []);
  });
}

const [linux] = benches();
const linuxOnly = { ignore: Deno.build.os !== "linux" };

/** Runs a shell script in the folder; names of any bytes can be made that way. */
async function shell(script: string, cwd: string): Promise<void> {
  const output = await new Deno.Command("/bin/sh", { args: ["-c", script], cwd }).output();
  assert.ok(output.success, new TextDecoder().decode(output.stderr));
}

Deno.test({
  ...linuxOnly,
  name: "names that are not UTF-8 are listed, copied and removed with their trees",
  fn: async () => {
    assert.ok(linux);
    using disk = linux();
    using lab = new Lab();
    await shell(
      `mkdir -p "$(printf 't/d\\377')" && echo x > "$(printf 't/d\\377/f\\376')"`,
      lab.root,
    );
    assert.deepEqual(JSON.parse(disk.run("readDirectory", { path: lab.path("t") })), [
      { fileName: "d\uFFFD", isDirectory: true, isFile: false },
    ]);
    disk.run("copy", { source: lab.path("t"), destination: lab.path("u"), recursive: true });
    await shell(`test "$(cat "$(printf 'u/d\\377/f\\376')")" = x`, lab.root);
    for (const name of ["t", "u"]) {
      disk.run("remove", { path: lab.path(name), recursive: true, force: false });
    }
    assert.deepEqual(lab.names(), []);
  },
});

Deno.test({
  ...linuxOnly,
  name: "a sparse file stays sparse when it is copied",
  fn: () => {
    assert.ok(linux);
    using disk = linux();
    using lab = new Lab();
    const source = lab.file("sparse", "");
    Deno.truncateSync(source, 2 ** 34);
    using file = Deno.openSync(source, { write: true });
    file.seekSync(2 ** 33, Deno.SeekMode.Start);
    file.writeSync(bytesOf("island"));
    disk.run("copy", { source, destination: lab.path("copy"), recursive: false });
    const { size, blocks } = Deno.statSync(lab.path("copy"));
    assert.equal(size, 2 ** 34);
    assert.ok((blocks ?? 0) * 512 < MiB);
    const part = disk.run("readFile", {
      path: lab.path("copy"),
      offset: 2 ** 33,
      length: 6,
      bytesMax: 100,
    });
    assert.equal(textOf(part), "island");
  },
});

Deno.test({
  ...linuxOnly,
  name: "a tree deeper than any path may be long is removed",
  fn: async () => {
    assert.ok(linux);
    using disk = linux();
    using lab = new Lab();
    const name = "n".repeat(200);
    await shell(
      `for i in $(seq 60); do mkdir ${name} && cd -P ${name} || exit 1; done`,
      lab.folder("t"),
    );
    disk.run("remove", { path: lab.path("t"), recursive: true, force: false });
    assert.deepEqual(lab.names(), []);
  },
});

Deno.test({
  ...linuxOnly,
  name: "a tree of 10,000 levels is removed; to copy it the paths are too long, which is said",
  fn: () => {
    assert.ok(linux);
    using disk = linux();
    using lab = new Lab();
    using libc = new Libc();
    let place = new LinuxDisk(libc, { refuseMagicLinks: false }).locate(lab.folder("t"));
    for (let level = 0; level < 10_000; level++) {
      place.makeFolder("d");
      const next = place.child("d");
      place[Symbol.dispose]();
      place = next;
    }
    place[Symbol.dispose]();
    const both = { source: lab.path("t"), destination: lab.path("u"), recursive: true };
    assert.throws(() => disk.run("copy", both), { message: "Filename too long (os error 36)" });
    for (const path of [lab.path("t"), lab.path("u")]) {
      disk.run("remove", { path, recursive: true, force: false });
    }
    assert.deepEqual(lab.names(), []);
  },
});
