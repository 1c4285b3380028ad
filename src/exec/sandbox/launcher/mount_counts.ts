/** How often each device is mounted, known without reading the table of mounts each time; must not know what for. */
import { cString } from "../../c_library.ts";
import { libc } from "../../ffi_libc.ts";
import type { Mount } from "./mount_table.ts";

const POLLPRI = 0x2;
const POLLERR = 0x8;
/** `O_RDONLY|O_CLOEXEC`. */
const CLOSE_ON_EXEC = 0x80000;

/**
 * The kernel needs 0.1 ms to write the table, but tells at once whether mounts have come or gone since it was last
 * asked. It does not tell of folders that were renamed, which change what the table says of paths: so that is not
 * remembered.
 */
export class MountCounts {
  readonly #read: () => readonly Mount[];
  readonly #question = new Uint8Array(8);
  #file = -1;
  #counts: ReadonlyMap<string, number> = new Map();

  constructor(read: () => readonly Mount[]) {
    this.#read = read;
  }

  /** Of a device as `major:minor`; 0 for what the table does not name, such as parts of some file systems. */
  of(device: string): number {
    if (this.#hasChanged()) {
      const groups = Map.groupBy(this.#read(), (mount) => mount.device);
      this.#counts = new Map([...groups].map(([key, mounts]) => [key, mounts.length]));
    }
    return this.#counts.get(device) ?? 0;
  }

  /** True the first time, and always where it cannot be told. */
  #hasChanged(): boolean {
    if (this.#file < 0) {
      this.#file = libc().open(cString("/proc/self/mountinfo"), CLOSE_ON_EXEC, 0);
      return true;
    }
    const view = new DataView(this.#question.buffer);
    view.setInt32(0, this.#file, true);
    view.setUint16(4, POLLPRI, true);
    const isAnswered = libc().poll(this.#question, 1n, 0) >= 0;
    return !isAnswered || (view.getUint16(6, true) & (POLLPRI | POLLERR)) !== 0;
  }
}
