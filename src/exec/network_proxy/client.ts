/**
 * One connection of a command to the proxy, from its first request to its end; must not know who may go where.
 *
 * Every request is read and checked by itself, also on a connection that is kept. At any moment at most one
 * buffer per side is held: whoever sends waits for whoever reads.
 */
import { messageOf } from "../../lib/errors.ts";
import type { Clock } from "../../lib/clock.ts";
import { IdleTimer } from "../../lib/idle_timer.ts";
import type { Logger } from "../../lib/log.ts";
import { BUFFER_BYTES, ByteStream, type Duplex } from "./byte_stream.ts";
import type { Destinations } from "./destinations.ts";
import { carryOut, plainExchange, tunnelAuthority } from "./exchange.ts";
import { parseRequestHead, type RequestHead } from "./head.ts";
import { type Authority, authorityText } from "./host.ts";
import { ProxyRefusal, refusalResponse } from "./refusal.ts";

/** How long things may take, in milliseconds. */
export interface ProxyTimes {
  /** From the first wait for a request until its head is complete. */
  readonly headMs: number;
  /** Without a byte in either direction, once a request was let through. */
  readonly idleMs: number;
}

/** What connections work with. */
export interface ClientOptions {
  readonly destinations: Destinations;
  readonly clock: Clock;
  readonly log: Logger;
  readonly times: ProxyTimes;
}

const ESTABLISHED = new TextEncoder().encode("HTTP/1.1 200 Connection established\r\n\r\n");
/** What a refused client may still send before the connection is cut, so that it sees the answer. */
const LINGER_BYTES_MAX = 256 * 1024;
const LINGER_MS_MAX = 2000;

/** One connection. */
export class ProxyClient {
  readonly #options: ClientOptions;
  readonly #stream: ByteStream;
  #server: ByteStream | null = null;
  readonly #idleTimer: IdleTimer;
  #cancelLimit = () => {};
  #isTooSlow = false;
  #isClosed = false;
  /** Of the last request, for the log. */
  #target: string | null = null;

  constructor(duplex: Duplex, options: ClientOptions) {
    this.#options = options;
    this.#stream = new ByteStream(duplex, () => this.#idleTimer.touch());
    this.#idleTimer = new IdleTimer({
      clock: options.clock,
      background: true,
      onIdle: () => this.#giveUp(),
    });
  }

  /** Serves until the connection ends; never rejects. */
  async serve(): Promise<void> {
    try {
      while (await this.#serveOne());
    } catch (error) {
      await this.#refuse(error);
    } finally {
      this.#cancelTimers();
      this.close();
    }
  }

  /** Cuts both sides off. */
  close(): void {
    this.#isClosed = true;
    this.#stream.close();
    this.#server?.close();
  }

  /** True when the client may send another request. */
  async #serveOne(): Promise<boolean> {
    const request = await this.#readRequest();
    if (request === null) return false;
    if (request.method === "CONNECT") {
      await this.#tunnel(tunnelAuthority(request));
      return false;
    }
    const exchange = plainExchange(request);
    const server = await this.#connect(exchange.authority);
    const persists = await carryOut(exchange, { client: this.#stream, server });
    server.close();
    this.#server = null;
    return persists;
  }

  /** Null at the end of the connection. */
  async #readRequest(): Promise<RequestHead | null> {
    this.#limit(this.#options.times.headMs);
    this.#target = null;
    const bytes = await this.#stream.readUntil("\r\n\r\n", BUFFER_BYTES);
    if (bytes === "end") return null;
    if (bytes === "cut") {
      throw new ProxyRefusal(400, "malformed", { message: "The request is cut off" });
    }
    if (bytes === "long") {
      const message = `The head of the request is longer than ${BUFFER_BYTES} bytes`;
      throw new ProxyRefusal(431, "too_large", { message });
    }
    return parseRequestHead(bytes);
  }

  async #connect(authority: Authority): Promise<ByteStream> {
    // Looking up and connecting have limits of their own.
    this.#cancelTimers();
    this.#target = authorityText(authority);
    const duplex = await this.#options.destinations.connect(authority);
    const server = new ByteStream(duplex, () => this.#idleTimer.touch());
    this.#server = server;
    // The client may have gone meanwhile.
    if (this.#isClosed) server.close();
    this.#idleTimer.start(this.#options.times.idleMs);
    return server;
  }

  async #tunnel(authority: Authority): Promise<void> {
    const server = await this.#connect(authority);
    await this.#stream.write(ESTABLISHED);
    await Promise.all([passAll(this.#stream, server), passAll(server, this.#stream)]);
  }

  /** Cuts the connection off at that time. */
  #limit(ms: number): void {
    this.#cancelTimers();
    const { clock } = this.#options;
    this.#cancelLimit = clock.after(ms, () => this.#giveUp(), { background: true });
  }

  #cancelTimers(): void {
    this.#cancelLimit();
    this.#idleTimer.cancel();
  }

  #giveUp(): void {
    this.#isTooSlow = true;
    this.close();
  }

  /** Answers why, if that can still be understood; then gives up. */
  async #refuse(error: unknown): Promise<void> {
    if (!(error instanceof ProxyRefusal)) {
      const reason = this.#isTooSlow ? "too slow" : messageOf(error);
      this.#options.log.debug?.("A connection through the network proxy ended early", { reason });
      return;
    }
    const { rule, message } = error;
    const target = this.#target;
    this.#options.log.warn?.("The network proxy refused a request", { rule, target, message });
    const isAnswered = this.#server !== null && error.rule !== "bad_answer";
    if (isAnswered) return;
    this.#limit(LINGER_MS_MAX);
    try {
      await this.#stream.write(refusalResponse(error));
      await this.#stream.closeWrite();
      await this.#drain();
    } catch (failure) {
      this.#options.log.debug?.("A refusal could not be sent", { reason: messageOf(failure) });
    }
  }

  /** Closing with unread input would throw the answer away. */
  async #drain(): Promise<void> {
    for (let left = LINGER_BYTES_MAX; left > 0;) {
      const part = await this.#stream.read();
      if (part === null) return;
      left -= part.length;
    }
  }
}

/** Until the source ends; the other direction may go on. */
async function passAll(from: ByteStream, to: ByteStream): Promise<void> {
  for (let part = await from.read(); part !== null; part = await from.read()) await to.write(part);
  await to.closeWrite();
}
