/** Handlers of `process/*`; must not know connections. */
import { placeOf } from "../../protocol/exec_server_fields.ts";
import type { ExecServerMethod, ExecServerParams } from "../../protocol/exec_server.ts";
import type { SandboxContext } from "../../protocol/exec_server_permissions.ts";
import { rpcCodes, RpcError } from "../../rpc/jsonrpc.ts";
import { commandEnvironment } from "../environment.ts";
import type { StartFailure } from "../process.ts";
import type { Terminal } from "../pty.ts";
import type { BackendName, ConfinedCommand } from "../sandbox/backend.ts";
import type { Confinement, PolicyOfCommand } from "../sandbox/sandbox.ts";
import { prepareLeader } from "../session_leader.ts";
import { decodedBase64 } from "./base64.ts";
import { policyOfProfile } from "./permission_profile.ts";
import { refusal, type Session } from "./session.ts";
import type { SessionProcess } from "./session_process.ts";
import type { ExecHandlers, ExecWorld } from "./world.ts";

type ProcessMethod = Extract<ExecServerMethod, `process/${string}`>;
type StartParams = ExecServerParams<"process/start">;

const SIZE = { rows: 24, cols: 80 };
const NOT_FOUND = "No such file or directory (os error 2)";
const NOT_A_FOLDER = "Not a directory (os error 20)";
const DONE = {};
/** Upstream's words; its clients know no others. */
const SANDBOX_TYPES: Readonly<Record<BackendName, string>> = {
  launcher: "linuxSeccomp",
  bubblewrap: "linuxSeccomp",
  landlock: "linuxSeccomp",
  seatbelt: "macosSeatbelt",
};

/** The handlers of `process/*`. */
export function processHandlers(world: ExecWorld): ExecHandlers<ProcessMethod> {
  return {
    "process/start": async (params, call) => {
      if (params.argv.length === 0) throw invalid("argv must not be empty");
      refuseUnsupported(params);
      const { processId, tty, pipeStdin = false } = params;
      const process = call.session.add(processId, { tty, pipeStdin });
      try {
        const sandboxType = await start(world, { params, session: call.session, process });
        // Before the first output, which comes in a later tick.
        return call.respond({ processId, sandboxType });
      } catch (error) {
        process.abandon();
        call.session.remove(process);
        throw error;
      }
    },
    "process/read": async ({ processId, afterSeq, maxBytes, waitMs }, { session }) => {
      const process = session.processes.get(processId);
      if (!process) throw refusal(`unknown process id ${processId}`, "unknownProcess");
      const result = await process.read({
        afterSeq: afterSeq ?? 0,
        maxBytes: maxBytes ?? Infinity,
        waitMs: waitMs ?? 0,
      }, world.clock);
      if (result.nextSeq > process.outputSeq) session.caughtUp(process);
      return result;
    },
    "process/write": async ({ processId, chunk, writeId }, { session }) => {
      const bytes = decodedBase64(chunk);
      const process = session.processes.get(processId);
      if (!process) return { status: "unknownProcess" };
      return { status: await process.write(bytes, writeId ?? null) };
    },
    "process/signal": ({ processId }, { session }) => {
      session.processes.get(processId)?.interrupt();
      return DONE;
    },
    "process/terminate": ({ processId }, { session }) => ({
      running: session.processes.get(processId)?.terminate() ?? false,
    }),
  };
}

/** What would have to confine the process is never ignored. */
function refuseUnsupported(params: StartParams): void {
  const { enforceManagedNetwork, managedNetwork, networkProxy } = params;
  if (enforceManagedNetwork || managedNetwork || networkProxy) {
    throw invalid(
      "enforceManagedNetwork is not supported; name the allowed domains in config.toml",
    );
  }
}

/** The sandbox type of the process once it runs; throws why it does not. */
async function start(world: ExecWorld, of: {
  readonly params: StartParams;
  readonly session: Session;
  readonly process: SessionProcess;
}): Promise<string> {
  const { params, session } = of;
  const cwd = placeOf(params.cwd);
  // As upstream: a relative one leads nowhere, wherever the server was started.
  if (cwd === null) throw failed(NOT_FOUND);
  if (params.arg0) await prepareLeader();
  const terminal = params.tty ? await world.processes.openTerminal(SIZE) : null;
  if (terminal && "type" in terminal) throw failed(terminal.message);
  let confined: ConfinedCommand | null = null;
  let sandboxType = "none";
  try {
    const confinement = await confine(world, { params, cwd, terminal });
    if (confinement.type === "refused") throw failed(confinement.reason);
    if (confinement.type === "confined") {
      confined = confinement.command;
      sandboxType = SANDBOX_TYPES[confinement.backend.name];
    }
    if (session.isEnded) throw failed("The session has ended");
  } catch (error) {
    terminal?.close();
    confined?.release();
    throw error;
  }
  run(world, { ...of, cwd, terminal, confined });
  return sandboxType;
}

/** A process is held to what its client asks for, and in any case to the ceiling of this server. */
function confine(world: ExecWorld, of: {
  readonly params: StartParams;
  readonly cwd: string;
  readonly terminal: Terminal | null;
}): Confinement | Promise<Confinement> {
  const { params, cwd, terminal } = of;
  const { ceiling } = world.sandbox;
  if (ceiling.isOpen && !params.sandbox) return { type: "unconfined" };
  const hasInput = params.tty || params.pipeStdin === true;
  return world.sandbox.confine({
    argv: params.argv,
    cwd,
    env: envOf(world, params),
    ...terminal ? { terminal: terminal.path } : {},
    ...hasInput ? {} : { stdin: "null" } as const,
  }, policyFor(world, { sandbox: params.sandbox ?? null, cwd }));
}

/** Without a profile: the ceiling, since a client of 0.120 confines its processes itself. */
function policyFor(
  { sandbox, cwd: serverCwd, env }: ExecWorld,
  asked: { readonly sandbox: SandboxContext | null; readonly cwd: string },
): PolicyOfCommand {
  const { ceiling } = sandbox;
  if (!asked.sandbox) return { policy: ceiling.policyAt(serverCwd), cwd: serverCwd };
  const places = { cwd: asked.cwd, tmpdir: env["TMPDIR"] ?? null };
  const profile = policyOfProfile(asked.sandbox, places);
  return { ...profile, policy: ceiling.hold(profile.policy, profile.cwd).policy };
}

function run(world: ExecWorld, of: {
  readonly params: StartParams;
  readonly session: Session;
  readonly process: SessionProcess;
  readonly cwd: string;
  readonly terminal: Terminal | null;
  readonly confined: ConfinedCommand | null;
}): void {
  const { params, session, process, cwd, terminal, confined } = of;
  const result = world.processes.start({
    argv: confined?.argv ?? params.argv,
    cwd: confined?.cwd ?? cwd,
    env: confined?.env ?? envOf(world, params),
    ...params.arg0 && !confined ? { arg0: params.arg0 } : {},
    ...confined?.leads ? { leads: true } : {},
    ...terminal ? { terminal } : {},
    stdin: params.tty || params.pipeStdin ? "piped" : "null",
    isBinary: true,
    reportsDescendants: true,
    owner: session.id,
    onOutput: (stream, chunk) => process.output(stream, chunk),
  });
  if (result.type === "failed") {
    confined?.release();
    throw failed(textOf(result, cwd));
  }
  process.run(result.process, {
    isConfined: confined !== null,
    failureOf: (exit) => {
      const trouble = confined?.failure?.(exit) ?? null;
      confined?.release();
      return trouble?.message ?? null;
    },
  });
  session.forgetLater(process);
}

function envOf(world: ExecWorld, { env, envPolicy }: StartParams): Record<string, string> {
  if (!envPolicy) return env;
  const inherited = commandEnvironment({
    env: world.env,
    policy: envPolicy,
    secretNames: [],
    isForModel: false,
  });
  return { ...inherited, ...env };
}

function textOf(failure: StartFailure, cwd: string): string {
  if (failure.reason !== "badCwd") return failure.message;
  try {
    return Deno.statSync(cwd).isDirectory ? failure.message : NOT_A_FOLDER;
  } catch {
    // It is not there, as the failure says.
    return failure.message;
  }
}

function invalid(message: string): RpcError {
  return new RpcError(rpcCodes.invalidParams, message, { reason: "invalidValue" });
}

function failed(message: string): RpcError {
  return new RpcError(rpcCodes.internal, message, { reason: "spawnFailed" });
}
