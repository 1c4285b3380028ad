/** The real app-server of Codex as a child, for those who have its program; must not know what a test checks. */
import { Client } from "../../src/client/client.ts";
import { stdioTransport } from "../../src/rpc/stdio.ts";

/** A program to compare with. */
export interface RealProgram {
  readonly version: "0.120" | "0.169";
  readonly path: string;
  /** A model that this version knows, so that it offers it all tools. */
  readonly model: string;
}

/** The programs that the environment names. */
export function realPrograms(): RealProgram[] {
  const known = [
    { version: "0.120", variable: "CODEX_PEER_120", model: "gpt-5.2-codex" },
    { version: "0.169", variable: "CODEX_PEER_169", model: "gpt-5.5" },
  ] as const;
  return known.flatMap(({ version, variable, model }) => {
    const path = Deno.env.get(variable);
    return path ? [{ version, path, model }] : [];
  });
}

/** A running real server with one client. Disposing it ends the process. */
export interface RealServer extends AsyncDisposable {
  readonly client: Client;
  /** Closes its input, which ends it, and waits. */
  stop(): Promise<void>;
}

/** Starts the server on a home. */
export async function startRealServer(
  program: RealProgram,
  { home, cwd }: { readonly home: string; readonly cwd: string },
): Promise<RealServer> {
  const { PATH = "/usr/bin:/bin" } = Deno.env.toObject();
  const child = new Deno.Command(program.path, {
    args: ["app-server"],
    clearEnv: true,
    env: { PATH, CODEX_HOME: home, HOME: home, TMPDIR: home, RUST_LOG: "off" },
    cwd,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  let isStopped = false;
  const client = await Client.connect(
    stdioTransport({ input: child.stdout, output: child.stdin }),
    { clientInfo: { name: "interop", version: "1" }, capabilities: { experimentalApi: true } },
  );
  const stop = async () => {
    if (isStopped) return;
    isStopped = true;
    client.close();
    await child.status;
  };
  return {
    client,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
    },
  };
}

/** A running real server on a socket. Disposing it ends the process. */
export interface RealSocketServer extends AsyncDisposable {
  /** `ws://127.0.0.1:PORT`. */
  readonly url: string;
  signal(name: Deno.Signal): void;
  /** Resolves once the process has ended. */
  ended(): Promise<void>;
}

/** Starts the server on a home, on a free port of this machine. */
export async function startRealSocketServer(
  program: RealProgram,
  { home, cwd, listen = "ws://127.0.0.1:0" }: {
    readonly home: string;
    readonly cwd: string;
    readonly listen?: string;
  },
): Promise<RealSocketServer> {
  const { PATH = "/usr/bin:/bin" } = Deno.env.toObject();
  // It does not trust programs of its own, its sandbox among them, in a home below the folder for temporary files.
  const temporary = `${home}/tmp`;
  await Deno.mkdir(temporary, { recursive: true });
  const child = new Deno.Command(program.path, {
    args: ["app-server", "--listen", listen],
    clearEnv: true,
    env: {
      ...{ PATH, CODEX_HOME: home, HOME: home, TMPDIR: temporary },
      ...{ MOCK_KEY: "key", RUST_LOG: "off" },
    },
    cwd,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const banner = Promise.withResolvers<string>();
  const reading = readBanner(child.stderr, banner);
  let isOver = false;
  const ended = Promise.all([child.status.then(() => isOver = true), reading]);
  return {
    url: await banner.promise,
    signal: (name) => child.kill(name),
    ended: async () => void await ended,
    async [Symbol.asyncDispose]() {
      if (!isOver) child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Reads to the end, so that the process never waits for a reader. */
async function readBanner(
  stream: ReadableStream<Uint8Array>,
  banner: PromiseWithResolvers<string>,
): Promise<void> {
  let text = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const url = /listening on: (ws:\S+)\s/.exec(text)?.[1];
    if (url !== undefined) banner.resolve(url);
  }
  banner.reject(new Error(`The server ended without an address:\n${text}`));
}
