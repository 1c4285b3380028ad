/** The JSON-RPC messages of the Codex protocol, to and from text; must not know any method or transport. */

/** Ids are echoed exactly; integers that a double cannot hold are kept as bigint. */
export type RequestId = string | number | bigint;

/** A request, in either direction. */
export interface RequestMessage {
  readonly kind: "request";
  readonly id: RequestId;
  readonly method: string;
  /** Undefined when the member is absent, null when it is null: the protocol tells them apart. */
  readonly params: unknown;
}

/** A notification, in either direction. */
export interface NotificationMessage {
  readonly kind: "notification";
  readonly method: string;
  readonly params: unknown;
}

/** The success answer to a request. */
export interface ResultMessage {
  readonly kind: "result";
  readonly id: RequestId;
  readonly result: unknown;
}

/** The failure answer to a request. */
export interface ErrorMessage {
  readonly kind: "error";
  readonly id: RequestId;
  readonly error: RpcError;
}

/** Text that is not a message; `reason` is for the log, the peer gets no answer. */
export interface DroppedMessage {
  readonly kind: "dropped";
  readonly reason: string;
}

/** One parsed message. */
export type Message = RequestMessage | NotificationMessage | ResultMessage | ErrorMessage;

/** Error codes on the wire. Upstream uses `invalidRequest` for nearly every failure of a client. */
export const rpcCodes = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
  overloaded: -32001,
};

/** A failure that is sent to the peer. `data.reason` is a stable machine-readable word. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: number;
  readonly data: unknown;
  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/** A result or params that are already JSON text: sent to many, or kept encoded. */
export class EncodedJson {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A notification to be encoded. */
export interface OutgoingNotification {
  readonly method: string;
  /** Undefined: the member is left out. */
  readonly params?: unknown;
  /** Unix milliseconds; clients from 0.169 on read it. */
  readonly emittedAtMs?: number;
}

/** Upstream's limit; without one a peer could exhaust the stack of whatever walks the value. */
const DEPTH_MAX = 127;
/** Deeper nesting than `DEPTH_MAX` cannot be written in fewer characters. */
const DEPTH_CHECK_MIN_CHARS = 2 * DEPTH_MAX;
const I64_MIN = -(2n ** 63n);
const I64_MAX = 2n ** 63n - 1n;

/**
 * Parses one frame.
 * As upstream: any `jsonrpc` member is ignored, batches and malformed text are dropped without an
 * answer, and a message with a method whose id is null, a fraction or beyond 64 bits is a notification.
 */
export function parseMessage(text: string): Message | DroppedMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return dropped(error instanceof Error ? error.message : "not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return dropped("not an object");
  }
  if (text.length > DEPTH_CHECK_MIN_CHARS && isDeeper(value, DEPTH_MAX)) {
    return dropped("nesting is too deep");
  }
  const message: RawMessage = value;
  const id = parseId(message.id, text);
  if (typeof message.method === "string") {
    const { method, params } = message;
    return id === null
      ? { kind: "notification", method, params }
      : { kind: "request", id, method, params };
  }
  if (id === null) return dropped("neither a method nor a usable id");
  if (message.result !== undefined) return { kind: "result", id, result: message.result };
  return parseError(id, message.error);
}

/** Members in the order in which clients write them. Whoever writes another order, or escapes, is parsed. */
const REQUEST_START =
  /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?(?:"id"\s*:\s*(?<id>-?\d{1,15}|"[^"\\]{0,200}")\s*,\s*"method"\s*:\s*"(?<method>[\w/]{1,100})"|"method"\s*:\s*"(?<method2>[\w/]{1,100})"\s*,\s*"id"\s*:\s*(?<id2>-?\d{1,15}|"[^"\\]{0,200}"))\s*[,}]/;

/**
 * The id and method of a request, read without its params, for one that may have to be refused. Null: not found so
 * easily, or no request. That the rest is well-formed is not known.
 */
export function peekRequest(text: string): Pick<RequestMessage, "id" | "method"> | null {
  const groups = REQUEST_START.exec(text)?.groups;
  if (!groups) return null;
  const id = groups["id"] ?? groups["id2"] ?? "";
  const method = groups["method"] ?? groups["method2"] ?? "";
  return { id: id.startsWith('"') ? id.slice(1, -1) : Number(id), method };
}

/** Encodes a request; there is never a `jsonrpc` member. */
export function encodeRequest(request: Omit<RequestMessage, "kind">): string {
  const { id, method, params } = request;
  return `{"method":${JSON.stringify(method)},"id":${encodeId(id)}${encodeParams(params)}}`;
}

/** Encodes a notification. */
export function encodeNotification(notification: OutgoingNotification): string {
  const { method, params, emittedAtMs } = notification;
  const emitted = emittedAtMs === undefined ? "" : `,"emittedAtMs":${emittedAtMs}`;
  return `{"method":${JSON.stringify(method)}${encodeParams(params)}${emitted}}`;
}

/** Encodes a success answer, in upstream's key order. */
export function encodeResult(id: RequestId, result: unknown): string {
  const text = result instanceof EncodedJson ? result.text : JSON.stringify(result) ?? "null";
  return `{"id":${encodeId(id)},"result":${text}}`;
}

/** Encodes a failure answer; upstream writes the id last. */
export function encodeError(id: RequestId, error: RpcError): string {
  return encodeErrorWith(id, encodeErrorBody(error));
}

/** The part of a failure answer that is the same for every request. */
export function encodeErrorBody({ code, message, data }: RpcError): string {
  return `{"error":${JSON.stringify({ code, message, data })},"id":`;
}

/** A failure answer whose body is encoded already. */
export function encodeErrorWith(id: RequestId, body: string): string {
  return `${body}${encodeId(id)}}`;
}

interface RawMessage {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: unknown;
}

function dropped(reason: string): DroppedMessage {
  return { kind: "dropped", reason };
}

function encodeId(id: RequestId): string {
  return typeof id === "string" ? JSON.stringify(id) : String(id);
}

function encodeParams(params: unknown): string {
  if (params === undefined) return "";
  return `,"params":${params instanceof EncodedJson ? params.text : JSON.stringify(params)}`;
}

/** Null: not an id that upstream takes. */
function parseId(id: unknown, text: string): RequestId | null {
  if (typeof id === "string") return id;
  if (typeof id !== "number" || !Number.isInteger(id)) return null;
  if (Number.isSafeInteger(id)) return id === 0 ? 0 : id;
  return exactId(text);
}

/** Reads the digits again, because the double has lost some. */
function exactId(text: string): bigint | null {
  const found: { readonly holder: unknown; readonly source: string | undefined }[] = [];
  const reviver = function (
    this: unknown,
    key: string,
    value: unknown,
    context?: { readonly source?: string },
  ): unknown {
    if (key === "id") found.push({ holder: this, source: context?.source });
    return value;
  };
  const message: unknown = JSON.parse(text, reviver);
  const source = found.find(({ holder }) => holder === message)?.source;
  if (source === undefined || !/^-?\d+$/.test(source)) return null;
  const id = BigInt(source);
  return id >= I64_MIN && id <= I64_MAX ? id : null;
}

function parseError(id: RequestId, error: unknown): ErrorMessage | DroppedMessage {
  if (typeof error !== "object" || error === null) {
    return dropped("neither a method, a result nor an error");
  }
  const { code, message, data }: { code?: unknown; message?: unknown; data?: unknown } = error;
  if (typeof code !== "number" || !Number.isInteger(code) || typeof message !== "string") {
    return dropped("an error without an integer code and a message");
  }
  return { kind: "error", id, error: new RpcError(code, message, data) };
}

/** Strings are not looked into, so this costs little beside parsing. */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) return value.some((element) => isDeeper(element, levels - 1));
  for (const key in value) {
    if (Object.hasOwn(value, key) && isDeeper(Reflect.get(value, key), levels - 1)) return true;
  }
  return false;
}
