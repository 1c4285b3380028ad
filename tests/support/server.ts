/** The real server in this process with a scripted model, a home of its own, and checked clients. */
import { join } from "node:path";
import { Client } from "../../src/client/client.ts";
import { type Logger, silentLogger } from "../../src/lib/log.ts";
import type { NetworkPorts } from "../../src/exec/network_proxy/destinations.ts";
import type { Backends } from "../../src/exec/sandbox/probe.ts";
import { systemClock } from "../../src/programs/host.ts";
import type { Clock } from "../../src/lib/clock.ts";
import type { Extension } from "../../src/protocol/extensions.ts";
import { memoryTransportPair, type Transport } from "../../src/rpc/transport.ts";
import { Server } from "../../src/server/server.ts";
import { type ScriptedAnswer, type ScriptedModel, scriptedModel } from "./scripted_model.ts";
import { wireCheck } from "./wire_check.ts";

/** What a test may choose; everything else is the same for all. */
export interface TestServerOptions {
  readonly responses?: readonly ScriptedAnswer[];
  /** Text of config.toml after the lines that every test server needs. */
  readonly config?: string;
  readonly clock?: Clock;
  readonly env?: Readonly<Record<string, string>>;
  /** The home of an earlier server, to start again on it. */
  readonly home?: string;
  readonly source?: "vscode" | "exec";
  /** What no sandboxed write may touch. */
  readonly protectedPaths?: readonly string[];
  /** The backends that confine commands; those of this machine if left out. */
  readonly backends?: Backends;
  readonly openListeners?: () => readonly string[];
  /** What stands for the network behind `allow_domains`. */
  readonly networkPorts?: NetworkPorts;
  /** Where the server logs to; nowhere if left out. */
  readonly log?: Logger;
  /** Address of a provider over HTTP, to be used in place of the scripted model. */
  readonly baseUrl?: string;
}

/** How a client of a test introduces itself. */
export interface ConnectOptions {
  readonly experimentalApi?: boolean;
  readonly sessionExtensions?: readonly Extension[];
  readonly optOutNotificationMethods?: readonly string[];
  readonly name?: string;
  /** In whose name it acts. */
  readonly principal?: string;
  /** Told every message of the server, as it came. */
  readonly onFrame?: (text: string) => void;
}

/** A server in this process. Disposing it closes everything and removes its folders. */
export interface TestServer extends AsyncDisposable {
  readonly model: ScriptedModel;
  readonly server: Server;
  readonly home: string;
  readonly project: string;
  /** A new client; every message of its connection is checked against the schemas. */
  connect(options?: ConnectOptions): Promise<Client>;
  /** Closes the server but keeps its home. */
  stop(): Promise<void>;
}

const CONFIG = `model = "scripted-model"
model_provider = "scripted"
approval_policy = "untrusted"
sandbox_mode = "danger-full-access"
`;
const PROVIDER = `
[model_providers.scripted]
name = "Scripted"
wire_api = "responses"
`;

/** Starts a server on a new home, or again on an old one. */
export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  const root = options.home ?? await Deno.makeTempDir({ prefix: "codex-test-" });
  const home = join(root, "home");
  const project = join(root, "project");
  await Deno.mkdir(home, { recursive: true });
  await Deno.mkdir(project, { recursive: true });
  if (options.config !== undefined || options.home === undefined) {
    await Deno.writeTextFile(
      join(home, "config.toml"),
      `${CONFIG}${options.config ?? ""}${PROVIDER}base_url = "${
        options.baseUrl ?? "http://127.0.0.1:1/v1"
      }"\n`,
    );
  }
  const model = scriptedModel({ responses: options.responses ?? [] });
  const clock = options.clock ?? systemClock();
  const server = newServer({ ...options, clock, home, project, model });
  const checks: { assertClean(): void }[] = [];
  let isStopped = false;
  const stop = async () => {
    if (isStopped) return;
    isStopped = true;
    await server.close();
    for (const check of checks) check.assertClean();
  };
  return {
    model,
    server,
    home: root,
    project,
    connect: async (
      { experimentalApi = true, name = "test", principal, onFrame, ...more } = {},
    ) => {
      const [clientEnd, serverEnd] = memoryTransportPair();
      server.accept(serverEnd, principal === undefined ? {} : { principal });
      const checked = wireCheck(onFrame ? overheard(clientEnd, onFrame) : clientEnd);
      checks.push(checked);
      return await Client.connect(checked.transport, {
        clientInfo: { name, version: "1" },
        capabilities: { experimentalApi, ...more },
        clock,
      });
    },
    stop,
    [Symbol.asyncDispose]: async () => {
      try {
        await stop();
      } finally {
        if (options.home === undefined) await Deno.remove(root, { recursive: true });
      }
    },
  };
}

/** The same transport, with somebody who is told what it delivers. */
function overheard(transport: Transport, onFrame: (text: string) => void): Transport {
  return {
    open: (sink) =>
      transport.open({
        ...sink,
        frame: (text) => {
          onFrame(text);
          sink.frame(text);
        },
      }),
    send: (text) => transport.send(text),
    get bufferedBytes() {
      return transport.bufferedBytes;
    },
    close: (reason, code) => transport.close(reason, code),
    peer: transport.peer,
  };
}

function newServer(
  options: TestServerOptions & {
    readonly clock: Clock;
    readonly home: string;
    readonly project: string;
    readonly model: ScriptedModel;
  },
): Server {
  const { clock, home, project, model } = options;
  return new Server({
    identity: {
      version: "0.0.0-test",
      codexHome: home,
      platformText: "(test 1; x86_64) dumb",
      platformFamily: "unix",
      platformOs: "linux",
    },
    clock,
    log: options.log ?? silentLogger,
    startRuntime: async (parts) => {
      const { startRuntime } = await import("../../src/server/runtime.ts");
      return await startRuntime({
        codexHome: home,
        env: options.env ?? { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: home },
        cwd: project,
        clock,
        log: options.log ?? silentLogger,
        version: "0.0.0-test",
        timezone: "UTC",
        source: options.source ?? "vscode",
        protectedPaths: options.protectedPaths ?? [],
        openListeners: options.openListeners ?? (() => []),
        ...(options.backends === undefined ? {} : { backends: options.backends }),
        ...(options.networkPorts === undefined ? {} : { networkPorts: options.networkPorts }),
        randomId: () => crypto.randomUUID(),
        randomBytes: (bytes) => void crypto.getRandomValues(bytes),
        random: () => 0.5,
        configOptions: {},
        ...(options.baseUrl === undefined ? { modelClient: () => model } : {}),
      }, parts);
    },
  });
}

/** User input that is one text. */
export function text(words: string): { type: "text"; text: string; text_elements: [] }[] {
  return [{ type: "text", text: words, text_elements: [] }];
}
