/** What the proxy answers when it does not let something through; must not know why. */

/** Ends a request; the connection closes after the answer. */
export class ProxyRefusal extends Error {
  override readonly name = "ProxyRefusal";
  readonly status: number;
  /** Which rule, in a word, for logs and programs. */
  readonly rule: string;

  constructor(status: number, rule: string, options: { readonly message: string }) {
    super(options.message);
    this.status = status;
    this.rule = rule;
  }
}

const PHRASES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  403: "Blocked by allow_domains",
  408: "Request Timeout",
  431: "Request Header Fields Too Large",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};

/** The answer; some programs show only its first line, others the text. */
export function refusalResponse({ status, rule, message }: ProxyRefusal): Uint8Array {
  const body = new TextEncoder().encode(`${message} (${rule}).\n`);
  const head = [
    `HTTP/1.1 ${status} ${PHRASES[status] ?? "Refused"}`,
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${body.length}`,
    `Codex-Network-Rule: ${rule}`,
    "Connection: close",
    "",
    "",
  ].join("\r\n");
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(new TextEncoder().encode(head));
  bytes.set(body, head.length);
  return bytes;
}

/** A request that does not follow the standard to the letter: where others would guess, attacks hide. */
export function malformed(message: string): ProxyRefusal {
  return new ProxyRefusal(400, "malformed", { message });
}
