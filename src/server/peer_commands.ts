/** The commands of one connection, by the ids that its client chose; must not know what they run. */
import type { Processes } from "../exec/process.ts";
import type { Result } from "../protocol/mod.ts";
import { rpcCodes, RpcError } from "../rpc/jsonrpc.ts";
import { type ClientCommand, noActiveCommand } from "./client_command.ts";
import type { Peer } from "./peer.ts";

/** Invariants: an id means one command at a time; when the connection closes, every command ends. */
export class PeerCommands {
  /** Whose processes they are. */
  readonly owner: string;
  readonly #active = new Map<string, ClientCommand>();

  constructor(peer: Peer, options: { readonly owner: string; readonly processes: Processes }) {
    this.owner = options.owner;
    peer.connection.signal.addEventListener("abort", () => {
      void options.processes.terminateOwned(this.owner);
    }, { once: true });
  }

  /** Takes the id for as long as the command runs; commands without an id cannot be talked to. */
  async run(processId: string | null, command: ClientCommand): Promise<Result<"command/exec">> {
    if (processId === null) return await command.run();
    if (this.#active.has(processId)) {
      const text = `duplicate active command/exec process id: ${JSON.stringify(processId)}`;
      throw new RpcError(rpcCodes.invalidRequest, text, { reason: "duplicateProcessId" });
    }
    this.#active.set(processId, command);
    try {
      return await command.run();
    } finally {
      this.#active.delete(processId);
    }
  }

  get(processId: string): ClientCommand {
    const command = this.#active.get(processId);
    if (!command) throw noActiveCommand(processId);
    return command;
  }
}
