/** From inside a sandbox: what commands reach through the relay, and that there is no other way. */
import assert from "node:assert/strict";
import { proxyEnvironment } from "../../src/exec/sandbox/relay_port.ts";
import { hasProgram, PATH, run, specOf, unusable } from "./sandbox/launcher_support.ts";
import { echo, type Lab, PUBLIC, readHead, startLab, writeAll } from "./network_proxy_lab.ts";

const PYTHON = "/usr/bin/python3";

/** Without a place for its socket there is no proxy. */
function hasPlace(): boolean {
  try {
    return Deno.statSync("/dev/shm").isDirectory;
  } catch {
    return false;
  }
}

function proxyTest(
  name: string,
  { needs = [] }: { readonly needs?: readonly string[] },
  body: (folder: string) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: unusable !== null || !hasPlace() || !needs.every(hasProgram),
    fn: async () => {
      const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "codex proxy " }));
      try {
        await body(folder);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

function inside({ proxy }: Lab, folder: string) {
  const spec = specOf({
    cwd: folder,
    writable: [folder],
    network: { type: "proxy", socket: proxy.socket },
  });
  const env = { PATH, HOME: folder, ...proxyEnvironment() };
  return (...argv: readonly string[]) => run(spec, { argv, env });
}

/** Serves plain requests, and echoes whatever else comes. */
async function webServer(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(16 * 1024);
  const count = await connection.read(buffer);
  if (count === null) return;
  const start = new TextDecoder().decode(buffer.subarray(0, count));
  if (start.startsWith("GET ")) {
    const body = `you asked for ${start.split("\r\n")[0]}`;
    await writeAll(connection, `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  } else {
    await writeAll(connection, buffer.subarray(0, count));
    await echo(connection);
  }
}

proxyTest("a command with allowed domains reaches those and nothing else", {
  needs: [PYTHON],
}, async (folder) => {
  await using lab = await startLab({
    allowDomains: ["allowed.test", "private.test"],
    resolve: (name) => [name === "private.test" ? "10.0.0.1" : PUBLIC],
    answer: webServer,
  });
  using outside = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const name = `codex-test-${crypto.randomUUID()}`;
  using _abstract = Deno.listen({ transport: "unix", path: `\0${name}` });
  const script = new URL("network_proxy_attack.py", import.meta.url).pathname;
  const { stdout, stderr } = await inside(lab, folder)(
    PYTHON,
    "-I",
    script,
    String(outside.addr.port),
    lab.proxy.socket,
    name,
  );
  const worked = [...stdout.matchAll(/^worked: (.+)$/gm)].map(([, what]) => what);
  assert.deepEqual(
    worked,
    ["allowed tunnel", "allowed request", "150 at once", "100 resets"],
    stderr,
  );
  assert.match(stdout, /^done$/m);
  assert.deepEqual([...new Set(lab.seen.resolved)].sort(), ["allowed.test", "private.test"]);
  assert.deepEqual([...new Set(lab.seen.dialed)].sort(), [`${PUBLIC} 443`, `${PUBLIC} 80`]);
});

proxyTest("50 MB go both ways through relay and proxy, unharmed", {
  needs: [PYTHON],
}, async (folder) => {
  await using lab = await startLab({ answer: echo });
  const script = `
import hashlib, os, socket, threading
s = socket.create_connection(("127.0.0.1", 61128))
s.sendall(b"CONNECT allowed.test:443 HTTP/1.1\\r\\n\\r\\n")
head = b""
while not head.endswith(b"\\r\\n\\r\\n"): head += s.recv(1)
data = os.urandom(1 << 20) * 50
def send():
    s.sendall(data); s.shutdown(socket.SHUT_WR)
thread = threading.Thread(target=send); thread.start()
got = hashlib.sha256()
while part := s.recv(1 << 16): got.update(part)
thread.join()
print(got.hexdigest() == hashlib.sha256(data).hexdigest())
`;
  const { stdout, stderr } = await inside(lab, folder)(PYTHON, "-I", "-c", script);
  assert.equal(stdout, "True\n", stderr);
});

proxyTest("curl finds its way by itself, and reads why not", {
  needs: ["/usr/bin/curl"],
}, async (folder) => {
  await using lab = await startLab({ answer: webServer });
  const command = inside(lab, folder);
  const allowed = await command("curl", "-sS", "http://allowed.test/a?b");
  assert.equal(allowed.stdout, "you asked for GET /a?b HTTP/1.1", allowed.stderr);
  const twice = await command("curl", "-sS", "http://allowed.test/1", "http://allowed.test/2");
  assert.match(twice.stdout, /GET \/1 .*GET \/2 /);
  const refused = await command("curl", "-sS", "http://evil.test/");
  assert.match(refused.stdout, /^The host evil\.test is not in .*adds "evil\.test" there/);
  const tunnel = await command("curl", "-sSv", "https://evil.test/");
  assert.equal(tunnel.code, 56);
  assert.match(tunnel.stderr, /403 Blocked by allow_domains/);
});

proxyTest("git and python find their way by themselves", {
  needs: ["/usr/bin/git", PYTHON],
}, async (folder) => {
  await using lab = await startLab({
    answer: async (connection) => {
      const line = (await readHead(connection)).split("\r\n")[0] ?? "";
      const isGit = line.includes("/info/refs");
      const body = isGit ? `${"1".repeat(40)}\trefs/heads/main\n` : "from python";
      await writeAll(
        connection,
        `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
    },
  });
  const command = inside(lab, folder);
  const git = await command("git", "ls-remote", "http://allowed.test/repository");
  assert.equal(git.stdout, `${"1".repeat(40)}\trefs/heads/main\n`, git.stderr);
  const python = await command(
    PYTHON,
    "-c",
    'import urllib.request; print(urllib.request.urlopen("http://allowed.test/").read().decode())',
  );
  assert.equal(python.stdout, "from python\n", python.stderr);
});

proxyTest("a proxy that has ended leaves a command without network, not with all of it", {
  needs: [PYTHON],
}, async (folder) => {
  const lab = await startLab();
  const command = inside(lab, folder);
  await lab[Symbol.asyncDispose]();
  const { trouble } = await command("true");
  assert.match(trouble?.message ?? "", /go to the folder of the proxy/);
});
