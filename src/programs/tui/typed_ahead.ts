/** What was typed before a program has made the terminal raw; must not know what reads on. */
import { closeSync, constants, openSync, readSync } from "node:fs";

const DEVICE = Deno.build.os === "linux" ? "/proc/self/fd/0" : "/dev/tty";
/** As much as the system keeps of it. */
const MAX_BYTES = 4096;
const [LINE_FEED, RETURN] = [0x0a, 0x0d];

/**
 * Takes it off the terminal, which must be raw by now. Until it was, the system made line feeds of what the Enter key
 * sends; those are made what they were. Empty where nothing waits, or nothing can be read.
 */
export function takeTypedAhead(): Uint8Array {
  const bytes = readWaiting();
  return bytes.map((byte) => byte === LINE_FEED ? RETURN : byte);
}

function readWaiting(): Uint8Array {
  const buffer = new Uint8Array(MAX_BYTES);
  try {
    // A way of its own: the mode of the one that was inherited is shared with those who gave it.
    const file = openSync(DEVICE, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    try {
      return buffer.subarray(0, readSync(file, buffer));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    // Nothing waits, or the terminal is gone, which is told by its end.
    void error;
    return buffer.subarray(0, 0);
  }
}
