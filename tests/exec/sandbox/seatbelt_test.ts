import assert from "node:assert/strict";
import fc from "fast-check";
import { probeSeatbelt, seatbeltProfile } from "../../../src/exec/sandbox/seatbelt.ts";
import type { SandboxSpec } from "../../../src/exec/sandbox/spec.ts";

const SPEC: SandboxSpec = {
  cwd: "/w",
  writable: ["/w"],
  readOnly: ["/w/.git", "/w/deep/er/kept"],
  hidden: ["/home/me/.codex/auth.json"],
  readable: null,
  network: { type: "none" },
};

function profileOf(spec: SandboxSpec): string[] {
  const profile = seatbeltProfile(spec);
  return profile.type === "profile" ? profile.text.trimEnd().split("\n") : assert.fail();
}

/** The rules of one profile that another has not. */
function beyond(spec: SandboxSpec, base: SandboxSpec): string[] {
  const known = new Set(profileOf(base));
  return profileOf(spec).filter((rule) => !known.has(rule));
}

const BARE: SandboxSpec = { ...SPEC, writable: [], readOnly: [], hidden: [] };

Deno.test("seatbelt denies by default, and what is kept or hidden comes after what is allowed", () => {
  const rules = profileOf(SPEC);
  assert.deepEqual(rules.slice(0, 2), ["(version 1)", "(deny default)"]);
  assert.deepEqual(beyond(SPEC, BARE), [
    '(allow file-write* (subpath "/w"))',
    '(deny file-write* (subpath "/w/.git"))',
    '(deny file-write-unlink (literal "/w"))',
    '(deny file-write* (subpath "/w/deep/er/kept"))',
    '(deny file-write-unlink (literal "/w/deep/er") (literal "/w/deep") (literal "/w"))',
    '(deny file-read-data file-read-xattr file-write* (subpath "/home/me/.codex/auth.json"))',
    '(deny network-outbound (remote unix-socket (subpath "/home/me/.codex/auth.json")))',
  ]);
  const lastAllow = rules.findLastIndex((rule) => rule.startsWith("(allow"));
  assert.ok(lastAllow < rules.findIndex((rule) => /^\(deny (file-write|network)/.test(rule)));
});

Deno.test("seatbelt allows the network only as a whole", () => {
  assert.ok(!profileOf(SPEC).some((rule) => /^\(allow (network\*\)|system-socket)/.test(rule)));
  assert.ok(profileOf({ ...SPEC, network: { type: "full" } }).includes("(allow network*)"));
  const proxied = seatbeltProfile({ ...SPEC, network: { type: "proxy", socket: "/p" } });
  assert.equal(proxied.type, "refused");
});

Deno.test("seatbelt limits reading to what is named and what programs need", () => {
  const limited = profileOf({ ...SPEC, readable: ["/r"] });
  assert.ok(!limited.includes("(allow file-read*)"));
  const [reading = ""] = limited.filter((rule) => rule.startsWith("(allow file-read* (subpath"));
  assert.match(reading, /\(subpath "\/r"\) \(subpath "\/w"\) \(subpath "\/System"\)/);
});

/** Reads one string of the profile language from its quote on; what follows it is `rest`. */
function readString(text: string): { readonly value: string; readonly rest: string } {
  let value = "";
  for (let at = 1; at < text.length; at++) {
    if (text[at] === "\\") value += text[++at];
    else if (text[at] === '"') return { value, rest: text.slice(at + 1) };
    else value += text[at];
  }
  return assert.fail("the string does not end");
}

Deno.test("no path ends its string early, whatever is in it", () => {
  const weird = fc.string({ unit: "binary" }).filter((text) => !text.includes("\0"));
  fc.assert(fc.property(weird, (name) => {
    const path = `/w/${name}`;
    const profile = seatbeltProfile({ ...BARE, writable: [path] });
    assert.ok(profile.type === "profile");
    const start = "(allow file-write* (subpath ";
    const [, after = ""] = profile.text.split(start);
    const { value, rest } = readString(after);
    assert.equal(value, path);
    assert.ok(rest.startsWith("))\n"), "exactly two brackets follow");
  }));
  const attack = '/w/a") (subpath "/';
  assert.ok(
    profileOf({ ...BARE, writable: [attack] }).includes(
      '(allow file-write* (subpath "/w/a\\") (subpath \\"/"))',
    ),
  );
});

Deno.test({
  name: "seatbelt works on macOS and says so elsewhere",
  fn: async () => {
    const probe = await probeSeatbelt();
    if (Deno.build.os === "darwin") return assert.equal(probe.type, "works");
    assert.deepEqual(probe, {
      type: "unusable",
      name: "seatbelt",
      reason: "It is for macOS",
    });
  },
});
