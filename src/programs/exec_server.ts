/** `codex exec-server`: serves processes and files of this machine, and tasks; must not know any method. */
import type { Args } from "../cli/args.ts";
import { execListenProblem, parseExecListenUrl } from "../cli/listen_url.ts";
import { CliError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import { VERSION } from "../lib/version.ts";
import { stdioTransport } from "../rpc/stdio.ts";
import type { Transport } from "../rpc/transport.ts";
import { configFromArgs } from "./config_options.ts";
import { holdRuntime } from "./hold_runtime.ts";
import type { Host, Invocation } from "./host.ts";
import { createLogger } from "./logging.ts";
import { livesInSpecialFolder } from "./special_folders.ts";

/** As upstream: a free port, which is printed. */
const DEFAULT_URL = "ws://127.0.0.1:0";
/** Tasks mostly wait for a model. */
const DEFAULT_MAX_TASKS = 8;

/** Serves until a signal, the end of its input or `--exit-on-disconnect` ends it; 0 in each case. */
export async function run({ args, host }: Invocation): Promise<number> {
  const url = listenUrl(args);
  const logging = createLogger({
    env: host.env,
    clock: host.clock,
    write: (line) => void host.stderr.write(line),
  });
  const open: string[] = [];
  const running = await start(args, { host, log: logging.log, open });
  const ended = Promise.withResolvers<void>();
  const clients = new Clients(args.isSet("exit-on-disconnect") ? ended.resolve : () => {});
  const accept = (transport: Transport, onClosed = () => {}) => {
    clients.came();
    running.accept(transport, () => {
      onClosed();
      clients.went();
    });
  };
  let close = () => Promise.resolve();
  if (url.type === "stdio") {
    const transport = stdioTransport({ input: Deno.stdin, output: Deno.stdout });
    accept(transport, ended.resolve);
  } else {
    close = await listen(url, { accept, host, log: logging.log, open });
  }
  if (!running.needsNetwork) giveUpNetwork(host);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, ended.resolve);
  }
  holdRuntime(host);
  await ended.promise;
  await Promise.all([close(), running.close()]);
  logging.flush();
  return 0;
}

function listenUrl(args: Args) {
  const text = args.text("listen") ?? DEFAULT_URL;
  const url = parseExecListenUrl(text);
  if (!url) throw new CliError(execListenProblem(text));
  if (url.type === "websocket" && !/^(127\.[\d.]+|::1)$/.test(url.hostname)) {
    throw new CliError(
      `Refusing to listen on ${url.hostname}: exec-server asks for no token, so it listens on ` +
        "loopback addresses only; reach it through `ssh -L`",
    );
  }
  return url;
}

/** What serves clients once they are connected. */
interface Running {
  /** For its tasks, requests of its clients, or to let processes reach the domains that are allowed. */
  readonly needsNetwork: boolean;
  accept(transport: Transport, onClosed: () => void): void;
  close(): Promise<void>;
}

async function start(args: Args, options: {
  readonly host: Host;
  readonly log: Logger;
  /** The addresses of all listeners. */
  readonly open: readonly string[];
}): Promise<Running> {
  const { host, log, open } = options;
  const [config, { createExecServer }, { protectedRuntimePaths, runtimeFolders }, tasks] =
    await Promise.all([
      configFromArgs(args, host),
      import("../server/exec_server.ts"),
      import("../store/runtime_folders.ts"),
      args.isSet("tasks") ? startTasks(args, { host, log, open }) : null,
    ]);
  const running = createExecServer({
    config,
    codexHome: config.codexHome,
    env: host.env,
    cwd: config.cwd,
    clock: host.clock,
    log,
    version: VERSION,
    platformOs: Deno.build.os === "darwin" ? "macos" : Deno.build.os,
    protectedPaths: protectedRuntimePaths(runtimeFolders(host.env, Deno.uid()), host.packaging),
    openListeners: () => open,
    servesHttp: args.isSet("http"),
    newId: () => host.randomId(),
    ...tasks ? { extension: tasks.extension } : {},
  });
  return {
    needsNetwork: tasks !== null || args.isSet("http") || config.allowDomains !== null,
    accept: (transport, onClosed) => running.server.accept(transport, { onClosed }),
    close: async () => {
      await running.close();
      await tasks?.close();
    },
  };
}

async function startTasks(args: Args, options: {
  readonly host: Host;
  readonly log: Logger;
  readonly open: readonly string[];
}) {
  const { createTasks } = await import("./exec_server/tasks.ts");
  const maxTasks = args.text("max-tasks");
  return createTasks(args, {
    ...options,
    limit: maxTasks === null ? DEFAULT_MAX_TASKS : Number(maxTasks),
  });
}

async function listen(
  address: { readonly hostname: string; readonly port: number },
  options: {
    readonly accept: (transport: Transport) => void;
    readonly host: Host;
    readonly log: Logger;
    readonly open: string[];
  },
): Promise<() => Promise<void>> {
  const { listen: openListener } = await import("../server/listen.ts");
  const { hostname, port } = address;
  const listener = await openListener({ type: "tcp", hostname, port }, {
    accept: (transport) => options.accept(transport),
    clock: options.host.clock,
    log: options.log,
    acceptsBinary: true,
  });
  options.open.push(listener.url);
  // Alone on stdout: whoever starts this reads where to connect.
  options.host.stdout.write(`${listener.url}\n`);
  return () => listener.shutdown("server shutdown");
}

/**
 * The listener that is open stays open, and nothing else can be reached any more. Deno then opens nothing of its
 * own below `/dev`, `/proc` and `/sys`; processes, terminals and files of clients go through the C library.
 */
function giveUpNetwork(host: Host): void {
  if (livesInSpecialFolder(host)) return;
  for (const name of ["net", "import"] as const) Deno.permissions.revokeSync({ name });
}

/** Tells when the last client is gone. */
class Clients {
  readonly #onEmpty: () => void;
  #count = 0;

  constructor(onEmpty: () => void) {
    this.#onEmpty = onEmpty;
  }

  came(): void {
    this.#count++;
  }

  went(): void {
    this.#count--;
    if (this.#count === 0) this.#onEmpty();
  }
}
