/** Temporary folders and the disks of this machine, for tests of file operations. */
import { join } from "node:path";
import { encodeBase64 } from "../../src/exec/filesystem/base64.ts";
import type { Disk } from "../../src/exec/filesystem/disk.ts";
import { GuardedDisk } from "../../src/exec/filesystem/guarded_disk.ts";
import { Libc } from "../../src/exec/filesystem/libc.ts";
import { LinuxDisk } from "../../src/exec/filesystem/linux_disk.ts";
import { operation } from "../../src/exec/filesystem/operations.ts";
import { PortableDisk } from "../../src/exec/filesystem/portable_disk.ts";
import type { FileOperation, FileOperations } from "../../src/exec/filesystem/requests.ts";
import { type FileRules, FileSystem } from "../../src/exec/filesystem.ts";
import { realClock } from "./real_clock.ts";

/** A folder that goes with the test, and ways to put something into it. */
export class Lab implements Disposable {
  readonly root = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "codex-files-" }));

  path(...names: string[]): string {
    return join(this.root, ...names);
  }

  file(name: string, content: string): string {
    const path = this.path(name);
    Deno.mkdirSync(join(path, ".."), { recursive: true });
    Deno.writeTextFileSync(path, content);
    return path;
  }

  folder(name: string): string {
    Deno.mkdirSync(this.path(name), { recursive: true });
    return this.path(name);
  }

  link(name: string, target: string): string {
    Deno.symlinkSync(target, this.path(name));
    return this.path(name);
  }

  async fifo(name: string): Promise<string> {
    const { success } = await new Deno.Command("mkfifo", { args: [this.path(name)] }).output();
    if (!success) throw new Error("mkfifo failed");
    return this.path(name);
  }

  text(name: string): string {
    return Deno.readTextFileSync(this.path(name));
  }

  names(name = ""): string[] {
    return [...Deno.readDirSync(this.path(name))].map((entry) => entry.name).sort();
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.root, { recursive: true });
  }
}

/** Operations on a disk of this very thread, without rules. */
export interface Bench extends Disposable {
  readonly name: string;
  run<O extends FileOperation>(
    name: O,
    params: FileOperations[O]["params"],
  ): FileOperations[O]["result"];
}

/** The disks that work here. */
export function benches(): readonly (() => Bench)[] {
  const portable = () => bench("portable", { disk: new PortableDisk(), close: () => {} });
  if (Deno.build.os !== "linux") return [portable];
  const linux = () => {
    const libc = new Libc();
    const disk = new LinuxDisk(libc, { refuseMagicLinks: false });
    return bench("linux", { disk, close: () => libc[Symbol.dispose]() });
  };
  return [linux, portable];
}

function bench(name: string, parts: { readonly disk: Disk; readonly close: () => void }): Bench {
  const guard = new GuardedDisk(parts.disk, null);
  return {
    name,
    run(operationName, params) {
      const request = { id: 0, operation: operationName, params };
      // deno-lint-ignore no-explicit-any -- Pairs of name and params fit by the signature above.
      const steps = operation({ guard, confinement: null }, request as any);
      for (let step = steps.next();; step = steps.next()) {
        // deno-lint-ignore no-explicit-any
        if (step.done) return step.value as any;
      }
    },
    [Symbol.dispose]: parts.close,
  };
}

/** Files under rules like those of `workspaceWrite` on `root`, or without any. */
export function confined(root: string, changes: Partial<FileRules> = {}): FileRules {
  return {
    policy: "workspaceWrite",
    writable: [root],
    readOnly: [`${root}/.git`, `${root}/.codex`],
    hidden: [],
    readable: null,
    protectedNames: [".git", ".codex", ".agents"],
    ...changes,
  };
}

/** A workspace with a secret beside it. */
export class Workspace extends Lab {
  readonly ws = this.folder("ws");
  readonly outside = this.folder("outside");
  readonly secret = this.file("outside/secret", "secret");

  rules(changes: Partial<FileRules> = {}): FileRules {
    return confined(this.ws, { hidden: [this.secret], ...changes });
  }
}

/** A file system that ends with the test. */
export function fileSystem(): FileSystem {
  return new FileSystem({ clock: realClock });
}

/** The bytes of a text. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** The whole result of steps. */
export function finish<T>(steps: Generator<void, T, void>): T {
  for (let step = steps.next();; step = steps.next()) if (step.done) return step.value;
}

/** Base64 in one go. */
export function base64(text: string): string {
  return finish(encodeBase64(bytesOf(text)));
}

/** Params of a whole read. */
export function whole(path: string) {
  return { path, offset: null, length: null, bytesMax: Infinity };
}

/** The text of a read. */
export function textOf(result: FileOperations["readFile"]["result"]): string {
  if (result.type !== "content") throw new Error(`Not content: ${result.bytes} bytes`);
  return new TextDecoder().decode(result.bytes);
}
