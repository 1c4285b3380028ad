/** `codex app-server`: serves the agent over stdio or WebSocket listeners; must not know any method. */
import type { Args } from "../cli/args.ts";
import type { ListenUrl } from "../cli/listen_url.ts";
import { CliError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import { stdioTransport } from "../rpc/stdio.ts";
import type { Listener } from "../server/listen/listener.ts";
import { Server } from "../server/server.ts";
import {
  askedListenUrls,
  isExposed,
  listenUrls,
  refuseLooseTlsFlags,
  socketPaths,
} from "./app_server/listen_urls.ts";
import { holdRuntime } from "./hold_runtime.ts";
import type { Host, Invocation } from "./host.ts";
import { createLogger } from "./logging.ts";
import { serverOptions } from "./server_options.ts";

/** More than any file that is accepted in one message, so that one that is not gets an answer that says so. */
const LINE_LIMIT_BYTES = 96 * 1024 * 1024;

/** Runs `app-server` until its clients or a signal end it. */
export async function run({ args, host }: Invocation): Promise<number> {
  if (args.path.includes("generate-ts") || args.path.includes("generate-json-schema")) {
    const { generate } = await import("./generate.ts");
    return await generate(args, host);
  }
  if (args.path.includes("token")) {
    const { token } = await import("./token.ts");
    return await token(args, host);
  }
  refuseAuthFlags(args);
  if (args.isSet("print-systemd-unit")) {
    const { printSystemdUnit } = await import("./systemd_unit.ts");
    return await printSystemdUnit(args, host);
  }
  const urls = listenUrls(await askedListenUrls(args, host));
  refuseLooseTlsFlags(args, urls);
  const logging = createLogger({
    env: host.env,
    clock: host.clock,
    write: (line) => void host.stderr.write(line),
  });
  const listeners: Listener[] = [];
  const server = new Server(serverOptions(args, {
    host,
    log: logging.log,
    source: "vscode",
    // A command that reaches one of these could order what it likes.
    openListeners: () => listeners.filter(({ isOpen }) => isOpen).map(({ url }) => url),
    socketPaths: socketPaths(urls, host),
    isExposed: urls.some(isExposed),
  }));
  const ended = Promise.withResolvers<void>();
  if (urls.some(isSocket)) {
    await serveSockets(server, { args, urls, host, log: logging.log, listeners });
  }
  if (urls.some(({ type }) => type === "stdio")) serveStdio(server, ended.resolve);
  stopOnSignals(server, { host, end: ended.resolve });
  holdRuntime(host);
  await ended.promise;
  await Promise.all(listeners.map((listener) => listener.shutdown("server shutdown")));
  await server.close();
  logging.flush();
  return 0;
}

function isSocket({ type }: ListenUrl): boolean {
  return type === "websocket" || type === "unix";
}

/** Until listeners can check tokens, a flag that asks for it must not be ignored. */
function refuseAuthFlags(args: Args): void {
  const flags = [
    "ws-auth",
    "ws-token-file",
    "ws-token-sha256",
    "ws-shared-secret-file",
    "ws-issuer",
    "ws-audience",
    "ws-max-clock-skew-seconds",
  ];
  const used = flags.find((flag) => args.isSet(flag));
  if (used === undefined) return;
  throw new CliError(
    `\`--${used}\` is not available yet; listen on a loopback address and reach it through ` +
      "`ssh -L`",
  );
}

/** The client is our parent: when it hangs up, nobody is left to work for. */
function serveStdio(server: Server, end: () => void): void {
  const transport = stdioTransport({
    input: Deno.stdin,
    output: Deno.stdout,
    lineLimitBytes: LINE_LIMIT_BYTES,
    onLarge: () => import("../exec/large_stdio.ts").then((module) => module.prepareLargeStdio()),
  });
  server.accept(transport, { onClosed: end });
}

async function serveSockets(
  server: Server,
  { args, ...options }: {
    readonly args: Args;
    readonly urls: readonly ListenUrl[];
    readonly host: Host;
    readonly log: Logger;
    /** Gets those that are open. */
    readonly listeners: Listener[];
  },
): Promise<void> {
  const { openListeners } = await import("./app_server/listeners.ts");
  await openListeners(args, {
    ...options,
    accept: (transport, { principal }) => server.accept(transport, { principal }),
  });
}

/** The first signal waits for running turns, the second does not (as upstream). */
function stopOnSignals(
  server: Server,
  { host, end }: { readonly host: Host; readonly end: () => void },
): void {
  let isStopping = false;
  const stop = () => {
    if (isStopping) return end();
    isStopping = true;
    const onBusy = () =>
      void host.stderr.write("Waiting for running turns; signal again to stop them\n");
    void server.drained(onBusy).then(end);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, stop);
  }
}
