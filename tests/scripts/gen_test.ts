/** Tests what `deno task gen` writes into files that people write as well. */
import assert from "node:assert/strict";
import { ALL_KINDS, PROGRAMS } from "../../main.ts";
import { replaceMarked } from "../../scripts/gen.ts";
import { permissionsTable } from "../../scripts/gen/permissions.ts";

Deno.test("replaceMarked replaces what stands between the marks and nothing else", () => {
  const page = (between: string) => `# A\n\n<!-- gen:x -->\n${between}<!-- /gen:x -->\n\n# B\n`;
  const once = replaceMarked(page("old\n"), { name: "x", text: "| new |\n" });
  assert.equal(once, page("\n| new |\n\n"));
  assert.equal(replaceMarked(once, { name: "x", text: "| new |\n" }), once);
});

Deno.test("replaceMarked refuses a file without both marks, or with several", () => {
  const [start, end] = ["<!-- gen:x -->\n", "<!-- /gen:x -->\n"];
  for (const page of ["", start, end, `${end}${start}`, `${start}${start}${end}`]) {
    assert.throws(() => replaceMarked(page, { name: "x", text: "" }), /marks gen:x/, page);
  }
});

Deno.test("permissionsTable has a row with a reason for every kind of every program", () => {
  const [, , ...rows] = permissionsTable().trimEnd().split("\n")
    .map((line) => line.split(" | ").map((cell) => cell.replaceAll("|", "").trim()));
  for (const [name, { holds }] of Object.entries(PROGRAMS)) {
    const word = name === "none" ? "`codex` alone" : `\`codex ${name}\``;
    const found = rows.filter(([program = ""]) => program.split(", ").includes(word));
    assert.equal(found.length, 1, name);
    const [[, held = "", why = ""] = []] = found;
    assert.equal(held === "everything", holds.length === ALL_KINDS.length);
    for (const kind of holds) assert.match(why, new RegExp(`\\b${kind}\\b`), name);
  }
});
