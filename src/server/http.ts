/** Answers plain HTTP on the port of the WebSocket listener as upstream does; must not open sockets. */

/** Paths that say whether the server works; load balancers and scripts ask them without a token. */
const HEALTH_PATHS: ReadonlySet<string> = new Set(["/readyz", "/healthz"]);

/** The answer to a request that must not become a WebSocket; null when it should be upgraded. */
export function answerHttp(request: Request): Response | null {
  const { headers, method } = request;
  // A browser sends it on every cross-site request, and no Codex client does: a web page in a browser
  // on this machine must never reach the agent. It comes before everything, even health and tokens.
  if (headers.has("origin")) return new Response(null, { status: 403 });
  if (HEALTH_PATHS.has(pathOf(request.url))) return health(method);
  const problem = upgradeProblem(method, headers);
  return problem && plainText(problem.status, problem.text);
}

/** A refusal in words, for programs that speak plain HTTP. */
export function plainText(status: number, text: string): Response {
  return new Response(text, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8" },
  });
}

function health(method: string): Response {
  if (method === "GET" || method === "HEAD") return new Response(null, { status: 200 });
  return new Response(null, { status: 405, headers: { allow: "GET,HEAD" } });
}

/** In upstream's order and words. Any other path may be upgraded. */
function upgradeProblem(
  method: string,
  headers: Headers,
): { readonly status: number; readonly text: string } | null {
  if (method !== "GET") return { status: 405, text: "Request method must be `GET`" };
  if (!headers.get("connection")?.toLowerCase().includes("upgrade")) {
    return { status: 400, text: "Connection header did not include 'upgrade'" };
  }
  if (headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return { status: 400, text: "`Upgrade` header did not include 'websocket'" };
  }
  if (headers.get("sec-websocket-version") !== "13") {
    return { status: 400, text: "`Sec-WebSocket-Version` header did not include '13'" };
  }
  if (!headers.has("sec-websocket-key")) {
    return { status: 400, text: "`Sec-WebSocket-Key` header missing" };
  }
  return null;
}

/** Cut by hand: a client may send a Host header that makes the URL invalid. */
function pathOf(url: string): string {
  const path = /^[a-z]+:\/\/[^/]*([^?#]*)/.exec(url)?.[1];
  return path ?? "/";
}
