/** Handler of `http/request`: one request from this machine, its body whole or in pieces; must not know sessions. */
import { joinBytes } from "../../lib/bytes.ts";
import { messageOf } from "../../lib/errors.ts";
import type { ExecServerMethod, ExecServerParams } from "../../protocol/exec_server.ts";
import { EncodedJson, rpcCodes, RpcError } from "../../rpc/jsonrpc.ts";
import { decodedBase64 } from "./base64.ts";
import { refusal } from "./session.ts";
import type { ExecCall, ExecHandlers, ExecWorld } from "./world.ts";

type HttpMethod = Extract<ExecServerMethod, `http/${string}`>;
type HttpParams = ExecServerParams<"http/request">;

/** As much as a file that is read at once; fits into one message. */
const WHOLE_BODY_BYTES_MAX = 40 * 1024 * 1024;
/** Of one connection, at a time. */
const REQUESTS_MAX = 100;
/** A client that has this much to take gets no more of any body for now. */
const PENDING_BYTES_MAX = 1024 * 1024;
const LOOK_MS = 5;
/** By RFC 9110; what else is in a name could end the header. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const FORBIDDEN_METHODS: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);
/** What `fetch` takes off a body, if the request said that it may come. */
const DECODED: ReadonlySet<string> = new Set(["gzip", "br"]);

/** What runs on one connection. */
interface Running {
  count: number;
  /** Names of bodies that are not over. */
  readonly streams: Set<string>;
}

/** The handler of `http/request`. */
export function httpHandlers(world: ExecWorld): ExecHandlers<HttpMethod> {
  const runningOf = new WeakMap<AbortSignal, Running>();
  return {
    "http/request": async (params, call) => {
      if (world.httpRefusal !== null) {
        throw refusal(`http/request is not permitted: ${world.httpRefusal}`, "httpRefused");
      }
      const { gone } = call;
      const running = runningOf.get(gone) ?? { count: 0, streams: new Set() };
      runningOf.set(gone, running);
      const request = requestOf(params);
      const end = begin(running, params);
      const limit = new Limit(world, { call, timeoutMs: params.timeoutMs ?? null });
      const finish = () => {
        limit.cancel();
        end();
      };
      try {
        const response = await answerTo(request, { params, limit });
        if (params.streamResponse) return stream(response, { world, params, call, limit, finish });
        const body = await limit.explain(
          "failed to read http/request response body",
          wholeBody(response),
        );
        finish();
        return encoded(params, { response, body: body.toBase64() });
      } catch (error) {
        finish();
        throw error;
      }
    },
  };
}

/** Counts a request, or refuses it; returns what ends it. */
function begin(running: Running, { requestId, streamResponse }: HttpParams): () => void {
  if (running.count >= REQUESTS_MAX) {
    throw refusal(`A connection has at most ${REQUESTS_MAX} HTTP requests`, "tooManyRequests");
  }
  if (streamResponse && running.streams.has(requestId)) {
    const text = `http/request streamResponse requestId \`${requestId}\` is already active`;
    throw invalid(text);
  }
  running.count++;
  if (streamResponse) running.streams.add(requestId);
  let hasEnded = false;
  return () => {
    if (hasEnded) return;
    hasEnded = true;
    running.count--;
    if (streamResponse) running.streams.delete(requestId);
  };
}

interface Asked {
  readonly url: URL;
  readonly method: string;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer> | null;
}

function requestOf({ method, url, headers, bodyBase64 }: HttpParams): Asked {
  if (!TOKEN.test(method) || FORBIDDEN_METHODS.has(method.toUpperCase())) {
    throw invalid("http/request method is invalid: invalid HTTP method");
  }
  const parsed = URL.parse(url);
  if (!parsed) throw invalid("http/request url is invalid: relative URL without a base");
  const scheme = parsed.protocol.slice(0, -1);
  if (scheme !== "http" && scheme !== "https") {
    throw invalid(`http/request only supports http and https URLs, got ${scheme}`);
  }
  return {
    url: parsed,
    method,
    headers: headersOf(headers),
    body: typeof bodyBase64 === "string" ? decodedBase64(bodyBase64) : null,
  };
}

function headersOf(list: HttpParams["headers"]): Headers {
  const headers = new Headers();
  for (const { name, value } of list) {
    if (!TOKEN.test(name)) {
      throw invalid("http/request header name is invalid: invalid HTTP header name");
    }
    try {
      headers.append(name, value);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw invalid(
        `http/request header value is invalid for ${name}: failed to parse header value`,
      );
    }
  }
  // Bodies are passed on as they come, as upstream does.
  if (!headers.has("accept-encoding")) headers.set("accept-encoding", "identity");
  return headers;
}

function answerTo(
  { url, method, headers, body }: Asked,
  { params, limit }: { readonly params: HttpParams; readonly limit: Limit },
): Promise<Response> {
  const redirect = params.redirectPolicy === "stop" ? "manual" : "follow";
  const { signal } = limit;
  return limit.explain(
    "http/request failed",
    // `fetch` may throw in the same tick.
    Promise.resolve().then(() => fetch(url, { method, headers, body, redirect, signal })),
  );
}

interface StreamOf {
  readonly world: ExecWorld;
  readonly params: HttpParams;
  readonly call: ExecCall;
  readonly limit: Limit;
  readonly finish: () => void;
}

/** The answer with the headers; the body follows, as fast as the client takes it. */
function stream(response: Response, of: StreamOf): EncodedJson {
  const { params, call } = of;
  const answer = call.respond(encoded(params, { response, body: "" }));
  void passOn(response, of);
  return answer;
}

async function passOn(
  response: Response,
  { world, params, call, limit, finish }: StreamOf,
): Promise<void> {
  const start = `{"method":"http/request/bodyDelta","params":{"requestId":${
    JSON.stringify(params.requestId)
  },"seq":`;
  let seq = 0;
  let error: string | null = null;
  try {
    for await (const bytes of response.body ?? []) {
      call.send(
        `${start}${++seq},"deltaBase64":"${bytes.toBase64()}","done":false,"error":null}}`,
      );
      while (call.pendingBytes > PENDING_BYTES_MAX && !limit.signal.aborted) {
        await new Promise<void>((resolve) => void world.clock.after(LOOK_MS, resolve));
      }
    }
  } catch (failure) {
    error = limit.reason ?? messageOf(failure);
  }
  // Before the last piece, after which the client may use the name again.
  finish();
  const end = `"deltaBase64":"","done":true,"error":${JSON.stringify(error)}}}`;
  call.send(`${start}${++seq},${end}`);
}

async function wholeBody(response: Response): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const bytes of response.body ?? []) {
    length += bytes.length;
    if (length > WHOLE_BODY_BYTES_MAX) {
      throw new Error("More than 40 MiB; ask for it with streamResponse");
    }
    pieces.push(bytes);
  }
  return joinBytes(pieces);
}

function encoded(
  params: HttpParams,
  { response, body }: { readonly response: Response; readonly body: string },
): EncodedJson {
  const coding = response.headers.get("content-encoding")?.toLowerCase() ?? "";
  const isDecoded = DECODED.has(coding) &&
    params.headers.some(({ name, value }) =>
      name.toLowerCase() === "accept-encoding" && value.includes(coding)
    );
  const headers = [...response.headers].flatMap(([name, value]) =>
    isDecoded && (name === "content-encoding" || name === "content-length") ? [] : [{ name, value }]
  );
  // Base64 needs no escapes, and may be long.
  return new EncodedJson(
    `{"status":${response.status},"headers":${JSON.stringify(headers)},"bodyBase64":"${body}"}`,
  );
}

/** Ends a request with its connection, or when its time is over. */
class Limit {
  readonly #abort = new AbortController();
  readonly #cancels: (() => void)[] = [];
  reason: string | null = null;

  constructor(
    { clock }: ExecWorld,
    { call: { gone }, timeoutMs }: { readonly call: ExecCall; readonly timeoutMs: number | null },
  ) {
    const stop = (reason: string) => {
      this.reason ??= reason;
      this.#abort.abort();
    };
    const leave = () => stop("the connection was closed");
    gone.addEventListener("abort", leave);
    this.#cancels.push(() => gone.removeEventListener("abort", leave));
    if (gone.aborted) leave();
    if (timeoutMs === null) return;
    this.#cancels.push(
      clock.after(timeoutMs, () => stop(`it took longer than ${timeoutMs} ms`)),
    );
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  cancel(): void {
    for (const cancel of this.#cancels.splice(0)) cancel();
  }

  /** The same promise, whose failure is worded for the client. */
  async explain<T>(what: string, promise: Promise<T>): Promise<T> {
    try {
      return await promise;
    } catch (error) {
      const text = `${what}: ${this.reason ?? messageOf(error)}`;
      throw new RpcError(rpcCodes.internal, text, { reason: "httpFailed" });
    }
  }
}

function invalid(message: string): RpcError {
  return new RpcError(rpcCodes.invalidParams, message, { reason: "invalidValue" });
}
