/** The watches of a client, which end with each connection and begin anew with the next; must not know connections. */
import { messageOf } from "../lib/errors.ts";
import { RpcError } from "../rpc/jsonrpc.ts";
import type { AnyNotification } from "./inbox.ts";

/** How a watch is asked for again, and who is told what came of it. */
export interface Renewal {
  request(method: "fs/watch", params: unknown): Promise<unknown>;
  pass(notification: AnyNotification): void;
  lost(watchId: string, reason: string): void;
}

/**
 * Invariant: what changed while nobody watched is not passed over: with each renewal the watched path itself is
 * reported, as a server does when there is too much to list.
 */
export class KeptWatches {
  /** Paths by the ids of their watches. */
  readonly #paths = new Map<string, string>();

  /** A request was answered. */
  answered(method: string, params: unknown): void {
    const { watchId, path } = Object(params);
    if (method === "fs/watch") this.#paths.set(watchId, path);
    else if (method === "fs/unwatch") this.#paths.delete(watchId);
  }

  /** There is a new connection. A failure of it is dealt with by its end. */
  async renew(renewal: Renewal): Promise<void> {
    await Promise.all([...this.#paths].map(async ([watchId, path]) => {
      try {
        const { path: watched } = Object(await renewal.request("fs/watch", { watchId, path }));
        const params = { watchId, changedPaths: [watched] };
        renewal.pass({ method: "fs/changed", params });
      } catch (error) {
        if (!(error instanceof RpcError)) return;
        this.#paths.delete(watchId);
        renewal.lost(watchId, messageOf(error));
      }
    }));
  }
}
