/** Handlers of `command/*`; they know neither JSON nor connections. */
import { base64Problem } from "../../exec/filesystem/base64.ts";
import type { ClientMethod, Params } from "../../protocol/mod.ts";
import { rpcCodes, RpcError } from "../../rpc/jsonrpc.ts";
import { ClientCommand } from "../client_command.ts";
import type { Handlers } from "../context.ts";
import { FreshConfig } from "../fresh_config.ts";
import type { Peer } from "../peer.ts";
import { PeerCommands } from "../peer_commands.ts";
import type { Runtime } from "../runtime.ts";

type CommandMethod = Extract<ClientMethod, `command/${string}`>;

const NOTHING = new Uint8Array(0);

/** The handlers of `command/*`. */
export function commandHandlers(runtime: Runtime): Handlers<CommandMethod> {
  const config = new FreshConfig(runtime);
  const commands = new WeakMap<Peer, PeerCommands>();
  let owners = 0;
  const commandsOf = (peer: Peer): PeerCommands => {
    let known = commands.get(peer);
    if (!known) {
      const owner = `connection ${++owners}`;
      known = new PeerCommands(peer, { owner, processes: runtime.processes });
      commands.set(peer, known);
    }
    return known;
  };
  return {
    "command/exec": async (params, { peer }) => {
      checkExec(params);
      const own = commandsOf(peer);
      const world = { runtime, peer, config, owner: own.owner };
      return await own.run(params.processId ?? null, new ClientCommand(params, world));
    },
    "command/exec/write": async (params, { peer }) => {
      const { deltaBase64, closeStdin = false } = params;
      if (typeof deltaBase64 !== "string" && !closeStdin) {
        throw invalidParams("command/exec/write requires deltaBase64 or closeStdin");
      }
      const bytes = typeof deltaBase64 === "string" ? bytesOf(deltaBase64) : NOTHING;
      await commandsOf(peer).get(params.processId).write(bytes, { isLast: closeStdin });
      return {};
    },
    "command/exec/resize": async (params, { peer }) => {
      checkSize(params.size);
      await commandsOf(peer).get(params.processId).resize(params.size);
      return {};
    },
    "command/exec/terminate": (params, { peer }) => {
      commandsOf(peer).get(params.processId).terminate();
      return {};
    },
  };
}

/** In the order and the words of upstream. */
function checkExec(params: Params<"command/exec">): void {
  const { tty = false, timeoutMs = null, outputBytesCap = null, size = null } = params;
  if (params.command.length === 0) throw invalidRequest("command must not be empty");
  if (size && !tty) throw invalidParams("command/exec size requires tty: true");
  if (params.disableOutputCap && outputBytesCap !== null) {
    throw invalidParams("command/exec cannot set both outputBytesCap and disableOutputCap");
  }
  if (params.disableTimeout && timeoutMs !== null) {
    throw invalidParams("command/exec cannot set both timeoutMs and disableTimeout");
  }
  if (timeoutMs !== null && timeoutMs < 0) {
    throw invalidParams(`command/exec timeoutMs must be non-negative, got ${timeoutMs}`);
  }
  if (size) checkSize(size);
  const isNamed = typeof params.processId === "string";
  if (!isNamed && (tty || params.streamStdin || params.streamStdoutStderr)) {
    throw invalidRequest("command/exec tty or streaming requires a client-supplied processId");
  }
}

function checkSize({ rows, cols }: { readonly rows: number; readonly cols: number }): void {
  if (rows > 0 && cols > 0) return;
  throw invalidParams("command/exec size rows and cols must be greater than 0");
}

function bytesOf(base64: string): Uint8Array {
  try {
    // The built-in decoder skips white space, which upstream refuses.
    if (!/\s/.test(base64)) return Uint8Array.fromBase64(base64, { lastChunkHandling: "strict" });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw invalidParams(`invalid deltaBase64: ${base64Problem(base64)}`);
}

function invalidParams(message: string): RpcError {
  return new RpcError(rpcCodes.invalidParams, message, { reason: "invalidParams" });
}

function invalidRequest(message: string): RpcError {
  return new RpcError(rpcCodes.invalidRequest, message, { reason: "invalidRequest" });
}
