import assert from "node:assert/strict";
import { commandActions } from "../../src/agent/command_policy/actions.ts";

function read(command: string, path: string) {
  return { type: "read", command, name: path.slice(path.lastIndexOf("/") + 1), path };
}

Deno.test("commandActions names what reading commands do and falls back to the whole command", async () => {
  const unknown = (command: string) => [{ type: "unknown", command }];
  const cases: [string, unknown][] = [
    ["cat a.txt", [read("cat a.txt", "/w/a.txt")]],
    ["cat a /b", [read("cat a /b", "/w/a"), read("cat a /b", "/b")]],
    ["cd sub && sed -n 1,5p 'x y'", [read("sed -n '1,5p' 'x y'", "/w/sub/x y")]],
    ["head -n 5 a", [read("head -n 5 a", "/w/a")]],
    ["cat a | head -n 5 | wc -l", [read("cat a", "/w/a")]],
    ["ls -la src", [{ type: "listFiles", command: "ls -la src", path: "src" }]],
    ["ls", [{ type: "listFiles", command: "ls", path: null }]],
    ["rg --files src", [{ type: "listFiles", command: "rg --files src", path: "src" }]],
    ["find src -name '*.ts'", [
      { type: "search", command: "find src -name '*.ts'", query: "*.ts", path: "src" },
    ]],
    ["rg -n 'a b' src | head -5", [
      { type: "search", command: "rg -n 'a b' src", query: "a b", path: "src" },
    ]],
    ["grep -rn -e x .", [{ type: "search", command: "grep -rn -e x .", query: "x", path: "." }]],
    ["touch made.txt && echo done", unknown("touch made.txt && echo done")],
    ["cat a; rm b", unknown("cat a; rm b")],
    ["cat $X", unknown("cat $X")],
    ["cat", unknown("cat")],
    ["cd x", unknown("cd x")],
  ];
  for (const [script, expected] of cases) {
    assert.deepEqual(await commandActions(["/bin/bash", "-lc", script], "/w"), expected, script);
  }
  assert.deepEqual(await commandActions(["touch", "a b"], "/w"), unknown("touch 'a b'"));
});
