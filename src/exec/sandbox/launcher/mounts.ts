/** Step 3 of the launcher (see `operations.ts`): what is writable, read-only and hidden, as mounts. */
import { AT_FDCWD, flags, MOUNT_ATTR_BYTES, mountAttributes, together } from "./flags.ts";
import { JOURNAL_DESCRIPTOR } from "./interpreter.ts";
import type { Entry } from "./disk.ts";
import { type Place, type Plan, terminalOf } from "./plan.ts";
import { type Argument, call, type Operation } from "./script.ts";
import { type Architecture, noFollowFlag } from "./syscalls.ts";
import type { Traits } from "./traits.ts";

/** All mounts but `/proc`, which the command makes itself. */
export function mountOperations(plan: Plan, traits: Traits): Operation[] {
  return new Mounts(plan, traits).operations();
}

/** Opens a path as such. Fails if there is a symbolic link anywhere in it, but for `link`: that is one. */
export function openPath(
  path: string,
  { expected, link = null }: { readonly expected: number; readonly link?: Architecture | null },
): Operation {
  const plain = flags("O", ["PATH", "CLOEXEC"]);
  const open = link === null
    ? plain
    : together(plain, { text: "O_NOFOLLOW", value: noFollowFlag(link) });
  const resolve = flags("RESOLVE", ["NO_SYMLINKS", "NO_MAGICLINKS"]);
  const how: Argument = {
    text: `{${open.text}, ${resolve.text}}`,
    words: [open.value, 0, resolve.value],
  };
  return call(`open ${path}`, "openat2", { args: [AT_FDCWD, path, how, 24], expected });
}

const S_IFREG = 0o100000;

/** A mount that was taken aside, by the descriptor that holds it. */
interface Aside {
  readonly path: string;
  readonly descriptor: number;
}

/**
 * Collects the operations and keeps count of descriptors, so that each number is known beforehand.
 *
 * A mount of a folder onto itself is called a copy: the same files, with attributes of its own, and the
 * place becomes one that can be neither renamed nor removed.
 */
class Mounts {
  readonly #plan: Plan;
  readonly #traits: Traits;
  readonly #operations: Operation[] = [];
  readonly #open = new Set<number>();

  constructor(plan: Plan, traits: Traits) {
    this.#plan = plan;
    this.#traits = traits;
  }

  operations(): Operation[] {
    this.#add("keep mounts to ourselves", "mount", [
      "none",
      "/",
      0,
      flags("MS", ["REC", "PRIVATE"]),
      0,
    ]);
    const devices = this.#takeDevicesAside();
    const writable = this.#plan.places
      .filter(({ as }) => as === "writable")
      .map(({ path }) => this.#takeAside(path, ["NOSUID", "NODEV"]));
    this.#lock();
    for (const device of devices) this.#putBack(device);
    this.#makeOwnDevices();
    for (const place of this.#plan.places) this.#arrange(place, writable);
    return this.#operations;
  }

  #takeDevicesAside(): Aside[] {
    const { devices, console } = this.#traits;
    // Devices can be written to all the same, but their modes and owners cannot be changed.
    const aside = devices.map((path) => this.#takeAside(path, ["RDONLY", "NOSUID"]));
    const terminal = terminalOf(this.#plan);
    if (terminal !== null && console) {
      // So that programs find a name for their terminal: its own is in a `/dev/pts` that is not theirs.
      const { descriptor } = this.#takeAside(terminal, ["RDONLY", "NOSUID"]);
      aside.push({ path: "/dev/console", descriptor });
    }
    return aside;
  }

  /** Holds a copy as it is outside: what is read-only there stays so. */
  #takeAside(path: string, attributes: readonly ("RDONLY" | "NOSUID" | "NODEV")[]): Aside {
    const target = this.#openPath(path);
    const descriptor = this.#copy(path, target);
    if (attributes.length > 0) this.#setAttributes(path, descriptor, attributes);
    this.#close(path, target);
    return { path, descriptor };
  }

  /** From here on nothing can be written but what was taken aside, and no device opened. */
  #lock(): void {
    const always = ["NOSUID", "NODEV"] as const;
    const attributes = this.#plan.writesEverywhere ? always : ["RDONLY", ...always] as const;
    const name = this.#plan.writesEverywhere ? "shut all devices" : "make everything read-only";
    this.#add(name, "mount_setattr", [
      AT_FDCWD,
      "/",
      flags("AT", ["RECURSIVE"]),
      mountAttributes(attributes),
      MOUNT_ATTR_BYTES,
    ]);
    if (!this.#plan.writesEverywhere) return;
    for (const path of ["/dev", "/sys"]) {
      this.#cover(path, (target) => this.#copyReadOnly(path, target));
    }
  }

  /** Terminals and shared memory of its own. */
  #makeOwnDevices(): void {
    const { pts, ptmx, shm } = this.#traits;
    if (pts) {
      this.#add("mount /dev/pts", "mount", [
        "devpts",
        "/dev/pts",
        "devpts",
        flags("MS", ["NOSUID", "NOEXEC"]),
        "newinstance,ptmxmode=0666,mode=620",
      ]);
    }
    if (pts && ptmx) this.#putBack({ ...this.#takeAside("/dev/pts/ptmx", []), path: "/dev/ptmx" });
    if (shm) {
      const attributes = flags("MS", ["NOSUID", "NODEV"]);
      this.#add("mount /dev/shm", "mount", ["tmpfs", "/dev/shm", "tmpfs", attributes, "mode=1777"]);
      this.#makeFoldersInMemory();
    }
  }

  /** For the writable folders that are put back there. */
  #makeFoldersInMemory(): void {
    const made = new Set<string>();
    for (const { path, as } of this.#plan.places) {
      if (as !== "writable" || !path.startsWith("/dev/shm/")) continue;
      for (let end = "/dev/shm/".length; end > 0; end = path.indexOf("/", end) + 1) {
        const next = path.indexOf("/", end);
        made.add(next < 0 ? path : path.slice(0, next));
        if (next < 0) break;
      }
    }
    for (const path of made) {
      this.#operations.push(call(`make ${path}`, "mkdirat", { args: [AT_FDCWD, path, 0o755] }));
    }
  }

  #arrange({ path, as, entries = [] }: Place, writable: readonly Aside[]): void {
    switch (as) {
      case "writable": {
        const aside = writable.find((each) => each.path === path);
        if (aside !== undefined) this.#putBack(aside);
        return;
      }
      case "pinned":
        return this.#cover(path, (target) => this.#copy(path, target));
      case "readOnly":
        return this.#cover(path, (target) => this.#copyReadOnly(path, target));
      case "readOnlyLink": {
        const link = this.#traits.architecture;
        return this.#cover(path, (target) => this.#copyReadOnly(path, target), { link });
      }
      case "hiddenFile":
        return this.#cover(path, () => this.#copyNull());
      case "hiddenFolder":
        return this.#hideFolder(path);
      case "veiled":
        return this.#veil(path, entries);
    }
  }

  #putBack({ path, descriptor }: Aside): void {
    const target = this.#openPath(path);
    this.#attach(path, descriptor, target);
    this.#close(path, target);
    this.#close(path, descriptor);
  }

  #cover(
    path: string,
    make: (target: number) => number,
    { link = null }: { readonly link?: Architecture | null } = {},
  ): void {
    const target = this.#openPath(path, link);
    const mount = make(target);
    this.#attach(path, mount, target);
    this.#close(path, mount);
    this.#close(path, target);
  }

  #hideFolder(path: string): void {
    const target = this.#openPath(path);
    this.#add(`hide ${path}`, "mount", [
      "tmpfs",
      `/proc/self/fd/${target}`,
      "tmpfs",
      flags("MS", ["RDONLY", "NOSUID", "NODEV", "NOEXEC"]),
      "mode=555,nr_inodes=1",
    ]);
    this.#close(path, target);
  }

  /**
   * A new folder takes the place of the old one, with mounts of what was in there. Each entry may have gone since:
   * then nothing is in its place.
   */
  #veil(path: string, entries: readonly Entry[]): void {
    const folder = this.#openPath(path);
    this.#add(`veil ${path}`, "mount", [
      "tmpfs",
      `/proc/self/fd/${folder}`,
      "tmpfs",
      flags("MS", ["NOSUID", "NODEV", "NOEXEC"]),
      "mode=755",
    ]);
    const veil = this.#openPath(path);
    const mount = this.#next();
    for (const { name, target, kind } of entries) {
      const what = `${path}/${name}`;
      if (kind === "link") {
        this.#operations.push(
          call(`make ${what}`, "symlinkat", { args: [target ?? "", veil, name], mayFail: true }),
        );
        continue;
      }
      this.#operations.push(
        kind === "folder"
          ? call(`make ${what}`, "mkdirat", { args: [veil, name, 0o755] })
          : call(`make ${what}`, "mknodat", { args: [veil, name, S_IFREG | 0o644, 0] }),
        call(`copy ${what}`, "open_tree", {
          args: [
            folder,
            name,
            together(
              flags("OPEN_TREE", ["CLONE", "CLOEXEC"]),
              flags("AT", ["RECURSIVE", "SYMLINK_NOFOLLOW"]),
            ),
          ],
          mayFail: true,
        }),
        call(`show ${what}`, "move_mount", {
          args: [mount, "", veil, name, flags("MOVE_MOUNT", ["F_EMPTY_PATH"])],
          mayFail: true,
        }),
        call(`close ${what}`, "close", { args: [mount], mayFail: true }),
      );
    }
    this.#open.delete(mount);
    this.#setAttributes(path, veil, ["RDONLY"]);
    this.#close(path, veil);
    this.#close(path, folder);
  }

  #openPath(path: string, link: Architecture | null = null): number {
    const expected = this.#next();
    this.#operations.push(openPath(path, { expected, link }));
    return expected;
  }

  /** A copy of what a descriptor stands for, with everything that is mounted below. */
  #copy(path: string, target: number): number {
    const how = together(
      flags("OPEN_TREE", ["CLONE", "CLOEXEC"]),
      flags("AT", ["EMPTY_PATH", "RECURSIVE"]),
    );
    return this.#descriptor(`copy ${path}`, "open_tree", [target, "", how]);
  }

  #copyReadOnly(path: string, target: number): number {
    const copy = this.#copy(path, target);
    this.#setAttributes(path, copy, ["RDONLY"]);
    return copy;
  }

  /** The empty device, from where it can be opened. */
  #copyNull(): number {
    const how = flags("OPEN_TREE", ["CLONE", "CLOEXEC"]);
    return this.#descriptor("copy /dev/null", "open_tree", [AT_FDCWD, "/dev/null", how]);
  }

  #setAttributes(
    path: string,
    mount: number,
    attributes: readonly ("RDONLY" | "NOSUID" | "NODEV")[],
  ): void {
    this.#add(`restrict ${path}`, "mount_setattr", [
      mount,
      "",
      flags("AT", ["EMPTY_PATH", "RECURSIVE"]),
      mountAttributes(attributes),
      MOUNT_ATTR_BYTES,
    ]);
  }

  #attach(path: string, mount: number, target: number): void {
    const how = flags("MOVE_MOUNT", ["F_EMPTY_PATH", "T_EMPTY_PATH"]);
    this.#add(`mount ${path}`, "move_mount", [mount, "", target, "", how]);
  }

  #descriptor(name: string, system: "open_tree", args: readonly Argument[]): number {
    const expected = this.#next();
    this.#operations.push(call(name, system, { args, expected }));
    return expected;
  }

  #add(
    name: string,
    system: "mount" | "mount_setattr" | "move_mount",
    args: readonly Argument[],
  ): void {
    this.#operations.push(call(name, system, { args }));
  }

  #close(path: string, descriptor: number): void {
    this.#open.delete(descriptor);
    this.#operations.push(call(`close ${path}`, "close", { args: [descriptor] }));
  }

  /** The lowest number that is free, which is what the kernel will hand out. */
  #next(): number {
    let descriptor = JOURNAL_DESCRIPTOR + 1;
    while (this.#open.has(descriptor)) descriptor++;
    this.#open.add(descriptor);
    return descriptor;
  }
}
