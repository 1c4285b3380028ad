import assert from "node:assert/strict";
import { defer } from "../../scripts/build/deferred.ts";

/** Runs a module and gives what it exports. */
async function run(text: string): Promise<Record<string, unknown>> {
  const path = await Deno.makeTempFile({ suffix: ".mjs" });
  try {
    await Deno.writeTextFile(path, text);
    return await import(`file://${path}`);
  } finally {
    await Deno.remove(path);
  }
}

const USED = 'import*as fs from"node:fs";import{createRequire as a}from"node:module";' +
  'import{sep as b}from"node:path";var c=1;var d=a(import.meta.url);var e=/^\\p{RGI_Emoji}$/v;' +
  'export const found=()=>[typeof fs.readFileSync,d("node:os")===process.getBuiltinModule("node:os"),b,c,' +
  '["👍🏽","🇩🇪","x","👍👍"].map(t=>e.test(t))];export const missing=()=>d("./native.node");';

Deno.test("what is put off does at its first use what it did before", async () => {
  const [before, after] = [await run(USED), await run(defer(USED))];
  const expected = ["function", true, "/", 1, [true, true, false, false]];
  const found = [before, after].map((module) => Reflect.apply(Object(module.found), null, []));
  assert.deepEqual(found, [expected, expected]);
  assert.throws(() => Reflect.apply(Object(after.missing), null, []), /No module \.\/native\.node/);
});

Deno.test("nothing is loaded or made for it before", () => {
  const text = defer(USED);
  assert.deepEqual([...text.matchAll(/from"(node:\w+)"/g)].map(([, name]) => name), ["node:path"]);
  assert.doesNotMatch(text, /\/\^\\p\{RGI_Emoji\}/);
});

Deno.test("built-in modules that nobody uses are not loaded, others are", () => {
  const text =
    'import{spawn as a,exec as b$}from"node:child_process";import c from"node:process";' +
    'import{d}from"./x.js";import"node:tty";export const f=()=>b$+a1;var a1=1;';
  assert.equal(defer(text), text.replace('import c from"node:process";', ""));
});
