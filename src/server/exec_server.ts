/** Builds an exec-server out of the machine it runs on; must not know how it is listened for. */
import { createHash } from "node:crypto";
import type { Config } from "../config/config.ts";
import { type ExecExtension, ExecServer } from "../exec/exec_server.ts";
import type { Ceiling } from "../exec/ceiling.ts";
import { FileSystem } from "../exec/filesystem.ts";
import { Processes } from "../exec/process.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import type { EnvironmentInfo } from "../protocol/exec_server.ts";
import { fileUri } from "../protocol/exec_server_fields.ts";
import { networkProxyOf, type SandboxSurroundings, serverSandbox } from "./sandbox.ts";

/** Everything that is read from the machine, once, at the start. */
export interface ExecServerParts extends SandboxSurroundings {
  /** Its ceiling is that of every process and every file. */
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly version: string;
  /** `linux` or `macos`. */
  readonly platformOs: string;
  /** Clients may make requests over HTTP, as far as the ceiling allows network access. */
  readonly servesHttp: boolean;
  newId(): string;
  readonly extension?: ExecExtension;
}

/** An exec-server with all that it has started; closing it ends everything. */
export interface RunningExecServer {
  readonly server: ExecServer;
  close(): Promise<void>;
}

/** Makes an exec-server. */
export function createExecServer(parts: ExecServerParts): RunningExecServer {
  const { clock, log, config, extension } = parts;
  const processes = new Processes({ clock });
  const fileSystem = new FileSystem({ clock });
  const warn = (warning: string) => log.warn?.(warning);
  const proxy = networkProxyOf(parts, { base: config, clock, log });
  const sandbox = serverSandbox(parts, { base: config, proxy, warn });
  const server = new ExecServer({
    world: {
      clock,
      processes,
      fileSystem,
      sandbox,
      cwd: parts.cwd,
      env: parts.env,
      environment: environmentOf(parts),
      httpRefusal: httpRefusal(parts, sandbox.ceiling),
    },
    log,
    newId: () => parts.newId(),
    ...extension ? { extension } : {},
  });
  return {
    server,
    close: async () => {
      await server.close();
      await processes.terminateAll();
      await proxy?.close();
      fileSystem[Symbol.dispose]();
    },
  };
}

/** A client that may start any process needs nobody to make a request for it; any other is held to the ceiling. */
function httpRefusal(
  { servesHttp, config, cwd }: ExecServerParts,
  ceiling: Ceiling,
): string | null {
  if (!servesHttp) return "start the exec-server with --http to allow it";
  if (config.allowDomains !== null) return "only processes reach the domains of `allow_domains`";
  const [excess = null] = ceiling.hold({ type: "readOnly", networkAccess: true }, cwd).excess;
  return excess;
}

/** What upstream has and this has not is said to be missing, so that no client counts on it. */
const CAPABILITIES = {
  networkProxyLaunch: false,
  networkProxyReviewDomains: false,
  credentialMasking: false,
  credentialMaskingCustomProviders: false,
  capabilityDiscoverySandbox: false,
  fsWatchMissing: false,
  capabilityDiscoveryV2: false,
  environmentConfigRead: false,
  httpHeaderEnvVars: false,
  sandboxedFileStreaming: false,
  fileWriteStreaming: false,
  shellSnapshotV2: false,
  windowsMxc: false,
  linuxRootWritePreservesDevices: false,
  linuxApprovedRootWritePreservesRestrictions: false,
};

function environmentOf(
  { env, cwd, version, platformOs, codexHome }: ExecServerParts,
): EnvironmentInfo {
  const shell = env["SHELL"]?.startsWith("/") ? env["SHELL"] : "/bin/sh";
  const home = env["HOME"];
  const tmpdir = env["TMPDIR"];
  const id = createHash("sha256").update(`${version}\0${codexHome}`).digest("hex");
  return {
    shell: { name: shell.slice(shell.lastIndexOf("/") + 1), path: shell },
    executorVersion: version,
    providerId: `sha256:${id}`,
    cwd: fileUri(cwd),
    userHomeDir: home?.startsWith("/") ? fileUri(home) : null,
    platformOs,
    prependPathDirs: [],
    temporaryDirectories: tmpdir?.startsWith("/") ? [fileUri(tmpdir)] : [],
    tempDir: fileUri(tmpdir?.startsWith("/") ? tmpdir : "/tmp"),
    capabilities: CAPABILITIES,
  };
}
