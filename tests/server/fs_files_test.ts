/** `fs/*` as clients see it, with full access: what upstream answers, and what goes beyond it. */
import assert from "node:assert/strict";
import { Client } from "../../src/client/client.ts";
import { connectWebSocket } from "../../src/rpc/websocket.ts";
import { LISTENER_KINDS, ListenLab } from "./listen_lab.ts";
import { realClock } from "../exec/real_clock.ts";
import { startServer } from "../support/server.ts";
import { get, put, refused } from "./fs_lab.ts";

const MiB = 1024 * 1024;
const NOT_FOUND = { code: -32603, message: "No such file or directory (os error 2)", reason: "io" };
const RELATIVE = {
  code: -32600,
  message: "Invalid request: AbsolutePathBuf deserialized without a base path",
};

Deno.test("fs: files are written, read, copied, listed and removed", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const at = (name: string) => `${server.project}/${name}`;
  await put(client, at("f"), "hello");
  assert.equal(await get(client, at("x/../f")), "hello");
  assert.deepEqual(await client.request("fs/createDirectory", { path: at("d/e") }), {});
  const copy = { sourcePath: at("f"), destinationPath: at("d/g") };
  assert.deepEqual(await client.request("fs/copy", copy), {});
  const { entries } = await client.request("fs/readDirectory", { path: at("d") });
  assert.deepEqual(
    entries.sort((a, b) => a.fileName < b.fileName ? -1 : 1),
    [
      { fileName: "e", isDirectory: true, isFile: false },
      { fileName: "g", isDirectory: false, isFile: true },
    ],
  );
  const { modifiedAtMs, createdAtMs: _, ...kind } = await client.request("fs/getMetadata", {
    path: at("f"),
  });
  assert.deepEqual(kind, { isDirectory: false, isFile: true, isSymlink: false });
  assert.ok(modifiedAtMs > 1_700_000_000_000);
  assert.deepEqual(await client.request("fs/remove", { path: at("d") }), {});
  assert.deepEqual(await client.request("fs/remove", { path: at("d") }), {});
  assert.deepEqual([...Deno.readDirSync(server.project)].map(({ name }) => name), ["f"]);
});

Deno.test("fs: refusals have upstream's codes and words", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const at = (name: string) => `${server.project}/${name}`;
  await put(client, at("f"), "x");
  await client.request("fs/createDirectory", { path: at("d/e") });
  for (const path of ["f", "", "~/x", "./f"]) {
    await refused(client.request("fs/readFile", { path }), RELATIVE);
    await refused(client.request("fs/watch", { watchId: "w", path }), RELATIVE);
    await refused(
      client.request("fs/copy", { sourcePath: at("f"), destinationPath: path }),
      RELATIVE,
    );
  }
  await refused(client.request("fs/readFile", { path: at("none") }), NOT_FOUND);
  await refused(client.request("fs/getMetadata", { path: at("none") }), NOT_FOUND);
  await refused(client.request("fs/remove", { path: at("none"), force: false }), NOT_FOUND);
  await refused(client.request("fs/readFile", { path: at("d") }), {
    code: -32603,
    message: "Is a directory (os error 21)",
  });
  await refused(client.request("fs/readDirectory", { path: at("f") }), {
    code: -32603,
    message: "Not a directory (os error 20)",
  });
  await refused(client.request("fs/createDirectory", { path: at("d"), recursive: false }), {
    code: -32603,
    message: "File exists (os error 17)",
  });
  await refused(client.request("fs/remove", { path: at("d"), recursive: false }), {
    code: -32603,
    message: "Directory not empty (os error 39)",
  });
  await refused(client.request("fs/copy", { sourcePath: at("d"), destinationPath: at("c") }), {
    code: -32600,
    message: "fs/copy requires recursive: true when sourcePath is a directory",
    reason: "invalidRequest",
  });
  await refused(client.request("fs/readFile", { path: at("a\0b") }), {
    code: -32600,
    message: "file name contained an unexpected NUL byte",
  });
  const base64 = "fs/writeFile requires valid base64 dataBase64";
  for (
    const [dataBase64, problem] of [["!!!", "Invalid symbol 33, offset 0."], [
      "YQ",
      "Invalid padding",
    ]]
  ) {
    await refused(
      client.request("fs/writeFile", { path: at("w"), dataBase64: dataBase64 ?? "" }),
      { code: -32600, message: `${base64}: ${problem}` },
    );
  }
  await refused(client.request("fs/writeFile", { path: at("no/w"), dataBase64: "" }), NOT_FOUND);
  assert.ok(![...Deno.readDirSync(server.project)].some(({ name }) => name === "w"));
});

Deno.test("fs: a file of 40 MiB goes over in one message, and one byte more in parts", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const path = `${server.project}/large`;
  const bytes = new Uint8Array(40 * MiB).map((_, index) => index * 13);
  await client.request("fs/writeFile", { path, dataBase64: bytes.toBase64() });
  const whole = await client.request("fs/readFile", { path });
  assert.equal(whole.fileSize, undefined);
  assert.ok(whole.dataBase64 === bytes.toBase64());
  await client.request("fs/writeFile", { path, dataBase64: "QQ==", offset: bytes.length });
  await refused(client.request("fs/readFile", { path }), {
    code: -32600,
    message:
      `\`${path}\` is too large for one message: 41943041 bytes, at most 41943040; use \`offset\` (and ` +
      "`length` when reading) to move it in parts of at most 8388608 bytes",
    reason: "invalidRequest",
  });
  const hash = { size: 0, last: "" };
  for (let offset = 0;;) {
    const part = await client.request("fs/readFile", { path, offset });
    assert.equal(part.fileSize, 40 * MiB + 1);
    const piece = Uint8Array.fromBase64(part.dataBase64);
    if (piece.length === 0) break;
    hash.size += piece.length;
    hash.last = String(piece.at(-1));
    offset += piece.length;
  }
  assert.deepEqual(hash, { size: 40 * MiB + 1, last: "65" });
  await refused(client.request("fs/readFile", { path, length: 8 * MiB + 1 }), {
    code: -32600,
    message: "A part of a file is at most 8388608 bytes, not 8388609",
  });
  await refused(client.request("fs/readFile", { path, offset: -1 }), {
    code: -32600,
    message: "Invalid request: invalid value: integer `-1`, expected usize",
  });
});

Deno.test("fs: many large files asked for at once all arrive, and another client is served meanwhile", async () => {
  await using server = await startServer();
  const [client, other] = await Promise.all([server.connect(), server.connect()]);
  const path = `${server.project}/large`;
  Deno.writeFileSync(path, new Uint8Array(3 * MiB).fill(65));
  let served = 0;
  let isBusy = true;
  const serving = (async () => {
    while (isBusy) {
      await other.request("fs/getMetadata", { path });
      served++;
    }
  })();
  const answers = await Promise.all(
    Array.from({ length: 24 }, () => client.request("fs/readFile", { path })),
  );
  isBusy = false;
  await serving;
  assert.ok(answers.every(({ dataBase64 }) => dataBase64.length === 4 * MiB));
  assert.ok(served > 5, String(served));
});

Deno.test("fs: a change and a look at it that are sent together happen in this order", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const path = `${server.project}/f`;
  const results = await Promise.all([
    put(client, path, "one"),
    get(client, path),
    put(client, path, "two"),
    get(client, path),
  ]);
  assert.deepEqual(results, [undefined, "one", undefined, "two"]);
});

Deno.test("fs: 40 MiB go over a socket in one message, both ways", async () => {
  await using server = await startServer();
  for (const kind of LISTENER_KINDS) {
    await using lab = await ListenLab.open(kind, {
      accept: (transport) => server.server.accept(transport),
    });
    const transport = kind === "loopback"
      ? await connectWebSocket(lab.listener.url)
      : await lab.client();
    const client = await Client.connect(transport, {
      clientInfo: { name: "test", version: "1" },
      clock: realClock,
    });
    const path = `${server.project}/large`;
    const dataBase64 = new Uint8Array(40 * MiB).fill(7).toBase64();
    await client.request("fs/writeFile", { path, dataBase64 });
    const [first, second] = await Promise.all([
      client.request("fs/readFile", { path }),
      client.request("fs/readFile", { path }),
    ]);
    assert.ok(first.dataBase64 === dataBase64 && second.dataBase64 === dataBase64);
    assert.equal(Deno.statSync(path).size, 40 * MiB);
    client.close();
  }
});
