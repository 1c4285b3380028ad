/** Where launchers report what went wrong before the command ran; must not know the operations. */
import { libc } from "../../ffi_libc.ts";
import { createMemoryFile } from "./memory_file.ts";
import { REPORT_BYTES } from "./interpreter.ts";

/** One report of a launcher. */
export interface Report {
  /** Address of the record whose call failed. */
  readonly record: number;
  /** What the call returned: an error number below zero, or a result that was not the expected one. */
  readonly result: number;
}

const MARK_BYTES = 8;
const SEEK_END = 2;

/**
 * A file in memory to which launchers append fixed-size reports. Each start has a mark of its own, by which
 * its report is found. Commands can neither open nor inherit the file, so they cannot forge one.
 *
 * The file grows by 24 bytes with each failed start, and by nothing else.
 */
export class Journal {
  readonly #descriptor = createMemoryFile("codex-sandbox-journal");
  #starts = 0;

  /** The path under which a launcher of this process opens it. */
  get path(): string {
    return `/proc/${Deno.pid}/fd/${this.#descriptor}`;
  }

  /** A mark for one start: eight characters. */
  nextMark(): string {
    this.#starts = (this.#starts + 1) % 0x100000000;
    return this.#starts.toString(16).padStart(MARK_BYTES, "0");
  }

  /** The report of a start that has ended, or null if nothing went wrong. */
  reportOf(mark: string): Report | null {
    const size = Number(libc().lseek(this.#descriptor, 0n, SEEK_END));
    if (size < REPORT_BYTES) return null;
    const bytes = new Uint8Array(size);
    const count = Number(libc().pread(this.#descriptor, bytes, BigInt(size), 0n));
    const view = new DataView(bytes.buffer);
    // The latest come last.
    for (let at = count - REPORT_BYTES; at >= 0; at -= REPORT_BYTES) {
      if (DECODER.decode(bytes.subarray(at, at + MARK_BYTES)) !== mark) continue;
      return {
        record: Number(view.getBigInt64(at + 8, true)),
        result: Number(view.getBigInt64(at + 16, true)),
      };
    }
    return null;
  }

  /** After this no launcher can report. */
  close(): void {
    libc().close(this.#descriptor);
  }
}

const DECODER = new TextDecoder();
