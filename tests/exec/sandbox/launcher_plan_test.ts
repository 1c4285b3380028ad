import assert from "node:assert/strict";
import fc from "fast-check";
import type { Kind } from "../../../src/exec/sandbox/launcher/disk.ts";
import { otherNames, parseMounts } from "../../../src/exec/sandbox/launcher/mount_table.ts";
import { type Disk, planLaunch } from "../../../src/exec/sandbox/launcher/plan.ts";
import type { SandboxSpec } from "../../../src/exec/sandbox/spec.ts";
import { specOf } from "./launcher_support.ts";

/** A disk of the given paths; a value that is no kind is where a link leads. */
function diskOf(paths: Readonly<Record<string, string>>, options: Partial<Disk> = {}): Disk {
  const kindOf = (path: string): Kind => {
    const value = paths[path];
    if (value === undefined) return path === "/" ? "folder" : "missing";
    return value === "folder" || value === "file" ? value : "link";
  };
  return {
    look: (path) => ({ kind: kindOf(path), links: 1, identity: path, isSticky: false }),
    resolve: (path) => kindOf(path) === "link" ? paths[path] ?? null : path,
    follow: (path) => paths[path] ?? null,
    otherNames: () => [],
    list: () => [],
    isPlaceholder: () => false,
    ...options,
  };
}

function plan(parts: Partial<SandboxSpec>, paths: Readonly<Record<string, string>>): string[] {
  const planned = planLaunch(specOf({ cwd: "/", ...parts }), {
    disk: diskOf(paths),
    input: null,
  });
  if (planned.type === "refused") return [planned.reason];
  const placeholders = new Set(planned.placeholders);
  return planned.plan.places.map(({ path, as }) =>
    `${as} ${path}${placeholders.has(path) ? " (new)" : ""}`
  );
}

const WORKSPACE = { "/w": "folder", "/w/.git": "folder", "/w/a": "folder", "/w/a/b": "folder" };

const CASES: readonly [string, Partial<SandboxSpec>, Readonly<Record<string, string>>, string[]][] =
  [
    ["nothing is writable without a root", { readOnly: ["/w/.git"] }, WORKSPACE, []],
    [
      "protected places in a root are read-only, also when they are missing",
      { writable: ["/w"], readOnly: ["/w/.git", "/w/.codex", "/other"] },
      WORKSPACE,
      ["writable /w", "readOnly /w/.git", "readOnly /w/.codex (new)"],
    ],
    [
      "the way to a protected place is pinned",
      { writable: ["/w"], readOnly: ["/w/a/b/c", "/w/x/y"] },
      WORKSPACE,
      [
        "writable /w",
        "readOnly /w/x (new)",
        "pinned /w/a",
        "pinned /w/a/b",
        "readOnly /w/a/b/c (new)",
      ],
    ],
    [
      "a file on the way is kept a file",
      { writable: ["/w"], readOnly: ["/w/f/x"] },
      { ...WORKSPACE, "/w/f": "file" },
      ["writable /w", "pinned /w/f"],
    ],
    [
      "a root within a root is pinned, within something read-only taken aside",
      { writable: ["/w", "/w/a/b", "/w/.git/x"], readOnly: ["/w/.git"] },
      { ...WORKSPACE, "/w/.git/x": "folder" },
      ["writable /w", "readOnly /w/.git", "pinned /w/a", "pinned /w/a/b", "writable /w/.git/x"],
    ],
    [
      "a protected link is kept together with all it leads through",
      { writable: ["/w"], readOnly: ["/w/l"] },
      { ...WORKSPACE, "/w/l": "/w/m", "/w/m": "/w/a/b" },
      [
        "writable /w",
        "readOnlyLink /w/l",
        "readOnlyLink /w/m",
        "pinned /w/a",
        "readOnly /w/a/b",
      ],
    ],
    [
      "a protected link to nothing keeps its target from being made",
      { writable: ["/w"], readOnly: ["/w/l"] },
      { ...WORKSPACE, "/w/l": "/w/nothing" },
      ["writable /w", "readOnlyLink /w/l", "readOnly /w/nothing (new)"],
    ],
    [
      "a loop of links is refused",
      { writable: ["/w"], readOnly: ["/w/l"] },
      { ...WORKSPACE, "/w/l": "/w/l" },
      ["The symbolic link /w/l leads nowhere"],
    ],
    [
      "hidden places win over all others",
      {
        writable: ["/w", "/h/w"],
        readOnly: ["/w/.git"],
        hidden: ["/w/.git", "/w/a/b", "/h", "/f"],
      },
      { ...WORKSPACE, "/h": "folder", "/h/w": "folder", "/f": "file" },
      [
        "writable /w",
        "hiddenFolder /h",
        "hiddenFile /f",
        "hiddenFolder /w/.git",
        "pinned /w/a",
        "hiddenFolder /w/a/b",
      ],
    ],
    [
      "what is hidden through a link is what it leads to; what is missing is not hidden",
      { hidden: ["/l", "/none"] },
      { "/l": "/f", "/f": "file" },
      ["hiddenFile /f"],
    ],
    [
      "with / writable, ways are pinned from there",
      { writable: ["/"], readOnly: ["/w/.git"] },
      WORKSPACE,
      ["pinned /w", "readOnly /w/.git"],
    ],
    [
      "a root that is read-only, too, is no root",
      { writable: ["/w"], readOnly: ["/w", "/w/.git"] },
      WORKSPACE,
      [],
    ],
  ];

for (const [name, parts, paths, expected] of CASES) {
  Deno.test(`launch plan: ${name}`, () => {
    assert.deepEqual(plan(parts, paths).sort(), expected.sort());
  });
}

Deno.test("launch plan: the socket of the proxy is never hidden", () => {
  const network = { type: "proxy", socket: "/s" } as const;
  assert.deepEqual(plan({ hidden: ["/s", "/f"], network }, { "/s": "file", "/f": "file" }), [
    "hiddenFile /f",
  ]);
});

Deno.test("launch plan: a read-only folder with secrets shows what was in it, without them", () => {
  const names = ["auth.json", "auth.json.7-1.tmp", "config.toml", "work"];
  const entries = names.map((name) => ({ name, kind: "file", target: null }) as const);
  const planned = planLaunch(
    specOf({
      cwd: "/",
      writable: ["/w", "/w/h/work"],
      readOnly: ["/w/h"],
      hidden: ["/w/h/auth.json", "/w/h/none.json", "/w/h/none/else", "/w/key"],
    }),
    {
      disk: diskOf({
        ...WORKSPACE,
        "/w/h": "folder",
        "/w/h/auth.json": "file",
        "/w/h/work": "folder",
        "/w/key": "file",
      }, { list: () => entries }),
      input: null,
    },
  );
  assert.deepEqual(planned.type === "planned" && planned.plan.places, [
    { path: "/w", as: "writable" },
    { path: "/w/h", as: "veiled", entries: [entries[2], entries[3]] },
    { path: "/w/key", as: "hiddenFile" },
    { path: "/w/h/work", as: "writable" },
  ]);
});

Deno.test("launch plan: parents come before children, and every place once", () => {
  const path = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 4 })
    .map((parts) => `/${parts.join("/")}`);
  const list = fc.array(path, { maxLength: 5 });
  const kind = fc.constantFrom("folder", "folder", "file", "missing");
  fc.assert(
    fc.property(
      list,
      list,
      list,
      fc.dictionary(path, kind),
      (writable, readOnly, hidden, kinds) => {
        const paths = Object.fromEntries(
          Object.entries(kinds).filter(([, of]) => of !== "missing"),
        );
        const planned = planLaunch(specOf({ cwd: "/", writable, readOnly, hidden }), {
          disk: diskOf(paths),
          input: null,
        });
        if (planned.type === "refused") return;
        const places = planned.plan.places;
        assert.equal(new Set(places.map((place) => place.path)).size, places.length);
        places.forEach((place, index) => {
          const later = places.slice(index).map((other) => other.path);
          assert(!later.some((other) => place.path.startsWith(`${other}/`)));
        });
        // Whatever lies in a writable place and is to be read-only is held by itself or something around it.
        for (const wanted of readOnly) {
          const around = places.filter((place) =>
            wanted === place.path || wanted.startsWith(`${place.path}/`)
          );
          const closest = around.at(-1);
          if (closest === undefined || closest.path !== wanted) continue;
          assert.notEqual(closest.as, "writable");
        }
      },
    ),
  );
});

const TABLE = parseMounts(`22 27 0:21 / /proc rw - proc proc rw
27 1 254:0 / / rw - ext4 /dev/vda rw
30 27 254:0 /home/me /mnt/my\\040home rw - ext4 /dev/vda rw
31 27 254:0 /home /srv rw - ext4 /dev/vda rw
32 27 0:30 / /home/me/tmp rw - tmpfs tmpfs rw
33 27 0:30 /in /here rw - tmpfs tmpfs rw
`);

Deno.test("mount table: finds the other names of a file", () => {
  assert.deepEqual(otherNames("/home/me/key", TABLE), ["/mnt/my home/key", "/srv/me/key"]);
  assert.deepEqual(otherNames("/mnt/my home/key", TABLE), ["/home/me/key", "/srv/me/key"]);
  assert.deepEqual(otherNames("/etc/key", TABLE), []);
  assert.deepEqual(otherNames("/home/me/tmp/in/key", TABLE), ["/here/key"]);
  assert.deepEqual(otherNames("/here", TABLE), ["/home/me/tmp/in"]);
});

Deno.test("mount table: any text is read, and no name is the path itself", () => {
  fc.assert(fc.property(fc.string(), fc.string(), (path, text) => {
    const mounts = [...parseMounts(text), ...TABLE];
    assert(!otherNames(`/${path}`, mounts).includes(`/${path}`));
  }));
});
