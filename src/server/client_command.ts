/** One command of a client, from the request to its end; must not know how it was asked for. */
import { resolve } from "node:path";
import { isSandboxDenial } from "../exec/sandbox/denial.ts";
import { commandVariables } from "../agent/command_variables.ts";
import { policyOfMode } from "../agent/thread_settings.ts";
import type { Config } from "../config/config.ts";
import { defaultPolicies } from "../config/trust.ts";
import type { Process, ProcessExit, StartFailure, StartResult } from "../exec/process.ts";
import type { Terminal, TerminalSize } from "../exec/pty.ts";
import type { ConfinedCommand } from "../exec/sandbox/backend.ts";
import { errorText } from "../exec/sandbox/launcher/errno.ts";
import { CodexError } from "../lib/errors.ts";
import type { Params, Result } from "../protocol/mod.ts";
import type { SandboxPolicy } from "../protocol/policy.ts";
import { rpcCodes, RpcError } from "../rpc/jsonrpc.ts";
import type { FreshConfig } from "./fresh_config.ts";
import { KeptOutput, type OutputReceiver, SentOutput } from "./command_output.ts";
import type { Peer } from "./peer.ts";
import type { Runtime } from "./runtime.ts";

/** Upstream's numbers. */
const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_CAP_BYTES = 1024 * 1024;
const DEFAULT_SIZE: TerminalSize = { rows: 24, cols: 80 };
const TIMEOUT_EXIT_CODE = 124;
/**
 * As 0.169, and as the signal that ends what will not end otherwise; 0.120 says -1, but clients of both take
 * anything but 0 for a failure. It is not the code of the command, which may have ended well when asked to.
 */
const TERMINATED_EXIT_CODE = 137;
/** The end of each stream in which words of a sandbox are looked for. */
const DENIAL_CHARS = 4096;
/** Input that a command has not read; more holds the answer to the write back. */
const QUEUED_BYTES_MAX = 4 * 1024 * 1024;

/** What a command is started with. */
export interface CommandWorld {
  readonly runtime: Runtime;
  readonly config: FreshConfig;
  readonly peer: Peer;
  /** Whose process it is. */
  readonly owner: string;
}

type ExecParams = Params<"command/exec">;

/** A command that was accepted. Requests about it wait until it has started. */
export class ClientCommand {
  readonly #params: ExecParams;
  readonly #world: CommandWorld;
  readonly #started = Promise.withResolvers<Process>();
  #verdict: number | null = null;
  #isInputClosed = false;
  #queuedBytes = 0;

  constructor(params: ExecParams, world: CommandWorld) {
    this.#params = params;
    this.#world = world;
    // Requests about a command that does not start are answered with the reason; there may be none.
    this.#started.promise.catch(() => undefined);
  }

  /** Runs it to its end. */
  async run(): Promise<Result<"command/exec">> {
    const stdout = this.#receiver("stdout");
    const stderr = this.#receiver("stderr");
    let running: Running;
    try {
      running = await this.#start({ stdout, stderr });
    } catch (error) {
      this.#started.reject(noActiveCommand(this.#params.processId ?? ""));
      throw error;
    }
    const { process, confined } = running;
    this.#started.resolve(process);
    if (this.#verdict !== null) void process.terminate();
    const cancelTimeout = this.#endAfter(process, this.#timeoutMs);
    const exit = await process.exited;
    cancelTimeout();
    this.#requireStarted(exit, confined);
    const output = { stdout: stdout.text(), stderr: stderr.text() };
    if (confined !== null && this.#verdict === null) this.#logDenial(exit.code, output);
    return { exitCode: this.#verdict ?? exit.code, ...output };
  }

  /** By what was kept of its output: what went to the client as it came is not here any more. */
  #logDenial(
    exitCode: number,
    { stdout, stderr }: Pick<Result<"command/exec">, "stdout" | "stderr">,
  ) {
    const { runtime, peer } = this.#world;
    // Looked for in little only: a failure is told at the end, and short.
    const text = stderr.slice(-DENIAL_CHARS) + stdout.slice(-DENIAL_CHARS);
    if (!isSandboxDenial(exitCode, text)) return;
    runtime.turnLog.deniedClient(peer.id, exitCode);
  }

  /** Resolves when the input is on its way, in the order of the calls. */
  async write(bytes: Uint8Array, options: { readonly isLast: boolean }): Promise<void> {
    if (!this.#isFed) {
      throw refusal("stdin streaming is not enabled for this command/exec", "stdinNotStreamed");
    }
    if (this.#isInputClosed) {
      // As upstream: only bytes that would be lost are an error.
      if (bytes.length > 0) throw refusal("stdin is already closed", "stdinClosed");
      return;
    }
    this.#isInputClosed = options.isLast;
    const process = await this.#started.promise;
    if (bytes.length > 0) await this.#feed(process, bytes);
    if (options.isLast) void process.closeStdin();
  }

  async #feed(process: Process, bytes: Uint8Array): Promise<void> {
    this.#queuedBytes += bytes.length;
    const isWritten = process.write(bytes).then((isDone) => {
      this.#queuedBytes -= bytes.length;
      if (!isDone) this.#isInputClosed = true;
    });
    // As upstream: a command that does not read does not hold the answer up, unless it is about too much.
    if (this.#queuedBytes > QUEUED_BYTES_MAX) await isWritten;
  }

  async resize(size: TerminalSize): Promise<void> {
    const process = await this.#started.promise;
    if (process.resize(size)) return;
    throw refusal("failed to resize PTY: process is not attached to a PTY", "noTerminal");
  }

  terminate(): void {
    this.#end(TERMINATED_EXIT_CODE);
  }

  #end(verdict: number): void {
    this.#verdict ??= verdict;
    void this.#started.promise.then((process) => process.terminate(), () => undefined);
  }

  get #isFed(): boolean {
    return this.#params.streamStdin === true || this.#params.tty === true;
  }

  get #timeoutMs(): number | null {
    const { disableTimeout, timeoutMs } = this.#params;
    return disableTimeout ? null : timeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  #receiver(stream: "stdout" | "stderr"): OutputReceiver {
    const { outputBytesCap, disableOutputCap, processId, tty, streamStdoutStderr } = this.#params;
    const cap = disableOutputCap ? null : outputBytesCap ?? DEFAULT_CAP_BYTES;
    if (typeof processId !== "string" || !(tty || streamStdoutStderr)) return new KeptOutput(cap);
    const { peer } = this.#world;
    return new SentOutput({ peer, processId, stream, cap });
  }

  #endAfter(process: Process, timeoutMs: number | null): () => void {
    if (timeoutMs === null) return () => {};
    const expire = () => {
      if (process.isRunning) this.#end(TIMEOUT_EXIT_CODE);
    };
    if (timeoutMs > 0) return this.#world.runtime.clock.after(timeoutMs, expire);
    expire();
    return () => {};
  }

  async #start(
    receivers: { readonly stdout: OutputReceiver; readonly stderr: OutputReceiver },
  ): Promise<Running> {
    const { runtime } = this.#world;
    const { tty, size, command } = this.#params;
    if (command[0] === "") {
      throw spawnError({ message: `missing program for ${tty ? "PTY" : "pipe"} spawn` });
    }
    const terminal = tty ? await runtime.processes.openTerminal(size ?? DEFAULT_SIZE) : null;
    if (terminal && "type" in terminal) throw spawnError(terminal);
    let start: { readonly result: StartResult; readonly confined: ConfinedCommand | null };
    try {
      start = await this.#startOn(terminal, receivers);
    } catch (error) {
      terminal?.close();
      throw error;
    }
    const { result, confined } = start;
    if (result.type === "started") return { process: result.process, confined };
    confined?.release();
    throw spawnError(result);
  }

  async #startOn(
    terminal: Terminal | null,
    receivers: { readonly stdout: OutputReceiver; readonly stderr: OutputReceiver },
  ): Promise<{ result: StartResult; confined: ConfinedCommand | null }> {
    const { runtime, owner, peer } = this.#world;
    const config = await this.#world.config.read();
    const policy = this.#policy(config);
    const cwd = resolve(runtime.cwd, this.#params.cwd ?? ".");
    const env = this.#env(config, { cwd, policy });
    const stdin = this.#isFed ? "piped" : "null";
    const asked = {
      argv: this.#params.command,
      cwd,
      env,
      ...terminal ? { terminal: terminal.path } : {},
      ...stdin === "null" ? { stdin } as const : {},
    };
    // As upstream: the workspace is that of the server, wherever the command itself starts.
    const confinement = await runtime.sandbox.confine(asked, { policy, cwd: runtime.cwd });
    if (confinement.type === "refused") throw refused(confinement);
    const confined = confinement.type === "confined" ? confinement.command : null;
    const result = peer.connection.isClosed ? GONE : runtime.processes.start({
      argv: confined?.argv ?? asked.argv,
      cwd: confined?.cwd ?? cwd,
      env: confined?.env ?? env,
      ...confined?.leads ? { leads: true } : {},
      ...terminal ? { terminal } : {},
      stdin,
      owner,
      isBinary: true,
      onOutput: (stream, chunk) => receivers[stream].push(chunk),
    });
    if (result === GONE) terminal?.close();
    return { result, confined };
  }

  /** Within what clients may reach: what is asked for is refused when it is more, a default is cut down. */
  #policy(config: Config): SandboxPolicy {
    const { runtime } = this.#world;
    const asked = this.#params.sandboxPolicy ?? null;
    const wished = asked ?? policyOfMode(defaultPolicies(config, config.cwd).sandboxMode, config);
    const { policy, excess } = runtime.sandbox.ceiling.hold(wished, runtime.cwd);
    if (asked && excess.length > 0) throw new CodexError("aboveCeiling", excess.join("; "));
    return policy;
  }

  #env(
    config: Config,
    { cwd, policy }: { readonly cwd: string; readonly policy: SandboxPolicy },
  ): Record<string, string> {
    const base = this.#world.runtime.environments.plain(config);
    const place = this.#world.config.placeOf(cwd, config);
    const env = commandVariables(base, { place, threadId: null });
    if (this.#params.tty) env["TERM"] ??= "xterm-256color";
    if (isOffline(policy)) env["CODEX_SANDBOX_NETWORK_DISABLED"] = "1";
    for (const [name, value] of Object.entries(this.#params.env ?? {})) {
      if (value === null) delete env[name];
      else env[name] = value;
    }
    return env;
  }

  /** A launcher that could not do its work has ended, too, but not as the command would. */
  #requireStarted(exit: ProcessExit, confined: ConfinedCommand | null): void {
    const trouble = confined?.failure?.(exit) ?? null;
    confined?.release();
    if (trouble === null || this.#verdict !== null) return;
    if (trouble.at === "program") throw spawnError({ message: errorText(trouble.errno) });
    throw new RpcError(rpcCodes.internal, trouble.message, { reason: "spawnFailed" });
  }
}

interface Running {
  readonly process: Process;
  readonly confined: ConfinedCommand | null;
}

/** Nobody waits for it any more. */
const GONE: StartFailure = {
  type: "failed",
  reason: "other",
  message: "the connection has been closed",
};

/** What commands outside of our own sandbox are told about the network (as upstream). */
function isOffline(policy: SandboxPolicy): boolean {
  if (policy.type === "dangerFullAccess") return false;
  return policy.networkAccess === false || policy.networkAccess === "restricted";
}

function refused(
  { reason, isProgramMissing }: { readonly reason: string; readonly isProgramMissing: boolean },
): Error {
  return isProgramMissing
    ? spawnError({ message: "No such file or directory (os error 2)" })
    : new CodexError("sandboxDenied", reason);
}

function spawnError({ message }: Pick<StartFailure, "message">): RpcError {
  const text = `failed to spawn command: ${message}`;
  return new RpcError(rpcCodes.internal, text, { reason: "spawnFailed" });
}

function refusal(message: string, reason: string): RpcError {
  return new RpcError(rpcCodes.invalidRequest, message, { reason });
}

/** Upstream's text. */
export function noActiveCommand(processId: string): RpcError {
  const text = `no active command/exec for process id ${JSON.stringify(processId)}`;
  return refusal(text, "noActiveCommand");
}
