/** Builds the agent out of its parts and the world it works in; must not know requests or connections. */
import { Agent } from "../agent/agent.ts";
import { contextPieces } from "../agent/agent_context.ts";
import { loadShellParser } from "../agent/command_policy/parse.ts";
import { readGitInfo } from "../agent/context/git_info.ts";
import { BASE_INSTRUCTIONS } from "../agent/context/instructions.ts";
import { contextWindowOf } from "../agent/model/catalog.ts";
import type { ModelClient } from "../agent/model/port.ts";
import { closeHttpClients } from "../agent/model/network.ts";
import { streamRetryDelayMs } from "../agent/model/retry.ts";
import { ThreadLibrary } from "../agent/thread_library.ts";
import { type Loaded, Threads } from "../agent/threads.ts";
import { createToolbox, userShell } from "../agent/toolbox.ts";
import { turnDiff } from "../agent/tools/turn_diff.ts";
import { readImage } from "../agent/tools/view_image.ts";
import { runThreadTurn, type TurnParts } from "../agent/turn_runner.ts";
import type { Config, ModelProvider } from "../config/config.ts";
import type { LoadOptions } from "../config/load.ts";
import { defaultPolicies } from "../config/trust.ts";
import { Processes } from "../exec/process.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import { type RandomSource, uuidV7Maker } from "../lib/uuid.ts";
import type { SessionSource } from "../protocol/thread_types.ts";
import { ThreadIndex } from "../store/thread_index.ts";
import { type ConfigRequest, Configs } from "./configs.ts";
import { Environments } from "./environments.ts";
import type { Fanout } from "./fanout.ts";
import type { Originator } from "./initialize.ts";
import { ModelClients } from "./model_clients.ts";

/** Everything that is read from the machine, once, at the start. */
export interface RuntimeOptions {
  readonly codexHome: string;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly version: string;
  /** IANA name, such as `Europe/Vienna`. */
  readonly timezone: string;
  /** What every thread of this server counts as. */
  readonly source: SessionSource;
  /** What no sandboxed write may touch, wherever the writable folders are: absolute paths. */
  readonly protectedPaths: readonly string[];
  randomId(): string;
  readonly randomBytes: RandomSource;
  random(): number;
  /** What the command line of this process asked for. */
  readonly configOptions: Pick<LoadOptions, "cliOverrides" | "flags">;
  /** Takes the place of real providers in tests. */
  readonly modelClient?: (provider: ModelProvider) => ModelClient;
}

/** What handlers work with. */
export interface Runtime {
  readonly agent: Agent;
  readonly fanout: Fanout;
  readonly codexHome: string;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  loadConfig(options: ConfigRequest): Promise<Config>;
  /** The provider that new threads use unless a client wishes otherwise. */
  defaultProvider(): Promise<ModelProvider>;
  /** Ends what runs and gives every file back. */
  close(): Promise<void>;
}

/** What the agent needs of the server that it works for. */
export interface RuntimeServer {
  readonly fanout: Fanout;
  originator(): Originator;
}

/** Starts the agent. The configuration is read once to find mistakes before the first thread. */
export async function startRuntime(
  options: RuntimeOptions,
  server: RuntimeServer,
): Promise<Runtime> {
  const { codexHome, env, cwd, clock } = options;
  const configs = new Configs(options);
  const base = await configs.read({ cwd: null, overrides: null });
  for (const summary of base.warnings) {
    options.log.warn?.(summary);
    server.fanout.broadcast("configWarning", { summary, details: null });
  }
  const index = await ThreadIndex.open({ codexHome });
  const newId = uuidV7Maker(clock, options.randomBytes);
  const ids = { thread: newId, turn: newId, random: options.randomId };
  const library = new ThreadLibrary({
    codexHome,
    index,
    clock,
    ids,
    cliVersion: options.version,
    timezone: options.timezone,
    defaultProvider: async () => (await configs.defaultProvider()).id,
    originator: () => server.originator().name,
    contextWindow: contextWindowOf,
  });
  const processes = new Processes({ clock });
  const threads = createThreads(options, { server, library, ids, processes, base });
  const shell = userShell(env);
  const agent = new Agent({
    threads,
    library,
    source: options.source,
    loadConfig: (request) => configs.read(request),
    defaultPolicies: (config) => defaultPolicies(config, config.cwd),
    contextPieces: contextPieces({ codexHome, env, shell, clock, timezone: options.timezone }),
    readImage,
  });
  void index.sync();
  return {
    agent,
    fanout: server.fanout,
    codexHome,
    env,
    cwd,
    loadConfig: (request) => configs.read(request),
    defaultProvider: () => configs.defaultProvider(),
    close: async () => {
      await threads.close();
      await processes.terminateAll();
      await index.close();
      closeHttpClients();
    },
  };
}

/** The loaded threads, with what their turns need. */
function createThreads(options: RuntimeOptions, parts: {
  readonly server: RuntimeServer;
  readonly library: ThreadLibrary;
  readonly ids: { thread(): string; turn(): string; random(): string };
  readonly processes: Processes;
  readonly base: Config;
}): Threads {
  const { clock, codexHome, env } = options;
  const { server, library, ids, processes } = parts;
  const toolbox = createToolbox({
    codexHome,
    shell: userShell(env),
    clock,
    processes,
    newId: options.randomId,
    outputTokenLimit: parts.base.toolOutputTokenLimit,
  });
  const models = new ModelClients({ ...options, userAgent: () => server.originator().userAgent });
  const environments = new Environments(env);
  return new Threads({
    clock,
    ids,
    cliVersion: options.version,
    createLog: (meta) => library.createLog(meta),
    readGitInfo,
    runTurn: ({ thread, config, log }: Loaded, turn) => {
      // Loads while the model thinks, so that the first command does not wait for it.
      void loadShellParser();
      const turnParts: TurnParts = {
        config,
        log,
        clock,
        env: environments.of(config),
        protectedPaths: options.protectedPaths,
        tools: toolbox.toolsOf(config),
        baseInstructions: BASE_INSTRUCTIONS,
        modelClient: (id) => models.of(config, id),
        contextWindow: (model) => config.contextWindow ?? contextWindowOf(model),
        retryDelayMs: (attempt, error) =>
          streamRetryDelayMs(attempt, error, { random: options.random }),
        turnDiff,
        newItemId: options.randomId,
      };
      return runThreadTurn(thread, { turn, parts: turnParts });
    },
    onUnload: (id) => toolbox.closeThread(id),
    onEvent: (id, event) => server.fanout.publish(id, event),
  });
}
