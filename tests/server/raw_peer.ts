/** A peer that speaks in frames, for what a typed client cannot say and for the exact order of messages. */
import { memoryTransportPair, type Transport } from "../../src/rpc/transport.ts";
import type { Server } from "../../src/server/server.ts";

/** One message of the server, as it came. */
export interface Frame {
  readonly id?: number | string | null;
  readonly method?: string;
  // deno-lint-ignore no-explicit-any -- A raw message: each test reads the members that it is about.
  readonly params?: any;
  // deno-lint-ignore no-explicit-any -- As above.
  readonly result?: any;
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: { readonly reason?: string };
  };
}

/** What a refusal says: code, message and the machine-readable reason. */
export interface Refusal {
  readonly code: number | undefined;
  readonly message: string | undefined;
  readonly reason: string | undefined;
}

/** One connection without any client logic. */
export class RawPeer {
  /** Everything that came, in order. */
  readonly frames: Frame[] = [];
  readonly #transport: Transport;
  readonly #watchers = new Set<() => void>();
  #lastId = 0;

  constructor(server: Server) {
    const [near, far] = memoryTransportPair();
    this.#transport = near;
    server.accept(far);
    near.open({
      frame: (text) => {
        this.frames.push(JSON.parse(text));
        for (const watcher of [...this.#watchers]) watcher();
      },
      closed: () => {},
    });
  }

  /** A peer after the handshake. */
  static async initialized(
    server: Server,
    capabilities: Record<string, unknown> = { experimentalApi: true },
  ): Promise<RawPeer> {
    const peer = new RawPeer(server);
    await peer.call("initialize", { clientInfo: { name: "raw", version: "1" }, capabilities });
    return peer;
  }

  send(text: string): void {
    this.#transport.send(text);
  }

  /** The first frame from the given one on that matches, once it has come. */
  until(matches: (frame: Frame) => boolean, from = 0): Promise<Frame> {
    return new Promise((resolve) => {
      let at = from;
      const look = () => {
        for (; at < this.frames.length; at++) {
          const frame = this.frames[at];
          if (!frame || !matches(frame)) continue;
          this.#watchers.delete(look);
          return resolve(frame);
        }
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** The first notification or request with this method from the given frame on. */
  untilMethod(method: string, from = 0): Promise<Frame> {
    return this.until((frame) => frame.method === method, from);
  }

  /** Sends a request and returns the whole answer. Without `params` the member is left out. */
  async call(method: string, params?: unknown): Promise<Frame> {
    const id = `raw-${++this.#lastId}`;
    this.send(JSON.stringify({ id, method, params }));
    return await this.until((frame) => frame.id === id && frame.method === undefined);
  }

  /** Sends a request that must be refused. */
  async refusal(method: string, params?: unknown): Promise<Refusal> {
    const { error } = await this.call(method, params);
    return { code: error?.code, message: error?.message, reason: error?.data?.reason };
  }

  /** Answers a request of the server. */
  answer(id: Frame["id"], result: unknown): void {
    this.send(JSON.stringify({ id, result }));
  }

  close(): void {
    this.#transport.close("closed by the test");
  }
}
