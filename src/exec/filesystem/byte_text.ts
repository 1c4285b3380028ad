/**
 * Paths as the system knows them: bytes, which need not be UTF-8. Inside this folder a path is a string of one
 * character per byte, so that names of any encoding survive; must not know what a path leads to.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
// deno-lint-ignore no-control-regex -- All of ASCII is the same in both forms.
const ASCII = /^[\x00-\x7f]*$/;

/** Text to one character per byte. */
export function toBytes(text: string): string {
  return ASCII.test(text) ? text : latin1(encoder.encode(text));
}

/** Back to text; bytes that are not UTF-8 become U+FFFD, so such a name can be seen but not used (as upstream). */
export function toText(bytes: string): string {
  return ASCII.test(bytes) ? bytes : decoder.decode(rawBytes(bytes));
}

/** One character per byte. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  // In pieces, because each byte becomes an argument.
  for (let start = 0; start < bytes.length; start += 4096) {
    text += String.fromCharCode(...bytes.subarray(start, start + 4096));
  }
  return text;
}

/** The bytes, closed by a NUL as C wants them. */
export function cString(bytes: string): Uint8Array<ArrayBuffer> {
  const buffer = new Uint8Array(bytes.length + 1);
  for (let index = 0; index < bytes.length; index++) buffer[index] = bytes.charCodeAt(index);
  return buffer;
}

/** The folder and the name of an absolute path. */
export function splitPath(path: string): { readonly folder: string; readonly name: string } {
  const slash = path.lastIndexOf("/");
  return { folder: slash <= 0 ? "/" : path.slice(0, slash), name: path.slice(slash + 1) };
}

/** A name below a folder. */
export function below(folder: string, name: string): string {
  return folder === "/" ? `/${name}` : `${folder}/${name}`;
}

/** Whether a path is the folder or lies in it. */
export function isWithin(path: string, folder: string): boolean {
  if (folder === "/" || path === folder) return true;
  return path.length > folder.length && path.startsWith(folder) && path[folder.length] === "/";
}

function rawBytes(bytes: string): Uint8Array {
  return cString(bytes).subarray(0, bytes.length);
}
