/** TLS of listeners: certificates that are given, made once, replaced, and asked of clients. */
import { equal, match, notEqual, rejects, throws } from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { connect as connectTls, type TLSSocket } from "node:tls";
// It brings the decorators' metadata that the next one needs.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";
import { silentLogger } from "../../src/lib/log.ts";
import { systemClock } from "../../src/programs/host.ts";
import { listen } from "../../src/server/listen.ts";
import type { ListenOptions } from "../../src/server/listen/listener.ts";
import type { ListenClient } from "../../src/server/listen/gate.ts";
import { ensureSelfSigned, selfSigned } from "../../src/server/listen/self_signed.ts";
import { readTls, watchTls } from "../../src/server/listen/tls.ts";
import { FakeClock } from "../rpc/fake_clock.ts";
import { ListenLab, writeCertificate } from "./listen_lab.ts";

const POLL_MS = 2000;

function options(more: Partial<ListenOptions> = {}): ListenOptions {
  return { accept: () => {}, clock: systemClock(), log: silentLogger, ...more };
}

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "codex_tls_" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What a server shows to whoever connects. */
async function shownBy(port: number): Promise<string> {
  const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
  await new Promise<void>((resolve) => socket.once("secureConnect", resolve));
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256.replaceAll(":", "").toLowerCase();
}

Deno.test("a tls listener serves its certificate, and tells the fingerprint that clients pin", async () => {
  await using lab = await ListenLab.open("tls");
  match(lab.listener.url, /^wss:\/\/127\.0\.0\.1:[1-9]\d*$/);
  match(lab.listener.fingerprint ?? "", /^[0-9a-f]{64}$/);
  equal(await shownBy(lab.port), lab.listener.fingerprint);
  // The client compares it.
  (await lab.client()).close();
});

Deno.test("a tls listener takes a certificate that was replaced, and keeps clients", async () => {
  const clock = new FakeClock();
  const errors: string[] = [];
  await using lab = await ListenLab.open("tls", {
    clock,
    log: { ...silentLogger, error: (message) => errors.push(message) },
  });
  const file = `${lab.folder}/server.pem`;
  const before = lab.listener.fingerprint;
  const old = await lab.upgrade();
  // Half a file, as a copy that is under way.
  await Deno.writeTextFile(file, "-----BEGIN");
  clock.advance(POLL_MS);
  equal(errors.length, 1);
  match(errors[0] ?? "", /^Kept the old TLS certificate: The TLS certificate .* is not valid PEM/);
  equal(await shownBy(lab.port), before);
  await writeCertificate(file);
  clock.advance(POLL_MS);
  const after = lab.listener.fingerprint;
  notEqual(after, before);
  equal(await shownBy(lab.port), after);
  equal(old.closed, false);
  await writeCertificate(file);
  lab.listener.reload();
  notEqual(lab.listener.fingerprint, after);
  equal(await shownBy(lab.port), lab.listener.fingerprint);
});

Deno.test("watchTls waits for a change of any file, and stops when it is told to", async () => {
  await withFolder(async (folder) => {
    const clock = new FakeClock();
    const files = {
      certFile: `${folder}/cert.pem`,
      keyFile: `${folder}/key.pem`,
      clientCaFile: `${folder}/ca.pem`,
    };
    for (const path of Object.values(files)) await Deno.writeTextFile(path, "1");
    let changes = 0;
    const stop = watchTls(files, { clock, changed: () => changes++ });
    clock.advance(POLL_MS);
    equal(changes, 0);
    for (const path of Object.values(files)) {
      await Deno.writeTextFile(path, "22");
      clock.advance(POLL_MS);
    }
    equal(changes, 3);
    await Deno.remove(files.keyFile);
    clock.advance(POLL_MS);
    equal(changes, 4);
    stop();
    equal(clock.pending, 0);
  });
});

Deno.test("readTls names the file that is no good, and shows nothing of it", async () => {
  await withFolder(async (folder) => {
    const [own, other, text] = [`${folder}/own.pem`, `${folder}/other.pem`, `${folder}/text`];
    await writeCertificate(own);
    await writeCertificate(other);
    await Deno.writeTextFile(text, "secret-word");
    const read = (files: Partial<Parameters<typeof readTls>[0]>) =>
      readTls({ certFile: own, keyFile: own, clientCaFile: null, ...files }, Date.now());
    equal(read({}).warnings.length, 0);
    throws(
      () => read({ certFile: `${folder}/none` }),
      /^CliError: Cannot read the TLS certificate/,
    );
    throws(() => read({ keyFile: `${folder}/none` }), /^CliError: Cannot read the TLS key/);
    throws(() => read({ keyFile: other }), /key .*other\.pem does not belong to the certificate/);
    throws(() => read({ clientCaFile: text }), /client CA .* holds no certificate/);
    for (const files of [{ certFile: text }, { keyFile: text }]) {
      throws(() => read(files), (error: Error) => {
        match(error.message, /^The TLS (certificate|key) .*text is not valid PEM/);
        equal(error.message.includes("secret-word"), false);
        return true;
      });
    }
    await Deno.chmod(own, 0o644);
    equal(read({}).warnings[0], `Other users can read the TLS key ${own}; run: chmod 600 ${own}`);
    const files = { certFile: own, keyFile: own, clientCaFile: null };
    const future = readTls(files, 1e14);
    match(future.warnings[0] ?? "", /has expired on/);
  });
});

Deno.test("ensureSelfSigned makes one certificate for a home, private, with all names of the machine", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/app-server-tls/server.pem`;
    const made = {
      names: ["localhost", "box", "127.0.0.1", "::1", "localhost"],
      now: Date.now(),
      randomBytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
    };
    // Two servers at once: what one has written, the other uses.
    await Promise.all([ensureSelfSigned(path, made), ensureSelfSigned(path, made)]);
    const first = await Deno.readTextFile(path);
    await ensureSelfSigned(path, made);
    equal(await Deno.readTextFile(path), first);
    const names = [...Deno.readDirSync(`${folder}/app-server-tls`)].map(({ name }) => name);
    equal(names.join(), "server.pem");
    equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
    equal((Deno.statSync(`${folder}/app-server-tls`).mode ?? 0) & 0o777, 0o700);
    const certificate = new X509Certificate(first);
    equal(certificate.ca, false);
    equal(
      certificate.subjectAltName,
      "DNS:localhost, DNS:box, IP Address:127.0.0.1, IP Address:::1",
    );
    match(certificate.serialNumber, /^[0-9A-F]{8,32}$/);
    equal(Date.parse(certificate.validTo) - made.now > 9 * 365 * 24 * 3600 * 1000, true);
    const tls = readTls({ certFile: path, keyFile: path, clientCaFile: null }, made.now);
    equal(tls.warnings.length, 0);
  });
});

/** An authority, and a certificate that it has signed for a client; each with its key. */
async function clientCertificate(name: string) {
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const [authority, client] = await Promise.all(
    [1, 2].map(() =>
      crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"])
    ),
  );
  if (!authority || !client) throw new Error("No keys");
  const valid = { notBefore: new Date(Date.now() - 1e6), notAfter: new Date(Date.now() + 1e9) };
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    ...valid,
    serialNumber: "01",
    name: "CN=authority",
    keys: authority,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const leaf = await x509.X509CertificateGenerator.create({
    ...valid,
    serialNumber: "02",
    subject: `CN=${name}`,
    issuer: root.subject,
    publicKey: client.publicKey,
    signingKey: authority.privateKey,
    signingAlgorithm: algorithm,
    extensions: [new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth])],
  });
  const key = await crypto.subtle.exportKey("pkcs8", client.privateKey);
  return {
    ca: root.toString("pem"),
    cert: leaf.toString("pem"),
    key: x509.PemConverter.encode(key, "PRIVATE KEY"),
  };
}

/** The answer to a health check, or why there is none. */
async function health(port: number, identity: { cert?: string; key?: string }): Promise<string> {
  const socket: TLSSocket = connectTls({
    port,
    host: "127.0.0.1",
    rejectUnauthorized: false,
    ...identity,
  });
  return await new Promise((resolve) => {
    let text = "";
    socket.on("data", (chunk: Uint8Array) => text += new TextDecoder().decode(chunk));
    socket.on("error", () => resolve("refused"));
    socket.on("close", () => resolve(text.slice(0, 12) || "refused"));
    socket.write("GET /readyz HTTP/1.1\r\nHost: any.name\r\n\r\n");
  });
}

Deno.test("a listener with an authority for clients lets in its certificates alone, as a kind of token", async () => {
  await withFolder(async (folder) => {
    const alice = await clientCertificate("alice");
    const mallory = await clientCertificate("alice");
    const [file, caFile] = [`${folder}/server.pem`, `${folder}/ca.pem`];
    await writeCertificate(file);
    await Deno.writeTextFile(caFile, alice.ca);
    const clients: ListenClient[] = [];
    // Other machines can reach it, and it asks for no token.
    const listener = await listen(
      {
        type: "tcp",
        hostname: "0.0.0.0",
        port: 0,
        tls: { certFile: file, keyFile: file, clientCaFile: caFile },
      },
      options({ accept: (_, client) => void clients.push(client) }),
    );
    equal(listener.isOpen, false);
    const port = Number(/:(\d+)$/.exec(listener.url)?.[1]);
    equal(await health(port, alice), "HTTP/1.1 200");
    equal(await health(port, {}), "refused");
    equal(await health(port, mallory), "refused");
    const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false, ...alice });
    socket.write(
      "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    );
    await new Promise((resolve) => socket.once("data", resolve));
    socket.destroy();
    equal(clients[0]?.principal, "certificate:alice");
    await listener.shutdown();
  });
});

Deno.test("a tls listener whose files are no good does not start", async () => {
  const tls = { certFile: "/nowhere/a.pem", keyFile: "/nowhere/a.pem", clientCaFile: null };
  await rejects(
    listen({ type: "tcp", hostname: "127.0.0.1", port: 0, tls }, options()),
    /^CliError: Cannot read the TLS certificate \/nowhere\/a\.pem/,
  );
});

Deno.test("selfSigned makes another key each time", async () => {
  const parts = { names: ["localhost"], now: 0, randomBytes: (n: number) => new Uint8Array(n) };
  notEqual(await selfSigned(parts), await selfSigned(parts));
});
