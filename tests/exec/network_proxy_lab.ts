/** A network for tests of the proxy: names, addresses and servers that exist only here, on the real loopback. */
import type { NetworkPorts } from "../../src/exec/network_proxy/destinations.ts";
import { NetworkProxy, type ProxyOptions } from "../../src/exec/network_proxy.ts";
import type { LogFields, Logger } from "../../src/lib/log.ts";
import { realClock } from "./real_clock.ts";

/** A public address; the lab connects it to a server of its own instead. */
export const PUBLIC = "93.184.216.34";

/** What happened, to be compared. */
export interface Seen {
  readonly resolved: string[];
  readonly dialed: string[];
  readonly logged: LogFields[];
}

export interface Lab extends AsyncDisposable {
  readonly proxy: NetworkProxy;
  readonly seen: Seen;
}

/** How a test server answers a connection; it is closed afterwards. */
export type Answer = (connection: Deno.Conn) => Promise<unknown>;

export interface LabOptions extends Partial<Pick<ProxyOptions, "times" | "clientsMax">> {
  readonly allowDomains?: readonly string[];
  readonly allowPorts?: readonly number[];
  /** Addresses of a name, anew for each look-up; all names lead to `PUBLIC` if left out. */
  readonly resolve?: (name: string) => readonly string[] | Promise<readonly string[]>;
  readonly ownAddresses?: readonly string[];
  /** What any address leads to. */
  readonly answer?: Answer;
}

/** A network whose every address leads to one server, and a proxy into it. */
export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const seen: Seen = { resolved: [], dialed: [], logged: [] };
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const answering = serve(listener, options.answer ?? ((connection) => sayHello(connection)));
  const proxy = await NetworkProxy.start({
    rules: {
      allowDomains: options.allowDomains ?? ["allowed.test", "*.wild.test"],
      allowPorts: options.allowPorts ?? [],
    },
    clock: realClock,
    log: collectingLogger(seen.logged),
    ports: labPorts(options, { seen, port: listener.addr.port }),
    ...options.times === undefined ? {} : { times: options.times },
    ...options.clientsMax === undefined ? {} : { clientsMax: options.clientsMax },
  });
  return {
    proxy,
    seen,
    [Symbol.asyncDispose]: async () => {
      await proxy.close();
      listener.close();
      await answering;
    },
  };
}

/** Ports into the lab, also for a proxy that something else starts. */
export function labPorts(
  options: Pick<LabOptions, "resolve" | "ownAddresses">,
  { seen, port }: { readonly seen: Seen; readonly port: number },
): NetworkPorts {
  return {
    resolve: async (name) => {
      seen.resolved.push(name);
      return await options.resolve?.(name) ?? [PUBLIC];
    },
    dial: async (target) => {
      seen.dialed.push(`${target.address} ${target.port}`);
      return await Deno.connect({ hostname: "127.0.0.1", port });
    },
    ownAddresses: () => options.ownAddresses ?? ["127.0.0.1", "192.0.2.7", "fe80::1%2"],
  };
}

/** Answers until the listener closes. */
export async function serve(listener: Deno.Listener, answer: Answer): Promise<void> {
  const open = new Set<Promise<void>>();
  try {
    for await (const connection of listener) {
      const work = answer(connection).then(() => undefined, () => undefined)
        .finally(() => close(connection));
      open.add(work);
      void work.finally(() => open.delete(work));
    }
  } finally {
    await Promise.all(open);
  }
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

/** Answers requests with what it got, as text, until the client has enough. */
export async function sayHello(connection: Deno.Conn): Promise<void> {
  const text = await readHead(connection);
  const body = `got ${text}`;
  await writeAll(connection, `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
}

/** Sends everything back. */
export async function echo(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  for (let count = await connection.read(buffer); count !== null;) {
    await writeAll(connection, buffer.subarray(0, count));
    count = await connection.read(buffer);
  }
  await connection.closeWrite();
}

export async function writeAll(connection: Deno.Conn, data: string | Uint8Array): Promise<void> {
  const bytes = typeof data === "string"
    ? Uint8Array.from(data, (character) => character.charCodeAt(0))
    : data;
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}

/** All until an empty line, and what came with it. */
export async function readHead(connection: Deno.Conn): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(64 * 1024);
  while (!text.includes("\r\n\r\n")) {
    const count = await connection.read(buffer);
    if (count === null) break;
    text += latin(buffer.subarray(0, count));
  }
  return text;
}

/** All until the end; a connection that breaks ends as well. */
export async function readAll(connection: Deno.Conn): Promise<string> {
  const parts: string[] = [];
  const buffer = new Uint8Array(64 * 1024);
  try {
    for (let count = await connection.read(buffer); count !== null;) {
      parts.push(latin(buffer.subarray(0, count)));
      count = await connection.read(buffer);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
  }
  return parts.join("");
}

function latin(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** What the proxy answers to some bytes, all of it. */
export async function ask({ proxy }: Pick<Lab, "proxy">, bytes: string): Promise<string> {
  using connection = await Deno.connect({ transport: "unix", path: proxy.socket });
  await writeAll(connection, bytes);
  await connection.closeWrite();
  return await readAll(connection);
}

function collectingLogger(logged: LogFields[]): Logger {
  const emit = (message: string, fields: LogFields = {}) =>
    void logged.push({ message, ...fields });
  const logger: Logger = { warn: emit, error: emit, child: () => logger };
  return logger;
}
