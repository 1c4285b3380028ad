/** An exec-server in this process, with checked clients. */
import { ExecServer } from "../../src/exec/exec_server.ts";
import type { Ceiling } from "../../src/exec/ceiling.ts";
import { openCeiling } from "../../src/exec/ceiling.ts";
import { FileSystem } from "../../src/exec/filesystem.ts";
import { Processes } from "../../src/exec/process.ts";
import { Sandbox } from "../../src/exec/sandbox/sandbox.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { silentLogger } from "../../src/lib/log.ts";
import { memoryTransportPair } from "../../src/rpc/transport.ts";
import { ExecClient } from "../support/exec_client.ts";
import { realClock } from "./real_clock.ts";

/** Disposing it ends everything and removes the folder. */
export interface TestExecServer extends AsyncDisposable {
  readonly server: ExecServer;
  readonly processes: Processes;
  /** A folder of its own, free of links. */
  readonly folder: string;
  connect(): ExecClient;
  /** A client after the handshake. */
  client(resumeSessionId?: string): Promise<ExecClient>;
}

export const PATH = "/usr/local/bin:/usr/bin:/bin";

/** Starts one. */
export async function startExecServer(
  options: {
    readonly ceiling?: Ceiling;
    readonly clock?: Clock;
    readonly httpRefusal?: string;
  } = {},
): Promise<TestExecServer> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "codex_exec_server_" }));
  const processes = new Processes({ clock: realClock });
  const fileSystem = new FileSystem({ clock: realClock });
  const server = new ExecServer({
    world: {
      clock: options.clock ?? realClock,
      processes,
      fileSystem,
      sandbox: new Sandbox({
        ceiling: options.ceiling ?? openCeiling(),
        sources: {
          tmpdir: null,
          protectedPaths: [],
          hiddenPaths: [],
          socketPaths: [],
          proxySocket: null,
        },
      }),
      cwd: folder,
      env: { PATH, HOME: folder, MY_TOKEN: "secret-value", PLAIN: "yes" },
      environment: {
        shell: { name: "sh", path: "/bin/sh" },
        executorVersion: "0.0.0",
        providerId: "sha256:0",
        cwd: `file://${folder}`,
        userHomeDir: null,
        platformOs: "linux",
        prependPathDirs: [],
        temporaryDirectories: [],
        tempDir: "file:///tmp",
        capabilities: {},
      },
      httpRefusal: options.httpRefusal ?? null,
    },
    log: silentLogger,
    newId: () => crypto.randomUUID(),
  });
  const clients: ExecClient[] = [];
  const connect = () => {
    const [clientEnd, serverEnd] = memoryTransportPair();
    server.accept(serverEnd);
    const client = new ExecClient(clientEnd);
    clients.push(client);
    return client;
  };
  return {
    server,
    processes,
    folder,
    connect,
    client: async (resumeSessionId) => {
      const client = connect();
      await client.initialize(resumeSessionId);
      return client;
    },
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await processes.terminateAll();
      fileSystem[Symbol.dispose]();
      for (const client of clients) client[Symbol.dispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** The text of base64. */
export function textOf(chunk: string): string {
  return new TextDecoder().decode(Uint8Array.fromBase64(chunk));
}

/** The base64 of a text. */
export function chunkOf(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

/** Params of a shell command. */
export function shell(processId: string, script: string) {
  return {
    processId,
    argv: ["/bin/sh", "-c", script],
    cwd: "/tmp",
    env: { PATH },
    tty: false,
  };
}
