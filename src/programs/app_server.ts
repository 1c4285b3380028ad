/** `codex app-server`: serves the agent over stdio or WebSocket listeners; must not know any method. */
import type { Args } from "../cli/args.ts";
import { type ListenUrl, parseListenUrl } from "../cli/listen_url.ts";
import { CliError, invariant } from "../lib/errors.ts";
import { stdioTransport } from "../rpc/stdio.ts";
import { Server } from "../server/server.ts";
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
  refuseAuthFlags(args);
  if (args.isSet("print-systemd-unit")) {
    const { printSystemdUnit } = await import("./systemd_unit.ts");
    return await printSystemdUnit(args, host);
  }
  const urls = listenUrls(args);
  const logging = createLogger({
    env: host.env,
    clock: host.clock,
    write: (line) => void host.stderr.write(line),
  });
  // Listeners ask for no token yet, so a command that reaches one could order what it likes.
  const open: string[] = [];
  const server = new Server(serverOptions(args, {
    host,
    log: logging.log,
    source: "vscode",
    openListeners: () => open,
    isExposed: urls.some(isExposed),
  }));
  const ended = Promise.withResolvers<void>();
  const closers: (() => Promise<void>)[] = [];
  for (const url of urls) {
    if (url.type === "stdio") serveStdio(server, ended.resolve);
    if (url.type === "websocket") closers.push(await serveWebSocket(server, { url, host, open }));
  }
  stopOnSignals(server, { host, end: ended.resolve });
  holdRuntime(host);
  await ended.promise;
  await Promise.all(closers.map((close) => close()));
  await server.close();
  logging.flush();
  return 0;
}

/** Whether other machines can reach a listener; what is not known as this machine's own address counts as such. */
function isExposed(url: ListenUrl): boolean {
  return url.type === "websocket" && !/^(127\.[\d.]+|::1)$/.test(url.hostname);
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

function listenUrls(args: Args): ListenUrl[] {
  const texts = args.isSet("stdio") ? ["stdio://"] : args.texts("listen");
  const urls = (texts.length > 0 ? texts : ["stdio://"]).map((text) => {
    const url = parseListenUrl(text);
    invariant(url, `The command line let ${text} through`);
    return url;
  });
  if (urls.every((url) => url.type === "off")) {
    // Upstream's words.
    // deno-lint-ignore codex/error-message
    throw new CliError("no transport configured; use --listen or enable remote control");
  }
  return urls;
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

async function serveWebSocket(
  server: Server,
  options: {
    readonly url: ListenUrl & { readonly type: "websocket" };
    readonly host: Host;
    /** The addresses of all listeners. */
    readonly open: string[];
  },
): Promise<() => Promise<void>> {
  const { listenBanner, listenWebSocket } = await import("../server/listen.ts");
  const { hostname, port } = options.url;
  const listener = listenWebSocket({ hostname, port }, {
    accept: (transport) => server.accept(transport),
  });
  options.open.push(listener.url);
  options.host.stderr.write(listenBanner(listener.url));
  return () => listener.shutdown("server shutdown");
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
