/** `fs/watch`, `fs/unwatch` and `fs/changed` as clients see them. */
import assert from "node:assert/strict";
import type { Client } from "../../src/client/client.ts";
import { startServer } from "../support/server.ts";
import { put, refused } from "./fs_lab.ts";

/** Waits for reports of a watch until the path is among them. */
async function sees(client: Client, watchId: string, path: string): Promise<void> {
  await client.next(
    "fs/changed",
    (change) => change.watchId === watchId && change.changedPaths.includes(path),
  );
}

Deno.test("fs/watch reports files, folders and what comes later, each connection its own", async () => {
  await using server = await startServer();
  const [client, other] = await Promise.all([server.connect(), server.connect()]);
  const at = (name: string) => `${server.project}/${name}`;
  await put(client, at("f"), "1");
  await client.request("fs/createDirectory", { path: at("d") });
  const watch = (who: Client, watchId: string, path: string) =>
    who.request("fs/watch", { watchId, path });
  assert.deepEqual(await watch(client, "file", at("x/../f")), { path: at("f") });
  assert.deepEqual(await watch(client, "folder", at("d")), { path: at("d") });
  await watch(client, "later", at("no/such/file"));
  await watch(other, "file", at("d"));
  await put(client, at("f"), "2");
  await sees(client, "file", at("f"));
  await put(other, at("d/n"), "1");
  await sees(client, "folder", at("d/n"));
  await sees(other, "file", at("d/n"));
  await client.request("fs/createDirectory", { path: at("no/such") });
  await put(client, at("no/such/file"), "1");
  await sees(client, "later", at("no/such/file"));
});

Deno.test("fs/watch takes an id once per connection, and fs/unwatch frees it", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const path = `${server.project}/f`;
  const watch = (watchId: string) => client.request("fs/watch", { watchId, path });
  const again = { code: -32600, message: "watchId already exists: w", reason: "invalidRequest" };
  await watch("w");
  await refused(watch("w"), again);
  assert.deepEqual(await client.request("fs/unwatch", { watchId: "w" }), {});
  assert.deepEqual(await client.request("fs/unwatch", { watchId: "w" }), {});
  assert.deepEqual(await client.request("fs/unwatch", { watchId: "never" }), {});
  // The end of a watch that has not begun yet counts too, and so does its id.
  const [, , second] = await Promise.allSettled([
    watch("w"),
    client.request("fs/unwatch", { watchId: "w" }),
    watch("w"),
  ]);
  assert.equal(second.status, "fulfilled");
  await refused(watch("w"), again);
  await watch("other");
  await client.request("fs/unwatch", { watchId: "w" });
  const seen: string[] = [];
  client.on("fs/changed", ({ watchId }) => seen.push(watchId));
  await put(client, path, "x");
  await sees(client, "other", path);
  assert.deepEqual([...new Set(seen)], ["other"]);
});

Deno.test("fs/unwatch of one connection leaves the same watch of another alone", async () => {
  await using server = await startServer();
  const [client, other] = await Promise.all([server.connect(), server.connect()]);
  const path = `${server.project}/f`;
  for (const who of [client, other]) await who.request("fs/watch", { watchId: "w", path });
  await put(client, path, "1");
  await Promise.all([sees(client, "w", path), sees(other, "w", path)]);
  let seen = 0;
  await client.request("fs/unwatch", { watchId: "w" });
  client.on("fs/changed", () => seen++);
  await put(client, path, "2");
  await sees(other, "w", path);
  assert.equal(seen, 0);
});

Deno.test("fs/watch has a limit per connection that says what to do", async () => {
  await using server = await startServer();
  const [client, other] = await Promise.all([server.connect(), server.connect()]);
  const watch = (who: Client, index: number) =>
    who.request("fs/watch", { watchId: `w${index}`, path: `${server.project}/f${index}` });
  await Promise.all(Array.from({ length: 1000 }, (_, index) => watch(client, index)));
  await refused(watch(client, 1000), {
    code: -32600,
    message: "A connection has at most 1000 watches; end some with fs/unwatch",
  });
  await watch(other, 0);
  await client.request("fs/unwatch", { watchId: "w7" });
  await watch(client, 1000);
});

Deno.test({
  ignore: Deno.build.os !== "linux",
  name: "fs/watch: all watches end with their connection",
  fn: async () => {
    await using server = await startServer();
    const [leaving, staying] = await Promise.all([server.connect(), server.connect()]);
    const folders = Array.from({ length: 20 }, (_, index) => `${server.project}/d${index}`);
    await Promise.all(folders.map(async (path, index) => {
      await leaving.request("fs/createDirectory", { path });
      await leaving.request("fs/watch", { watchId: `w${index}`, path });
    }));
    const first = folders[0] ?? "";
    await staying.request("fs/watch", { watchId: "w", path: first });
    const before = kernelWatches();
    assert.ok(before >= 21);
    leaving.close();
    // What the server does next, it does after it has heard of the close.
    await staying.request("fs/getMetadata", { path: first });
    assert.equal(kernelWatches(), before - 19);
    await put(staying, `${first}/n`, "1");
    await sees(staying, "w", `${first}/n`);
  },
});

/** How many folders this process watches, as the kernel counts them. */
function kernelWatches(): number {
  let count = 0;
  for (const { name } of Deno.readDirSync("/proc/self/fdinfo")) {
    try {
      const text = Deno.readTextFileSync(`/proc/self/fdinfo/${name}`);
      count += text.split("\n").filter((line) => line.startsWith("inotify ")).length;
    } catch (error) {
      // The descriptor of the list itself is gone by now.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return count;
}
