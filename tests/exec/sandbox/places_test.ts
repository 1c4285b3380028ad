import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { isBelow, resolveLinks } from "../../../src/exec/sandbox/links.ts";
import {
  controlSockets,
  credentialFiles,
  ownSockets,
  type PlaceSources,
  resolveSpec,
  SeenPlaces,
} from "../../../src/exec/sandbox/places.ts";
import type { SandboxSpec } from "../../../src/exec/sandbox/spec.ts";
import type { SandboxPolicy } from "../../../src/protocol/policy.ts";

const SOURCES: PlaceSources = {
  tmpdir: null,
  protectedPaths: [],
  hiddenPaths: [],
  socketPaths: [],
  proxySocket: null,
};

function workspace(
  change: Partial<Extract<SandboxPolicy, { type: "workspaceWrite" }>> = {},
): SandboxPolicy {
  return {
    type: "workspaceWrite",
    writableRoots: [],
    networkAccess: false,
    excludeTmpdirEnvVar: true,
    excludeSlashTmp: true,
    ...change,
  };
}

async function inFolder(test: (root: string) => Promise<void> | void): Promise<void> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "codex places " }));
  try {
    await test(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function specOf(
  policy: SandboxPolicy,
  options: { cwd: string; sources?: Partial<PlaceSources>; seen?: SeenPlaces },
): SandboxSpec {
  const { cwd, seen } = options;
  const sources = { ...SOURCES, ...options.sources };
  const resolved = resolveSpec(policy, { cwd, sources, ...(seen ? { seen } : {}) });
  assert.equal(resolved.type, "spec", JSON.stringify(resolved));
  return resolved.type === "spec" ? resolved.spec : assert.fail();
}

Deno.test("writable folders are named by where they really are, and missing ones not at all", async () => {
  await inFolder(async (root) => {
    await Deno.mkdir(join(root, "real/deep"), { recursive: true });
    await Deno.symlink("real", join(root, "alias"));
    await Deno.symlink("missing", join(root, "dangling"));
    const policy = workspace({
      writableRoots: [
        join(root, "alias/deep"),
        join(root, "real/./x/../deep"),
        join(root, "none"),
        join(root, "dangling"),
        "relative",
        "C:\\windows",
      ],
    });
    const { cwd, writable } = specOf(policy, { cwd: join(root, "alias") });
    assert.equal(cwd, join(root, "real"));
    assert.deepEqual(writable, [join(root, "real"), join(root, "real/deep")]);
  });
});

Deno.test("TMPDIR and /tmp count where the policy lets them, once", async () => {
  await inFolder(async (root) => {
    await Deno.mkdir(join(root, "w"));
    const tmpdir = join(root, "t");
    await Deno.mkdir(tmpdir);
    const places = { cwd: join(root, "w"), sources: { tmpdir } };
    const policy = workspace({ excludeTmpdirEnvVar: false });
    assert.deepEqual(specOf(policy, places).writable.toSorted(), [tmpdir, join(root, "w")]);
    assert.deepEqual(specOf(workspace(), places).writable, [join(root, "w")]);
    const same = { cwd: "/tmp", sources: { tmpdir: "/tmp/" } };
    const both = workspace({ excludeTmpdirEnvVar: false, excludeSlashTmp: false });
    assert.deepEqual(specOf(both, same).writable, [await Deno.realPath("/tmp")]);
  });
});

Deno.test("the real git folders of a worktree are protected where they can be written", async () => {
  await inFolder(async (root) => {
    const gitDir = join(root, "main/.git/worktrees/one");
    await Deno.mkdir(gitDir, { recursive: true });
    await Deno.writeTextFile(join(gitDir, "commondir"), "../..\n");
    const tree = join(root, "tree");
    await Deno.mkdir(tree);
    await Deno.writeTextFile(join(tree, ".git"), `gitdir: ${gitDir}\n`);
    const alone = specOf(workspace(), { cwd: tree });
    assert.deepEqual(alone.readOnly, [".git", ".codex", ".agents"].map((name) => join(tree, name)));
    const both = specOf(workspace({ writableRoots: [root] }), { cwd: tree });
    assert.ok(both.readOnly.includes(gitDir));
    assert.ok(both.readOnly.includes(join(root, "main/.git")));
    await Deno.writeTextFile(join(tree, ".git"), "gitdir: ../main/.git/worktrees/one");
    assert.ok(
      specOf(workspace({ writableRoots: [root] }), { cwd: tree }).readOnly.includes(gitDir),
    );
    for (const odd of ["gitdir: /none\n", "nonsense", "gitdir: \n", "x".repeat(100_000)]) {
      await Deno.writeTextFile(join(tree, ".git"), odd);
      assert.equal(specOf(workspace(), { cwd: tree }).readOnly.length, 3);
    }
  });
});

Deno.test("protected paths keep a link of their own, hidden ones are what they lead to", async () => {
  await inFolder(async (root) => {
    await Deno.mkdir(join(root, "real"));
    await Deno.symlink("real", join(root, "alias"));
    await Deno.writeTextFile(join(root, "real/secret"), "");
    await Deno.symlink("secret", join(root, "real/link"));
    const { readOnly, hidden, sockets } = specOf({ type: "readOnly", networkAccess: false }, {
      cwd: root,
      sources: {
        protectedPaths: [join(root, "alias/link"), join(root, "alias/later")],
        hiddenPaths: [join(root, "alias/link"), join(root, "alias/none")],
        socketPaths: [join(root, "alias/secret"), join(root, "none")],
      },
    });
    assert.deepEqual(readOnly, [join(root, "real/link"), join(root, "real/later")]);
    assert.deepEqual(hidden, [join(root, "real/secret"), join(root, "real/none")]);
    assert.deepEqual(sockets, [join(root, "real/secret")]);
  });
});

Deno.test("a writable folder that has moved since its first use is refused, and only then", async () => {
  await inFolder(async (root) => {
    const [folder, other] = [join(root, "folder"), join(root, "other")];
    await Deno.mkdir(folder);
    await Deno.mkdir(other);
    const seen = new SeenPlaces();
    const policy = workspace({ writableRoots: [join(root, "later")] });
    const resolve = () => resolveSpec(policy, { cwd: folder, sources: SOURCES, seen });
    assert.equal(resolve().type, "spec");
    await Deno.mkdir(join(root, "later"));
    assert.equal(resolve().type, "spec", "it was made where it was said to be");
    await Deno.remove(folder);
    await Deno.symlink("other", folder);
    const moved = resolve();
    assert.equal(moved.type, "refused");
    if (moved.type === "refused") {
      assert.ok(moved.reason.includes(`${folder} led to ${folder} and now leads to ${other}`));
    }
    const fresh = resolveSpec(policy, { cwd: folder, sources: SOURCES, seen: new SeenPlaces() });
    assert.equal(fresh.type, "spec");
    await Deno.remove(folder);
    await Deno.mkdir(folder);
    assert.equal(resolve().type, "spec");
    await Deno.remove(join(root, "later"));
    await Deno.symlink("/etc", join(root, "later"));
    assert.equal(resolve().type, "refused", "a link where nothing was");
  });
});

Deno.test("links that lead nowhere or in circles resolve to nothing wrong", async () => {
  await inFolder(async (root) => {
    await Deno.symlink("round", join(root, "round"));
    await Deno.symlink("gone/away", join(root, "dangling"));
    await Deno.writeTextFile(join(root, "file"), "");
    assert.equal(resolveLinks(join(root, "round")), null);
    assert.equal(resolveLinks(join(root, "round/x")), null);
    assert.equal(resolveLinks(join(root, "dangling/x")), join(root, "gone/away/x"));
    assert.equal(resolveLinks(join(root, "none/../file")), join(root, "file"));
    assert.equal(resolveLinks("/"), "/");
    assert.deepEqual(specOf(workspace(), { cwd: join(root, "round") }).writable, [
      join(root, "round"),
    ]);
  });
});

const name = fc.string({ minLength: 1, maxLength: 8, unit: "grapheme" })
  .filter((text) => !/[/\0]/.test(text) && text !== "." && text !== "..")
  .filter((text) => new TextEncoder().encode(text).length < 200);

Deno.test("resolved places are plain, below what they lie in, and stable", async () => {
  await inFolder(async (root) => {
    await Deno.mkdir(join(root, "a/b"), { recursive: true });
    await Deno.symlink("../a", join(root, "a/up"));
    await Deno.symlink(root, join(root, "a/b/top"));
    assert.equal(resolveLinks(join(root, "a") + "/none/../up"), join(root, "a"));
    const step = fc.oneof(name, fc.constantFrom("a", "b", "up", "top", ".", "..", ""));
    fc.assert(fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
      const place = resolveLinks([root, ...steps].join("/"));
      if (place === null) return;
      assert.match(place, /^\/([^/]+(\/[^/]+)*)?$/);
      assert.ok(!place.split("/").some((each) => each === "." || each === ".."));
      assert.equal(resolveLinks(place), place);
    }));
    fc.assert(fc.property(fc.array(step), fc.array(name), (roots, names) => {
      const policy = workspace({ writableRoots: roots.map((each) => join(root, each)) });
      const spec = specOf(policy, { cwd: [root, ...names].join("/") });
      for (const path of spec.writable) assert.equal(resolveLinks(path), path);
    }));
  });
});

Deno.test("isBelow goes by whole names", () => {
  const cases: [string, string, boolean][] = [
    ["/a", "/a", true],
    ["/a/b", "/a", true],
    ["/ab", "/a", false],
    ["/a", "/a/b", false],
    ["/a", "/", true],
    ["/", "/", true],
  ];
  for (const [path, folder, expected] of cases) assert.equal(isBelow(path, folder), expected, path);
});

Deno.test("credentials and sockets that take orders are known by their places", () => {
  assert.deepEqual(credentialFiles("/h"), [
    "/h/auth.json",
    "/h/.credentials.json",
    "/h/app-server-tls",
  ]);
  assert.deepEqual(ownSockets("/h"), ["/h/app-server-control"]);
  const sockets = controlSockets({
    XDG_RUNTIME_DIR: "/x/run",
    TMUX_TMPDIR: "/x/tmux",
  }, 1234);
  const expected = ["/run/user/1234", "/x/run", "/x/tmux/tmux-1234", "/tmp/tmux-1234"];
  for (const path of [...expected, "/run/docker.sock", "/run/dbus"]) {
    assert.ok(sockets.includes(path), path);
  }
  const odd = { XDG_RUNTIME_DIR: "relative", DOCKER_HOST: "tcp://h", TMUX_TMPDIR: "" };
  for (const path of controlSockets(odd, null)) assert.ok(path.startsWith("/"), path);
});

Deno.test("sockets that the environment names take orders too, whatever is in front and behind", async () => {
  await inFolder((root) => {
    const path = `${root}/s`;
    using _listener = Deno.listen({ transport: "unix", path });
    const forms = {
      SSH_AUTH_SOCK: path,
      DOCKER_HOST: `unix://${path}`,
      DBUS_SESSION_BUS_ADDRESS: `unix:path=${path},guid=5f`,
      TMUX: `${path},123,0`,
      NVIM: path,
      VSCODE_IPC_HOOK_CLI: path,
      KITTY_LISTEN_ON: `unix:${path}`,
      GPG_AGENT_INFO: `${path}:12:1`,
    };
    for (const [name, value] of Object.entries(forms)) {
      assert.ok(controlSockets({ [name]: value }, 1).includes(path), name);
    }
    for (const value of [root, `${root}/none`, "s", "", "tcp://h:1", `x${path}`]) {
      const found = controlSockets({ SSH_AUTH_SOCK: value }, 1);
      assert.deepEqual(found, controlSockets({}, 1), value);
    }
    assert.ok(!controlSockets({ SOCKS_OF_MINE: path }, 1).includes(path), "not by any name");
  });
});
