import assert from "node:assert/strict";
import { join } from "node:path";
import { LinuxFolders } from "../../src/exec/file_search/linux_folders.ts";
import { toText } from "../../src/exec/filesystem/byte_text.ts";
import { Libc } from "../../src/exec/filesystem/libc.ts";
import { plant, waitForClockTick, walked, withDir, withFolders } from "./file_search_tree.ts";

const IS_LINUX = Deno.build.os === "linux";

function sh(script: string, dir: string): void {
  const { success } = new Deno.Command("sh", { args: ["-ec", script], cwd: dir }).outputSync();
  assert.ok(success, script);
}

Deno.test("hidden files are found, and git's own are not", () =>
  withFolders((folders, dir) => {
    plant(dir, [".hidden", ".github/ci.yml", ".git/HEAD", ".git/objects/ab/cd", "sub/.git", "a"]);
    const { paths } = walked(dir, { folders });
    assert.deepEqual(paths, [".github/", ".github/ci.yml", ".hidden", "a", "sub/"]);
  }));

Deno.test(".gitignore counts in a repository only, .ignore everywhere and above it", () =>
  withFolders((folders, dir) => {
    plant(dir, {
      ".gitignore": "x",
      ".ignore": "y",
      "x": "",
      "y": "",
      "repo/.git/HEAD": "",
      "repo/.gitignore": "z\n/top\n*.log",
      "repo/.ignore": "!z\nkept.log\n!deep.log",
      "repo/x": "",
      "repo/y": "",
      "repo/z": "",
      "repo/top": "",
      "repo/sub/top": "",
      "repo/sub/.gitignore": "!kept.log\n!other.log",
      "repo/sub/kept.log": "",
      "repo/sub/other.log": "",
      "repo/sub/deep.log": "",
      "repo/sub/some.log": "",
    });
    assert.deepEqual(walked(dir, { folders }).paths.filter((path) => /(^|\/)[a-z.]+$/.test(path)), [
      ".gitignore",
      ".ignore",
      "repo/.gitignore",
      "repo/.ignore",
      "repo/sub/.gitignore",
      "repo/sub/deep.log",
      "repo/sub/other.log",
      "repo/sub/top",
      "repo/x",
      "repo/z",
      "x",
    ]);
  }));

Deno.test("the files above a root count for it, but a root that is ignored itself is walked", () =>
  withFolders((folders, dir) => {
    plant(dir, {
      ".git/HEAD": "",
      ".gitignore": "*.log\n/build",
      "sub/a.log": "",
      "sub/a.txt": "",
    });
    plant(dir, { ".ignore": "b.txt", "sub/b.txt": "", "build/out.txt": "", "build/out.log": "" });
    assert.deepEqual(walked(join(dir, "sub"), { folders }).paths, ["a.txt"]);
    assert.deepEqual(walked(join(dir, "build"), { folders }).paths, ["out.txt"]);
  }));

Deno.test("a repository inside another has its own rules, also as a worktree or a submodule", () =>
  withFolders((folders, dir) => {
    plant(dir, {
      "main/.git/info/exclude": "excluded",
      "main/.git/worktrees/tree/commondir": "../..\n",
      "main/.git/modules/part/info/exclude": "of_part",
      "main/.gitignore": "ignored",
      "main/part/.git": "gitdir: ../.git/modules/part\n",
      "main/part/of_part": "",
      "main/part/ignored": "",
      "main/excluded": "",
      "main/ignored": "",
      "tree/.git": `gitdir: ${dir}/main/.git/worktrees/tree\n`,
      "tree/excluded": "",
      "tree/ignored": "",
      "broken/.git": "nonsense",
      "broken/a": "",
    });
    const files = walked(dir, { folders }).paths.filter((path) => !path.endsWith("/"));
    assert.deepEqual(files, ["broken/a", "main/.gitignore", "main/part/ignored", "tree/ignored"]);
  }));

Deno.test("what a person ignores everywhere is left out of repositories", () =>
  withFolders((folders, dir) => {
    plant(dir, {
      "home/.gitconfig":
        '[user]\n\texcludesfile = wrong\n[Core]\n\tExcludesFile = "~/mine" # here\n',
      "home/mine": "*.mine",
      "home/.config/git/ignore": "*.default",
      "xdg/git/ignore": "*.xdg",
      "repo/.git/HEAD": "",
      "repo/a.mine": "",
      "repo/a.default": "",
      "repo/a.xdg": "",
      "plain/a.mine": "",
    });
    const home = join(dir, "home");
    const found = (root: string, gitHome: { home: string | null; xdgConfigHome: string | null }) =>
      walked(join(dir, root), { folders, gitHome }).paths;
    assert.deepEqual(found("repo", { home, xdgConfigHome: null }), ["a.default", "a.xdg"]);
    assert.deepEqual(found("plain", { home, xdgConfigHome: null }), ["a.mine"]);
    Deno.removeSync(join(home, ".gitconfig"));
    assert.deepEqual(found("repo", { home, xdgConfigHome: null }), ["a.mine", "a.xdg"]);
    const xdgConfigHome = join(dir, "xdg");
    assert.deepEqual(found("repo", { home, xdgConfigHome }), ["a.default", "a.mine"]);
  }));

Deno.test("links are followed once, to what has no other name, and never in circles", () =>
  withFolders((folders, dir) => {
    plant(dir, ["out/far/a", "root/src/b", "root/src/deep/c", "root/.ignore"]);
    Deno.writeTextFileSync(join(dir, "root/.ignore"), "hidden_real\n");
    plant(dir, ["root/hidden_real/d"]);
    const links = {
      "root/aa_src": "src",
      "root/src/loop": "..",
      "root/src/self": ".",
      "root/up": dir,
      "root/slash": "/",
      "root/outside": "../out",
      "root/outside_again": "../out/far",
      "root/shown": "hidden_real",
      "root/file": "src/b",
      "root/dangling": "nowhere",
      "root/circle": "circle",
      "out/far/back": "../../root",
    };
    for (const [path, target] of Object.entries(links)) Deno.symlinkSync(target, join(dir, path));
    assert.deepEqual(walked(join(dir, "root"), { folders }).paths, [
      ".ignore",
      "aa_src/",
      "file",
      "outside/",
      "outside/far/",
      "outside/far/a",
      "outside/far/back/",
      "outside_again/",
      "shown/",
      "shown/d",
      "slash/",
      "src/",
      "src/b",
      "src/deep/",
      "src/deep/c",
      "src/loop/",
      "src/self/",
      "up/",
    ]);
  }));

Deno.test("only files and folders are found, and a FIFO in place of an ignore file holds nothing up", () =>
  withFolders((folders, dir) => {
    plant(dir, [".git/HEAD", "a", "sub/b"]);
    sh("mkfifo fifo .gitignore sub/.ignore; ln -s fifo link", dir);
    assert.deepEqual(walked(dir, { folders }).paths, ["a", "sub/", "sub/b"]);
  }));

Deno.test("a root that is missing, a file, or itself a link", () =>
  withFolders((folders, dir) => {
    plant(dir, ["real/a"]);
    Deno.symlinkSync("real", join(dir, "link"));
    assert.deepEqual(walked(join(dir, "none"), { folders }).paths, []);
    assert.deepEqual(walked(join(dir, "real/a"), { folders }).paths, []);
    assert.deepEqual(walked(join(dir, "link"), { folders }).paths, ["a"]);
  }));

Deno.test("at the limit near files are kept, and the walk says that there are more", () =>
  withFolders((folders, dir) => {
    plant(dir, ["a/b/c/far", "a/b/mid", "near", "z/near"]);
    assert.equal(walked(dir, { folders, entriesMax: 8 }).walk.isLimited, false);
    const { walk, paths } = walked(dir, { folders, entriesMax: 5 });
    assert.ok(walk.isLimited);
    assert.deepEqual(paths, ["a/", "a/b/", "near", "z/", "z/near"]);
  }));

Deno.test("a walk knows whether it would find the same again", () =>
  withFolders((folders, dir) => {
    plant(dir, { ".git/HEAD": "", ".git/info/exclude": "", "sub/a": "", "home/.gitconfig": "" });
    const gitHome = { home: join(dir, "home"), xdgConfigHome: null };
    const root = join(dir, "sub");
    const changes: (() => void)[] = [
      () => plant(dir, ["sub/b"]),
      () => plant(dir, ["sub/c/d"]),
      () => plant(dir, ["sub/c/e"]),
      () => Deno.removeSync(join(root, "b")),
      () => Deno.renameSync(join(root, "c"), join(root, "f")),
      () => plant(dir, { ".gitignore": "a" }),
      () => plant(dir, { ".gitignore": "aa" }),
      () => plant(dir, { ".git/info/exclude": "e" }),
      () => plant(dir, { "home/.gitconfig": "[core]\n\texcludesfile = ~/none" }),
      () => plant(dir, { "home/none": "d" }),
      () => Deno.symlinkSync("a", join(root, "link")),
      () => Deno.symlinkSync("later", join(root, "dangling")),
      () => plant(dir, ["sub/later"]),
      () => Deno.removeSync(root, { recursive: true }),
    ];
    for (const [number, change] of changes.entries()) {
      const before = walked(root, { folders, gitHome });
      assert.ok(before.walk.isCurrent(), `before ${number}`);
      waitForClockTick();
      change();
      assert.equal(before.walk.isCurrent(), false, String(number));
    }
  }));

Deno.test("what changed while it was walked is looked at again", () =>
  withFolders((folders, dir) => {
    plant(dir, ["a"]);
    const { walk } = walked(dir, { folders, nowMs: Date.now() - 5000 });
    assert.equal(walk.isCurrent(), false);
  }));

Deno.test({
  name: "names that are not UTF-8 are walked into and told apart",
  ignore: !IS_LINUX,
  fn: () =>
    withDir((dir) => {
      sh(
        `mkdir "$(printf 'd\\377')"; touch "$(printf 'd\\377/f\\376')" "$(printf 'd\\377/g\\375')"`,
        dir,
      );
      sh(`printf '*\\375\\n' >.ignore`, dir);
      using libc = new Libc();
      const { index, paths } = walked(dir, { folders: new LinuxFolders(libc) });
      assert.deepEqual(paths, [".ignore", "d\ufffd/", "d\ufffd/f\ufffd"]);
      const raw = Array.from({ length: index.count }, (_, entry) =>
        [...index.bytes.slice(index.start(entry), index.end(entry))].at(-1));
      assert.ok(raw.includes(0xfe));
      assert.equal(toText("d\xff"), "d\ufffd");
      sh(`rm -r d*`, dir);
    }),
});

Deno.test({
  name: "folders that may not be read are left out",
  ignore: !IS_LINUX || Deno.uid() !== 0 || !hasSetpriv(),
  fn: () =>
    withDir((dir) => {
      plant(dir, ["open/a", "closed/b", "blind/c"]);
      sh("chmod 755 .; chmod 700 closed; chmod 711 blind", dir);
      const code = `
        import { LinuxFolders } from "${url("linux_folders.ts")}";
        import { PortableFolders } from "${url("portable_folders.ts")}";
        import { Libc } from "${new URL("../../src/exec/filesystem/libc.ts", import.meta.url)}";
        import { walked } from "${new URL("file_search_tree.ts", import.meta.url)}";
        for (const folders of [new LinuxFolders(new Libc()), new PortableFolders()]) {
          console.log(walked(Deno.args[0], { folders }).paths.join(" "));
        }`;
      const file = join(dir, "main.ts");
      Deno.writeTextFileSync(file, code);
      const { stdout, stderr } = asNobody(file, join(dir));
      const text = new TextDecoder().decode(stdout);
      const expected = "blind/ closed/ main.ts open/ open/a";
      assert.equal(text, `${expected}\n${expected}\n`, new TextDecoder().decode(stderr));
    }),
});

function url(file: string): string {
  return new URL(`../../src/exec/file_search/${file}`, import.meta.url).href;
}

function hasSetpriv(): boolean {
  try {
    return new Deno.Command("setpriv", { args: ["--version"] }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Bundled first, since a stranger may not read the caches that hold our packages. */
function asNobody(file: string, dir: string): Deno.CommandOutput {
  const bundled = join(Deno.makeTempDirSync({ prefix: "file_search_nobody_" }), "main.js");
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const args = ["bundle", "--quiet", "--config", config, "-o", bundled, file];
  const { success, stderr } = new Deno.Command(Deno.execPath(), { args }).outputSync();
  assert.ok(success, new TextDecoder().decode(stderr));
  try {
    sh(`chmod -R a+rX "$(dirname ${bundled})"`, dir);
    return new Deno.Command("setpriv", {
      args: [
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        Deno.execPath(),
        "run",
        "-A",
        "--no-config",
        bundled,
        dir,
      ],
      env: { DENO_DIR: join(dir, "none"), HOME: "/nonexistent" },
    }).outputSync();
  } finally {
    Deno.removeSync(join(bundled, ".."), { recursive: true });
  }
}
