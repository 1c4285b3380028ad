/** Moves frames as text messages of a WebSocket, on either side; must not know JSON-RPC or how a listener works. */
import { CLOSE_CODES, closeText, sentCode } from "./close_codes.ts";
import type { Transport, TransportSink } from "./transport.ts";

/** How a WebSocket is adapted. */
export interface WebSocketTransportOptions {
  readonly peer?: string;
  /** A larger message closes the connection, as upstream does. */
  readonly frameLimitBytes?: number;
  /** Takes binary messages as text, which some protocols do. */
  readonly acceptsBinary?: boolean;
}

/** How a client connects. */
export interface ConnectWebSocketOptions extends WebSocketTransportOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Room for a file of 40 MiB in base64; the runtime itself ends at 64 MiB. Upstream cuts off above 16 MiB. */
const FRAME_LIMIT_BYTES = 60 * 1024 * 1024;
/** Longest UTF-8 form of one UTF-16 unit. */
const UTF8_BYTES_PER_UNIT = 3;
/** A close reason is at most 123 bytes by RFC 6455. */
const CLOSE_REASON_MAX = 123;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Adapts a socket that is open or about to open. Binary messages are ignored, as upstream does, unless wanted. */
export function webSocketTransport(
  socket: WebSocket,
  options: WebSocketTransportOptions = {},
): Transport {
  return new WebSocketTransport(socket, options);
}

/** Connects to `url`; rejects with the reason when the handshake fails. */
export function connectWebSocket(
  url: string,
  options: ConnectWebSocketOptions = {},
): Promise<Transport> {
  options.signal?.throwIfAborted();
  const socket = new WebSocket(url, { headers: { ...options.headers } });
  const transport = webSocketTransport(socket, { peer: url, ...options });
  return new Promise((resolve, reject) => {
    const stop = new AbortController();
    const fail = (error: unknown) => {
      stop.abort();
      reject(error);
    };
    const listening = { signal: stop.signal };
    socket.addEventListener("open", () => {
      stop.abort();
      resolve(transport);
    }, listening);
    socket.addEventListener("error", (event) => {
      fail(new Error(`Cannot connect to ${url}: ${errorText(event)}`));
    }, listening);
    options.signal?.addEventListener("abort", () => {
      fail(options.signal?.reason);
      socket.close();
    }, listening);
  });
}

class WebSocketTransport implements Transport {
  readonly peer: string;
  readonly #socket: WebSocket;
  readonly #frameLimitBytes: number;
  readonly #acceptsBinary: boolean;
  #sink: TransportSink | undefined;
  /** Frames that came before `open`. */
  #early: string[] = [];
  #closeReason: string | undefined;
  #closeCode: number | undefined;
  #isClosed = false;

  constructor(socket: WebSocket, options: WebSocketTransportOptions) {
    this.#socket = socket;
    this.peer = options.peer ?? "websocket";
    this.#frameLimitBytes = options.frameLimitBytes ?? FRAME_LIMIT_BYTES;
    this.#acceptsBinary = options.acceptsBinary ?? false;
    // Otherwise every ignored binary message would become a Blob.
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event) => this.#message(event.data);
    socket.onerror = (event) => {
      this.#closeReason ??= errorText(event);
    };
    socket.onclose = ({ code, reason }) => {
      this.#closeCode ??= sentCode(code);
      this.#finish(reason || closeText(code));
    };
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
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
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(text);
  }

  close(reason = "closed", code: number = CLOSE_CODES.normal.code): void {
    this.#close(code, reason);
  }

  #message(received: unknown): void {
    const isText = this.#acceptsBinary && received instanceof ArrayBuffer;
    const data = isText ? decoder.decode(received) : received;
    if (typeof data !== "string" || this.#closeReason !== undefined) return;
    if (this.#isTooLarge(data)) {
      const reason = `message is larger than ${this.#frameLimitBytes} bytes`;
      this.#close(CLOSE_CODES.tooLarge.code, reason);
    } else if (this.#sink && this.#early.length === 0) {
      this.#sink.frame(data);
    } else {
      this.#early.push(data);
    }
  }

  #isTooLarge(text: string): boolean {
    const limit = this.#frameLimitBytes;
    if (text.length * UTF8_BYTES_PER_UNIT <= limit) return false;
    return text.length > limit || encoder.encode(text).length > limit;
  }

  /** The sink is told now: a peer that never answers the close must not keep the connection alive. */
  #close(code: number, reason: string): void {
    if (this.#closeReason !== undefined) return;
    this.#closeReason = reason;
    this.#closeCode = code;
    this.#socket.close(code, reason.slice(0, CLOSE_REASON_MAX / UTF8_BYTES_PER_UNIT));
    queueMicrotask(() => this.#finish(reason));
  }

  #finish(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closeReason ??= reason;
    if (this.#early.length === 0) this.#sink?.closed(this.#closeReason, this.#closeCode);
  }
}

function errorText(event: Event): string {
  return "message" in event && typeof event.message === "string" && event.message !== ""
    ? event.message
    : "connection failed";
}
