/** The clipboard through the programs that systems have for it; must not know what is copied. */
import type { Processes } from "../../exec/process.ts";
import { joinBytes } from "../../lib/bytes.ts";
import type { Clock } from "../../lib/clock.ts";

/** Where the programs run. */
export interface ClipboardWorld {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly clock: Clock;
  readonly processes: Processes;
  /** As `Deno.build.os` names it. */
  readonly os: string;
}

/** One program and what becomes of its output. */
interface Reader {
  readonly argv: readonly string[];
  /** Null when the output is no image. */
  decode(output: Uint8Array): Uint8Array | null;
}

interface Writer {
  readonly argv: readonly string[];
  encode(text: string): Uint8Array;
}

/** A display server that does not answer must not take the prompt along. */
const TIMEOUT_MS = 5000;
const POWERSHELL_IMAGE = "Add-Type -AssemblyName System.Windows.Forms;" +
  "$i=[Windows.Forms.Clipboard]::GetImage();if($i){$s=New-Object IO.MemoryStream;" +
  "$i.Save($s,[Drawing.Imaging.ImageFormat]::Png);[Convert]::ToBase64String($s.ToArray())}";

/**
 * It keeps a copy of its own, and passes one on to the terminal around it, wherever that is; from programs inside it
 * takes no OSC 52 unless it is told to.
 */
const TMUX: Writer = utf8(["tmux", "load-buffer", "-w", "-"]);

/** The bytes of the image in the clipboard, or null; rejects where nothing can read it. */
export async function readClipboardImage(
  world: ClipboardWorld & { readonly maxBytes: number },
): Promise<Uint8Array | null> {
  let isAsked = false;
  for (const { argv, decode } of readers(world)) {
    // Twice the size and a little more, because some write hexadecimal digits.
    const ran = await run({ argv, input: null, maxBytes: world.maxBytes * 2 + 1024 }, world);
    if (ran === null) continue;
    isAsked = true;
    if (ran.isCut) throw new Error("The image in the clipboard is too large; make it smaller");
    const image = ran.code === 0 && ran.output.length > 0 ? decode(ran.output) : null;
    if (image) return image;
  }
  if (isAsked) return null;
  const hint = "install wl-clipboard or xclip, or paste the path of an image file";
  throw new Error(`No program here reads images from the clipboard; ${hint}`);
}

/** Puts text into the clipboard; false when no program could. */
export async function writeClipboardText(text: string, world: ClipboardWorld): Promise<boolean> {
  const write = async ({ argv, encode }: Writer) =>
    (await run({ argv, input: encode(text), maxBytes: 1024 }, world))?.code === 0;
  const isInTmux = world.env["TMUX"] ? await write(TMUX) : false;
  for (const writer of writers(world)) if (await write(writer)) return true;
  return isInTmux;
}

function readers({ env, os }: ClipboardWorld): Reader[] {
  const found: Reader[] = [];
  for (const type of ["image/png", "image/jpeg"]) {
    if (env["WAYLAND_DISPLAY"]) {
      found.push(asIs(["wl-paste", "--no-newline", "--type", type]));
    }
    if (env["DISPLAY"]) found.push(asIs(["xclip", "-selection", "clipboard", "-t", type, "-o"]));
  }
  if (os === "darwin") {
    found.push({
      argv: ["osascript", "-e", "the clipboard as «class PNGf»"],
      decode: fromAppleScript,
    });
  }
  if (env["WSL_DISTRO_NAME"]) {
    const argv = ["powershell.exe", "-NoProfile", "-STA", "-Command", POWERSHELL_IMAGE];
    found.push({ argv, decode: fromBase64 });
  }
  return found;
}

function writers({ env, os }: ClipboardWorld): Writer[] {
  const found: Writer[] = [];
  if (env["WAYLAND_DISPLAY"]) found.push(utf8(["wl-copy"]));
  if (env["DISPLAY"]) {
    found.push(utf8(["xclip", "-selection", "clipboard", "-in"]));
    found.push(utf8(["xsel", "--clipboard", "--input"]));
  }
  if (os === "darwin") found.push(utf8(["pbcopy"]));
  if (env["WSL_DISTRO_NAME"]) found.push({ argv: ["clip.exe"], encode: utf16 });
  return found;
}

/** Null when there is no such program. */
async function run(
  { argv, input, maxBytes }: {
    readonly argv: readonly string[];
    readonly input: Uint8Array | null;
    readonly maxBytes: number;
  },
  { env, cwd, clock, processes }: ClipboardWorld,
): Promise<{ readonly code: number; readonly output: Uint8Array; readonly isCut: boolean } | null> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const ending = new AbortController();
  const started = processes.start({
    argv,
    cwd,
    env,
    stdin: input === null ? "null" : "piped",
    isBinary: true,
    signal: ending.signal,
    onOutput: (stream, chunk) => {
      if (stream === "stderr") return;
      length += chunk.length;
      if (length > maxBytes) ending.abort();
      else chunks.push(chunk.slice());
    },
  });
  if (started.type === "failed") return null;
  const { process } = started;
  const cancel = clock.after(TIMEOUT_MS, () => ending.abort());
  if (input !== null) {
    await process.write(input);
    await process.closeStdin();
  }
  const { code } = await process.exited;
  cancel();
  return { code, output: joinBytes(chunks), isCut: length > maxBytes };
}

function asIs(argv: readonly string[]): Reader {
  return { argv, decode: (output) => output };
}

function utf8(argv: readonly string[]): Writer {
  return { argv, encode: (text) => new TextEncoder().encode(text) };
}

/** `«data PNGf89504E47…»` */
function fromAppleScript(output: Uint8Array): Uint8Array | null {
  const hex = /«data PNGf([0-9A-F]*)»/i.exec(new TextDecoder().decode(output))?.[1];
  return hex !== undefined && hex.length % 2 === 0 ? Uint8Array.fromHex(hex) : null;
}

function fromBase64(output: Uint8Array): Uint8Array | null {
  try {
    return Uint8Array.fromBase64(new TextDecoder().decode(output).trim());
  } catch {
    // An error message instead of an image.
    return null;
  }
}

/** As `clip.exe` takes it. */
function utf16(text: string): Uint8Array {
  const bytes = new Uint8Array(2 + text.length * 2);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xfeff, true);
  for (let at = 0; at < text.length; at++) view.setUint16(2 + at * 2, text.charCodeAt(at), true);
  return bytes;
}
