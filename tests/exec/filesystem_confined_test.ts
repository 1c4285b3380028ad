/** Attacks on file operations under rules; nothing outside may be written and nothing hidden be read. */
import assert from "node:assert/strict";
import type { Files } from "../../src/exec/filesystem.ts";
import type { ChildPlan } from "./filesystem_child.ts";
import { bytesOf, confined, fileSystem, Lab, textOf, whole, Workspace } from "./filesystem_lab.ts";

const isLinux = Deno.build.os === "linux";
const DENIED = { kind: "sandboxDenied" };

async function landlockWorks(): Promise<boolean> {
  using lab = new Lab();
  using fs = fileSystem();
  return (await fs.under(confined(lab.root)).confinement())?.landlock.type === "confined";
}
const hasLandlock = isLinux && await landlockWorks();
const isRoot = Deno.uid() === 0;

function write(files: Files, path: string, text = "x") {
  return files.writeFile({ path, bytes: bytesOf(text), offset: null });
}

function remove(files: Files, path: string) {
  return files.remove({ path, recursive: true, force: false });
}

Deno.test("rules let work go on inside, and the report says what enforces them", async () => {
  using lab = new Workspace();
  using fs = fileSystem();
  const files = fs.under(lab.rules());
  await files.createDirectory({ path: `${lab.ws}/a/b`, recursive: true });
  await write(files, `${lab.ws}/a/b/c`, "content");
  await files.copy({ source: `${lab.ws}/a`, destination: `${lab.ws}/d`, recursive: true });
  await remove(files, `${lab.ws}/a`);
  assert.equal(textOf(await files.readFile(whole(`${lab.ws}/d/b/c`))), "content");
  assert.deepEqual(lab.names("ws"), ["d"]);
  assert.equal(await fs.under(null).confinement(), null);
  const confinement = await files.confinement();
  assert.equal(confinement?.isRaceFree, isLinux);
});

Deno.test("nothing outside is written, made, copied to or removed", async () => {
  using lab = new Workspace();
  using fs = fileSystem();
  const files = fs.under(lab.rules());
  const source = lab.file("ws/f", "x");
  lab.link("ws/out", "../outside");
  lab.link("ws/new_out", "../outside/new");
  lab.link("ws/abs", `${lab.outside}/new`);
  const places = [`${lab.outside}/n`, `${lab.ws}/out/n`, `${lab.ws}/new_out`, `${lab.ws}/abs`];
  for (const path of [...places, "/etc/codex-test", `${lab.ws}2/x`, "/dev/shm/codex-test"]) {
    const isMissing = path.startsWith(`${lab.ws}2`);
    const refusal = isMissing ? { kind: "io" } : DENIED;
    await assert.rejects(write(files, path), refusal, path);
    await assert.rejects(files.copy({ source, destination: path, recursive: false }), (error) => {
      // A link in the way is an error before anything is judged.
      return error instanceof Error && "kind" in error;
    });
  }
  for (const path of [`${lab.outside}/n`, `${lab.ws}/out/n/m`, "/codex-test"]) {
    await assert.rejects(files.createDirectory({ path, recursive: true }), DENIED, path);
  }
  for (const path of [lab.secret, `${lab.ws}/out/secret`, lab.outside, lab.ws, lab.root]) {
    await assert.rejects(remove(files, path), DENIED, path);
  }
  assert.deepEqual(lab.names("outside"), ["secret"]);
  assert.deepEqual(lab.names(), ["outside", "ws"]);
  await remove(files, `${lab.ws}/out`);
  assert.equal(lab.text("outside/secret"), "secret");
});

Deno.test("a policy that only reads says so", async () => {
  using lab = new Workspace();
  using fs = fileSystem();
  const files = fs.under(lab.rules({ policy: "readOnly", writable: [] }));
  await assert.rejects(write(files, `${lab.ws}/x`), {
    message: `\`${lab.ws}/x\` cannot be changed: the sandbox policy readOnly allows no writing`,
  });
});

Deno.test("protected names hold at any depth, through links, and whether they exist or not", async () => {
  using lab = new Workspace();
  using fs = fileSystem();
  const files = fs.under(lab.rules());
  lab.folder("ws/.git/hooks");
  lab.folder("ws/sub/.git");
  lab.link("ws/innocent", ".git/hooks");
  lab.link("ws/new", ".codex");
  const source = lab.file("ws/f", "x");
  for (
    const path of [
      ".git/config",
      ".git/hooks/pre-commit",
      "innocent/pre-commit",
      "sub/.git/config",
      ".GIT/config",
      ".agents",
      "new",
    ]
  ) {
    const full = `${lab.ws}/${path}`;
    if (path !== ".GIT/config") await assert.rejects(write(files, full), DENIED, path);
    await assert.rejects(
      files.createDirectory({ path: `${full}/x`, recursive: true }),
      path === "new" ? { kind: /io|sandboxDenied/ } : DENIED,
      path,
    );
    if (path === ".GIT/config") continue;
    const copy = files.copy({ source, destination: full, recursive: false });
    await assert.rejects(copy, DENIED, path);
  }
  await assert.rejects(remove(files, `${lab.ws}/.git`), DENIED);
  await assert.rejects(remove(files, `${lab.ws}/innocent/../hooks`), { kind: /io|sandboxDenied/ });
  await remove(files, `${lab.ws}/sub`);
  assert.deepEqual(lab.names("ws/.git"), ["hooks"]);
  assert.deepEqual(lab.names("ws/.git/hooks"), []);
});

Deno.test("hidden files are not read by any of their names", async () => {
  using lab = new Workspace();
  using fs = fileSystem();
  const files = fs.under(lab.rules());
  lab.link("ws/link", "../outside/secret");
  Deno.linkSync(lab.secret, `${lab.ws}/hard`);
  const paths = [lab.secret, `${lab.ws}/link`, `${lab.ws}/hard`];
  for (const path of paths) {
    await assert.rejects(files.readFile(whole(path)), DENIED, path);
    await assert.rejects(files.getMetadata({ path }), DENIED, path);
  }
  const copy = (source: string) =>
    files.copy({ source, destination: `${lab.ws}/copy`, recursive: true });
  await assert.rejects(copy(lab.secret), DENIED);
  await assert.rejects(copy(`${lab.ws}/hard`), DENIED);
  await assert.rejects(copy(lab.outside), DENIED);
  assert.equal(
    Deno.readTextFileSync(lab.secret),
    "secret",
  );
  assert.ok(!lab.names("ws/copy").includes("secret"));
});

Deno.test({
  ignore: !isLinux,
  name: "what leads past all names in /proc is refused",
  fn: async () => {
    using lab = new Workspace();
    using fs = fileSystem();
    const files = fs.under(lab.rules());
    for (
      const path of [
        "/proc/self/environ",
        `/proc/${Deno.pid}/environ`,
        "/proc/thread-self/mem",
        `/proc/self/root${lab.secret}`,
        `/proc/self/cwd/../../../../../../../../../../..${lab.secret}`,
        `/proc/${Deno.pid}/root/etc/passwd`,
        "/proc/self/fd/0",
        "/dev/stdin",
      ]
    ) {
      await assert.rejects(files.readFile(whole(path)), { kind: /io|sandboxDenied/ }, path);
      await assert.rejects(write(files, path), { kind: /io|sandboxDenied/ }, path);
    }
    await assert.rejects(write(files, `/proc/self/root${lab.outside}/n`), {
      kind: /io|sandboxDenied/,
    });
    assert.deepEqual(lab.names("outside"), ["secret"]);
  },
});

Deno.test("a file with other names is not written, for one may lie outside", async () => {
  using lab = new Workspace();
  using fs = fileSystem();
  const files = fs.under(lab.rules());
  lab.file("outside/other", "other");
  Deno.linkSync(`${lab.outside}/other`, `${lab.ws}/hard`);
  await assert.rejects(write(files, `${lab.ws}/hard`), /hard links/);
  assert.equal(lab.text("outside/other"), "other");
  await remove(files, `${lab.ws}/hard`);
  await write(files, `${lab.ws}/hard`, "mine");
  assert.equal(lab.text("outside/other"), "other");
});

Deno.test({
  ignore: !hasLandlock,
  name: "the kernel confines the thread even where no rule is looked at",
  fn: async () => {
    using lab = new Workspace();
    const inside = lab.file("ws/f", "x");
    const worker = new Worker(new URL("./filesystem_landlock_worker.ts", import.meta.url), {
      type: "module",
    });
    const { port1, port2 } = new MessageChannel();
    const reply = new Promise<{ outcomes: string[] }>((resolve) => {
      port1.onmessage = ({ data }) => resolve(data);
    });
    worker.postMessage({
      writable: [lab.ws, `${lab.root}/missing`],
      readable: [lab.ws],
      attempts: [
        { path: `${lab.ws}/new`, call: "write" },
        { path: inside, call: "read" },
        { path: `${lab.outside}/new`, call: "write" },
        { path: lab.secret, call: "write" },
        { path: lab.secret, call: "remove" },
        { path: lab.secret, call: "read" },
      ],
    }, [port2]);
    const { outcomes } = await reply;
    port1.close();
    worker.terminate();
    const no = "PermissionDenied";
    assert.deepEqual(outcomes, ["ok", "ok", no, no, no, no]);
    // The thread of the test is as free as before.
    lab.file("outside/new", "x");
  },
});

Deno.test("a writable folder that is made or replaced later is writable then", async () => {
  using lab = new Workspace();
  using fs = fileSystem();
  const files = fs.under(lab.rules({ writable: [lab.ws, lab.path("later")] }));
  await assert.rejects(write(files, lab.path("later/f")), { kind: "io" });
  lab.folder("later");
  await write(files, lab.path("later/f"), "1");
  Deno.removeSync(lab.path("later"), { recursive: true });
  lab.folder("later");
  await Promise.all(["a", "b", "c"].map((name) => write(files, lab.path("later", name), name)));
  assert.deepEqual(lab.names("later"), ["a", "b", "c"]);
  Deno.renameSync(lab.ws, lab.path("old"));
  lab.folder("ws");
  await write(files, `${lab.ws}/f`, "1");
  assert.equal(lab.text("ws/f"), "1");
});

Deno.test("reading limited to some folders is limited", async () => {
  using lab = new Workspace();
  using fs = fileSystem();
  lab.file("shown/f", "shown");
  lab.file("other/f", "other");
  const files = fs.under(lab.rules({ readable: [lab.path("shown")] }));
  assert.equal(textOf(await files.readFile(whole(lab.path("shown/f")))), "shown");
  for (const path of [lab.path("other/f"), "/etc/passwd"]) {
    await assert.rejects(files.readFile(whole(path)), DENIED);
    await assert.rejects(files.assertVisible({ path }), DENIED);
  }
  await assert.rejects(files.readDirectory({ path: lab.path("other") }), DENIED);
  await files.assertVisible({ path: lab.path("shown/not/yet") });
  await assert.rejects(files.assertVisible({ path: lab.path("other/not/yet") }), DENIED);
});

async function runChild(plan: ChildPlan, before: readonly string[], options: {
  readonly cwd: string;
}): Promise<string[]> {
  const child = new URL("./filesystem_child.ts", import.meta.url).pathname;
  const flags = ["run", "-A", "--no-check", "--no-config", "--no-lock"];
  const [program = "", ...args] = [
    ...before,
    Deno.execPath(),
    ...flags,
    child,
    JSON.stringify(plan),
  ];
  const output = await new Deno.Command(program, {
    args,
    cwd: options.cwd,
    clearEnv: true,
    env: {
      PATH: "/usr/bin:/bin",
      HOME: options.cwd,
      DENO_DIR: `${options.cwd}/deno`,
      NO_COLOR: "1",
    },
  }).output();
  assert.ok(output.success, new TextDecoder().decode(output.stderr));
  return JSON.parse(new TextDecoder().decode(output.stdout));
}

/** Whether an ordinary user could run the runtime and read these sources. */
async function canBeNobody(): Promise<boolean> {
  if (!isLinux || !isRoot) return false;
  const { success } = await new Deno.Command("setpriv", {
    args: [...NOBODY.slice(1), "/usr/bin/test", "-r", new URL(import.meta.url).pathname],
  }).output();
  return success && !Deno.execPath().startsWith("/root/");
}
const NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

Deno.test({
  ignore: !hasLandlock || !await canBeNobody(),
  name: "an ordinary user is confined as well, and the system's own refusals come through",
  fn: async () => {
    using lab = new Workspace();
    for (const folder of [lab.root, lab.ws, lab.folder("free"), lab.folder("home")]) {
      Deno.chmodSync(folder, 0o777);
    }
    lab.file("ws/of_root", "x");
    Deno.chmodSync(`${lab.ws}/of_root`, 0o600);
    const outcomes = await runChild(
      {
        rules: lab.rules(),
        steps: [
          { write: `${lab.ws}/mine`, size: 3 },
          { write: lab.path("free/x"), size: 3 },
          { make: `${lab.ws}/.git` },
          { read: `${lab.ws}/of_root` },
          { write: `${lab.ws}/of_root`, size: 3 },
          { remove: `${lab.ws}/mine` },
        ],
      },
      NOBODY,
      { cwd: lab.path("home") },
    );
    assert.deepEqual(outcomes.map((text) => text.replace(/.*(cannot be changed).*/, "$1")), [
      "confined",
      "ok",
      "cannot be changed",
      "cannot be changed",
      "Permission denied (os error 13)",
      "Permission denied (os error 13)",
      "ok",
    ]);
    assert.deepEqual(lab.names("free"), []);
  },
});

async function canMount(): Promise<boolean> {
  if (!isLinux) return false;
  const { success } = await new Deno.Command("unshare", {
    args: [...isRoot ? ["-m"] : ["-rm"], "mount", "-t", "tmpfs", "none", "/mnt"],
  }).output();
  return success;
}

Deno.test({
  ignore: !await canMount(),
  name: "on a full disk the old content stays, and nothing half-written is left",
  fn: async () => {
    using lab = new Lab();
    const small = lab.folder("small");
    const script = `mount -t tmpfs -o size=512k none ${small} && exec "$@"`;
    const outcomes = await runChild(
      {
        rules: null,
        steps: [
          { write: `${small}/old`, size: 100_000 },
          { write: `${small}/old`, size: 3_000_000 },
          { write: `${small}/new`, size: 3_000_000 },
          { read: `${small}/new` },
          { copy: `${small}/old`, to: `${small}/copy` },
          { write: `${small}/fits`, size: 200_000 },
          { copy: `${small}/fits`, to: `${small}/too_much` },
          { read: `${small}/too_much` },
          { read: `${small}/old` },
        ],
      },
      ["unshare", isRoot ? "-m" : "-rm", "sh", "-c", script, "sh"],
      { cwd: lab.root },
    );
    const full = "No space left on device (os error 28)";
    const none = "No such file or directory (os error 2)";
    assert.deepEqual(outcomes, [
      "free",
      "ok",
      full,
      full,
      none,
      "ok",
      "ok",
      full,
      none,
      "ok",
    ]);
  },
});
