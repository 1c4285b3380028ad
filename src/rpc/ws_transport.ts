/** Moves frames as text messages of a socket of the package `ws`, on either side; must not know JSON-RPC or how a listener works. */
import type { Duplex } from "node:stream";
import process from "node:process";
// @ts-types="@types/ws"
import type { RawData, WebSocket } from "ws";
import { CLOSE_CODES, closeText, sentCode } from "./close_codes.ts";
import type { Transport, TransportSink } from "./transport.ts";

/** How a socket is adapted. */
export interface WsTransportOptions {
  readonly peer: string;
  /** What the socket writes to and reads from. */
  readonly stream: Duplex;
  /** Takes binary messages as text, which some protocols do. */
  readonly acceptsBinary?: boolean;
}

/** One that can also be cut off. */
export interface WsTransport extends Transport {
  /** True from the moment that either side has begun to close. */
  readonly isClosing: boolean;
  /** How often the peer has taken all of a backlog. */
  readonly backlogsTaken: number;
  /** Ends the connection at once; a peer that still reads may hear the code, which none waits for. */
  terminate(reason: string, code?: number): void;
}

const OPEN = 1;
/** Of an error of the package. */
const TOO_LARGE = "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";
/** A close reason is at most 123 bytes by RFC 6455. */
const CLOSE_REASON_MAX = 123;
const UTF8_BYTES_PER_UNIT = 3;

/** Adapts a socket that is open. Binary messages are ignored, as upstream does, unless wanted. */
export function wsTransport(socket: WebSocket, options: WsTransportOptions): WsTransport {
  return new WsPackageTransport(socket, options);
}

class WsPackageTransport implements WsTransport {
  readonly peer: string;
  readonly tellsDrained = true;
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  #sink: TransportSink | undefined;
  /** Frames that came before `open`. */
  #early: string[] = [];
  #isCorked = false;
  #backlogsTaken = 0;
  #closeReason: string | undefined;
  #closeCode: number | undefined;
  #isClosed = false;
  readonly #uncork = () => {
    this.#isCorked = false;
    this.#stream.uncork();
  };

  constructor(socket: WebSocket, { peer, stream, acceptsBinary = false }: WsTransportOptions) {
    this.peer = peer;
    this.#socket = socket;
    this.#stream = stream;
    socket.on("message", (data, isBinary) => {
      if (!isBinary || acceptsBinary) this.#message(data);
    });
    stream.on("drain", () => {
      this.#backlogsTaken++;
      this.#sink?.drained?.();
    });
    socket.on("error", (error) => this.#failed(error));
    socket.on("close", (code, reason) => {
      this.#closeCode ??= sentCode(code);
      this.#finish(reason.toString() || closeText(code));
    });
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  get backlogsTaken(): number {
    return this.#backlogsTaken;
  }

  get isClosing(): boolean {
    return this.#closeReason !== undefined || this.#socket.readyState !== OPEN;
  }

  open(sink: TransportSink): void {
    this.#sink = sink;
    if (this.#early.length === 0 && !this.#isClosed) return;
    queueMicrotask(() => {
      const early = this.#early;
      this.#early = [];
      for (const text of early) sink.frame(text);
      if (this.#isClosed) sink.closed(this.#closeReason ?? "closed", this.#closeCode);
    });
  }

  send(text: string): void {
    if (this.#socket.readyState !== OPEN) return;
    // What is sent in one tick goes out in one write.
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#stream.cork();
      process.nextTick(this.#uncork);
    }
    this.#socket.send(text);
  }

  /** The sink is told now: a peer that never answers the close must not keep the connection alive. */
  close(reason = "closed", code: number = CLOSE_CODES.normal.code): void {
    if (this.#closeReason !== undefined) return;
    this.#closeReason = reason;
    this.#closeCode = code;
    this.#socket.close(code, reason.slice(0, CLOSE_REASON_MAX / UTF8_BYTES_PER_UNIT));
    // A paused socket would see neither the answer to the close nor the end of the connection.
    this.#socket.resume();
    queueMicrotask(() => this.#finish(reason));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (this.#closeReason === undefined) this.#socket.resume();
  }

  terminate(reason: string, code?: number): void {
    if (code !== undefined) {
      this.#closeCode ??= code;
      this.#socket.close(code, reason.slice(0, CLOSE_REASON_MAX / UTF8_BYTES_PER_UNIT));
    }
    this.#closeReason ??= reason;
    this.#socket.terminate();
  }

  #message(data: RawData): void {
    if (this.#closeReason !== undefined) return;
    const text = data.toString();
    if (this.#sink && this.#early.length === 0) this.#sink.frame(text);
    else this.#early.push(text);
  }

  /**
   * The package has sent the close code that fits, 1009 for what is too large, and reads on and throws away until
   * the peer answers. Reading nothing more costs no memory, and the code still gets there.
   */
  #failed(error: NodeJS.ErrnoException): void {
    this.#closeReason ??= error.message;
    if (error.code === TOO_LARGE) this.#closeCode ??= CLOSE_CODES.tooLarge.code;
    process.nextTick(() => this.#stream.pause());
    queueMicrotask(() => this.#finish(error.message));
  }

  #finish(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closeReason ??= reason;
    if (this.#early.length === 0) this.#sink?.closed(this.#closeReason, this.#closeCode);
  }
}
