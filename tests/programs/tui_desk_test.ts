import assert from "node:assert/strict";
import { join } from "node:path";
import { openDesk } from "../../src/programs/tui/desk.ts";
import type { Desk } from "../../src/tui/ports.ts";
import { realClock } from "../exec/real_clock.ts";
import { withTempDir } from "../store/temp_dir.ts";

const PNG = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 1, 2, 3, 4]);

interface DeskWorld {
  readonly desk: Desk;
  readonly events: string[];
}

/** A desk whose programs are scripts of a folder; `PATH` has those of the system behind it for their own use. */
function deskIn(dir: string, env: Readonly<Record<string, string>> = {}): DeskWorld {
  const events: string[] = [];
  const desk = openDesk({
    env: { PATH: `${dir}/bin:/usr/bin:/bin`, HOME: dir, ...env },
    cwd: dir,
    clock: realClock,
    lendTerminal: async (run) => {
      events.push("lent");
      try {
        return await run();
      } finally {
        events.push("back");
      }
    },
  });
  return { desk, events };
}

function script(dir: string, name: string, text: string): string {
  Deno.mkdirSync(join(dir, "bin"), { recursive: true });
  const path = join(dir, "bin", name);
  Deno.writeTextFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path;
}

async function problem(call: Promise<unknown>): Promise<string> {
  return await call.then(() => "none", (error: unknown) => String(error));
}

Deno.test("an image file becomes a data URL of the type that its bytes say", () =>
  withTempDir(async (dir) => {
    const { desk } = deskIn(dir);
    Deno.writeFileSync(join(dir, "a b.jpg"), PNG);
    const expected = { name: "a b.jpg", dataUrl: `data:image/png;base64,${PNG.toBase64()}` };
    for (const path of ["a b.jpg", "~/a b.jpg", join(dir, "a b.jpg")]) {
      assert.deepEqual(await desk.readImage(path), expected);
    }
  }));

Deno.test("what is no image, too large, a folder or not there is refused with the reason", () =>
  withTempDir(async (dir) => {
    const { desk } = deskIn(dir);
    Deno.writeTextFileSync(join(dir, "text.png"), "hello");
    Deno.writeFileSync(join(dir, "huge.png"), PNG);
    Deno.truncateSync(join(dir, "huge.png"), 11 * 1024 * 1024);
    assert.match(
      await problem(desk.readImage("text.png")),
      /Cannot read the image text\.png: It is not a PNG, JPEG, GIF or WebP image$/,
    );
    assert.match(
      await problem(desk.readImage("huge.png")),
      /11\.0 MiB, more than the 10\.0 MiB that can be sent; make it smaller$/,
    );
    assert.match(await problem(desk.readImage(dir)), /It is not a file$/);
    assert.match(
      await problem(desk.readImage("/nowhere.png")),
      /there is no such file on this machine$/,
    );
  }));

Deno.test("the image of the clipboard comes from the program that is there", () =>
  withTempDir(async (dir) => {
    Deno.writeFileSync(join(dir, "image"), PNG);
    script(dir, "xclip", `[ "$4" = image/png ] && cat "${dir}/image"`);
    const { desk } = deskIn(dir, { DISPLAY: ":0", WAYLAND_DISPLAY: "w" });
    assert.deepEqual(await desk.clipboardImage(), {
      name: "clipboard",
      dataUrl: `data:image/png;base64,${PNG.toBase64()}`,
    });
    script(dir, "xclip", "echo 'target image/png not available' >&2; exit 1");
    assert.equal(await desk.clipboardImage(), null);
  }));

Deno.test("without a program for the clipboard an image is an error that says what to do, and text is left to the terminal", () =>
  withTempDir(async (dir) => {
    const { desk } = deskIn(dir);
    assert.match(
      await problem(desk.clipboardImage()),
      /install wl-clipboard or xclip, or paste the path/,
    );
    assert.equal(await desk.copy("text"), false);
  }));

Deno.test("text is copied by the first program that can, and what stays for the clipboard is not waited for", () =>
  withTempDir(async (dir) => {
    script(dir, "wl-copy", "exit 1");
    script(dir, "xclip", `cat > "${dir}/copied"; echo "$@" >> "${dir}/copied"`);
    const { desk } = deskIn(dir, { DISPLAY: ":0", WAYLAND_DISPLAY: "w" });
    assert.equal(await desk.copy("täxt\n"), true);
    assert.equal(Deno.readTextFileSync(join(dir, "copied")), "täxt\n-selection clipboard -in\n");
  }));

Deno.test("in tmux text goes to its buffer, which passes it on, and to the clipboard of the desktop as well", () =>
  withTempDir(async (dir) => {
    script(dir, "tmux", `cat > "${dir}/buffer"; echo "$@" >> "${dir}/buffer"`);
    const { desk } = deskIn(dir, { TMUX: "/tmp/tmux-0/default,1,0" });
    assert.equal(await desk.copy("text"), true);
    assert.equal(Deno.readTextFileSync(join(dir, "buffer")), "textload-buffer -w -\n");
    script(dir, "xclip", `cat > "${dir}/copied"`);
    const both = deskIn(dir, { TMUX: "/tmp/tmux-0/default,1,0", DISPLAY: ":0" });
    assert.equal(await both.desk.copy("more"), true);
    assert.equal(Deno.readTextFileSync(join(dir, "copied")), "more");
    script(dir, "tmux", "exit 1");
    assert.equal(await desk.copy("text"), false);
  }));

Deno.test("the editor has the terminal and a private file, which is gone afterwards", () =>
  withTempDir(async (dir) => {
    const editor = script(
      dir,
      "my editor",
      `stat -c '%a %n' "$2" > "${dir}/seen"; cat "$2" >> "${dir}/seen"; printf ' %s' "$1" >> "$2"`,
    );
    const { desk, events } = deskIn(dir, { EDITOR: "false", VISUAL: `'${editor}' --wait` });
    assert.equal(desk.editorProblem, null);
    assert.equal(await desk.edit("text", "../../notes.md"), "text --wait");
    assert.deepEqual(events, ["lent", "back"]);
    const [, mode, path, text] =
      /^(\d+) (\S+)\n(.*)$/s.exec(Deno.readTextFileSync(join(dir, "seen"))) ?? [];
    assert.deepEqual([mode, text], ["600", "text"]);
    assert.match(path ?? "", /\/notes\.md$/);
    await assert.rejects(Deno.stat(path ?? ""));
    await assert.rejects(Deno.stat(join(path ?? "", "..")));
  }));

Deno.test("an editor that changes nothing, fails or is not there leaves the text and gives the terminal back", () =>
  withTempDir(async (dir) => {
    const same = deskIn(dir, { EDITOR: "true" });
    assert.equal(await same.desk.edit("text", "a.md"), null);
    const failing = deskIn(dir, { EDITOR: "exit 3;" });
    assert.match(await problem(failing.desk.edit("text", "a.md")), /The editor ended with code 3;/);
    const missing = deskIn(dir, { EDITOR: "no-such-editor-here 2>/dev/null" });
    assert.match(await problem(missing.desk.edit("text", "a.md")), /code 127/);
    for (const { events } of [same, failing, missing]) {
      assert.deepEqual(events, ["lent", "back"]);
    }
    const none = deskIn(dir);
    assert.match(none.desk.editorProblem ?? "", /set VISUAL or EDITOR/);
    assert.equal(await none.desk.edit("text", "a.md"), null);
  }));
