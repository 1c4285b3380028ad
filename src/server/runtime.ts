/** Builds the agent out of its parts and the world it works in; must not know requests or connections. */
import { Agent, type AgentOptions } from "../agent/agent.ts";
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
import { userAudience } from "../agent/tool_context.ts";
import { createToolbox, type Toolbox, userShell } from "../agent/toolbox.ts";
import { turnDiff } from "../agent/tools/turn_diff.ts";
import { readImage } from "../agent/tools/view_image.ts";
import { runThreadTurn, type TurnParts } from "../agent/turn_runner.ts";
import { runUserShell, USER_SHELL_TIMEOUT_MS, type UserShellWorld } from "../agent/user_shell.ts";
import type { Config, ModelProvider } from "../config/config.ts";
import type { LoadOptions } from "../config/load.ts";
import { defaultPolicies } from "../config/trust.ts";
import { Processes } from "../exec/process.ts";
import type { Sandbox } from "../exec/sandbox/sandbox.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../lib/log.ts";
import { type RandomSource, uuidV7Maker } from "../lib/uuid.ts";
import type { SessionSource } from "../protocol/thread_types.ts";
import { SessionState } from "../store/session_state.ts";
import { ThreadIndex } from "../store/thread_index.ts";
import { type ConfigRequest, Configs } from "./configs.ts";
import { Environments } from "./environments.ts";
import type { Fanout } from "./fanout.ts";
import type { Originator } from "./initialize.ts";
import { KeyedRequests } from "./keyed_requests.ts";
import { ModelClients } from "./model_clients.ts";
import { PendingQuestions } from "./pending_questions.ts";
import { TurnLog } from "./turn_log.ts";
import {
  checkedNetworkProxy,
  ownPaths,
  reloadWarnings,
  type SandboxSurroundings,
  serverSandbox,
} from "./sandbox.ts";

/** Everything that is read from the machine, once, at the start. */
export interface RuntimeOptions extends SandboxSurroundings {
  readonly clock: Clock;
  readonly log: Logger;
  readonly version: string;
  /** IANA name, such as `Europe/Vienna`. */
  readonly timezone: string;
  /** What every thread of this server counts as. */
  readonly source: SessionSource;
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
  readonly clock: Clock;
  readonly log: Logger;
  /** Starts every command of a client or an agent; its `ceiling` is what each wish of a client is held to. */
  readonly sandbox: Sandbox;
  readonly processes: Processes;
  readonly environments: Environments;
  /** Carries out requests with an idempotency key, once. */
  readonly keyed: KeyedRequests;
  /** Open questions that outlive the process. */
  readonly questions: PendingQuestions;
  /** Told which connection asks for a turn. */
  readonly turnLog: TurnLog;
  /** Names a log of events. */
  newLogId(): string;
  loadConfig(options: ConfigRequest): Promise<Config>;
  /** The provider that new threads use unless a client wishes otherwise. */
  defaultProvider(): Promise<ModelProvider>;
  /** Has `end` called when the runtime closes: for what a handler module has opened. */
  onClose(end: () => void | Promise<void>): void;
  /** Reads the configuration as the next thread will; tells the log and all clients what is wrong with it. */
  reload(): Promise<void>;
  /** Ends what runs and gives every file back. */
  close(): Promise<void>;
}

/** What the agent needs of the server that it works for. */
export interface RuntimeServer {
  readonly fanout: Fanout;
  originator(): Originator;
}

/** The configuration of the server's own directory. */
const SERVER_WIDE: ConfigRequest = { cwd: null, overrides: null };

/** Starts the agent. The configuration is read once to find mistakes before the first thread. */
export async function startRuntime(
  options: RuntimeOptions,
  server: RuntimeServer,
): Promise<Runtime> {
  const { codexHome, env, cwd, clock } = options;
  const configs = new Configs(options);
  const base = await configs.read(SERVER_WIDE);
  const warn = (summary: string) => warnAll(summary, { options, server });
  base.warnings.forEach(warn);
  const index = await ThreadIndex.open({ codexHome });
  const { state, questions } = await openSessionState(options);
  const newId = uuidV7Maker(clock, options.randomBytes);
  const ids = { thread: newId, turn: newId, random: options.randomId };
  const library = createLibrary(options, { server, index, ids, configs });
  const processes = new Processes({ clock });
  const environments = new Environments(env);
  const proxy = await checkedNetworkProxy(options, { base, clock, log: options.log });
  const sandbox = serverSandbox(options, { base, proxy, warn });
  const shell = userShell(env);
  const outputTokenLimit = base.toolOutputTokenLimit;
  const world = { clock, processes, newId: options.randomId, shell, outputTokenLimit };
  const toolbox = createToolbox({ codexHome, ...world });
  const turnLog = new TurnLog(options.log.child("turn"));
  const served = { server, library, ids, environments };
  const threads = createThreads(options, { ...served, sandbox, toolbox, questions, turnLog });
  const agent = new Agent({
    threads,
    library,
    source: options.source,
    loadConfig: (request) => configs.read(request),
    defaultPolicies: (config) => defaultPolicies(config, config.cwd),
    hold: (policy, cwd) => sandbox.ceiling.hold(policy, cwd),
    contextPieces: contextPieces({ codexHome, env, shell, clock, timezone: options.timezone }),
    readImage,
    userShell: userShellOf({ ...world, sandbox }, { environments, turnLog }),
    background: toolbox.background,
  });
  void index.sync();
  const endings: (() => void | Promise<void>)[] = [];
  return {
    agent,
    fanout: server.fanout,
    codexHome,
    env,
    cwd,
    clock,
    log: options.log,
    sandbox,
    processes,
    environments,
    keyed: new KeyedRequests({ agent, state }),
    questions,
    turnLog,
    newLogId: options.randomId,
    loadConfig: (request) => configs.read(request),
    defaultProvider: () => configs.defaultProvider(),
    onClose: (end) => void endings.push(end),
    reload: async () => reloadWarnings(base, await configs.read(SERVER_WIDE)).forEach(warn),
    close: async () => {
      await threads.close();
      for (const end of endings) await end();
      await processes.terminateAll();
      await proxy?.close();
      await index.close();
      state.close();
      closeHttpClients();
    },
  };
}

/** The module is there already: the index has loaded it. */
async function openSessionState(
  { codexHome, clock, log }: RuntimeOptions,
): Promise<{ state: SessionState; questions: PendingQuestions }> {
  const sqlite = await import("node:sqlite");
  const state = new SessionState({ codexHome, sqlite, now: () => clock.now() });
  return { state, questions: new PendingQuestions(state, log) };
}

/** The threads on disk. */
function createLibrary(options: RuntimeOptions, parts: {
  readonly server: RuntimeServer;
  readonly index: ThreadIndex;
  readonly ids: Ids;
  readonly configs: Configs;
}): ThreadLibrary {
  const { server, index, ids, configs } = parts;
  return new ThreadLibrary({
    codexHome: options.codexHome,
    index,
    clock: options.clock,
    ids,
    cliVersion: options.version,
    timezone: options.timezone,
    defaultProvider: async () => (await configs.defaultProvider()).id,
    originator: () => server.originator().name,
    contextWindow: contextWindowOf,
  });
}

/** How commands of users run in threads. */
function userShellOf(
  world: UserShellWorld,
  { environments, turnLog }: {
    readonly environments: Environments;
    readonly turnLog: TurnLog;
  },
): AgentOptions["userShell"] {
  const { clock } = world;
  return ({ thread, config, log }, { script, timeoutMs }) => ({ id: turnId, signal }) =>
    runUserShell({
      script,
      threadId: thread.id,
      cwd: thread.settings.cwd,
      env: environments.of(config),
      projectRootMarkers: config.projectRootMarkers,
      timeoutMs: timeoutMs ?? USER_SHELL_TIMEOUT_MS,
      signal,
      audience: userAudience(thread, { turnId, log, clock, denied: turnLog.denied }),
    }, world);
}

interface Ids {
  thread(): string;
  turn(): string;
  random(): string;
}

/** For the log, and for every client that is connected. */
function warnAll(
  summary: string,
  { options, server }: { readonly options: RuntimeOptions; readonly server: RuntimeServer },
): void {
  options.log.warn?.(summary);
  server.fanout.broadcast("configWarning", { summary, details: null });
}

/** The loaded threads, with what their turns need. */
function createThreads(options: RuntimeOptions, parts: {
  readonly server: RuntimeServer;
  readonly library: ThreadLibrary;
  readonly ids: Ids;
  readonly environments: Environments;
  readonly sandbox: Sandbox;
  readonly toolbox: Toolbox;
  readonly questions: PendingQuestions;
  readonly turnLog: TurnLog;
}): Threads {
  const { clock } = options;
  const { server, library, ids, environments, toolbox } = parts;
  const models = new ModelClients({ ...options, userAgent: () => server.originator().userAgent });
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
        sandbox: parts.sandbox,
        protectedPaths: ownPaths(options),
        tools: toolbox.toolsOf(config),
        baseInstructions: BASE_INSTRUCTIONS,
        modelClient: (id) => models.of(config, id),
        contextWindow: (model) => config.contextWindow ?? contextWindowOf(model),
        retryDelayMs: (attempt, error) =>
          streamRetryDelayMs(attempt, error, { random: options.random }),
        turnDiff,
        newItemId: options.randomId,
        denied: parts.turnLog.denied,
      };
      return runThreadTurn(thread, { turn, parts: turnParts });
    },
    onUnload: (id) => toolbox.closeThread(id),
    onEvent: (id, event) => {
      parts.questions.note(id, event, { isFollowed: server.fanout.feed(id) !== undefined });
      parts.turnLog.note(id, event);
      server.fanout.publish(id, event);
    },
  });
}
