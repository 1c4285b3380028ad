/** The agent as one object: what can be done with threads, whoever asks; must not know JSON-RPC or clients. */
import type { Config } from "../config/config.ts";
import { CodexError } from "../lib/errors.ts";
import type { UserInput } from "../protocol/item.ts";
import type { Held } from "../exec/ceiling.ts";
import type { ApprovalPolicy, SandboxMode, SandboxPolicy } from "../protocol/policy.ts";
import type { SessionSource, Thread as ThreadView } from "../protocol/thread_types.ts";
import { contextUpdates, type ImageReader, userMessage } from "./context.ts";
import type { ContextPiece } from "./context.ts";
import { type ForkPoint, upToForkPoint } from "./fork_point.ts";
import type { Receipt } from "./receipts.ts";
import { rollBack } from "./rollback.ts";
import type { ThreadQuery } from "../store/thread_query.ts";
import {
  changedGitInfo,
  type GitInfoChange,
  type StoredThread,
  type ThreadLibrary,
} from "./thread_library.ts";
import type { PreparedInput } from "./thread_parts.ts";
import {
  settingsFromConfig,
  type SettingsOverrides,
  type ThreadSettings,
  withOverrides,
} from "./thread_settings.ts";
import type { ShellWork } from "./thread_parts.ts";
import type { Loaded, Threads } from "./threads.ts";
import type { BackgroundCommands } from "./tools/command_tools.ts";

/** What a client may say when it starts a thread. */
export interface StartParams extends SettingsOverrides {
  /** Config values in the config file's spelling, for this thread only. */
  readonly config?: Readonly<Record<string, unknown>> | null | undefined;
  readonly ephemeral?: boolean | null | undefined;
  readonly threadSource?: string | null | undefined;
}

export interface AgentOptions {
  readonly threads: Threads;
  readonly library: ThreadLibrary;
  readonly source: SessionSource;
  loadConfig(
    options: {
      readonly cwd: string | null;
      readonly overrides: Readonly<Record<string, unknown>> | null;
    },
  ): Promise<Config>;
  defaultPolicies(
    config: Config,
  ): { readonly approvalPolicy: ApprovalPolicy; readonly sandboxMode: SandboxMode };
  /** Cuts a sandbox policy for work in a folder down to what clients may reach. */
  hold(policy: SandboxPolicy, cwd: string): Held;
  contextPieces(settings: ThreadSettings, config: Config): Promise<ContextPiece[]>;
  readImage: ImageReader;
  /** How a command of the user runs in a thread. */
  userShell(
    loaded: Loaded,
    asked: { readonly script: string; readonly timeoutMs: number | null },
  ): ShellWork;
  readonly background: BackgroundCommands;
}

/** Every operation on threads; each method either does the whole thing or throws and changes nothing. */
export class Agent {
  readonly threads: Threads;
  readonly library: ThreadLibrary;
  /** What the commands of the agent have left running. */
  readonly background: BackgroundCommands;
  readonly #options: AgentOptions;

  constructor(options: AgentOptions) {
    this.threads = options.threads;
    this.library = options.library;
    this.background = options.background;
    this.#options = options;
  }

  /** A new thread with the configuration of its folder and the client's wishes; see `StartOptions.isKept`. */
  async start(params: StartParams, options: { readonly isKept: boolean }): Promise<Loaded> {
    const { config, settings: defaults } = await this.#baseline(params);
    requireProvider(config, params.modelProvider ?? defaults.modelProvider);
    const wished = withOverrides(defaults, { overrides: beyondFolder(params), config });
    return await this.threads.start({
      config,
      settings: this.#held(wished, asksForPolicy(params)),
      ephemeral: params.ephemeral ?? false,
      source: this.#options.source,
      threadSource: params.threadSource ?? null,
      ...options,
    });
  }

  /** A loaded thread as it is (wishes are ignored then, as upstream), or one read from disk. */
  resume(id: string, params: StartParams): Promise<Loaded> {
    return this.threads.resume(id, async () => {
      const { stored, log } = await this.library.open(id);
      try {
        const { config, settings } = await this.#settingsOf(stored, params);
        return { config, settings, meta: stored.meta, past: stored.past, log };
      } catch (error) {
        log.close();
        throw error;
      }
    });
  }

  /** A new thread that starts with the past of another, or with a part of it. */
  async fork(id: string, params: StartParams & ForkPoint): Promise<Loaded> {
    const runningTurnId = this.threads.find(id)?.thread.activeTurnId ?? null;
    const whole = await this.library.read(id);
    const source = upToForkPoint(whole, { ...params, runningTurnId });
    const { config, settings } = await this.#settingsOf(source, params);
    const { meta, log } = this.library.fork(source, {
      ephemeral: params.ephemeral ?? false,
      cwd: settings.cwd,
      threadSource: params.threadSource ?? null,
      source: this.#options.source,
    });
    return this.threads.fork({ config, settings, meta, past: source.past, log });
  }

  /** Takes the last turns of a loaded thread back. */
  async rollBack(id: string, turnCount: number): Promise<Loaded> {
    const loaded = this.threads.get(id);
    await rollBack(loaded, turnCount);
    return loaded;
  }

  /** Model and folder go on from the stored thread, the rest comes from the configuration (as upstream). */
  async #settingsOf(
    stored: StoredThread,
    params: StartParams,
  ): Promise<{ config: Config; settings: ThreadSettings }> {
    const cwd = params.cwd ?? stored.lastCwd;
    const { config, settings } = await this.#baseline({ ...params, cwd });
    const modelProvider = knownProvider(config, stored.modelProvider);
    const overrides = { model: stored.model, modelProvider };
    const remembered = withOverrides(settings, { overrides, config });
    const wished = withOverrides(remembered, { overrides: beyondFolder(params), config });
    return { config, settings: this.#held(wished, asksForPolicy(params)) };
  }

  /**
   * The settings within what clients may reach. What a client asks for in so many words is refused when it
   * is more; a default of the configuration is cut down, which the answer shows.
   */
  #held(settings: ThreadSettings, isAsked: boolean): ThreadSettings {
    const { policy, excess } = this.#options.hold(settings.sandboxPolicy, settings.cwd);
    if (excess.length === 0) return settings;
    if (isAsked) {
      const way = "ask for less, or start the server with a wider --max-sandbox";
      throw new CodexError("aboveCeiling", [...excess, way].join("; "));
    }
    return { ...settings, sandboxPolicy: policy };
  }

  async #baseline(params: StartParams): Promise<{ config: Config; settings: ThreadSettings }> {
    const config = await this.#options.loadConfig({
      cwd: params.cwd ?? null,
      overrides: params.config ?? null,
    });
    const defaults = this.#options.defaultPolicies(config);
    return { config, settings: settingsFromConfig(config, defaults) };
  }

  /** Reads without loading. */
  async read(id: string, options: { readonly turns: boolean }): Promise<ThreadView> {
    const loaded = this.threads.find(id);
    if (!loaded) return await this.library.view(id, options);
    const { thread } = loaded;
    if (options.turns && thread.meta.ephemeral) {
      throw new CodexError("invalidRequest", "ephemeral threads do not support includeTurns");
    }
    if (options.turns && !thread.isMaterialized) {
      throw new CodexError(
        "invalidRequest",
        `thread ${id} is not materialized yet; includeTurns is unavailable before first user message`,
      );
    }
    return thread.view(options);
  }

  /** One page of the threads on disk, each with its present status. */
  async list(query: ThreadQuery): Promise<{ data: ThreadView[]; nextCursor: string | null }> {
    const page = await this.library.list(query);
    return { ...page, data: page.data.map((view) => this.#withStatus(view)) };
  }

  #withStatus(view: ThreadView): ThreadView {
    const loaded = this.threads.find(view.id);
    return loaded ? { ...view, status: loaded.thread.status } : view;
  }

  async rename(id: string, name: string): Promise<void> {
    const loaded = this.threads.find(id);
    if (loaded) loaded.thread.setName(name);
    else await this.library.rename(id, name);
  }

  async updateGitInfo(id: string, change: GitInfoChange): Promise<ThreadView> {
    const loaded = this.threads.find(id);
    if (!loaded) return await this.library.updateGitInfo(id, change);
    loaded.thread.setGitInfo(changedGitInfo(loaded.thread.meta.gitInfo, change));
    return loaded.thread.view({ turns: false });
  }

  /** Unloads the thread and moves its file away. */
  async archive(id: string): Promise<void> {
    await this.library.requireStored(id);
    const thread = this.threads.find(id)?.thread;
    if (thread?.activeTurnId) thread.interrupt(null);
    await thread?.idle;
    this.threads.unload(id);
    await this.library.archive(id);
  }

  unarchive(id: string): Promise<ThreadView> {
    return this.library.unarchive(id);
  }

  /** Runs a command of the user in the folder of a thread. */
  runShell(
    loaded: Loaded,
    asked: {
      readonly script: string;
      readonly timeoutMs: number | null;
      readonly afterAcknowledged: (callback: () => void) => void;
    },
  ): void {
    loaded.thread.runShell(this.#options.userShell(loaded, asked), asked);
  }

  /** The settings and the input of a turn, ready to be written in one step. */
  async prepareTurn(loaded: Loaded, params: {
    readonly input: readonly UserInput[];
    readonly clientId: string | null;
    readonly overrides: SettingsOverrides;
    readonly receipt: Receipt | null;
  }): Promise<{ settings: ThreadSettings; prepared: PreparedInput }> {
    const { thread, config } = loaded;
    const wished = withOverrides(thread.settings, { overrides: params.overrides, config });
    const settings = this.#held(wished, asksForPolicy(params.overrides));
    requireProvider(config, settings.modelProvider);
    const [message, pieces] = await Promise.all([
      userMessage(params.input, this.#options.readImage),
      this.#options.contextPieces(settings, config),
    ]);
    const context = contextUpdates(thread.history, pieces);
    const { input, clientId, receipt } = params;
    return { settings, prepared: { input, clientId, message, context, receipt } };
  }

  /** Input for the running turn: no context is said again in the middle of a turn. */
  async prepareSteering(
    input: readonly UserInput[],
    receipt: Receipt | null,
  ): Promise<PreparedInput> {
    if (input.length === 0) throw new CodexError("inputEmpty", "input must not be empty");
    const message = await userMessage(input, this.#options.readImage);
    return { input, clientId: null, message, context: [], receipt };
  }
}

/** Whether a client has said what it wants commands to be able to do, and where. */
function asksForPolicy(params: StartParams): boolean {
  return Boolean(params.sandbox) || Boolean(params.sandboxPolicy) ||
    Object.keys(params.config ?? {}).length > 0;
}

/** The configuration has made a relative folder one below that of the server. */
function beyondFolder(params: StartParams): StartParams {
  return { ...params, cwd: null };
}

function requireProvider(config: Config, id: string): void {
  if (config.modelProviders[id]) return;
  throw new CodexError("providerNotFound", `Model provider \`${id}\` not found`);
}

/** The provider of an old session, unless the configuration does not know it any more (as 0.120). */
function knownProvider(config: Config, id: string | null): string | null {
  return id !== null && config.modelProviders[id] ? id : null;
}
