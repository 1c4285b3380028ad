/** Tests of the lint rules: each one is shown what it must catch and what it must leave alone. */
import assert from "node:assert/strict";
import plugin from "../../scripts/lint_plugin.ts";

/** The rules that complain about a file, without their prefix. */
function check(path: string, source: string): string[] {
  const found = Deno.lint.runPlugin(plugin, `/${path}`, source);
  return found.map(({ id }) => id.replace("codex/", ""));
}

const FILE = "src/agent/turn.ts";

Deno.test("no-top-level-arrow wants function declarations at the top level only", () => {
  assert.deepEqual(check(FILE, "const f = () => 1;"), ["no-top-level-arrow"]);
  assert.deepEqual(check(FILE, "export const f = () => 1;"), ["no-top-level-arrow"]);
  assert.deepEqual(check(FILE, "function f() { return [1].map((n) => n); }"), []);
});

Deno.test("max-positional-params allows two and an options object on exports", () => {
  const rule = ["max-positional-params"];
  assert.deepEqual(check(FILE, "export function f(a: 1, b: 2, c: 3) {}"), rule);
  assert.deepEqual(check(FILE, "export function f(a: 1, b: 2, options: object) {}"), []);
  assert.deepEqual(check(FILE, "export function f(a: 1, b: 2, { c }: { c: 1 }) {}"), []);
  assert.deepEqual(check(FILE, "export function f(a: 1, b: 2, c: 3, options: object) {}"), rule);
  assert.deepEqual(check(FILE, "function f(a: 1, b: 2, c: 3) {}"), []);
});

Deno.test("no-type-assertion leaves `as const` alone", () => {
  assert.deepEqual(check(FILE, "const x = y as string;"), ["no-type-assertion"]);
  assert.deepEqual(check(FILE, "const x = ['a'] as const;"), []);
  assert.deepEqual(check("tests/agent/turn_test.ts", "const x = y as string;"), []);
});

Deno.test("no-empty-catch accepts a catch that says why it is empty", () => {
  assert.deepEqual(check(FILE, "try { f(); } catch {}"), ["no-empty-catch"]);
  assert.deepEqual(check(FILE, "try { f(); } catch { // The file is gone already.\n}"), []);
  assert.deepEqual(check(FILE, "try { f(); } catch (error) { log(error); }"), []);
});

Deno.test("max-function-lines counts every kind of function outside tests", () => {
  const body = "f();\n".repeat(70);
  assert.deepEqual(check(FILE, `function g() {\n${body}}`), ["max-function-lines"]);
  assert.deepEqual(check(FILE, `call(() => {\n${body}});`), ["max-function-lines"]);
  assert.deepEqual(check("tests/a_test.ts", `function g() {\n${body}}`), []);
});

Deno.test("error-message wants a capital letter and no period", () => {
  assert.deepEqual(check(FILE, "throw new Error('no file');"), ["error-message"]);
  assert.deepEqual(check(FILE, "throw new Error(`No file ${name}.`);"), ["error-message"]);
  assert.deepEqual(check(FILE, "throw new Error(`No file ${name}`);"), []);
  assert.deepEqual(check(FILE, "throw new CodexError('io', 'thread not found: 1');"), []);
  assert.deepEqual(check(FILE, "throw new CodexError('io', 'thread not found.');"), [
    "error-message",
  ]);
});

Deno.test("browser-clean keeps Deno, process and node: out of what a browser loads", () => {
  const rule = ["browser-clean"];
  assert.deepEqual(check("src/rpc/connection.ts", "Deno.exit(1);"), rule);
  assert.deepEqual(check("src/lib/lines.ts", "import fs from 'node:fs';"), rule);
  assert.deepEqual(check("src/protocol/item.ts", "process.exit();"), rule);
  assert.deepEqual(check("src/rpc/stdio.ts", "Deno.exit(1);"), []);
});

Deno.test("no-ambient-input leaves environment, clock and randomness to programs", () => {
  const rule = ["no-ambient-input"];
  for (const source of ["Deno.env.get('A')", "Date.now()", "new Date()", "crypto.randomUUID()"]) {
    assert.deepEqual(check(FILE, `const x = ${source};`), rule, source);
    assert.deepEqual(check("src/programs/exec.ts", `const x = ${source};`), [], source);
  }
  assert.deepEqual(check(FILE, "const x = new Date(5);"), []);
});

Deno.test("no-console and no-default-export hold in every layer", () => {
  assert.deepEqual(check(FILE, "console.log(1);"), ["no-console"]);
  assert.deepEqual(check("src/programs/exec.ts", "console.log(1);"), []);
  assert.deepEqual(check(FILE, "export default 1;"), ["no-default-export"]);
});
