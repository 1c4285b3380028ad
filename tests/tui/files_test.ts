import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { browseFolder, type BrowserOptions } from "../../src/tui/files/browser.ts";
import { type EditAnswer, editFile } from "../../src/tui/files/edit.ts";
import { FileText } from "../../src/tui/files/file_text.ts";
import { childOf, nameOf, parentOf, resolvePath } from "../../src/tui/files/paths.ts";
import { PART_BYTES, readFolder } from "../../src/tui/files/remote_files.ts";
import type { Desk } from "../../src/tui/ports.ts";
import { FakeClock } from "../rpc/fake_clock.ts";
import { startServer, type TestServer } from "../support/server.ts";
import {
  assertSafe,
  Changes,
  COLOR_THEME,
  connectTo,
  fakeClient,
  FakeHost,
  NASTY,
  PLAIN_THEME,
} from "./pane_world.ts";

/** An editor that does what the test says, text after text. */
function editor(...edits: ((text: string) => string | null | Promise<string | null>)[]) {
  const names: string[] = [];
  const desk: Pick<Desk, "edit" | "editorProblem"> = {
    editorProblem: null,
    edit: async (text, name) => {
      names.push(name);
      const edit = edits.shift();
      assert.ok(edit, "The editor was opened once more");
      return await edit(text);
    },
  };
  return { desk, names };
}

async function browser(server: TestServer, desk = editor().desk) {
  const client = await connectTo(server);
  const host = new FakeHost();
  const changes = new Changes();
  const notices: string[] = [];
  const mentioned: string[] = [];
  const options: BrowserOptions = {
    theme: PLAIN_THEME,
    clock: new FakeClock(),
    maxRows: () => 12,
    requestRender: changes.changed,
    client,
    desk,
    notice: (level, text) => {
      notices.push(`${level}: ${text}`);
      changes.changed();
    },
    mention: (path) => void mentioned.push(path),
  };
  const shows = (text: string) => changes.until(() => host.text(80).includes(text));
  return { client, host, changes, notices, mentioned, options, shows };
}

Deno.test("a folder is listed, entered and left again, and a file is shown", async () => {
  await using server = await startServer();
  await Deno.mkdir(join(server.project, "src"));
  await Deno.writeTextFile(join(server.project, "a.txt"), "one\n\ttwo\n漢字");
  await Deno.writeTextFile(join(server.project, "src", "deep.ts"), "const x = 1;\n");
  const { client, host, mentioned, options, shows } = await browser(server);
  browseFolder(host, { ...options, path: server.project });
  await shows("src/");
  assert.deepEqual(host.text(80).split("\n").slice(2, 4), ["❯   src/", "    a.txt"]);
  host.press("enter");
  await shows("deep.ts");
  host.press("left");
  await shows("a.txt");
  assert.match(host.text(80), /❯ {3}src\//);
  host.press("down", "enter");
  await shows("two");
  assert.deepEqual(host.text(80).split("\n").slice(1, 4), ["one", "    two", "漢字"]);
  assert.match(host.text(80), /15 bytes/);
  host.press("esc");
  assert.match(host.text(80), /❯ {3}a\.txt/);
  host.press("enter", "ctrl+t");
  assert.deepEqual(mentioned, [join(server.project, "a.txt")]);
  assert.equal(host.views.length, 0);
  client.close();
});

Deno.test("a long file is read part by part as somebody reads on, to its very end", async () => {
  await using server = await startServer();
  const line = "漢字 is read in parts that may cut a character in half";
  const count = Math.ceil(3 * PART_BYTES / line.length);
  const lines = Array.from({ length: count }, (_, i) => `${i} ${line}`);
  const path = join(server.project, "long.txt");
  await Deno.writeTextFile(path, lines.join("\n"));
  const client = await connectTo(server);
  const changes = new Changes();
  const text = new FileText({ client, path, theme: PLAIN_THEME, changed: changes.changed });
  await changes.until(() => text.rows(200).length > 0);
  const first = text.rows(200).length;
  assert.ok(first < count);
  while (text.rows(200).length < count) {
    const before = text.rows(200).length;
    text.nearEnd();
    await changes.until(() => text.rows(200).length !== before);
  }
  assert.deepEqual(text.rows(200), lines);
  text.nearEnd();
  assert.deepEqual(text.rows(200), lines);
  text.close();
  client.close();
});

Deno.test("binary, empty and missing files say what they are", async () => {
  await using server = await startServer();
  await Deno.writeFile(join(server.project, "binary"), new Uint8Array([65, 0, 27, 91]));
  await Deno.writeTextFile(join(server.project, "empty"), "");
  const client = await connectTo(server);
  for (
    const [name, note] of [
      ["binary", /^This is no text: a binary file of 4 bytes$/],
      ["empty", /^The file is empty$/],
      ["missing", /^Not read: No such file/],
    ] as const
  ) {
    const changes = new Changes();
    const path = join(server.project, name);
    const text = new FileText({ client, path, theme: PLAIN_THEME, changed: changes.changed });
    await changes.until(() => text.rows(200).length > 0);
    assert.match(text.rows(200).join("\n"), note);
  }
  client.close();
});

Deno.test("a server that knows no parts sends the file whole, and it is shown once", async () => {
  const { client, calls } = fakeClient({
    "fs/readFile": () => ({ dataBase64: new TextEncoder().encode("a\nb").toBase64() }),
  });
  const changes = new Changes();
  const text = new FileText({ client, path: "/x", theme: PLAIN_THEME, changed: changes.changed });
  await changes.until(() => text.rows(80).length > 0);
  text.nearEnd();
  assert.deepEqual(text.rows(80), ["a", "b"]);
  assert.equal(calls.length, 1);
});

Deno.test("a file is edited and written back", async () => {
  await using server = await startServer();
  const path = join(server.project, "notes.md");
  await Deno.writeTextFile(path, "\ufeffold\r\n");
  const { desk, names } = editor((text) => text.replace("old", "new"));
  const { client, host, notices, options, shows, changes } = await browser(server, desk);
  browseFolder(host, { ...options, path: server.project });
  await shows("notes.md");
  host.press("ctrl+e");
  await changes.until(() => notices.length > 0);
  assert.deepEqual(notices, [`info: Written: ${path}`]);
  assert.deepEqual(names, ["notes.md"]);
  assert.equal(await Deno.readTextFile(path), "\ufeffnew\r\n");
  client.close();
});

Deno.test("one editor is opened, however often its key is pressed", async () => {
  await using server = await startServer();
  await Deno.writeTextFile(join(server.project, "notes.md"), "old");
  const { desk, names } = editor(() => null);
  const { client, host, notices, options, shows, changes } = await browser(server, desk);
  browseFolder(host, { ...options, path: server.project });
  await shows("notes.md");
  host.press("ctrl+e", "ctrl+e");
  await changes.until(() => notices.length > 0);
  await client.request("fs/getMetadata", { path: server.project });
  assert.deepEqual(names, ["notes.md"]);
  assert.equal(notices.length, 1);
  client.close();
});

Deno.test("a file that somebody else has changed meanwhile is not overwritten without a question", async () => {
  await using server = await startServer();
  const path = join(server.project, "shared.txt");
  await Deno.writeTextFile(path, "start");
  const { mtime } = await Deno.stat(path);
  const edit = async (text: string) => {
    // Of the same length and time: only the content tells.
    await Deno.writeTextFile(path, "other");
    await Deno.utime(path, mtime ?? 0, mtime ?? 0);
    return `${text} and mine`;
  };
  const { desk } = editor(edit, (text) => `${text}, again`);
  const { client, host, notices, options, shows, changes } = await browser(server, desk);
  browseFolder(host, { ...options, path: server.project });
  await shows("shared.txt");
  host.press("ctrl+e");
  await shows("Somebody has changed the file meanwhile");
  assert.equal(await Deno.readTextFile(path), "other");
  // Closing the question leads back to the editor, not to a loss.
  host.press("esc");
  await changes.until(() => host.views.length === 2);
  await shows("Somebody has changed the file meanwhile");
  host.press("down", "enter");
  await changes.until(() => notices.length > 0);
  assert.equal(await Deno.readTextFile(path), "start and mine, again");
  client.close();
});

Deno.test("a file that is gone, or cannot be written, is asked about, and changes can be thrown away", async () => {
  await using server = await startServer();
  const client = await connectTo(server);
  const path = join(server.project, "folder", "gone.txt");
  await Deno.mkdir(join(server.project, "folder"));
  await Deno.writeTextFile(path, "start");
  const { desk } = editor(async () => {
    await Deno.remove(join(server.project, "folder"), { recursive: true });
    return "mine";
  });
  const asked: string[] = [];
  const answers: EditAnswer[] = ["write", "discard"];
  const ask = (problem: { readonly type: string }) => {
    asked.push(problem.type);
    return Promise.resolve(answers.shift() ?? "discard");
  };
  assert.equal(await editFile(path, { client, desk, ask }), "discarded");
  assert.deepEqual(asked, ["deleted", "failed"]);
  client.close();
});

Deno.test("what is no text, too large, or without an editor is refused with the reason", async () => {
  await using server = await startServer();
  const client = await connectTo(server);
  const ask = () => Promise.reject(new Error("Asked"));
  const write = async (name: string, bytes: Uint8Array) => {
    await Deno.writeFile(join(server.project, name), bytes);
    return join(server.project, name);
  };
  const { desk } = editor();
  const cases = [
    [await write("binary", new Uint8Array([1, 0, 2])), desk, /no text in UTF-8/],
    [await write("latin1", new Uint8Array([0xe4, 0x20])), desk, /no text in UTF-8/],
    [await write("large", new Uint8Array(3 * 1024 * 1024).fill(65)), desk, /at most 2097152/],
    [server.project, desk, /is not a file/],
    ["/x", { ...desk, editorProblem: "Set EDITOR first" }, /^Error: Set EDITOR first$/],
  ] as const;
  for (const [path, given, message] of cases) {
    await assert.rejects(editFile(path, { client, desk: given, ask }), message);
  }
  client.close();
});

Deno.test("an editor that changes nothing writes nothing", async () => {
  await using server = await startServer();
  const client = await connectTo(server);
  const path = join(server.project, "a.txt");
  await Deno.writeTextFile(path, "same");
  const ask = () => Promise.reject(new Error("Asked"));
  for (const result of ["same", null]) {
    const { desk } = editor(() => result);
    assert.equal(await editFile(path, { client, desk, ask }), "unchanged");
  }
  client.close();
});

Deno.test("names that would break the screen are listed clean, and lead to the right file", async () => {
  await using server = await startServer();
  const names = NASTY.filter((name) => name.isWellFormed() && name.length < 100);
  for (const name of names) await Deno.writeTextFile(join(server.project, name), "x");
  const { client, host, options, shows } = await browser(server);
  browseFolder(host, { ...options, path: server.project, maxRows: () => 40 });
  await shows("gpj.exe");
  for (const width of [1, 20, 80, 140]) assertSafe(host.view.render(width), width);
  const entries = await readFolder(client, server.project);
  assert.deepEqual(entries.map(({ name }) => name), [...names].sort());
  client.close();
});

Deno.test("no file makes the viewer too wide or unsafe", async () => {
  const part = fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: "binary" }));
  const nasty = fc.array(part).map((parts) => parts.join("\n").toWellFormed());
  await fc.assert(
    fc.asyncProperty(nasty, fc.integer({ min: 1, max: 200 }), async (content, width) => {
      const { client } = fakeClient({
        "fs/readFile": () => ({ dataBase64: new TextEncoder().encode(content).toBase64() }),
      });
      const changes = new Changes();
      const text = new FileText({
        client,
        path: "/x",
        theme: COLOR_THEME,
        changed: changes.changed,
      });
      await changes.until(() => text.rows(width).length > 0);
      assertSafe(text.rows(width), width);
    }),
  );
});

Deno.test("paths of both kinds of systems", () => {
  assert.equal(parentOf("/a/b"), "/a");
  assert.equal(parentOf("/a"), "/");
  assert.equal(parentOf("/"), "/");
  assert.equal(parentOf("C:\\a"), "C:\\");
  assert.equal(childOf("/", "a"), "/a");
  assert.equal(childOf("C:\\a", "b"), "C:\\a\\b");
  assert.equal(nameOf("/a/b.txt"), "b.txt");
  assert.equal(resolvePath("/a/b", "../c/./d"), "/a/c/d");
  assert.equal(resolvePath("/a", "/x/../../y"), "/y");
  assert.equal(resolvePath("C:\\a\\b", "..\\c"), "C:\\a\\c");
});
