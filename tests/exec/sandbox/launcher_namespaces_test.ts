import assert from "node:assert/strict";
import { landlockAbi } from "../../../src/exec/sandbox/landlock_abi.ts";
import {
  hasProgram,
  launcher,
  PATH,
  run,
  sandboxTest,
  sh,
  specOf,
  unusable,
} from "./launcher_support.ts";

const PYTHON = "/usr/bin/python3";
const ABI_WITH_SCOPES = 6;
const canShare = unusable === null && landlockAbi() >= ABI_WITH_SCOPES;

const SERVER = `
import socket, sys
stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM); stream.bind("\\0" + sys.argv[1]); stream.listen()
packets = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); packets.bind("\\0" + sys.argv[1] + "d")
socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect("\\0" + sys.argv[1])
print("up", flush=True)
sys.stdin.read()
`;
const CLIENT = `
import socket, sys
def attempt(name, do):
    try: do(); print(name, "works")
    except OSError as error: print(name, error.errno)
attempt("stream", lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM).connect("\\0" + sys.argv[1]))
attempt("packet", lambda: socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"x", "\\0" + sys.argv[1] + "d"))
print(sys.argv[1] in open("/proc/net/unix").read())
`;

sandboxTest(
  "commands without a network share an empty one, and no other namespace with anybody",
  { ignore: !canShare },
  async (folder) => {
    const kinds = ["net", "mnt", "pid", "ipc"];
    const script = `cd /proc/self/ns; readlink ${kinds.join(" ")}; wc -l < /proc/net/dev`;
    const spaces = async () =>
      (await sh(specOf({ cwd: folder }), script)).stdout.trim().split("\n");
    const ours = await Promise.all(kinds.map((kind) => Deno.readLink(`/proc/self/ns/${kind}`)));
    const one = await spaces();
    assert.equal(one.length, kinds.length + 1);
    assert.deepEqual(one.filter((each) => ours.includes(each)), []);
    assert.equal(one.at(-1), "3", "Two lines of heading, and a loopback that is down");
    assert.equal((await spaces())[0], one[0]);
  },
);

sandboxTest(
  "a command that may use the network does not get the empty one",
  { ignore: !canShare },
  async (folder) => {
    const spec = specOf({ cwd: folder, network: { type: "full" } });
    const { stdout } = await sh(spec, "readlink /proc/self/ns/net");
    assert.equal(stdout.trim(), await Deno.readLink("/proc/self/ns/net"));
  },
);

sandboxTest(
  "commands that share a network reach no abstract socket of each other",
  { ignore: !canShare || !hasProgram(PYTHON) },
  async (folder) => {
    const spec = specOf({ cwd: folder });
    const name = `codex-shared-${crypto.randomUUID()}`;
    const confined = launcher().confine(
      { argv: [PYTHON, "-c", SERVER, name], cwd: folder, env: { PATH } },
      spec,
    );
    assert.ok(!("type" in confined));
    const [program = "", ...args] = confined.argv;
    const server = new Deno.Command(program, {
      args,
      cwd: folder,
      clearEnv: true,
      env: { ...confined.env },
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const output = server.stdout.getReader();
    assert.equal(new TextDecoder().decode((await output.read()).value), "up\n");
    // The name is in sight, so the refusals do not come from another network.
    const { stdout } = await run(spec, { argv: [PYTHON, "-c", CLIENT, name] });
    assert.equal(stdout, "stream 1\npacket 1\nTrue\n");
    await output.cancel();
    await server.stdin.close();
    await server.status;
    confined.release();
  },
);
