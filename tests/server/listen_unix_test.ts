/** Unix sockets: who may reach them, and what becomes of sockets that are there already. */
import { equal, match, rejects } from "node:assert/strict";
import { silentLogger } from "../../src/lib/log.ts";
import { systemClock } from "../../src/programs/host.ts";
import { listen } from "../../src/server/listen.ts";
import type { ListenClient } from "../../src/server/listen/gate.ts";
import type { Listener, ListenOptions } from "../../src/server/listen/listener.ts";
import { HOST, ListenLab, socketPath, UPGRADE } from "./listen_lab.ts";

const SETPRIV = "/usr/bin/setpriv";
const PERL = "/usr/bin/perl";
const NOBODY = 65_534;
/** Some of this needs another user. */
const canChangeUser = Deno.build.os === "linux" && Deno.uid() === 0 && isThere(SETPRIV) &&
  isThere(PERL);

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

function open(path: string, more: Partial<ListenOptions> = {}): Promise<Listener> {
  return listen({ type: "unix", path, ownsFolder: false }, {
    accept: () => {},
    clock: systemClock(),
    log: silentLogger,
    ...more,
  });
}

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "codex_unix_" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function modeOf(path: string): number {
  return (Deno.lstatSync(path).mode ?? 0) & 0o777;
}

/** A socket that nobody listens on any more, as after `kill -9`. */
async function leaveStale(path: string): Promise<void> {
  const script = `Deno.listen({ transport: "unix", path: ${JSON.stringify(path)} });
    Deno.kill(Deno.pid, "SIGKILL");`;
  await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", script],
    stdout: "null",
    stderr: "null",
  }).output();
  equal(Deno.lstatSync(path).isSocket, true);
}

Deno.test("a unix listener shuts out other users by the modes of socket and folder", async () => {
  await using lab = await ListenLab.open("unix");
  const path = socketPath(lab.folder);
  equal(lab.listener.url, `unix://${path}`);
  equal(modeOf(path), 0o600);
  equal(modeOf(path.replace(/\/[^/]+$/, "")), 0o700);
  equal(lab.listener.isOpen, false);
  await lab.listener.shutdown();
  equal(isThere(path), false);
});

Deno.test("a unix listener shuts a folder of its own that stood open, and trusts none of others", async () => {
  await withFolder(async (folder) => {
    const options = { accept: () => {}, clock: systemClock(), log: silentLogger };
    const address = { type: "unix", path: `${folder}/own/a.sock`, ownsFolder: true } as const;
    await Deno.mkdir(`${folder}/own`, { mode: 0o777 });
    await Deno.chmod(`${folder}/own`, 0o777);
    const listener = await listen(address, options);
    equal(modeOf(`${folder}/own`), 0o700);
    await listener.shutdown();
    await Deno.remove(`${folder}/own`);
    await Deno.mkdir(`${folder}/real`);
    await Deno.symlink(`${folder}/real`, `${folder}/own`);
    await rejects(listen(address, options), /^CliError: Cannot listen in .*: it is not a folder/);
  });
});

Deno.test("a unix listener takes the place of a dead server, not of a live one or of a file", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/a.sock`;
    await leaveStale(path);
    const first = await open(path);
    await rejects(open(path), {
      name: "CliError",
      exitCode: 1,
      message: `Another server listens on ${path} already; stop it, or use another path`,
    });
    await first.shutdown();
    await Deno.writeTextFile(path, "keep me");
    await rejects(
      open(path),
      /^CliError: Cannot listen on .*: it is there already, and no socket$/,
    );
    equal(await Deno.readTextFile(path), "keep me");
    await Deno.remove(path);
    // Not even through a link: what it leads to is not ours to replace.
    await leaveStale(`${folder}/stale.sock`);
    await Deno.symlink(`${folder}/stale.sock`, path);
    await rejects(open(path), /it is there already, and no socket/);
  });
});

Deno.test("of two servers that start at once on a stale socket one gets it", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/a.sock`;
    await leaveStale(path);
    const results = await Promise.allSettled([1, 2, 3].map(() => open(path)));
    const opened = results.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
    equal(opened.length, 1);
    for (const listener of opened) await listener.shutdown();
    equal(isThere(path), false);
  });
});

Deno.test("a unix listener leaves the socket of its successor alone", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/a.sock`;
    const first = await open(path);
    await Deno.remove(path);
    const second = await open(path);
    await first.shutdown();
    equal(isThere(path), true);
    await second.shutdown();
  });
});

Deno.test("a unix listener says when its path is too long", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/${"x".repeat(100)}.sock`;
    await rejects(
      open(path),
      /^CliError: The path of the socket has \d+ bytes, and at most 10[37]/,
    );
  });
});

Deno.test("a unix listener knows the user of a client", async () => {
  const accepted = Promise.withResolvers<ListenClient>();
  await using lab = await ListenLab.open("unix", {
    accept: (_, client) => accepted.resolve(client),
  });
  await lab.upgrade();
  equal((await accepted.promise).principal, `uid:${Deno.uid()}`);
  // No name is foreign on a socket that no browser can reach.
  equal((await lab.ask(["GET / HTTP/1.1", "Host: evil", ...UPGRADE])).status, 101);
  equal((await lab.ask(["GET / HTTP/1.1", HOST, "Origin: x", ...UPGRADE])).status, 403);
});

Deno.test({
  name: "a unix listener refuses another user, even where the modes would let him in",
  ignore: !canChangeUser,
  fn: async () => {
    const reasons: unknown[] = [];
    await withFolder(async (folder) => {
      const path = `${folder}/a.sock`;
      const listener = await open(path, {
        log: { ...silentLogger, warn: (_, fields) => reasons.push(fields?.["reason"]) },
      });
      await Deno.chmod(folder, 0o777);
      await Deno.chmod(path, 0o777);
      const script = `use IO::Socket::UNIX;
my $socket = IO::Socket::UNIX->new(Peer => $ARGV[0]) or exit 9;
local $SIG{PIPE} = "IGNORE";
$socket->print("GET /readyz HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n");
$socket->read(my $answer, 12);
print "<$answer>";`;
      const ask = async (...user: string[]) => {
        const [program = "", ...args] = [...user, PERL, "-e", script, path];
        const { stdout } = await new Deno.Command(program, { args }).output();
        return new TextDecoder().decode(stdout);
      };
      equal(await ask(), "<HTTP/1.1 200>");
      equal(await ask(SETPRIV, `--reuid=${NOBODY}`, "--clear-groups"), "<>");
      equal(reasons.join(), "otherUser");
      await listener.shutdown();
    });
  },
});

Deno.test("a unix listener that cannot reach its folder says which", async () => {
  await rejects(open("/proc/nowhere/a.sock"), (error: Error) => {
    match(error.message, /\/proc\/nowhere/);
    return true;
  });
});
