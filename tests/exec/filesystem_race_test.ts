/** Names that are changed while file operations under rules use them; nothing may ever be reached outside. */
import assert from "node:assert/strict";
import type { Files } from "../../src/exec/filesystem.ts";
import type { FlipPlan } from "./filesystem_flipper.ts";
import { bytesOf, fileSystem, whole, Workspace } from "./filesystem_lab.ts";

const isLinux = Deno.build.os === "linux";

function write(files: Files, path: string, text = "x") {
  return files.writeFile({ path, bytes: bytesOf(text), offset: null });
}

/** Starts to change a name; resolves when it has been told to stop and has stopped. */
async function flip(plan: FlipPlan, shared: Int32Array): Promise<void> {
  const worker = new Worker(new URL("./filesystem_flipper.ts", import.meta.url), {
    type: "module",
  });
  const { port1, port2 } = new MessageChannel();
  const stopped = new Promise((resolve) => port1.onmessage = resolve);
  worker.postMessage({ plan, shared }, [port2]);
  await stopped;
  port1.close();
  worker.terminate();
}

Deno.test({
  ignore: !isLinux,
  name: "a link that is swapped all the time never leads out",
  fn: async () => {
    using lab = new Workspace();
    using fs = fileSystem();
    const files = fs.under(lab.rules());
    lab.folder("ws/inside");
    const link = lab.link("ws/flip", "inside");
    const leaf = lab.link("ws/leaf", "inside/leaf");
    lab.file("ws/inside/leaf", "");
    lab.file("outside/leaf", "untouched");
    const shared = new Int32Array(new SharedArrayBuffer(8));
    const stopped = [
      { link, targets: ["inside", "../outside"] },
      { link: leaf, targets: ["inside/leaf", "../outside/leaf"] },
    ].map((plan) => flip(plan, shared));
    const outcomes = new Map<string, number>();
    const count = (word: string) => outcomes.set(word, (outcomes.get(word) ?? 0) + 1);
    const attempt = (task: Promise<unknown>) =>
      task.then(() => count("ok"), (error) => count(error.kind));
    try {
      for (let round = 0; round < 400; round++) {
        await Promise.all([
          attempt(write(files, `${link}/w${round}`)),
          attempt(write(files, leaf, "hit")),
          attempt(files.createDirectory({ path: `${link}/d${round}`, recursive: true })),
          attempt(
            files.copy({
              source: `${lab.ws}/inside/leaf`,
              destination: `${link}/c${round}`,
              recursive: false,
            }),
          ),
          attempt(files.remove({ path: `${link}/secret`, recursive: true, force: true })),
          files.readFile(whole(`${link}/secret`)).then(() => count("leak"), () => count("kept")),
        ]);
      }
    } finally {
      Atomics.store(shared, 0, 1);
      await Promise.all(stopped);
    }
    assert.deepEqual(lab.names("outside"), ["leaf", "secret"]);
    assert.equal(lab.text("outside/leaf"), "untouched");
    assert.equal(lab.text("outside/secret"), "secret");
    assert.equal(outcomes.get("leak"), undefined);
    // Both targets were met, else this would show nothing.
    assert.ok((outcomes.get("ok") ?? 0) > 0 && (outcomes.get("sandboxDenied") ?? 0) > 0);
  },
});

Deno.test({
  ignore: !isLinux,
  name: "a folder that is swapped for a link all the time never leads out",
  fn: async () => {
    using lab = new Workspace();
    using fs = fileSystem();
    const files = fs.under(lab.rules());
    const folder = lab.folder("ws/folder");
    const aside = lab.path("ws/aside");
    lab.file("outside/deep/leaf", "untouched");
    lab.file("ws/tree/secret", "x");
    lab.file("ws/tree/deep/leaf", "x");
    const shared = new Int32Array(new SharedArrayBuffer(8));
    const stopped = flip({ folder, aside, target: "../outside" }, shared);
    let [done, refused, leaks] = [0, 0, 0];
    const attempt = (task: Promise<unknown>) => task.then(() => done++, () => refused++);
    const remove = (path: string) => attempt(files.remove({ path, recursive: true, force: true }));
    const copy = (source: string, destination: string) =>
      attempt(files.copy({ source, destination, recursive: true }));
    // Until both were met: how often depends on the machine.
    for (let round = 0; round < 100 || done === 0 || refused === 0; round++) {
      await Promise.all([
        attempt(write(files, `${folder}/w${round % 8}`)),
        attempt(files.createDirectory({ path: `${folder}/a/b`, recursive: true })),
        copy(`${lab.ws}/tree`, `${folder}/tree`),
        copy(`${lab.ws}/tree`, folder),
        copy(folder, `${lab.ws}/stolen${round % 8}`),
        remove(`${folder}/deep`),
        remove(`${folder}/secret`),
        remove(folder),
        attempt(files.createDirectory({ path: `${folder}/deep`, recursive: true })),
        files.readFile(whole(`${folder}/secret`)).then((read) => {
          if (read.type === "content" && read.bytes.length > 1) leaks++;
        }, () => refused++),
      ]);
    }
    Atomics.store(shared, 0, 1);
    await stopped;
    assert.deepEqual(lab.names("outside"), ["deep", "secret"]);
    assert.deepEqual(lab.names("outside/deep"), ["leaf"]);
    assert.equal(lab.text("outside/deep/leaf"), "untouched");
    assert.equal(lab.text("outside/secret"), "secret");
    assert.equal(leaks, 0);
    // What lies outside may be read and so be copied, but never the secret; a link was perhaps copied as a link.
    for (const { name, isDirectory } of Deno.readDirSync(lab.ws)) {
      if (!name.startsWith("stolen") || !isDirectory) continue;
      if (lab.names(`ws/${name}`).includes("secret")) {
        assert.equal(lab.text(`ws/${name}/secret`), "x");
      }
    }
  },
});
