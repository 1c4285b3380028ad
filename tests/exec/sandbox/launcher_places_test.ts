import assert from "node:assert/strict";
import type { SandboxSpec } from "../../../src/exec/sandbox/spec.ts";
import { hasProgram, launcher, PATH, sandboxTest, sh, specOf } from "./launcher_support.ts";

function refusalOf(spec: SandboxSpec): string {
  const confined = launcher().confine({ argv: ["true"], cwd: spec.cwd, env: { PATH } }, spec);
  if ("type" in confined) return confined.reason;
  confined.release();
  return assert.fail("It was not refused");
}

/** Which of the files the command could create, by one letter each. */
async function writes(spec: SandboxSpec, files: Readonly<Record<string, string>>): Promise<string> {
  const script = Object.entries(files)
    .map(([letter, path]) => `(: > '${path}') 2>/dev/null && printf ${letter}`)
    .join("\n");
  const { stdout, trouble } = await sh(spec, `${script}\n:`);
  assert.equal(trouble, null);
  return stdout;
}

function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

sandboxTest("odd names of folders are all the same", {}, async (folder) => {
  for (const name of ["two words", "new\nline", "ünïcödé ☃", "-dash", "'quote\"", "back\\slash"]) {
    const root = `${folder}/${name}`;
    await Deno.mkdir(`${root}/.git`, { recursive: true });
    const spec = specOf({ cwd: root, writable: [root], readOnly: [`${root}/.git`] });
    const { stdout } = await sh(spec, "(: > .git/a) 2>/dev/null || : > b && pwd");
    assert.equal(stdout, `${root}\n`);
    assert.deepEqual(names(root), [".git", "b"]);
  }
});

sandboxTest("two hundred writable folders, and none between them", {}, async (folder) => {
  const roots = Array.from({ length: 200 }, (_, index) => `${folder}/root${index}`);
  for (const root of roots) await Deno.mkdir(root);
  const files = { a: `${folder}/root0/x`, b: `${folder}/root199/x`, c: `${folder}/x` };
  assert.equal(await writes(specOf({ cwd: folder, writable: roots }), files), "ab");
});

sandboxTest("folders within folders keep their own rules", {}, async (folder) => {
  await Deno.mkdir(`${folder}/a/kept/open/shut/again`, { recursive: true });
  const spec = specOf({
    cwd: folder,
    writable: [`${folder}/a`, `${folder}/a/kept/open`, `${folder}/a/kept/open/shut/again`],
    readOnly: [`${folder}/a/kept`, `${folder}/a/kept/open/shut`],
  });
  const files = {
    a: `${folder}/a/x`,
    b: `${folder}/a/kept/x`,
    c: `${folder}/a/kept/open/x`,
    d: `${folder}/a/kept/open/shut/x`,
    e: `${folder}/a/kept/open/shut/again/x`,
    f: `${folder}/x`,
  };
  assert.equal(await writes(spec, files), "ace");
});

sandboxTest("a file can be writable alone", {}, async (folder) => {
  await Deno.writeTextFile(`${folder}/file`, "");
  const spec = specOf({ cwd: folder, writable: [`${folder}/file`] });
  assert.equal(await writes(spec, { a: `${folder}/file`, b: `${folder}/other` }), "a");
});

sandboxTest("a writable folder that is missing is no folder to write to", {}, async (folder) => {
  const spec = specOf({
    cwd: folder,
    writable: [`${folder}/none`],
    readOnly: [`${folder}/none/.git`],
  });
  assert.equal(await writes(spec, { a: `${folder}/none`, b: `${folder}/x` }), "");
  assert.deepEqual(names(folder), []);
});

sandboxTest("what cannot be held is refused with the reason", {}, async (folder) => {
  await Deno.mkdir(`${folder}/real/deep`, { recursive: true });
  await Deno.symlink(`${folder}/real`, `${folder}/link`);
  await Deno.writeTextFile(`${folder}/secret`, "");
  await Deno.link(`${folder}/secret`, `${folder}/other name`);
  const refused = (parts: Partial<SandboxSpec>) => refusalOf(specOf({ cwd: folder, ...parts }));
  assert.match(refused({ writable: [`${folder}/link`] }), /is a symbolic link: name what/);
  assert.match(
    refused({ writable: [folder], readOnly: [`${folder}/link/deep`] }),
    /link\/deep cannot be kept read-only: .*link is a symbolic link/,
  );
  assert.match(refused({ readable: [`${folder}/link`] }), /is a symbolic link/);
  assert.match(refused({ hidden: [`${folder}/secret`] }), /has further names \(hard links\)/);
  assert.match(refused({ writable: ["/proc"] }), /\/proc cannot be writable in a sandbox/);
  assert.match(refused({ writable: ["/dev/pts"] }), /cannot be writable in a sandbox/);
  for (const path of ["relative", "/a/../b", "/a//b", "/a/", "/a/.", ""]) {
    assert.match(refused({ writable: [path] }), /is not a plain absolute path/);
  }
});

sandboxTest("all names of a file can be hidden together", {}, async (folder) => {
  await Deno.writeTextFile(`${folder}/secret`, "secret");
  await Deno.link(`${folder}/secret`, `${folder}/other`);
  const spec = specOf({ cwd: folder, hidden: [`${folder}/secret`, `${folder}/other`] });
  assert.equal((await sh(spec, "cat secret other")).stdout, "");
});

sandboxTest("with / writable, what is protected still is", {}, async (folder) => {
  await Deno.mkdir(`${folder}/a/b/kept`, { recursive: true });
  await Deno.writeTextFile(`${folder}/a/secret`, "secret");
  const spec = specOf({
    cwd: folder,
    writable: ["/"],
    readOnly: [`${folder}/a/b/kept`, `${folder}/a/new`],
    hidden: [`${folder}/a/secret`],
  });
  const files = {
    a: `${folder}/x`,
    b: `${folder}/a/b/kept/x`,
    c: `${folder}/a/new/x`,
    d: "/sys/x",
    e: "/proc/x",
    f: "/dev/codex_launcher_test",
    g: "/dev/shm/codex_launcher_test",
  };
  assert.equal(await writes(spec, files), "ag");
  const { stdout } = await sh(
    spec,
    `mv a c 2>/dev/null; mv a/b a/d 2>/dev/null; cat a/secret; ls a`,
  );
  assert.equal(stdout, "b\nnew\nsecret\n");
});

sandboxTest("shared memory and terminals are its own", {}, async (folder) => {
  const mark = `codex_${Deno.pid}_${folder.slice(-6)}`;
  const script = `echo x > /dev/shm/${mark}; ls /dev/shm; ls /dev/pts; cat /dev/null; ` +
    "head -c 3 /dev/zero | wc -c; echo x > /dev/full || echo full; head -c 1 /dev/urandom | wc -c";
  const { stdout } = await sh(specOf({ cwd: folder }), script);
  assert.equal(stdout, `${mark}\nptmx\n3\nfull\n1\n`);
  assert.equal(names("/dev/shm").includes(mark), false);
});

sandboxTest("reading can be limited", {
  ignore: launcherCannotLimit(),
}, async (folder) => {
  await Deno.mkdir(`${folder}/open/sub`, { recursive: true });
  await Deno.mkdir(`${folder}/ws`);
  await Deno.writeTextFile(`${folder}/open/file`, "open");
  await Deno.writeTextFile(`${folder}/shut`, "shut");
  const system = ["/usr", "/bin", "/lib", "/lib64", "/etc"].flatMap((path) => {
    try {
      return [Deno.realPathSync(path)];
    } catch {
      return [];
    }
  });
  const spec = specOf({
    cwd: `${folder}/ws`,
    writable: [`${folder}/ws`],
    readable: [...system, `${folder}/open`],
  });
  const { stdout } = await sh(
    spec,
    "cat ../open/file ../shut; ls .. ; echo x > f; mkdir a b; mv f a/f; mv a/f b/f; ln b/f a/g; cat b/f a/g; " +
      "cat /proc/self/comm; : < /dev/null && echo null",
  );
  assert.equal(stdout, "openx\nx\ncat\nnull\n");
});

function launcherCannotLimit(): boolean {
  try {
    return !launcher().guarantees.limitsReading;
  } catch {
    return true;
  }
}

sandboxTest("commands see the protected folder as it is outside", {}, async (folder) => {
  await Deno.mkdir(`${folder}/.git`);
  await Deno.writeTextFile(`${folder}/.git/config`, "one");
  const spec = specOf({ cwd: `${folder}/.git`, writable: [folder], readOnly: [`${folder}/.git`] });
  const { stdout } = await sh(spec, "pwd; cat config; : > x");
  assert.equal(stdout, `${folder}/.git\none`);
});

sandboxTest("a .git that is a file, or that is missing, is kept", {}, async (folder) => {
  await Deno.writeTextFile(`${folder}/.git`, "gitdir: /elsewhere");
  const spec = specOf({
    cwd: folder,
    writable: [folder],
    readOnly: [`${folder}/.git`, `${folder}/.codex`],
  });
  const script =
    "cat .git; (echo x > .git) 2>/dev/null; rm -f .git 2>/dev/null; mv .git y 2>/dev/null; " +
    "rmdir .codex 2>/dev/null; mkdir .codex/a 2>/dev/null; ls -A";
  assert.equal((await sh(spec, script)).stdout, "gitdir: /elsewhere.codex\n.git\n");
  assert.deepEqual(names(folder), [".git"]);
});

sandboxTest("a place stays protected until the last command is done", {}, async (folder) => {
  const spec = specOf({ cwd: folder, writable: [folder], readOnly: [`${folder}/.codex`] });
  const confine = () => {
    const confined = launcher().confine({
      argv: [
        "/bin/sh",
        "-c",
        "read go; mkdir .codex/a || mv .codex b || mkdir -p .codex/c || echo held",
      ],
      cwd: folder,
      env: { PATH },
    }, spec);
    assert(!("type" in confined));
    return confined;
  };
  const long = confine();
  const [program = "", ...args] = long.argv;
  const child = new Deno.Command(program, {
    args,
    cwd: folder,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  for (let i = 0; i < 3; i++) assert.equal((await sh(spec, "exit 0")).code, 0);
  assert.deepEqual(names(folder), [".codex"]);
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode("go\n"));
  await writer.close();
  assert.equal(await new Response(child.stdout).text(), "held\n");
  await child.status;
  long.release();
  long.release();
  assert.deepEqual(names(folder), []);
});

sandboxTest(
  "what a killed server left is taken over, what belongs to people is not",
  {},
  async (folder) => {
    await Deno.mkdir(`${folder}/left`);
    await Deno.chmod(`${folder}/left`, 0o1755);
    await Deno.mkdir(`${folder}/mine`);
    const spec = specOf({
      cwd: folder,
      writable: [folder],
      readOnly: [`${folder}/left`, `${folder}/mine`],
    });
    assert.equal((await sh(spec, "ls")).stdout, "left\nmine\n");
    assert.deepEqual(names(folder), ["mine"]);
  },
);

sandboxTest("a folder that people fill meanwhile stays theirs", {}, async (folder) => {
  const spec = specOf({ cwd: folder, writable: [folder], readOnly: [`${folder}/.git`] });
  const confined = launcher().confine({ argv: ["true"], cwd: folder, env: { PATH } }, spec);
  await Deno.writeTextFile(`${folder}/.git/config`, "theirs");
  assert(!("type" in confined));
  confined.release();
  assert.deepEqual(names(`${folder}/.git`), ["config"]);
});

sandboxTest("the proxy can be reached, and the loopback is its own", {
  ignore: !hasProgram("/usr/bin/python3"),
}, async (folder) => {
  const socket = `${folder}/proxy.sock`;
  using listener = Deno.listen({ transport: "unix", path: socket });
  using outside = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const spec = specOf({ cwd: folder, hidden: [socket], network: { type: "proxy", socket } });
  const script = `
import socket
def outcome(action):
    try: action(); return "ok"
    except OSError as error: return error.strerror
inside = socket.socket(); inside.bind(("127.0.0.1", 0)); inside.listen()
print(outcome(lambda: socket.create_connection(inside.getsockname())))
print(outcome(lambda: socket.create_connection(("127.0.0.1", ${outside.addr.port}))))
print(outcome(lambda: socket.create_connection(("192.0.2.1", 80), 2)))
print(outcome(lambda: socket.socket(socket.AF_UNIX).connect("${socket}")))
print(outcome(lambda: socket.socket(17, socket.SOCK_RAW)))
`;
  await Deno.writeTextFile(`${folder}/probe.py`, script);
  const { stdout } = await sh(spec, "/usr/bin/python3 -I probe.py");
  const expected = ["ok", "Connection refused", "Network is unreachable", "ok"];
  assert.deepEqual(stdout.split("\n"), [...expected, "Operation not permitted", ""]);
  assert.equal(listener.addr.transport, "unix");
});

sandboxTest("a folder below /dev/shm can be worked in, and no other one is seen there", {
  ignore: !hasProgram("/bin/sh"),
}, async () => {
  const folder = await Deno.makeTempDir({ dir: "/dev/shm", prefix: "codex-launcher-" });
  try {
    await Deno.mkdir(`${folder}/deep/er`, { recursive: true });
    await Deno.writeTextFile(`${folder}/beside`, "");
    const cwd = `${folder}/deep/er`;
    const { stdout, trouble } = await sh(
      specOf({ cwd, writable: [cwd] }),
      "pwd; echo x > made; ls -A /dev/shm ../..",
    );
    const top = folder.slice("/dev/shm/".length);
    assert.deepEqual([stdout, trouble], [`${cwd}\n../..:\ndeep\n\n/dev/shm:\n${top}\n`, null]);
    assert.equal(await Deno.readTextFile(`${cwd}/made`), "x\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
