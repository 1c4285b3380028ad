/** The real `codex app-server` on sockets, as a process whose signals and stderr a test can watch; must not know what is tested. */
import { Client } from "../../src/client/client.ts";
import { connectRemote, type NamedRemote } from "../../src/client/connect.ts";
import { systemClock } from "../../src/programs/host.ts";
import type { Clock } from "../../src/lib/clock.ts";
import type { Extension } from "../../src/protocol/extensions.ts";
import type { Transport } from "../../src/rpc/transport.ts";
import { type Form, SOURCE } from "../support/forms.ts";

/** Where a server lives: a `Place`, or as much of it. */
export interface ServerPlace {
  readonly project: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A server process. Disposing it ends it, at once if need be. */
export interface SocketServer extends AsyncDisposable {
  readonly pid: number;
  /** Where it listens, in the order of the flags; empty when it has refused to start. */
  readonly urls: readonly string[];
  /** All that it has written to stderr so far. */
  readonly stderr: string;
  /** Resolves once stderr has a match. */
  said(pattern: RegExp): Promise<RegExpExecArray>;
  signal(name: Deno.Signal): void;
  /** Its exit code, once it has ended by itself and all of stderr was read. */
  ended(): Promise<number>;
}

/** Starts a server and waits until it listens everywhere, or has ended. */
export async function startSocketServer(
  place: ServerPlace,
  words: readonly string[],
  { form = SOURCE, env = {} }: {
    readonly form?: Form;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<SocketServer> {
  const [program = "", ...args] = form.command;
  const child = new Deno.Command(program, {
    args: [...args, "app-server", ...words],
    cwd: place.project,
    env: { ...place.env, ...form.env, CODEX_APP_SERVER_LISTEN: "", ...env },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const output = new Output(child.stderr);
  const count = words.filter((word) => word === "--listen").length;
  // The first line that is complete after the last address.
  const all = new RegExp(`(listening on: \\S+\\n[^]*?){${count}}`);
  await Promise.race([output.said(all), output.over]).catch(() => undefined);
  const urls = [...output.text.matchAll(/listening on: (\S+)\n/g)].map(([, url = ""]) => url);
  let isOver = false;
  const status = child.status.then(({ code }) => {
    isOver = true;
    return code;
  });
  const ended = async () => {
    const code = await status;
    await output.over;
    return code;
  };
  return {
    pid: child.pid,
    urls,
    get stderr() {
      return output.text;
    },
    said: (pattern) => output.said(pattern),
    signal: (name) => child.kill(name),
    ended,
    async [Symbol.asyncDispose]() {
      if (!isOver) child.kill("SIGKILL");
      await ended();
    },
  };
}

/** Collects a stream and tells who waits for a text in it. */
class Output {
  text = "";
  readonly over: Promise<void>;
  readonly #waiting = new Set<() => void>();

  constructor(stream: ReadableStream<Uint8Array>) {
    this.over = this.#read(stream);
  }

  async said(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.text);
      if (match) return match;
      const more = Promise.withResolvers<void>();
      this.#waiting.add(more.resolve);
      const isOver = await Promise.race([more.promise, this.over.then(() => true)]);
      if (isOver && !pattern.test(this.text)) {
        throw new Error(`The server ended without ${pattern}:\n${this.text}`);
      }
    }
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      this.text += chunk;
      for (const wake of this.#waiting) wake();
      this.#waiting.clear();
    }
  }
}

/** The address in a banner. */
export function remoteOf(url: string): NamedRemote {
  if (url.startsWith("unix://")) return { type: "unix", path: url.slice("unix://".length) };
  const { hostname, port } = new URL(url.replace(/^ws/, "http"));
  return { type: "tcp", host: hostname, port: Number(port), isSecure: url.startsWith("wss:") };
}

/** Connects as a client program does. */
export async function dial(url: string, options: {
  readonly token?: string;
  readonly fingerprint?: string;
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
} = {}): Promise<Transport> {
  const { token = null, fingerprint = null, signal, clock = systemClock() } = options;
  return await connectRemote(remoteOf(url), {
    token: () => Promise.resolve(token),
    clock,
    ...signal ? { signal } : {},
    authorities: [],
    proxyFor: () => null,
    trust: {
      fingerprint,
      known: { fingerprintOf: () => null, remember: () => {} },
      acceptNew: () => Promise.resolve(false),
    },
  });
}

/** A client with its handshake done. */
export async function meet(
  url: string,
  options: Parameters<typeof dial>[1] & { readonly sessionExtensions?: readonly Extension[] } = {},
): Promise<Client> {
  const { sessionExtensions: extensions = [] } = options;
  return await Client.connect(await dial(url, options), {
    clientInfo: { name: "test", version: "1" },
    capabilities: { experimentalApi: true, sessionExtensions: extensions },
    clock: options.clock ?? systemClock(),
  });
}
