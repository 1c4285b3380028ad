import assert from "node:assert/strict";
import { join } from "node:path";
import { CodexError, type CodexErrorKind } from "../../src/lib/errors.ts";
import {
  appendHomeFile,
  createHomeFile,
  makePrivateDir,
  removeHomeFile,
  replaceHomeFile,
  toHomeError,
} from "../../src/store/home_file.ts";
import { withTempDir } from "./temp_dir.ts";

function mode(path: string): number {
  return (Deno.statSync(path).mode ?? 0) & 0o777;
}

function kindOf(action: () => void): CodexErrorKind | "none" {
  try {
    action();
    return "none";
  } catch (error) {
    assert(error instanceof CodexError, String(error));
    return error.kind;
  }
}

Deno.test("replaceHomeFile makes private files in private folders and leaves no temporary file", () =>
  withTempDir((dir) => {
    const path = join(dir, "a", "b", "auth.json");
    replaceHomeFile(path, "one");
    replaceHomeFile(path, new TextEncoder().encode("two"));
    assert.equal(Deno.readTextFileSync(path), "two");
    assert.equal(mode(path), 0o600);
    assert.equal(mode(join(dir, "a")), 0o700);
    assert.deepEqual([...Deno.readDirSync(join(dir, "a", "b"))].map((entry) => entry.name), [
      "auth.json",
    ]);
  }));

Deno.test("createHomeFile writes a file once, private and without a temporary one beside it", () =>
  withTempDir((dir) => {
    const path = join(dir, "a", "key.pem");
    assert.equal(createHomeFile(path, "one"), true);
    assert.equal(createHomeFile(path, "two"), false);
    assert.equal(Deno.readTextFileSync(path), "one");
    assert.equal(mode(path), 0o600);
    assert.equal(mode(join(dir, "a")), 0o700);
    assert.deepEqual([...Deno.readDirSync(join(dir, "a"))].map((entry) => entry.name), ["key.pem"]);
    Deno.symlinkSync("/nowhere", join(dir, "link"));
    assert.equal(createHomeFile(join(dir, "link"), "x"), false);
    assert.equal(kindOf(() => createHomeFile(join(path, "x"), "x")), "io");
  }));

Deno.test("replaceHomeFile keeps a symbolic link and replaces what it points to", () =>
  withTempDir((dir) => {
    Deno.writeTextFileSync(join(dir, "real.toml"), "old");
    Deno.symlinkSync(join(dir, "real.toml"), join(dir, "config.toml"));
    replaceHomeFile(join(dir, "config.toml"), "new");
    assert.equal(Deno.readTextFileSync(join(dir, "real.toml")), "new");
    assert(Deno.lstatSync(join(dir, "config.toml")).isSymlink);
  }));

Deno.test("replaceHomeFile leaves the old content when it fails", () =>
  withTempDir((dir) => {
    const path = join(dir, "kept");
    Deno.mkdirSync(join(path, "child"), { recursive: true });
    assert.equal(kindOf(() => replaceHomeFile(path, "x")), "io");
    assert.deepEqual([...Deno.readDirSync(dir)].map((entry) => entry.name), ["kept"]);
    assert(Deno.statSync(join(path, "child")).isDirectory);
  }));

Deno.test("appendHomeFile adds to the end", () =>
  withTempDir((dir) => {
    const path = join(dir, "x", "names.jsonl");
    appendHomeFile(path, "1\n");
    appendHomeFile(path, "2\n");
    assert.equal(Deno.readTextFileSync(path), "1\n2\n");
    assert.equal(mode(path), 0o600);
  }));

Deno.test({
  name: "appendHomeFile says that the disk is full",
  ignore: Deno.build.os !== "linux",
  fn: () => assert.equal(kindOf(() => appendHomeFile("/dev/full", "x")), "diskFull"),
});

Deno.test("makePrivateDir leaves folders that exist as they are", () =>
  withTempDir((dir) => {
    Deno.chmodSync(dir, 0o755);
    makePrivateDir(join(dir, "new"));
    assert.equal(mode(dir), 0o755);
    assert.equal(mode(join(dir, "new")), 0o700);
  }));

Deno.test("removeHomeFile answers whether there was a file", () =>
  withTempDir((dir) => {
    replaceHomeFile(join(dir, "x"), "");
    assert.equal(removeHomeFile(join(dir, "x")), true);
    assert.equal(removeHomeFile(join(dir, "x")), false);
  }));

Deno.test("toHomeError names what the operating system refused", () => {
  const kinds: [string, CodexErrorKind][] = [
    ["ENOSPC", "diskFull"],
    ["EDQUOT", "diskFull"],
    ["EROFS", "readOnlyHome"],
    ["EACCES", "readOnlyHome"],
    ["EIO", "io"],
  ];
  for (const [code, kind] of kinds) {
    const error = toHomeError(Object.assign(new Error("os"), { code }), "write x");
    assert.equal(error.kind, kind);
    assert.match(error.message, /^Cannot write x: /);
  }
  const own = new CodexError("threadLocked", "mine");
  assert.equal(toHomeError(own, "write x"), own);
});
