/** `codex app-server`: serves the agent over stdio or WebSocket listeners; must not know any method. */
import type { Args } from "../cli/args.ts";
import type { ListenUrl } from "../cli/listen_url.ts";
import { wsAuthFlags } from "../cli/ws_auth_flags.ts";
import { absolutePath } from "../lib/absolute_path.ts";
import type { Logger } from "../lib/log.ts";
import { callAt } from "../lib/deadline.ts";
import { stdioTransport } from "../rpc/stdio.ts";
import type { WsAuth } from "../server/auth/ws_auth.ts";
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
  if (args.isSet("print-systemd-unit")) {
    await wsAuth(args, { urls: [], host });
    const { printSystemdUnit } = await import("./systemd_unit.ts");
    return await printSystemdUnit(args, host);
  }
  const urls = listenUrls(await askedListenUrls(args, host));
  const auth = await wsAuth(args, { urls, host });
  refuseLooseTlsFlags(args, urls);
  const logging = createLogger({
    env: host.env,
    clock: host.clock,
    write: (line) => void host.stderr.write(line),
  });
  const listeners: Listener[] = [];
  const hasSockets = urls.some(isSocket);
  const server = new Server(serverOptions(args, {
    host,
    log: logging.log,
    source: "vscode",
    // A command that reaches one of these could order what it likes.
    openListeners: () => listeners.filter(({ isOpen }) => isOpen).map(({ url }) => url),
    socketPaths: socketPaths(urls, host),
    hiddenPaths: secretPaths(args, host),
    isExposed: urls.some(isExposed),
    isShared: hasSockets,
  }));
  const ended = Promise.withResolvers<void>();
  if (hasSockets) {
    const { serveSockets } = await import("./app_server/sockets.ts");
    await serveSockets(server, { args, auth, urls, host, log: logging.log, listeners });
  }
  if (urls.some(({ type }) => type === "stdio")) serveStdio(server, ended.resolve);
  stopOnSignals(server, { args, host, log: logging.log, hasSockets, end: ended.resolve });
  holdRuntime(host);
  await ended.promise;
  await Promise.all(listeners.map((listener) => listener.shutdown("server shutdown")));
  await server.close();
  logging.flush();
  return 0;
}

/** What the flags about tokens ask for; without any, nothing that checks them is loaded. */
async function wsAuth(
  args: Args,
  options: { readonly urls: readonly ListenUrl[]; readonly host: Host },
): Promise<WsAuth> {
  if (!wsAuthFlags.some(({ name }) => args.isSet(name))) return { type: "none" };
  const { wsAuthOfArgs } = await import("./app_server/auth.ts");
  return wsAuthOfArgs(args, options);
}

/** The files of the command line that no command may read. */
function secretPaths(args: Args, host: Host): readonly string[] {
  return ["ws-token-file", "ws-shared-secret-file", "ws-tls-key"]
    .flatMap((flag) => args.text(flag) ?? [])
    .map((path) => absolutePath(path, host.cwd));
}

function isSocket({ type }: ListenUrl): boolean {
  return type === "websocket" || type === "unix";
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

/**
 * The first signal waits for running turns, the second does not (as upstream), nor does it take longer than was asked
 * for. Without a socket, SIGHUP says that the terminal is gone.
 */
function stopOnSignals(
  server: Server,
  { args, host, log, hasSockets, end }: {
    readonly args: Args;
    readonly host: Host;
    readonly log: Logger;
    readonly hasSockets: boolean;
    readonly end: () => void;
  },
): void {
  const seconds = args.text("drain-timeout");
  let isStopping = false;
  const stop = () => {
    if (isStopping) return end();
    isStopping = true;
    if (seconds !== null) {
      const atMs = host.clock.now() + Number(seconds) * 1000;
      callAt(host.clock, { atMs, callback: end, background: true });
    }
    void server.drain(() => tellOfDrain(host, log)).then(end);
  };
  const signals = ["SIGINT", "SIGTERM", ...hasSockets ? [] : ["SIGHUP"] as const] as const;
  for (const signal of signals) Deno.addSignalListener(signal, stop);
}

/** Whoever has asked for JSON reads lines by program, so it is an event there. */
function tellOfDrain(host: Host, log: Logger): void {
  const notice = "Waiting for running turns; signal again to stop them";
  if (host.env["LOG_FORMAT"] === "json") log.child("drain").info?.(notice);
  else void host.stderr.write(`${notice}\n`);
}
