/**
 * Linux's notifications about folders; must not know what they are used for.
 *
 * `Deno.watchFs` is not used: watches of one folder under two paths get each other's events, and a watch that ends
 * silences the others.
 */
import { CodexError } from "../../lib/errors.ts";
import { cString, latin1, toBytes, toText } from "../filesystem/byte_text.ts";
import { Libc } from "../filesystem/libc.ts";
import { errnos, isErrno } from "../filesystem/os_error.ts";
import type { FolderListener, Notifier } from "./notifier.ts";

const IN_MODIFY = 0x2;
const IN_ATTRIB = 0x4;
const IN_MOVED_FROM = 0x40;
const IN_MOVED_TO = 0x80;
const IN_CREATE = 0x100;
const IN_DELETE = 0x200;
const IN_DELETE_SELF = 0x400;
const IN_MOVE_SELF = 0x800;
const IN_UNMOUNT = 0x2000;
const IN_Q_OVERFLOW = 0x4000;
const IN_IGNORED = 0x8000;
const IN_ONLYDIR = 0x1000000;
const IN_CLOEXEC = 0o2000000;

const ENTRY_IDENTITY = IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE;
const SELF_IDENTITY = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED;
const MASK = IN_MODIFY | IN_ATTRIB | ENTRY_IDENTITY | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
const EMFILE = 24;
const HEADER_BYTES = 16;
const BUFFER_BYTES = 64 * 1024;

/**
 * Invariants: a folder has one watch in the kernel however many listeners and paths lead to it; the kernel's watch
 * ends with the last listener; one read is parked while there is any watch, and none otherwise.
 */
export class Inotify implements Notifier {
  readonly #libc = new Libc();
  readonly #fd: number;
  /** By watch descriptor, which is never used twice. */
  readonly #listeners = new Map<number, Set<FolderListener>>();
  #reading: Promise<void> | null = null;

  constructor() {
    try {
      this.#fd = this.#libc.check(this.#libc.calls.inotify_init1(IN_CLOEXEC));
    } catch (error) {
      this.#libc[Symbol.dispose]();
      throw limited(error);
    }
  }

  watch(folder: string, listener: FolderListener): Disposable {
    const { calls } = this.#libc;
    const descriptor = this.#add(folder);
    let listeners = this.#listeners.get(descriptor);
    if (!listeners) this.#listeners.set(descriptor, listeners = new Set());
    listeners.add(listener);
    this.#reading ??= this.#read();
    return {
      [Symbol.dispose]: () => {
        listeners.delete(listener);
        if (listeners.size > 0 || this.#listeners.get(descriptor) !== listeners) return;
        this.#listeners.delete(descriptor);
        // It answers with a last event, which wakes the reader.
        calls.inotify_rm_watch(this.#fd, descriptor);
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { calls } = this.#libc;
    for (const descriptor of this.#listeners.keys()) calls.inotify_rm_watch(this.#fd, descriptor);
    this.#listeners.clear();
    await this.#reading;
    calls.close(this.#fd);
    this.#libc[Symbol.dispose]();
  }

  #add(folder: string): number {
    try {
      const path = cString(toBytes(folder));
      return this.#libc.check(this.#libc.calls.inotify_add_watch(this.#fd, path, MASK));
    } catch (error) {
      throw limited(error);
    }
  }

  async #read(): Promise<void> {
    const { calls } = this.#libc;
    const buffer = new Uint8Array(BUFFER_BYTES);
    while (this.#listeners.size > 0) {
      const size = await calls.readParked(this.#fd, buffer, BigInt(buffer.length));
      // Only a signal can interrupt it.
      if (size > 0n) this.#dispatch(buffer.subarray(0, Number(size)));
    }
    this.#reading = null;
  }

  /** `struct inotify_event`: descriptor, mask, cookie, length of the padded name, name. */
  #dispatch(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let start = 0; start + HEADER_BYTES <= bytes.length;) {
      const descriptor = view.getInt32(start, true);
      const mask = view.getUint32(start + 4, true);
      const end = start + HEADER_BYTES + view.getUint32(start + 12, true);
      this.#tell(descriptor, mask, bytes.subarray(start + HEADER_BYTES, end));
      start = end;
    }
  }

  #tell(descriptor: number, mask: number, padded: Uint8Array): void {
    if (mask & IN_Q_OVERFLOW) {
      for (const listeners of [...this.#listeners.values()]) {
        for (const listener of [...listeners]) listener.lost();
      }
      return;
    }
    const listeners = this.#listeners.get(descriptor);
    if (!listeners) return;
    if (mask & IN_IGNORED) this.#listeners.delete(descriptor);
    const name = padded.length === 0 ? null : nameOf(padded);
    const isIdentity = (mask & (name === null ? SELF_IDENTITY : ENTRY_IDENTITY)) !== 0;
    for (const listener of [...listeners]) listener.event({ name, isIdentity });
  }
}

function nameOf(padded: Uint8Array): string {
  const end = padded.indexOf(0);
  return toText(latin1(end < 0 ? padded : padded.subarray(0, end)));
}

/** Says which limit it is where the system only says that there is no space. */
function limited(error: unknown): unknown {
  if (isErrno(error, errnos.ENOSPC)) {
    return new CodexError(
      "io",
      "The system allows no more watches; end some with fs/unwatch, or raise " +
        "fs.inotify.max_user_watches",
      { cause: error },
    );
  }
  // One is enough for all watches of this program, so it is others that have taken them.
  if (isErrno(error, EMFILE)) {
    return new CodexError(
      "io",
      "The system lets no more programs of this user watch files; end some of them, or raise " +
        "fs.inotify.max_user_instances",
      { cause: error },
    );
  }
  return error;
}
