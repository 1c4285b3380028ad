/** `fs/*` of the exec-server. */
import assert from "node:assert/strict";
import { fileUri } from "../../src/protocol/exec_server_fields.ts";
import { refused } from "../support/exec_client.ts";
import { chunkOf, startExecServer, textOf } from "./exec_server_support.ts";

const NOT_FOUND = { code: -32004, message: "No such file or directory (os error 2)" };

Deno.test("exec-server reads and writes files by plain paths and by URIs", async () => {
  await using exec = await startExecServer();
  const client = await exec.client();
  const path = `${exec.folder}/a b#ü.txt`;
  const uri = fileUri(path);
  await client.request("fs/writeFile", { path: uri, dataBase64: chunkOf("hi\n") });
  assert.equal(await Deno.readTextFile(path), "hi\n");
  assert.equal((await client.request("fs/readFile", { path })).dataBase64, chunkOf("hi\n"));
  await Deno.symlink(path, `${exec.folder}/link`);
  const { createdAtMs: _, modifiedAtMs, ...metadata } = await client.request("fs/getMetadata", {
    path: `file://${exec.folder}/link`,
  });
  assert.ok(modifiedAtMs > 0);
  assert.deepEqual(metadata, { isDirectory: false, isFile: true, isSymlink: true, size: 3 });
  assert.deepEqual(await client.request("fs/canonicalize", { path: `${exec.folder}/link` }), {
    path,
  });
  assert.deepEqual(
    await client.request("fs/canonicalize", { path: `file://${exec.folder}/link` }),
    { path: uri },
  );
});

Deno.test("exec-server makes, lists, copies and removes", async () => {
  await using exec = await startExecServer();
  const client = await exec.client();
  const at = (name: string) => `${exec.folder}/${name}`;
  await client.request("fs/createDirectory", { path: at("d/e"), recursive: true });
  await client.request("fs/writeFile", { path: at("d/f"), dataBase64: "" });
  await client.request("fs/copy", {
    sourcePath: at("d"),
    destinationPath: at("c"),
    recursive: true,
  });
  const { entries } = await client.request("fs/readDirectory", { path: at("c") });
  assert.deepEqual(entries.map(({ fileName }) => fileName).sort(), ["e", "f"]);
  await client.request("fs/remove", { path: at("c") });
  await refused(client.raw("fs/readDirectory", { path: at("c") }), NOT_FOUND);
  await refused(client.raw("fs/remove", { path: at("c"), force: false }), NOT_FOUND);
  await refused(client.raw("fs/remove", { path: at("d"), recursive: false }), {
    code: -32603,
    message: "Directory not empty (os error 39)",
  });
  await refused(client.raw("fs/copy", { sourcePath: at("d"), destinationPath: at("z") }), {
    code: -32602,
    message: "missing field `recursive`",
  });
  await refused(client.raw("fs/writeFile", { path: at("x"), dataBase64: "!!" }), {
    code: -32600,
    message: "fs/writeFile requires valid base64 dataBase64: Invalid symbol 33, offset 0.",
  });
  for (const path of ["a", "", "file://host/a", "file:///%ff", "http://x/"]) {
    await refused(client.raw("fs/readFile", { path }), {
      code: -32602,
      message: "AbsolutePathBuf deserialized without a base path",
    });
  }
});

Deno.test("exec-server walks a tree within its limits", async () => {
  await using exec = await startExecServer();
  const client = await exec.client();
  const root = `${exec.folder}/w`;
  await Deno.mkdir(`${root}/d/e`, { recursive: true });
  await Deno.writeTextFile(`${root}/a`, "");
  await Deno.writeTextFile(`${root}/d/x`, "");
  await Deno.writeTextFile(`${root}/d/e/deep`, "");
  await Deno.symlink(`${root}/d`, `${root}/link`);
  await Deno.symlink("/nowhere", `${root}/dangling`);
  const options = { maxDepth: 9, maxDirectories: 99, maxEntries: 99 };
  const walk = async (changed: Partial<typeof options> & { followDirectorySymlinks?: boolean }) => {
    const path = `file://${root}`;
    const { entries, errors, truncated } = await client.request("fs/walk", {
      path,
      options: { followDirectorySymlinks: false, ...options, ...changed },
    });
    assert.deepEqual(errors, []);
    const names = entries.map((entry) =>
      `${entry.path.slice(path.length + 1)}${entry.kind === "directory" ? "/" : ""}`
    );
    return { names, truncated };
  };
  // As the real 0.169.0 was measured: a folder at the limit is listed but not entered.
  assert.deepEqual(await walk({ maxDepth: 1 }), {
    names: ["a", "d/", "d/e/", "d/x"],
    truncated: false,
  });
  assert.deepEqual((await walk({})).names, ["a", "d/", "d/e/", "d/e/deep", "d/x"]);
  assert.deepEqual(await walk({ maxEntries: 2 }), { names: ["a", "d/"], truncated: true });
  assert.deepEqual(await walk({ maxDirectories: 1 }), { names: ["a", "d/"], truncated: true });
  const followed = await walk({ followDirectorySymlinks: true });
  assert.ok(followed.names.includes("link/"), String(followed.names));
  await refused(client.raw("fs/walk", { path: root }), {
    code: -32602,
    message: "missing field `options`",
  });
});

Deno.test("exec-server reads an open file in blocks, and refuses one that was replaced", async () => {
  await using exec = await startExecServer();
  const client = await exec.client();
  const path = `${exec.folder}/f`;
  await Deno.writeTextFile(path, "0123456789");
  const open = { handleId: "h", path };
  assert.deepEqual(await client.request("fs/open", open), { handleId: "h" });
  await refused(client.raw("fs/open", open), {
    code: -32600,
    message: "file handle `h` already exists",
  });
  const read = async (offset: number, len: number) => {
    const { chunk, eof } = await client.request("fs/readBlock", { handleId: "h", offset, len });
    return [textOf(chunk), eof];
  };
  assert.deepEqual(await read(0, 4), ["0123", false]);
  assert.deepEqual(await read(0, 10), ["0123456789", false]);
  assert.deepEqual(await read(8, 10), ["89", true]);
  assert.deepEqual(await read(99, 10), ["", true]);
  for (const len of [0, 1024 * 1024 + 1]) {
    await refused(client.raw("fs/readBlock", { handleId: "h", offset: 0, len }), {
      code: -32600,
      message: "file read block length must be between 1 and 1048576",
    });
  }
  await Deno.writeTextFile(`${path}.new`, "another");
  await Deno.rename(`${path}.new`, path);
  await assert.rejects(read(0, 4), /another file by now/);
  assert.deepEqual(await client.request("fs/close", { handleId: "h" }), {});
  assert.deepEqual(await client.request("fs/close", { handleId: "h" }), {});
  await refused(client.raw("fs/readBlock", { handleId: "h", offset: 0, len: 1 }), {
    code: -32004,
    message: "unknown file handle `h`",
  });
  await refused(client.raw("fs/open", { handleId: "d", path: exec.folder }), {
    code: -32600,
    message: `path \`${exec.folder}\` is not a file`,
  });
});

Deno.test("exec-server holds a call to its sandbox policy", async () => {
  await using exec = await startExecServer();
  const client = await exec.client();
  const path = `${exec.folder}/f`;
  const write = (sandboxPolicy: unknown, at = path) =>
    client.raw("fs/writeFile", { path: at, dataBase64: "", sandboxPolicy });
  const readOnly = { type: "read-only" };
  await refused(write(readOnly), {
    code: -32600,
    message: `fs/write is not permitted for path ${path}`,
  });
  await refused(write({ type: "readOnly" }), {
    code: -32602,
    message: "unknown variant `readOnly`, expected one of `danger-full-access`, `read-only`, " +
      "`external-sandbox`, `workspace-write`",
  });
  await write({ type: "workspace-write", exclude_slash_tmp: true });
  await refused(write({ type: "workspace-write", exclude_slash_tmp: true }, "/var/tmp/x"), {
    code: -32600,
    message: "fs/write is not permitted for path /var/tmp/x",
  });
  await write({ type: "danger-full-access" });
  await client.raw("fs/readFile", { path, sandboxPolicy: readOnly });
  await client.raw("fs/readFile", { path, sandbox: { permissions: { type: "disabled" } } });
});

Deno.test("many large files that nobody takes do not end the connection", async () => {
  await using exec = await startExecServer();
  const client = await exec.client();
  const path = `${exec.folder}/large`;
  const bytes = 12 * 1024 * 1024;
  await Deno.writeFile(path, new Uint8Array(bytes));
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => client.request("fs/readFile", { path })),
  );
  for (const { dataBase64 } of answers) {
    assert.equal(dataBase64.length, Math.ceil(bytes / 3) * 4);
  }
});
