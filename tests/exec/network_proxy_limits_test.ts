import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { ask, echo, type Lab, readAll, readHead, startLab, writeAll } from "./network_proxy_lab.ts";

const CONNECT = "CONNECT allowed.test:443 HTTP/1.1\r\n\r\n";
const BIG_BYTES = 50 * 1024 * 1024;
const PIECE = crypto.getRandomValues(new Uint8Array(61_441));

function connect({ proxy }: Lab): Promise<Deno.UnixConn> {
  return Deno.connect({ transport: "unix", path: proxy.socket });
}

/** Sends pieces of a pattern until so many bytes are sent, and returns their hash. */
async function sendBig(connection: Deno.Conn): Promise<string> {
  const hash = createHash("sha256");
  for (let left = BIG_BYTES; left > 0;) {
    const part = PIECE.subarray(0, Math.min(left, PIECE.length));
    hash.update(part);
    await writeAll(connection, part);
    left -= part.length;
  }
  return hash.digest("hex");
}

async function hashRest(connection: Deno.Conn): Promise<string> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(64 * 1024);
  for (let count = await connection.read(buffer); count !== null;) {
    hash.update(buffer.subarray(0, count));
    count = await connection.read(buffer);
  }
  return hash.digest("hex");
}

Deno.test("network proxy: 50 MB go both ways through a tunnel, unharmed", async () => {
  await using lab = await startLab({ answer: echo });
  using connection = await connect(lab);
  await writeAll(connection, CONNECT);
  assert.match(await readHead(connection), /^HTTP\/1\.1 200 /);
  const [sent, got] = await Promise.all([
    sendBig(connection).then(async (hash) => {
      await connection.closeWrite();
      return hash;
    }),
    hashRest(connection),
  ]);
  assert.equal(got, sent);
});

Deno.test("network proxy: 50 MB are posted and answered, unharmed", async () => {
  const posted = Promise.withResolvers<string>();
  await using lab = await startLab({
    answer: async (connection) => {
      const head = await readHead(connection);
      const hash = createHash("sha256").update(
        Uint8Array.from(head.slice(head.indexOf("\r\n\r\n") + 4), (each) => each.charCodeAt(0)),
      );
      let left = BIG_BYTES - (head.length - head.indexOf("\r\n\r\n") - 4);
      const buffer = new Uint8Array(64 * 1024);
      while (left > 0) {
        const count = await connection.read(buffer);
        if (count === null) break;
        hash.update(buffer.subarray(0, count));
        left -= count;
      }
      await writeAll(connection, `HTTP/1.1 200 OK\r\nContent-Length: ${BIG_BYTES}\r\n\r\n`);
      posted.resolve(hash.digest("hex"));
      await sendBig(connection);
    },
  });
  using connection = await connect(lab);
  const head = `POST http://allowed.test/ HTTP/1.1\r\nHost: allowed.test\r\nConnection: close\r\n` +
    `Content-Length: ${BIG_BYTES}\r\n\r\n`;
  await writeAll(connection, head);
  const sent = await sendBig(connection);
  assert.equal(await posted.promise, sent);
  assert.match(await readLine(connection), /^HTTP\/1\.1 200 /);
  assert.equal(await hashRest(connection), sent);
});

/** The head of an answer, byte by byte, so that nothing of the body is taken. */
async function readLine(connection: Deno.Conn): Promise<string> {
  let text = "";
  const byte = new Uint8Array(1);
  while (!text.endsWith("\r\n\r\n") && await connection.read(byte) !== null) {
    text += String.fromCharCode(byte[0] ?? 0);
  }
  return text;
}

Deno.test("network proxy: whoever does not read holds the sender up, not our memory", async () => {
  // The server never reads: only the buffers of the system and one of ours take anything.
  const release = Promise.withResolvers<void>();
  await using lab = await startLab({ answer: () => release.promise });
  using connection = await connect(lab);
  await writeAll(connection, CONNECT);
  await readHead(connection);
  let sent = 0;
  let isStuck = false;
  const sending = (async () => {
    for (; sent < BIG_BYTES; sent += PIECE.length) {
      const writing = writeAll(connection, PIECE);
      const timer = Promise.withResolvers<"stuck">();
      const id = setTimeout(() => timer.resolve("stuck"), 500);
      const end = await Promise.race([writing.then(() => "sent"), timer.promise]);
      clearTimeout(id);
      if (end === "stuck") {
        isStuck = true;
        release.resolve();
        await writing.catch(() => null);
        return;
      }
    }
  })();
  await sending;
  assert(isStuck, `${sent} bytes were taken by nobody`);
});

Deno.test("network proxy: a client that takes its time with the head is cut off", async () => {
  await using lab = await startLab({ times: { headMs: 50, idleMs: 60_000 } });
  using connection = await connect(lab);
  await writeAll(connection, "GET http://allowed.test/ HTTP/1.1\r\nHost: allo");
  assert.equal(await readAll(connection), "");
  using silent = await connect(lab);
  assert.equal(await readAll(silent), "");
});

Deno.test("network proxy: a tunnel without a byte is cut off, one with bytes is not", async () => {
  await using lab = await startLab({ answer: echo, times: { headMs: 60_000, idleMs: 300 } });
  using connection = await connect(lab);
  await writeAll(connection, CONNECT);
  await readHead(connection);
  const startedAt = performance.now();
  const byte = new Uint8Array(1);
  for (let count = 0; count < 8; count++) {
    await writeAll(connection, "x");
    assert.equal(await connection.read(byte), 1);
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  assert(performance.now() - startedAt > 300);
  assert.equal(await readAll(connection), "");
});

Deno.test("network proxy: a flood is turned away, and then there is room again", async () => {
  await using lab = await startLab({ clientsMax: 20, answer: echo });
  const flood = await Promise.all(Array.from({ length: 20 }, () => connect(lab)));
  for (const connection of flood) {
    await writeAll(connection, CONNECT);
    assert.match(await readHead(connection), /^HTTP\/1\.1 200 /);
  }
  for (let count = 0; count < 200; count++) {
    using connection = await connect(lab);
    assert.match(await readAll(connection), /^HTTP\/1\.1 503 .*busy/s);
  }
  for (const connection of flood) {
    await connection.closeWrite();
    assert.equal(await readAll(connection), "");
    connection.close();
  }
  assert.match(await ask(lab, CONNECT), /^HTTP\/1\.1 200 /);
});

Deno.test("network proxy: few names are looked up at a time, and all in the end", async () => {
  let now = 0;
  let most = 0;
  await using lab = await startLab({
    answer: echo,
    resolve: async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 5));
      now--;
      return ["1.1.1.1"];
    },
  });
  const answers = await Promise.all(
    Array.from(
      { length: 60 },
      (_, index) => ask(lab, `CONNECT n${index}.wild.test:443 HTTP/1.1\r\n\r\n`),
    ),
  );
  assert(answers.every((answer) => answer.startsWith("HTTP/1.1 200 ")));
  assert(most <= 8, `${most} at a time`);
});

Deno.test("network proxy: its socket is private, and gone with it", async () => {
  const lab = await startLab({ answer: echo });
  const { socket } = lab.proxy;
  const folder = socket.slice(0, socket.lastIndexOf("/"));
  assert.equal((Deno.lstatSync(folder).mode ?? 0) & 0o777, 0o700);
  const left = await connect(lab);
  await writeAll(left, CONNECT);
  await readHead(left);
  await lab[Symbol.asyncDispose]();
  assert.equal(await readAll(left), "");
  left.close();
  assert.throws(() => Deno.lstatSync(folder), Deno.errors.NotFound);
});

Deno.test("network proxy: what a killed server left behind is removed, what is in use is not", async () => {
  const old = new Date(Date.now() - 3_600_000);
  const abandoned = await Deno.makeTempDir({ dir: "/dev/shm", prefix: "codex-proxy-" });
  // Closing removes only the name that it was given.
  const listener = Deno.listen({ transport: "unix", path: `${abandoned}/first` });
  await Deno.rename(`${abandoned}/first`, `${abandoned}/proxy`);
  listener.close();
  await using used = await startLab();
  const usedFolder = used.proxy.socket.slice(0, used.proxy.socket.lastIndexOf("/"));
  for (const folder of [abandoned, usedFolder]) await Deno.utime(folder, old, old);
  await using _lab = await startLab();
  assert(Deno.lstatSync(used.proxy.socket).isSocket);
  assert.throws(() => Deno.lstatSync(abandoned), Deno.errors.NotFound);
});
