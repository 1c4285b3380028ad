import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { LinuxFolders } from "../../src/exec/file_search/linux_folders.ts";
import { PortableFolders } from "../../src/exec/file_search/portable_folders.ts";
import { isWildMatch, readWildcards } from "../../src/exec/file_search/wildmatch.ts";
import { Libc } from "../../src/exec/filesystem/libc.ts";
import { plant, walked, withDir } from "./file_search_tree.ts";

const GIT_ENV = {
  PATH: "/usr/local/bin:/usr/bin:/bin",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_SYSTEM: "/dev/null",
};

function git(dir: string, ...args: string[]): string {
  const { success, stdout, stderr } = new Deno.Command("git", {
    args: ["-C", dir, ...args],
    env: GIT_ENV,
    clearEnv: true,
  }).outputSync();
  assert.ok(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** The files that git would add, sorted. */
function gitFiles(dir: string): string[] {
  return git(dir, "ls-files", "-oz", "--exclude-standard").split("\0").filter(Boolean).sort();
}

function filesOf(paths: readonly string[]): string[] {
  return paths.filter((path) => !path.endsWith("/"));
}

const hasGit = await new Deno.Command("git", { args: ["--version"] }).output()
  .then(({ success }) => success, () => false);

const FILES = [
  "a",
  "b",
  "ab",
  "a.b",
  "a b",
  "#a",
  "!b",
  "a[b]",
  "x/a",
  "x/b",
  "x/ab/a",
  "x/ab/b.c",
  "x/y/a",
  "x/y/a.b",
  "y/x/ab",
  "y/a/b/c",
  "c/a/x/b",
  "c/b.a",
  "c/x/y/z/a",
];
const patternPart = fc.constantFrom(
  ..."a,b,c,x,y,*,**,?,/,.,ab,[ab],[!a],[^b],[a-c],[[:alpha:]],[,],\\*,\\ ,\\#,#,!, ,//,a/,**/,/**,\r"
    .split(","),
);
const pattern = fc.tuple(
  fc.constantFrom("", "", "!", "/", "#"),
  fc.array(patternPart, { maxLength: 5 }),
)
  .map(([start, parts]) => start + parts.join(""));
const patterns = fc.array(pattern, { maxLength: 6 }).map((lines) => lines.join("\n"));

Deno.test({
  name: "a walk finds the files that git would add, whatever the ignore files say",
  ignore: !hasGit,
  fn: () =>
    withDir((dir) => {
      plant(dir, FILES);
      git(dir, "init", "-q");
      using libc = Deno.build.os === "linux" ? new Libc() : null;
      const folders = libc ? new LinuxFolders(libc) : new PortableFolders();
      const property = fc.property(
        patterns,
        patterns,
        patterns,
        patterns,
        (top, x, xy, exclude) => {
          const inner = join(dir, "x", ".gitignore");
          plant(dir, { ".gitignore": top, "x/.gitignore": x, "x/y/.gitignore": xy });
          plant(dir, { ".git/info/exclude": exclude });
          assert.ok(Deno.statSync(inner).isFile);
          assert.deepEqual(filesOf(walked(dir, { folders }).paths), gitFiles(dir));
        },
      );
      fc.assert(property, { numRuns: 150 });
    }),
});

Deno.test({
  name: "wildcards match as git matches them",
  ignore: !hasGit,
  fn: () =>
    withDir((dir) => {
      plant(dir, ["abc", "a/b/c", "a-c", "a]c", "a.b.c", "x/abc", "x/a.b.c"]);
      git(dir, "init", "-q");
      const folders = new PortableFolders();
      const cases = [
        "a*",
        "a?c",
        "*.c",
        "**",
        "**/abc",
        "a/**",
        "a/**/c",
        "a/**/b/c",
        "a/*",
        "/*",
        "*",
      ];
      cases.push(
        "a[]]c",
        "a[^-]c",
        "a[!a-]c",
        "[",
        "a\\",
        "a[",
        "x/*.c",
        "x/",
        "!*",
        "a**c",
        "/a/b",
        "b/",
      );
      cases.push(
        "[[:alpha:]]bc",
        "[[:nonsense:]]",
        "x//abc",
        "a[/]c",
        "/",
        "//",
        "**/",
        "/**",
        "**a",
        "a.b.*",
      );
      for (const line of cases) {
        plant(dir, { ".gitignore": `${line}\n` });
        assert.deepEqual(filesOf(walked(dir, { folders }).paths), gitFiles(dir), line);
      }
    }),
});

Deno.test("a pattern that would keep a regular expression busy for ever is matched at once", () => {
  for (const text of [`${"*a".repeat(60)}b`, `${"**/a*".repeat(30)}/b`, `${"*".repeat(500)}b`]) {
    const wildcards = readWildcards(text);
    assert.ok(wildcards);
    assert.equal(isWildMatch({ ...wildcards, needed: "" }, "a".repeat(250)), false);
    assert.equal(isWildMatch({ ...wildcards, needed: "" }, "a/".repeat(100)), false);
  }
});

Deno.test("any text is a pattern or none, and matching ends", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (text, name) => {
      const wildcards = readWildcards(text);
      if (wildcards) assert.equal(typeof isWildMatch(wildcards, name), "boolean");
    }),
  );
});
