/** Processes and files under the permission profiles of 0.169, with whatever confines on this machine. */
import assert from "node:assert/strict";
import { Backends } from "../../src/exec/sandbox/probe.ts";
import { shell, startExecServer } from "./exec_server_support.ts";

const backend = await new Backends().best();
const ignore = backend === null;

function profile(folder: string, entries: unknown[] = []) {
  return {
    permissions: {
      type: "managed",
      file_system: {
        type: "restricted",
        entries: [
          { path: { type: "special", value: { kind: "root" } }, access: "read" },
          { path: { type: "special", value: { kind: "project_roots" } }, access: "write" },
          ...entries,
        ],
      },
      network: "restricted",
    },
    cwd: `file://${folder}`,
    workspaceRoots: [`file://${folder}/project`],
    windowsSandboxLevel: "disabled",
  };
}

Deno.test({
  name:
    "process/start confines by the profile of its client, and tells what the sandbox has stopped",
  ignore,
  async fn() {
    await using exec = await startExecServer();
    const { folder } = exec;
    await Deno.mkdir(`${folder}/project/kept`, { recursive: true });
    await Deno.writeTextFile(`${folder}/project/secret`, "secret");
    const client = await exec.client();
    const entries = [
      { path: { type: "path", path: `file://${folder}/project/kept` }, access: "read" },
      { path: { type: "path", path: `file://${folder}/project/secret` }, access: "deny" },
    ];
    const run = async (processId: string, script: string) => {
      const params = { ...shell(processId, script), cwd: `file://${folder}/project` };
      const sandbox = profile(folder, entries);
      const started = await client.raw("process/start", { ...params, sandbox });
      assert.match(JSON.stringify(started), /"sandboxType":"(linuxSeccomp|macosSeatbelt)"/);
      const exited = await client.next("process/exited", (each) => each.processId === processId);
      await client.next("process/closed", (each) => each.processId === processId);
      const read = await client.request("process/read", { processId });
      assert.equal(read.sandboxDenied, exited.sandboxDenied);
      return [exited.exitCode === 0, exited.sandboxDenied];
    };
    assert.deepEqual(await run("inside", "echo > written"), [true, false]);
    assert.deepEqual(await run("outside", `echo > ${folder}/escaped`), [false, true]);
    assert.deepEqual(await run("kept", "echo > kept/escaped"), [false, true]);
    assert.deepEqual(await run("own failure", "exit 3"), [false, false]);
    assert.deepEqual(await run("words", "echo 'Permission denied'"), [true, false]);
    await run("secret", "cat secret > copy; true");
    assert.equal(await Deno.readTextFile(`${folder}/project/copy`).catch(() => ""), "");
    await Deno.stat(`${folder}/project/written`);
    for (const path of [`${folder}/escaped`, `${folder}/project/kept/escaped`]) {
      await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
    }
  },
});

Deno.test("words of a sandbox in the output of a process without one are no denial", async () => {
  await using exec = await startExecServer();
  const client = await exec.client();
  await client.request("process/start", shell("p", "echo 'Permission denied' >&2; exit 1"));
  assert.equal((await client.next("process/exited")).sandboxDenied, false);
});

Deno.test("files are held to the profile of a call", async () => {
  await using exec = await startExecServer();
  const { folder } = exec;
  await Deno.mkdir(`${folder}/project/.git`, { recursive: true });
  const client = await exec.client();
  const sandbox = profile(folder, [
    { path: { type: "path", path: `${folder}/project/secret` }, access: "deny" },
  ]);
  const write = (path: string) =>
    client.raw("fs/writeFile", { path: `file://${folder}/${path}`, dataBase64: "eA==", sandbox });
  await write("project/written");
  await assert.rejects(write("escaped"), /is not permitted/);
  await assert.rejects(write("project/.git/hook"), /is not permitted/);
  await Deno.writeTextFile(`${folder}/project/secret`, "secret");
  const path = `file://${folder}/project/secret`;
  await assert.rejects(client.raw("fs/readFile", { path, sandbox }), /is not permitted/);
  await client.raw("fs/readFile", { path: `file://${folder}/project/written`, sandbox });
});
