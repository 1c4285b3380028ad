/** Words for the errors of system calls; must not know which call failed. */

/** What the launcher's calls can fail with, as the C library words it. */
const TEXTS: Readonly<Record<number, string>> = {
  1: "Operation not permitted",
  2: "No such file or directory",
  5: "Input/output error",
  7: "Argument list too long",
  8: "Exec format error",
  9: "Bad file descriptor",
  11: "Resource temporarily unavailable",
  12: "Cannot allocate memory",
  13: "Permission denied",
  14: "Bad address",
  16: "Device or resource busy",
  17: "File exists",
  18: "Invalid cross-device link",
  19: "No such device",
  20: "Not a directory",
  21: "Is a directory",
  22: "Invalid argument",
  23: "Too many open files in system",
  24: "Too many open files",
  26: "Text file busy",
  28: "No space left on device",
  30: "Read-only file system",
  36: "File name too long",
  38: "Function not implemented",
  40: "Too many levels of symbolic links",
  87: "Too many users",
};

/** A sentence and the number, which is the part to search for. */
export function errorText(errno: number): string {
  return `${TEXTS[errno] ?? "Unknown error"} (os error ${errno})`;
}
