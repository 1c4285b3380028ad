/** One plain HTTP request through the proxy, and its response; must not know who may go where. */
import { type Framing, passBody, requestFraming, responseFraming } from "./body.ts";
import { BUFFER_BYTES, ByteStream } from "./byte_stream.ts";
import {
  encodeHead,
  type Fields,
  forwardedFields,
  parseResponseHead,
  type RequestHead,
  type ResponseHead,
  valuesOf,
} from "./head.ts";
import { type Authority, authorityText, parseAuthority } from "./host.ts";
import { malformed, ProxyRefusal } from "./refusal.ts";

const HTTP_PORT = 80;
/** How many answers of the kind "go on" are passed on before the answer proper. */
const INTERIM_MAX = 16;

/** A request that was checked, as the server is to see it. */
export interface Exchange {
  readonly method: string;
  readonly authority: Authority;
  readonly head: Uint8Array;
  readonly framing: Framing;
  /** The client may send another request afterwards. */
  readonly isPersistent: boolean;
  /** Of the client's HTTP/1; the older one knows no chunks. */
  readonly minor: 0 | 1;
}

/** Where a `CONNECT` leads. Throws a `ProxyRefusal` if it is not what the standard says. */
export function tunnelAuthority({ target, fields }: RequestHead): Authority {
  const authority = parseAuthority(target, { defaultPort: null });
  if (authority === null) {
    throw malformed(`CONNECT needs a host and a port, and nothing else, but not ${shown(target)}`);
  }
  requireHost(fields, { authority, isNeeded: false, defaultPort: authority.port });
  const hasBody = valuesOf(fields, "transfer-encoding").length > 0 ||
    valuesOf(fields, "content-length").some((value) => value !== "0");
  if (hasBody) throw malformed("CONNECT has no body");
  return authority;
}

/** A plain request, whose target is a whole URL. Throws a `ProxyRefusal` if it is not what the standard says. */
export function plainExchange(request: RequestHead): Exchange {
  const { method, target, minor, fields } = request;
  const parts = /^http:\/\/([^/?#]*)(\/[^#]*|\?[^#]*)?$/i.exec(target);
  const authority = parts === null
    ? null
    : parseAuthority(parts[1] ?? "", { defaultPort: HTTP_PORT });
  if (parts === null || authority === null) {
    throw malformed(
      `This is a proxy: it takes CONNECT, and URLs that start with http:// and name a host, but not ${
        shown(target)
      }`,
    );
  }
  requireHost(fields, { authority, isNeeded: minor === 1, defaultPort: HTTP_PORT });
  const framing = requestFraming(fields, { minor });
  const rest = parts[2] ?? "";
  const path = rest === "" && method === "OPTIONS" ? "*" : rest.startsWith("/") ? rest : `/${rest}`;
  const kept = forwardedFields(fields).filter(([name]) => name.toLowerCase() !== "host");
  const head = encodeHead(`${method} ${path} HTTP/1.1`, [
    ["Host", hostField(authority)],
    ...kept,
    ...framing.type === "chunked" ? [["Transfer-Encoding", "chunked"] as const] : [],
    ["Connection", "close"],
  ]);
  const isPersistent = minor === 1 && !wordsOf(fields, "connection").includes("close");
  return { method, authority, head, framing, isPersistent, minor };
}

/**
 * Carries it out. True when the client may send another request on the same connection. A client that sends
 * faster than the server reads waits, and the other way round.
 */
export async function carryOut(
  exchange: Exchange,
  { client, server }: { readonly client: ByteStream; readonly server: ByteStream },
): Promise<boolean> {
  await server.write(exchange.head);
  const { framing } = exchange;
  let isSent = false;
  passBody(client, { to: server, framing, asChunks: framing.type === "chunked" }).then(
    () => {
      isSent = true;
    },
    (error: unknown) => {
      // A server may answer and close before it has read everything; a client that breaks off gets no answer.
      if (error instanceof ProxyRefusal) server.close();
    },
  );
  const response = await finalHead(exchange, { client, server });
  const body = responseFraming(response.fields, { ...exchange, status: response.status });
  const asChunks = exchange.minor === 1 && (body.type === "chunked" || body.type === "close");
  const mayPersist = isSent && exchange.isPersistent && (body.type !== "close" || asChunks);
  await client.write(responseBytes(response, { asChunks, body, persists: mayPersist }));
  await passBody(server, { to: client, framing: body, asChunks });
  return mayPersist;
}

/** Passes interim answers on. */
async function finalHead(
  { minor }: Exchange,
  { client, server }: { readonly client: ByteStream; readonly server: ByteStream },
): Promise<ResponseHead> {
  for (let count = 0; count <= INTERIM_MAX; count++) {
    const bytes = await server.readUntil("\r\n\r\n", BUFFER_BYTES);
    if (typeof bytes === "string") throw badAnswer("it ended too early, or its head is too long");
    const head = responseHead(bytes);
    if (head.status === 101) throw badAnswer("it changed the protocol, which nobody had asked for");
    if (head.status >= 200) return head;
    if (minor === 1) {
      await client.write(
        encodeHead(`HTTP/1.1 ${head.status} ${head.phrase}`, forwardedFields(head.fields)),
      );
    }
  }
  throw badAnswer("it never came to an end");
}

function responseHead(bytes: Uint8Array): ResponseHead {
  try {
    return parseResponseHead(bytes);
  } catch (error) {
    throw error instanceof ProxyRefusal ? badAnswer(error.message) : error;
  }
}

function responseBytes(
  { status, phrase, fields }: ResponseHead,
  { asChunks, body, persists }: {
    readonly asChunks: boolean;
    readonly body: Framing;
    readonly persists: boolean;
  },
): Uint8Array {
  // With chunks a length would contradict them.
  const isChunked = body.type === "chunked";
  const kept = forwardedFields(fields).filter(([name]) =>
    !isChunked || name.toLowerCase() !== "content-length"
  );
  return encodeHead(`HTTP/1.1 ${status} ${phrase}`, [
    ...kept,
    ...asChunks ? [["Transfer-Encoding", "chunked"] as const] : [],
    ["Connection", persists ? "keep-alive" : "close"],
  ]);
}

/** Other programs on the way may look at this field alone, so it must say the same. */
function requireHost(
  fields: Fields,
  { authority, isNeeded, defaultPort }: {
    readonly authority: Authority;
    readonly isNeeded: boolean;
    readonly defaultPort: number;
  },
): void {
  const values = valuesOf(fields, "host");
  if (values.length > 1 || (isNeeded && values.length === 0)) {
    throw malformed("There must be one Host field");
  }
  const [value] = values;
  if (value === undefined) return;
  const host = parseAuthority(value, { defaultPort });
  if (host === null || authorityText(host) !== authorityText(authority)) {
    throw malformed(`The Host field ${shown(value)} is not ${authorityText(authority)}`);
  }
}

function hostField(authority: Authority): string {
  const text = authorityText(authority);
  return authority.port === HTTP_PORT ? text.slice(0, -":80".length) : text;
}

function wordsOf(fields: Fields, name: string): string[] {
  return valuesOf(fields, name)
    .flatMap((value) => value.split(",").map((word) => word.trim().toLowerCase()));
}

function badAnswer(why: string): ProxyRefusal {
  return new ProxyRefusal(502, "bad_answer", {
    message: `The answer of the server is not HTTP/1: ${why}`,
  });
}

/** What a client sent, for a message. */
function shown(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}...` : text);
}
