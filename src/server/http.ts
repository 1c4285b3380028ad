/** What plain HTTP on the port of a WebSocket listener is answered, as upstream does; must not know sockets. */

/** The head of a request, whoever parsed it. */
export interface RequestHead {
  readonly method: string;
  /** As it was sent: a path with its query, or a whole URL. */
  readonly target: string;
  /** The value of a header by its lower-case name, several of them joined by commas; null when there is none. */
  header(name: string): string | null;
}

/** An answer that ends the request. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Paths that say whether the server works; load balancers and scripts ask them without a token. */
const HEALTH_PATHS: ReadonlySet<string> = new Set(["/readyz", "/healthz"]);

/** Refuses without a word. */
export const FORBIDDEN: HttpAnswer = { status: 403, headers: {}, body: "" };

/**
 * Refuses every browser. One sends an `Origin` with each request that a page of another site causes, and no Codex
 * client does: a web page must never reach the agent. It comes before everything, even health and tokens.
 */
export function refuseBrowser(head: RequestHead): HttpAnswer | null {
  return head.header("origin") === null ? null : FORBIDDEN;
}

/** The answer to a request that must not become a WebSocket; null when it should be upgraded. */
export function answerHttp(head: RequestHead): HttpAnswer | null {
  if (HEALTH_PATHS.has(pathOf(head.target))) return health(head.method);
  const problem = upgradeProblem(head);
  return problem && plainText(problem.status, problem.text);
}

/** A refusal in words, for programs that speak plain HTTP. */
export function plainText(status: number, text: string): HttpAnswer {
  return { status, headers: { "content-type": "text/plain; charset=utf-8" }, body: text };
}

function health(method: string): HttpAnswer {
  if (method === "GET" || method === "HEAD") return { status: 200, headers: {}, body: "" };
  return { status: 405, headers: { allow: "GET,HEAD" }, body: "" };
}

/** In upstream's order and words. Any other path may be upgraded. */
function upgradeProblem(
  head: RequestHead,
): { readonly status: number; readonly text: string } | null {
  if (head.method !== "GET") return { status: 405, text: "Request method must be `GET`" };
  if (!head.header("connection")?.toLowerCase().includes("upgrade")) {
    return { status: 400, text: "Connection header did not include 'upgrade'" };
  }
  if (head.header("upgrade")?.toLowerCase() !== "websocket") {
    return { status: 400, text: "`Upgrade` header did not include 'websocket'" };
  }
  if (head.header("sec-websocket-version") !== "13") {
    return { status: 400, text: "`Sec-WebSocket-Version` header did not include '13'" };
  }
  if (head.header("sec-websocket-key") === null) {
    return { status: 400, text: "`Sec-WebSocket-Key` header missing" };
  }
  return null;
}

/** Cut by hand: a client may send a Host header, or a target, that makes no valid URL. */
function pathOf(target: string): string {
  return /^(?:[a-z]+:\/\/[^/?#]*)?([^?#]*)/i.exec(target)?.[1] || "/";
}
