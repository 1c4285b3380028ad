import assert from "node:assert/strict";
import { MountCounts } from "../../../src/exec/sandbox/launcher/mount_counts.ts";
import { hasProgram } from "./launcher_support.ts";

const MAIN = new URL("./mounted_names_main.ts", import.meta.url).pathname;
const UNSHARE = "/usr/bin/unshare";
const isLinux = Deno.build.os === "linux";
const canMount = isLinux && hasProgram(UNSHARE) &&
  new Deno.Command(UNSHARE, { args: ["--mount", "/bin/true"], stderr: "null" }).outputSync()
    .success;

Deno.test("other names of a file are found as soon as it is mounted elsewhere", {
  ignore: !canMount,
}, async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  try {
    for (const name of ["one", "two"]) await Deno.mkdir(`${folder}/${name}`);
    await Deno.writeTextFile(`${folder}/one/secret`, "");
    const { stdout, stderr } = await new Deno.Command(UNSHARE, {
      args: ["--mount", "--propagation", "private", Deno.execPath(), "run", "-A", MAIN, folder],
    }).output();
    const lines = new TextDecoder().decode(stdout).trim().split("\n");
    assert.equal(lines.length, 5, new TextDecoder().decode(stderr));
    const [before, again, mounted, renamed, after] = lines.map((line) => JSON.parse(line));
    assert.deepEqual([before, again, after], [[], [], []]);
    assert.deepEqual(mounted, [`${folder}/two/secret`]);
    assert.deepEqual(renamed, [`${folder}/two/secret`, `${folder}/moved/below/secret`]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("mounts are counted by device", { ignore: !isLinux }, () => {
  const mount = (device: string, point: string) => ({ device, root: "/", point });
  const counts = new MountCounts(() => [mount("8:1", "/"), mount("0:5", "/a"), mount("0:5", "/b")]);
  assert.deepEqual(["8:1", "0:5", "9:9"].map((device) => counts.of(device)), [1, 2, 0]);
  assert.equal(counts.of("8:1"), 1);
});
