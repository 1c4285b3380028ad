/** `fs/*` under the server's sandbox policy, as clients see it. */
import assert from "node:assert/strict";
import { startServer } from "../support/server.ts";
import { get, put, refused, startConfined } from "./fs_lab.ts";

const DENIED = {
  code: -32600,
  message: /cannot be (changed|read|removed)/,
  reason: "sandboxDenied",
};

Deno.test("fs: read-only lets a client read, but not write or read credentials", async () => {
  await using server = await startConfined("read-only");
  const client = await server.connect();
  const path = `${server.project}/f`;
  await Deno.writeTextFile(path, "content");
  await Deno.writeTextFile(`${server.home}/home/auth.json`, "{}");
  assert.equal(await get(client, path), "content");
  // Looked up first: a refusal that comes while nobody waits for it would end the test.
  const real = await Deno.realPath(path);
  await refused(put(client, path, "x"), {
    ...DENIED,
    message: `\`${real}\` cannot be changed: the sandbox policy readOnly allows no writing`,
  });
  await refused(client.request("fs/remove", { path }), DENIED);
  await refused(client.request("fs/createDirectory", { path: `${path}2` }), DENIED);
  await refused(
    client.request("fs/copy", { sourcePath: path, destinationPath: `${path}2` }),
    DENIED,
  );
  await refused(get(client, `${server.home}/home/auth.json`), DENIED);
  await refused(
    client.request("fs/watch", {
      watchId: "w",
      path: `${server.home}/home/auth.json`,
    }),
    DENIED,
  );
  assert.equal(await Deno.readTextFile(path), "content");
});

Deno.test("fs: workspace-write keeps credentials, rules, the configuration and what is run later", async () => {
  await using server = await startConfined("workspace-write");
  const client = await server.connect();
  const home = `${server.home}/home`;
  await Deno.writeTextFile(`${home}/auth.json`, "secret");
  await Deno.mkdir(`${home}/rules`);
  await Deno.mkdir(`${server.project}/.git/hooks`, { recursive: true });
  await Deno.symlink(`${home}/config.toml`, `${server.project}/innocent`);
  await put(client, `${server.project}/f`, "fine");
  assert.equal(await Deno.readTextFile(`${server.project}/f`), "fine");
  const kept = [
    `${home}/auth.json`,
    `${home}/config.toml`,
    `${home}/rules/default.rules`,
    `${home}/sessions`,
    `${server.project}/innocent`,
    `${server.project}/.git/hooks/pre-commit`,
    `${server.project}/.git/config`,
    `${server.project}/.codex`,
    `${server.project}/sub/../.agents`,
    `${server.project}/../home/config.toml`,
    Deno.execPath(),
    "/etc/passwd",
  ];
  for (const path of kept) {
    await refused(put(client, path, "x"), DENIED);
    const copy = { sourcePath: `${server.project}/f`, destinationPath: path };
    await refused(client.request("fs/copy", copy), DENIED);
  }
  for (const path of [home, server.home, server.project, `${server.project}/.git`, "/tmp"]) {
    await refused(client.request("fs/remove", { path }), DENIED);
  }
  await refused(client.request("fs/remove", { path: "/" }), {
    code: -32600,
    message: "The root folder cannot be removed",
  });
  await client.request("fs/remove", { path: `${server.project}/innocent` });
  assert.match(await Deno.readTextFile(`${home}/config.toml`), /workspace-write/);
  assert.equal(await Deno.readTextFile(`${home}/auth.json`), "secret");
});

Deno.test("fs: full access keeps credentials, rules and the configuration too, and nothing else", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const home = `${server.home}/home`;
  await Deno.writeTextFile(`${home}/auth.json`, "secret");
  await Deno.mkdir(`${home}/rules`);
  await Deno.symlink(`${home}/config.toml`, `${server.project}/innocent`);
  await Deno.link(`${home}/auth.json`, `${server.project}/hard`);
  await put(client, `${server.project}/f`, "mine");
  const config = await get(client, `${home}/config.toml`);
  const kept = [
    `${home}/auth.json`,
    `${home}/.credentials.json`,
    `${home}/config.toml`,
    `${home}/rules/default.rules`,
    `${server.project}/innocent`,
    `${server.project}/hard`,
    `/proc/self/root${home}/auth.json`,
  ];
  const message = new RegExp(
    "cannot be changed: this server keeps its credentials, rules and settings there; " +
      "use account/\\* and config/\\* for them$",
  );
  for (const path of kept) {
    await refused(put(client, path, "x"), { ...DENIED, message });
    const copy = { sourcePath: `${server.project}/f`, destinationPath: path };
    await refused(client.request("fs/copy", copy), { ...DENIED, message });
  }
  for (const path of [`${home}/auth.json`, `${home}/config.toml`, `${home}/rules`, home]) {
    await refused(client.request("fs/remove", { path }), DENIED);
  }
  await Deno.mkdir(`${server.project}/tree/rules`, { recursive: true });
  await Deno.writeTextFile(`${server.project}/tree/rules/x.rules`, "");
  const tree = { sourcePath: `${server.project}/tree`, destinationPath: home, recursive: true };
  await refused(client.request("fs/copy", tree), DENIED);
  assert.deepEqual([...Deno.readDirSync(`${home}/rules`)], []);
  assert.equal(await get(client, `${home}/auth.json`), "secret");
  assert.equal(await get(client, `${home}/config.toml`), config);
  for (const path of ["/", `${home}/rules`]) {
    await refused(put(client, path, "x"), {
      code: -32603,
      message: "Is a directory (os error 21)",
    });
  }
  // Hard links are no matter elsewhere, and neither are repositories.
  await Deno.link(`${server.project}/f`, `${server.home}/other`);
  await put(client, `${server.home}/other`, "linked");
  assert.equal(await get(client, `${server.project}/f`), "linked");
  await client.request("fs/createDirectory", { path: `${server.project}/.git/hooks` });
  await put(client, `${server.project}/.git/hooks/post-commit`, "");
  await put(client, `${home}/notes.md`, "");
  await client.request("fs/remove", { path: `${server.project}/innocent` });
});

Deno.test("fs: the policy that is edited while the server runs counts", async () => {
  await using server = await startConfined("read-only");
  const client = await server.connect();
  const path = `${server.project}/f`;
  await refused(put(client, path, "x"), DENIED);
  const config = `${server.home}/home/config.toml`;
  const text = await Deno.readTextFile(config);
  await Deno.writeTextFile(config, text.replace("read-only", "workspace-write"));
  // It is looked at about once a second.
  for (;;) {
    const outcome = await put(client, path, "x").then(() => "ok", (error) => error.data?.reason);
    if (outcome === "ok") break;
    assert.equal(outcome, "sandboxDenied");
  }
  assert.equal(await Deno.readTextFile(path), "x");
});
