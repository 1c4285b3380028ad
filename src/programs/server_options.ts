/** What a server of this process is made of: the machine's side of it; must not know how clients connect. */
import type { Args } from "../cli/args.ts";
import { VERSION } from "../lib/version.ts";
import type { Logger } from "../lib/log.ts";
import type { SessionSource } from "../protocol/thread_types.ts";
import type { ServerOptions } from "../server/server.ts";
import { configFlags, cwdOfArgs } from "./config_options.ts";
import { codexHomeOf, type Host } from "./host.ts";

/** The options of a server; the agent behind it is loaded by the first request that needs it. */
export function serverOptions(args: Args, options: {
  readonly host: Host;
  readonly log: Logger;
  /** What the threads of this server count as. */
  readonly source: SessionSource;
  /** Addresses at which it takes orders from anybody on this machine; asked for when a command starts. */
  readonly openListeners?: () => readonly string[];
  /** Unix sockets at which it takes orders, besides those in its home. */
  readonly socketPaths?: readonly string[];
  /** Files with secrets that no command may read, besides the credentials in its home. */
  readonly hiddenPaths?: readonly string[];
  /** Clients need not be on this machine. */
  readonly isExposed?: boolean;
  /** Many clients may share it. */
  readonly isShared?: boolean;
}): ServerOptions {
  const { host, log, source } = options;
  const codexHome = codexHomeOf(host);
  return {
    identity: {
      version: VERSION,
      codexHome,
      platformText: platformText(host),
      platformFamily: Deno.build.os === "windows" ? "windows" : "unix",
      platformOs: Deno.build.os === "darwin" ? "macos" : Deno.build.os,
    },
    clock: host.clock,
    log,
    preload: options.isShared ? loadAgent : undefined,
    startRuntime: async (server) => {
      const [{ startRuntime }, { protectedRuntimePaths, runtimeFolders }] = await loadAgent();
      return await startRuntime({
        codexHome,
        env: host.env,
        cwd: cwdOfArgs(args, host),
        clock: host.clock,
        log,
        version: VERSION,
        // `Intl.DateTimeFormat` says the same, but loads all of its data first: 20 ms and 7 MiB.
        timezone: Temporal.Now.timeZoneId(),
        source,
        protectedPaths: protectedRuntimePaths(
          runtimeFolders(host.env, Deno.uid()),
          host.packaging,
        ),
        socketPaths: options.socketPaths ?? [],
        hiddenPaths: options.hiddenPaths ?? [],
        openListeners: options.openListeners ?? (() => []),
        isExposed: options.isExposed ?? false,
        randomId: () => host.randomId(),
        randomBytes: (bytes) => void bytes.set(host.randomBytes(bytes.length)),
        random: () => Math.random(),
        configOptions: { cliOverrides: args.texts("config"), flags: configFlags(args) },
      }, server);
    },
  };
}

function loadAgent() {
  return Promise.all([import("../server/runtime.ts"), import("../store/runtime_folders.ts")]);
}

/** `(OS VERSION; ARCH) TERMINAL`, as in the user agents of upstream. */
function platformText(host: Host): string {
  const terminal = host.env["TERM_PROGRAM"] ?? host.env["TERM"] ?? "unknown";
  return `(${Deno.build.os} ${Deno.osRelease()}; ${Deno.build.arch}) ${terminal}`;
}
