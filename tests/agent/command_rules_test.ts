import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { parseRules, prefixRuleLine } from "../../src/agent/command_policy/rule_file.ts";
import { matchRule, Rules } from "../../src/agent/command_policy/rules.ts";

async function withHome(test: (home: string, rules: Rules) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir();
  const append = async (path: string, line: string) => {
    await Deno.mkdir(join(home, "rules"), { recursive: true });
    await Deno.writeTextFile(path, line, { append: true });
  };
  try {
    await test(home, new Rules({ codexHome: home, append }));
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

Deno.test("rule files are read with comments, alternatives, other calls and many lines", () => {
  const { rules, error } = parseRules(`
# what I allow
prefix_rule(pattern=["npm", ["test", 'run']], decision="allow")
prefix_rule(
  pattern = ["rm"],  # never
  decision = "forbidden",
  justification = "use trash, it's \\"safer\\"",
  match = [["rm", "x"], "rm y"],
  not_match = [],
)
network_rule(host="a", protocol="https", decision="allow")
prefix_rule(pattern=["ls"])
`);
  assert.equal(error, null);
  assert.deepEqual(rules, [
    { pattern: [["npm"], ["test", "run"]], decision: "allow", justification: null },
    { pattern: [["rm"]], decision: "forbidden", justification: `use trash, it's "safer"` },
    { pattern: [["ls"]], decision: "allow", justification: null },
  ]);
  assert.equal(matchRule(["npm", "run", "x"], rules)?.decision, "allow");
  assert.equal(matchRule(["npm"], rules), null);
  assert.equal(matchRule(["npm", "publish"], rules), null);
});

Deno.test("a broken rule file names the line, and says what is wrong", () => {
  const cases: [string, RegExp][] = [
    ["x = 'a'", /^Line 1: Expected \($/],
    ['\nprefix_rule(pattern=["a"]', /^Line 2: Expected ,$/],
    ["prefix_rule(pattern=[])", /^Line 1: The pattern must be/],
    ['prefix_rule(pattern=["a"], decision="yes")', /^Line 1: The decision must be/],
    ['prefix_rule(pattern=[[["a"]]])', /^Line 1: Alternatives/],
    ['prefix_rule(pattern=["\\q"])', /^Line 1: Unknown escape/],
    ["\n\n%", /^Line 3: Unexpected "%"$/],
    ["other()", /^Line 1: Unknown rule other$/],
  ];
  for (const [text, expected] of cases) assert.match(parseRules(text).error ?? "", expected, text);
});

Deno.test("the rule reader takes any text, and reads back what is written", () => {
  const piece = fc.constantFrom(
    "prefix_rule",
    "(",
    ")",
    "[",
    "]",
    "=",
    ",",
    '"a"',
    "'",
    '"',
    "\\",
    "\n",
    "pattern",
    "#",
  );
  fc.assert(fc.property(fc.array(piece).map((all) => all.join("")), (text) => {
    const { rules, error } = parseRules(text);
    assert.ok(Array.isArray(rules) && (error === null || error.startsWith("Line ")));
  }));
  const words = fc.array(fc.string({ unit: "binary", maxLength: 8 }), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(fc.property(words, (prefix) => {
    const { rules, error } = parseRules(prefixRuleLine(prefix));
    assert.equal(error, null);
    assert.deepEqual(rules[0]?.pattern, prefix.map((word) => [word]));
  }));
});

Deno.test("an allowed prefix holds at once and is on disk once", async () => {
  await withHome(async (home, rules) => {
    assert.deepEqual(await rules.all(), []);
    await rules.allow(["touch", "a b"]);
    await rules.allow(["touch", "a b"]);
    await rules.allow([]);
    assert.equal(matchRule(["touch", "a b", "c"], await rules.all())?.decision, "allow");
    assert.equal(
      await Deno.readTextFile(join(home, "rules/default.rules")),
      'prefix_rule(pattern=["touch", "a b"], decision="allow")\n',
    );
    assert.deepEqual(rules.warnings, []);
  });
});

Deno.test("a broken file loses what it allows but not what it forbids", async () => {
  await withHome(async (home, rules) => {
    await Deno.mkdir(join(home, "rules"));
    const text = 'prefix_rule(pattern=["a"], decision="allow")\n' +
      'prefix_rule(pattern=["b"], decision="forbidden")\nbroken';
    await Deno.writeTextFile(join(home, "rules/a.rules"), text);
    await Deno.writeTextFile(join(home, "rules/b.rules"), 'prefix_rule(pattern=["c"])');
    await Deno.writeTextFile(join(home, "rules/ignored.txt"), "broken");
    const all = await rules.all();
    assert.deepEqual(all.map((rule) => rule.pattern[0]?.[0]), ["b", "c"]);
    assert.match(rules.warnings.join(), /a\.rules: Line 3: .*; its allow rules are ignored$/);
  });
});
