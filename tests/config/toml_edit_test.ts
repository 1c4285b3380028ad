/** Tests TOML edits by example, and against a model of the parsed document. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { parse } from "smol-toml";
import { removeTomlKey, setTomlKey } from "../../src/config/toml_edit.ts";
import {
  isTable,
  mergeTables,
  own,
  type Table,
  tableOf,
  type Value,
} from "../../src/config/values.ts";

const text = `# my config
model = "a" # why

# the servers
[servers.one]
port = 1 # first
  host = "h"

[inline]
point = { x = 1, y = 2 }
a.b = 1

[[list]]
n = 1
`;

/** Sets a value and checks that nothing but the one place has changed. */
function check(path: readonly string[], value: Value, expected: readonly [string, string]): void {
  const edited = setTomlKey(text, { path, value });
  assert.equal(edited, text.replace(...expected));
}

Deno.test("setTomlKey replaces a value where it stands", () => {
  check(["model"], "b", ['"a"', '"b"']);
  check(["servers", "one", "port"], 22, ["port = 1", "port = 22"]);
  check(["inline", "point", "y"], true, ["y = 2", "y = true"]);
  check(["inline", "a", "b"], ["x"], ["a.b = 1", 'a.b = ["x"]']);
  check(["inline", "point"], { z: 1 }, ["{ x = 1, y = 2 }", "{ z = 1 }"]);
});

Deno.test("setTomlKey puts a new key beside its siblings", () => {
  check(["effort"], "high", ["# why\n", '# why\neffort = "high"\n']);
  check(["servers", "one", "tls"], false, ['host = "h"\n', 'host = "h"\ntls = false\n']);
  check(["inline", "point", "z"], 3, ["y = 2 }", "y = 2, z = 3 }"]);
  check(["inline", "a", "c"], 2, ["a.b = 1\n", "a.b = 1\na.c = 2\n"]);
});

Deno.test("setTomlKey adds a section at the end for a table that is new", () => {
  const path = ["projects", "/a b/c.d", "trust_level"];
  assert.equal(
    setTomlKey(text, { path, value: "trusted" }),
    `${text}\n[projects."/a b/c.d"]\ntrust_level = "trusted"\n`,
  );
  assert.equal(
    setTomlKey("", { path, value: "trusted" }),
    `[projects."/a b/c.d"]\ntrust_level = "trusted"\n`,
  );
  assert.equal(setTomlKey("a = 1", { path: ["b"], value: 2 }), "a = 1\nb = 2\n");
  assert.equal(
    setTomlKey("# about\n[a]\nb = 1\n", { path: ["c"], value: 2 }),
    "c = 2\n\n# about\n[a]\nb = 1\n",
  );
  assert.equal(
    setTomlKey("", { path: ["mcp", "x"], value: { cmd: "c", env: { A: "1" } } }),
    '[mcp.x]\ncmd = "c"\n\n[mcp.x.env]\nA = "1"\n',
  );
});

Deno.test("removeTomlKey removes a key, or a whole table with its sections", () => {
  assert.equal(removeTomlKey(text, ["model"]), text.replace('model = "a" # why\n', ""));
  assert.equal(removeTomlKey(text, ["inline", "point", "x"]), text.replace("x = 1, ", ""));
  assert.equal(removeTomlKey(text, ["inline", "point", "y"]), text.replace(", y = 2", ""));
  assert.equal(removeTomlKey(text, ["list"]), text.replace("[[list]]\nn = 1\n", ""));
  assert.equal(removeTomlKey(text, ["gone"]), text);
});

Deno.test("setTomlKey refuses a path through a value that is no table, and text that is no TOML", () => {
  for (const path of [["model", "x"], ["list", "n"], ["inline", "a", "b", "c"]]) {
    assert.throws(() => setTomlKey(text, { path, value: 1 }), SyntaxError, path.join("."));
  }
  assert.throws(() => setTomlKey("a = [", { path: ["b"], value: 1 }), SyntaxError);
});

const key = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom("a", "b", "c") },
  { weight: 1, arbitrary: fc.constantFrom("x.y", "ü", 'q"', "__proto__") },
);
const scalar = fc.oneof(
  fc.integer({ min: -9, max: 9 }),
  fc.boolean(),
  fc.string({ unit: "grapheme", maxLength: 5 }),
  fc.constantFrom("line\nbreak", "\u007f\u0000", "'''", '"""', "#"),
  fc.array(fc.integer(), { maxLength: 2 }),
);
const value: fc.Arbitrary<Value> = fc.oneof(
  { weight: 3, arbitrary: scalar },
  {
    weight: 1,
    arbitrary: fc.tuple(key, scalar).map(([one, other]) => Object.fromEntries([[one, other]])),
  },
);
const edit = fc.record({
  path: fc.array(key, { minLength: 1, maxLength: 3 }),
  value: fc.option(value, { nil: null, freq: 2 }),
});
const start = fc.constantFrom(
  "",
  "# only a comment",
  'a = 1\r\n[b] # c\r\n"x.y" = 2\r\n',
  "a.b.c = 1\n[b.c]\nc = 2\n[b]\na = 3 # end",
  "a = { b = { c = 1 }, c = [ { a = 1 } ] } # why\n\n[c.a]\n",
  '[a]\nb = """\nlong [x]\n"""\n[a.c]\n\n# tail\n',
  "[[a]]\nb = 1\n[[a]]\n[a.c]\nb = 2\n[b]\nc.a = [\n  1, # one\n]\n",
);

Deno.test("edits have the effect of the same edits on the parsed document", () => {
  let refused = 0;
  let done = 0;
  fc.assert(
    fc.property(start, fc.array(edit, { maxLength: 6 }), (from, edits) => {
      let current: string = from;
      let model = plainOf(from);
      for (const { path, value } of edits) {
        if (value === null) {
          current = removeTomlKey(current, path);
          model = withoutPath(model, path);
        } else if (isBlocked(model, path)) {
          assert.throws(() => setTomlKey(current, { path, value }), SyntaxError);
          refused++;
          continue;
        } else {
          current = setTomlKey(current, { path, value });
          model = withPath(model, path, value);
        }
        done++;
        assert.deepEqual(withoutEmpty(plainOf(current)), withoutEmpty(model), current);
        for (const comment of from.match(/# (?:only a comment|why|tail)/g) ?? []) {
          // Comments on lines that an edit removes go with them; the others stay.
          if (!edits.some((one) => one.path[0] === "a")) assert.ok(current.includes(comment));
        }
      }
    }),
    { numRuns: 2000 },
  );
  assert.ok(refused > 0 && done > 0);
});

/** A document as plain values. */
function plainOf(toml: string): Table {
  const json: unknown = JSON.parse(JSON.stringify(parse(toml)));
  return isTable(json) ? json : assert.fail();
}

/** True when a value on the way is no table. */
function isBlocked(model: Table, path: readonly string[]): boolean {
  let at: Value | undefined = model;
  for (const part of path.slice(0, -1)) {
    at = isTable(at) ? own(at, part) : undefined;
    if (at !== undefined && !isTable(at)) return true;
  }
  return false;
}

function withPath(model: Table, path: readonly string[], value: Value): Table {
  const tree = tableOf(path, value);
  return mergeTables(withoutPath(model, path), isTable(tree) ? tree : {});
}

function withoutPath(model: Table, path: readonly string[]): Table {
  const [first = "", ...rest] = path;
  const inner = own(model, first);
  const others = Object.entries(model).filter(([name]) => name !== first);
  if (rest.length === 0 || inner === undefined) return Object.fromEntries(others);
  if (!isTable(inner)) return model;
  return Object.fromEntries([...others, [first, withoutPath(inner, rest)]]);
}

/** Sorted, and without tables that hold nothing: a removed header takes its empty table along. */
function withoutEmpty(value: Value): Value {
  if (!isTable(value)) return value;
  const entries = Object.entries(value).map(([name, inner]) => [name, withoutEmpty(inner)] as const)
    .filter(([, inner]) => !isTable(inner) || Object.keys(inner).length > 0)
    .sort(([one], [other]) => one < other ? -1 : 1);
  return Object.fromEntries(entries);
}
