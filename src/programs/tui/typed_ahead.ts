/** What was typed before a program has made the terminal raw; must not know what reads on. */
import { readWaiting } from "./terminal_device.ts";

const DEVICE = Deno.build.os === "linux" ? "/proc/self/fd/0" : "/dev/tty";
/** As much as the system keeps of it. */
const MAX_BYTES = 4096;
const [LINE_FEED, RETURN] = [0x0a, 0x0d];

/**
 * Takes it off the terminal, which must be raw by now. Until it was, the system made line feeds of what the Enter key
 * sends; those are made what they were. Empty where nothing waits, or nothing can be read.
 */
export function takeTypedAhead(): Uint8Array {
  return readWaiting(DEVICE, MAX_BYTES)
    .map((byte) => byte === LINE_FEED ? RETURN : byte);
}
