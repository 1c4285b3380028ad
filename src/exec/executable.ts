/** Tells from the first bytes of a file whether the kernel can execute it; must not start anything. */

/** What comes of executing a file; an unknown format, or what cannot be looked at, may still work. */
export type Executability =
  | { readonly type: "starts" }
  /** With the number of the error that `execve` gives. */
  | { readonly type: "fails"; readonly errno: number }
  | { readonly type: "unknown" };

/** What the first bytes say: the program that the kernel executes in its stead, if there is any. */
export type Format =
  | { readonly type: "script" | "program"; readonly interpreter: string | null }
  /** Of another kind of processor, or of no kind at all. */
  | { readonly type: "foreign" }
  /** More bytes, or more knowledge, would be needed. */
  | { readonly type: "unclear" };

const ENOENT = 2;
const ENOEXEC = 8;
/** Enough for the head of a program with the name of its loader, and for the first line of a script. */
const HEAD_BYTES = 2048;
/** The kernel cuts a first line here. */
const SCRIPT_LINE_BYTES = 255;
/** Formats that this machine has been taught besides its own. */
const TAUGHT_FORMATS = "/proc/sys/fs/binfmt_misc";

const MACHINES: Readonly<Record<string, number>> = { x86_64: 62, aarch64: 183 };
const ELF_MARK = 0x7f454c46;
const CLASS_64 = 2;
const CLASSES = [1, CLASS_64];
const EXECUTABLE_TYPES = [2, 3];
const INTERPRETER_SEGMENT = 3;
const DECODER = new TextDecoder();

/** Reads the head of the file at `path`. */
export function executability(path: string): Executability {
  if (Deno.build.os !== "linux") return { type: "unknown" };
  const head = headOf(path);
  if (head === null) return { type: "unknown" };
  const format = formatOf(head, MACHINES[Deno.build.arch] ?? -1);
  if (format.type === "unclear") return { type: "unknown" };
  if (format.type === "foreign") {
    return isAnyTaught() ? { type: "unknown" } : { type: "fails", errno: ENOEXEC };
  }
  if (format.interpreter === null || isThere(format.interpreter)) return { type: "starts" };
  return { type: "fails", errno: ENOENT };
}

/** The format of a file by its first bytes, on a machine of that number in the ELF standard. */
export function formatOf(head: Uint8Array, machine: number): Format {
  if (head[0] === 0x23 && head[1] === 0x21) return scriptFormat(head);
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (head.length < 4 || view.getUint32(0) !== ELF_MARK) return { type: "foreign" };
  const isWhole = head.length >= 64 && CLASSES.includes(head[4] ?? 0);
  if (!isWhole) return { type: "foreign" };
  // Programs of 32 bits may or may not run here.
  if (head[4] !== CLASS_64) return { type: "unclear" };
  const isOurs = view.getUint16(18, true) === machine &&
    EXECUTABLE_TYPES.includes(view.getUint16(16, true));
  return isOurs ? programFormat(view) : { type: "foreign" };
}

function scriptFormat(head: Uint8Array): Format {
  const end = head.indexOf(0x0a);
  if (end < 0 || end > SCRIPT_LINE_BYTES) return { type: "unclear" };
  const [interpreter = ""] = DECODER.decode(head.subarray(2, end)).trim().split(/[ \t]+/);
  return interpreter.startsWith("/") && !interpreter.includes("\0")
    ? { type: "script", interpreter }
    : { type: "unclear" };
}

function programFormat(view: DataView): Format {
  const start = Number(view.getBigUint64(32, true));
  const size = view.getUint16(54, true);
  const count = view.getUint16(56, true);
  if (size < 56 || count === 0 || start + size * count > view.byteLength) {
    return { type: "unclear" };
  }
  for (let at = start; at < start + size * count; at += size) {
    if (view.getUint32(at, true) !== INTERPRETER_SEGMENT) continue;
    const from = Number(view.getBigUint64(at + 8, true));
    const to = from + Number(view.getBigUint64(at + 32, true)) - 1;
    if (to <= from || to > view.byteLength) return { type: "unclear" };
    const bytes = new Uint8Array(view.buffer, view.byteOffset + from, to - from);
    const interpreter = DECODER.decode(bytes);
    return interpreter.startsWith("/") && !interpreter.includes("\0")
      ? { type: "program", interpreter }
      : { type: "unclear" };
  }
  return { type: "program", interpreter: null };
}

function headOf(path: string): Uint8Array | null {
  try {
    using file = Deno.openSync(path);
    const bytes = new Uint8Array(HEAD_BYTES);
    return bytes.subarray(0, file.readSync(bytes) ?? 0);
  } catch {
    // It may be executed but not read.
    return null;
  }
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (error) {
    // What may not be seen may be there.
    return !(error instanceof Deno.errors.NotFound);
  }
}

function isAnyTaught(): boolean {
  try {
    for (const { name } of Deno.readDirSync(TAUGHT_FORMATS)) {
      if (name !== "register" && name !== "status") return true;
    }
    return false;
  } catch (error) {
    // Not mounted is the usual case; where it may not be looked at, it may hold something.
    return !(error instanceof Deno.errors.NotFound);
  }
}
