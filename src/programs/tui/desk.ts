/** The machine in front of the person: its image files, clipboard and editor; must not know the screen. */
import { basename, join, resolve } from "node:path";
import { runInForeground } from "../../exec/foreground.ts";
import { Processes } from "../../exec/process.ts";
import type { Clock } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import { imageType } from "../../lib/image_type.ts";
import { FILE_MODE } from "../../store/home_file.ts";
import type { Desk, LocalImage } from "../../tui/ports.ts";
import { readClipboardImage, writeClipboardText } from "./clipboard.ts";

/** What the desk is made of. */
export interface DeskOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Of this process, to which paths of the person relate. */
  readonly cwd: string;
  readonly clock: Clock;
  /** Gives the terminal to an editor while it runs. */
  lendTerminal<T>(run: () => Promise<T>): Promise<T>;
}

/** Encoded it is 13.4 MiB; the real server cuts a connection off above 16 MiB in one message. */
const IMAGE_BYTES_MAX = 10 * 1024 * 1024;
const EDITED_BYTES_MAX = 8 * 1024 * 1024;

/** The desk of this machine. */
export function openDesk(options: DeskOptions): Desk {
  const { env, cwd, clock } = options;
  // Its own, and never ended as a whole: some programs have to stay for the clipboard to keep what they were given.
  const processes = new Processes({ clock });
  const world = { env, cwd, clock, processes, os: Deno.build.os };
  const editor = env["VISUAL"] || env["EDITOR"] || null;
  return {
    readImage: (path) => readImage(path, { env, cwd }),
    clipboardImage: async () => {
      const bytes = await readClipboardImage({ ...world, maxBytes: IMAGE_BYTES_MAX });
      return bytes && localImage("clipboard", bytes);
    },
    copy: (text) => writeClipboardText(text, world),
    editorProblem: editor === null
      ? "No editor is set; set VISUAL or EDITOR, for example to vim"
      : null,
    edit: (text, name) =>
      editor === null ? Promise.resolve(null) : edit({ text, name, editor }, options),
  };
}

async function readImage(
  given: string,
  { env, cwd }: Pick<DeskOptions, "env" | "cwd">,
): Promise<LocalImage> {
  const path = resolve(cwd, given.replace(/^~(?=\/)/, env["HOME"] ?? "~"));
  try {
    const { isFile, size } = await Deno.stat(path);
    // Before it is opened: a pipe would wait for ever.
    if (!isFile) throw new Error("It is not a file");
    if (size > IMAGE_BYTES_MAX) throw new Error(tooLarge(size));
    return localImage(basename(path), await Deno.readFile(path));
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "there is no such file on this machine"
      : messageOf(error);
    throw new Error(`Cannot read the image ${given}: ${reason}`, { cause: error });
  }
}

function localImage(name: string, bytes: Uint8Array): LocalImage {
  if (bytes.length > IMAGE_BYTES_MAX) throw new Error(tooLarge(bytes.length));
  const type = imageType(bytes);
  if (type === null) throw new Error("It is not a PNG, JPEG, GIF or WebP image");
  return { name, dataUrl: `data:${type};base64,${bytes.toBase64()}` };
}

function tooLarge(bytes: number): string {
  const mib = (count: number) => (count / (1024 * 1024)).toFixed(1);
  return `It has ${mib(bytes)} MiB, more than the ${
    mib(IMAGE_BYTES_MAX)
  } MiB that can be sent; make it smaller`;
}

/** The file lies in a folder of its own that nobody else can look into, and both are gone afterwards. */
async function edit(
  { text, name, editor }: {
    readonly text: string;
    readonly name: string;
    readonly editor: string;
  },
  options: DeskOptions,
): Promise<string | null> {
  const folder = await Deno.makeTempDir({ prefix: "codex-edit-" });
  try {
    const path = join(folder, plainName(name));
    await Deno.writeTextFile(path, text, { createNew: true, mode: FILE_MODE });
    await runEditor(`${editor} "$@"`, { path, options });
    const { size } = await Deno.stat(path);
    if (size > EDITED_BYTES_MAX) {
      throw new Error("The edited text is too long; it was not taken over");
    }
    const edited = await Deno.readTextFile(path);
    return edited === text ? null : edited;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function runEditor(
  script: string,
  { path, options }: { readonly path: string; readonly options: DeskOptions },
): Promise<void> {
  const { cwd, env } = options;
  // Through a shell, because the variable may hold options (as git does).
  const argv = ["/bin/sh", "-c", script, "sh", path];
  const code = await options.lendTerminal(() => runInForeground({ argv, cwd, env }));
  if (code !== 0) {
    throw new Error(`The editor ended with code ${code}; what was written stays as it was`);
  }
}

/** The name may come from another machine. */
function plainName(name: string): string {
  const plain = name.replace(/^.*\//s, "").replace(/[^\w.-]/g, "_").replace(/^[.-]+/, "").slice(
    -80,
  );
  return plain === "" ? "text" : plain;
}
