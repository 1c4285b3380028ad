import assert from "node:assert/strict";
import { hasProgram, launcher, PATH, run, sandboxTest, sh, specOf } from "./launcher_support.ts";

const BASH = "/bin/bash";

function workspace(folder: string) {
  return specOf({
    cwd: folder,
    writable: [folder],
    readOnly: [".git", ".codex"].map((name) => `${folder}/${name}`),
  });
}

sandboxTest("git works in a workspace", { ignore: !hasProgram("/usr/bin/git") }, async (folder) => {
  await Deno.mkdir(`${folder}/project`);
  const script = `cd project && git init -q && echo x > file && git add . &&
    git -c user.name=n -c user.email=e@e commit -qm first && git log --format=%s && git status --short`;
  const { stdout, stderr, code } = await sh(workspace(folder), script);
  assert.deepEqual([code, stdout, stderr.includes("fatal")], [0, "first\n", false]);
});

sandboxTest("a shell has all its features", { ignore: !hasProgram(BASH) }, async (folder) => {
  const script = `export TMPDIR=$PWD
cat <<END
here
END
cat <<< string
cat <(echo substitution)
echo device > /dev/stdout
cat /dev/fd/0 < /dev/null
file=$(mktemp) && echo $(basename "$file" | cut -c1-4)
set -m; sleep 0 & wait $!; echo job $?
(exit 3) | cat; echo pipe \${PIPESTATUS[0]}
coproc cat; echo "$((1+1))"
exec 5<>/dev/null; echo x >&5; ulimit -n > /dev/null; umask
echo x > a; ln a b; ln -s a c; mkfifo f; touch -d @0 a; chmod 600 a; cp -a a d; mv d e; rm e; ls`;
  const { stdout, stderr } = await sh(workspace(folder), script, BASH);
  assert.doesNotMatch(stderr, /denied|permitted|read-only|cannot|error/i);
  assert.match(
    stdout,
    /^here\nstring\nsubstitution\ndevice\ntmp\.\njob 0\npipe 3\n2\n0\d\d\d\na\nb\nc\nf\ntmp\.\w+\n$/,
  );
});

sandboxTest("make works", { ignore: !hasProgram("/usr/bin/make") }, async (folder) => {
  await Deno.writeTextFile(`${folder}/Makefile`, "all: out\nout:\n\t@echo made > out; cat out\n");
  assert.equal((await sh(workspace(folder), "make -j2 2>&1")).stdout, "made\n");
});

sandboxTest("python works, with sockets, processes and locks", {
  ignore: !hasProgram("/usr/bin/python3"),
}, async (folder) => {
  await Deno.writeTextFile(
    `${folder}/test.py`,
    `
import multiprocessing, os, socket, subprocess, tempfile, threading
server = socket.socket(socket.AF_UNIX); server.bind("s"); server.listen()
client = socket.socket(socket.AF_UNIX); client.connect("s"); client.send(b"unix")
print(server.accept()[0].recv(4).decode())
one, other = socket.socketpair(); one.send(b"pair"); print(other.recv(4).decode())
with multiprocessing.get_context("fork").Pool(2) as pool: print(pool.map(abs, [-1, 2]))
print(subprocess.run(["echo", "child"], capture_output=True, text=True).stdout.strip())
with tempfile.TemporaryFile(dir=".") as file: file.write(b"x")
master, slave = os.openpty(); print(os.ttyname(slave)); os.write(slave, b"pty"); print(os.read(master, 3).decode())
multiprocessing.Semaphore(1); print(os.getpid() > 1, os.getuid() == ${Deno.uid()})
`,
  );
  const { stdout, stderr } = await sh(workspace(folder), "/usr/bin/python3 -I test.py");
  assert.equal(stderr, "");
  assert.equal(stdout, "unix\npair\n[1, 2]\nchild\n/dev/pts/0\npty\nTrue True\n");
});

sandboxTest("node works", { ignore: !hasProgram("/usr/bin/node") }, async (folder) => {
  const script = `const fs=require("fs"),net=require("net"),cp=require("child_process");
fs.writeFileSync("x","1"); const s=net.createServer(c=>c.end("hi")).listen("n",()=>
net.connect("n").on("data",d=>{console.log(String(d),cp.execSync("echo child")+"",require("crypto").randomBytes(4).length);s.close()}));
fs.promises.readFile("x","utf8").then(console.log)`;
  const { stdout, stderr } = await run(workspace(folder), { argv: ["node", "-e", script] });
  assert.equal(stderr, "");
  assert.deepEqual(stdout.split("\n").sort(), ["", " 4", "1", "hi child"]);
});

sandboxTest("deno works, and finds no way to a sandbox in the sandbox", {}, async (folder) => {
  const main = new URL("./launcher_attack_main.ts", import.meta.url).pathname;
  const { stdout, stderr } = await run(workspace(folder), {
    argv: [Deno.execPath(), "run", "-A", "--no-check", "--no-config", main, folder, "none"],
    env: { PATH, HOME: folder, DENO_DIR: `${folder}/deno`, NO_COLOR: "1" },
  });
  assert.match(
    stdout,
    /^unusable: The sandbox could not be set up: make namespaces: .*\(os error 1\)/,
  );
  assert.match(stderr, /does not work here/);
});

// Of this architecture: posix_openpt and friends are not among what the library is opened for elsewhere.
const terminals = Deno.dlopen("libc.so.6", {
  posix_openpt: { parameters: ["i32"], result: "i32" },
  grantpt: { parameters: ["i32"], result: "i32" },
  unlockpt: { parameters: ["i32"], result: "i32" },
  ptsname_r: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize", nonblocking: true },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
}).symbols;

sandboxTest("a command controls the terminal that it is given", {
  ignore: !hasProgram(BASH),
}, async (folder) => {
  const master = terminals.posix_openpt(0o2 | 0o400);
  terminals.grantpt(master);
  terminals.unlockpt(master);
  const name = new Uint8Array(64);
  terminals.ptsname_r(master, name, 64n);
  const terminal = new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
  const script =
    "stty -echo; ps -o pid=,pgid=,sid=,tpgid= -p $$; : < /dev/tty && echo tty; test -t 0 && " +
    "echo yes; trap 'echo caught; exit 4' INT; echo ready; while :; do sleep 0.01; done";
  const confined = launcher().confine(
    { argv: [BASH, "-c", script], cwd: folder, env: { PATH }, terminal },
    specOf({ cwd: folder }),
  );
  assert(!("type" in confined));
  const [program = "", ...args] = confined.argv;
  const child = new Deno.Command(program, {
    args,
    cwd: folder,
    clearEnv: true,
    env: { ...confined.env },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let text = "";
  const buffer = new Uint8Array(4096);
  while (!text.includes("ready")) {
    const count = Number(await terminals.read(master, buffer, 4096n));
    assert(count > 0, `The terminal was closed after ${JSON.stringify(text)}`);
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  terminals.write(master, new Uint8Array([3]), 1n); // Ctrl-C
  assert.equal((await child.status).code, 4);
  terminals.close(master);
  confined.release();
  assert.match(text, /^\s*2\s+2\s+2\s+2\s+tty\s+yes\s+ready/);
});
