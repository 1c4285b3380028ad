/** What is printed once a listener is open, as upstream does; must not know how it works. */
import { isLoopback } from "./address.ts";

/** The banner of a listener, for stderr. Upstream prints none for a unix socket. */
export function listenBanner(
  { url, fingerprint }: { readonly url: string; readonly fingerprint: string | null },
): string {
  const [, scheme = "", host = ""] = /^([a-z]+):\/\/(.*)$/s.exec(url) ?? [];
  if (scheme === "unix") return lines(["codex app-server (unix socket)", `  listening on: ${url}`]);
  // Not `new URL`: it drops port 80.
  const http = `http${scheme.slice(2)}://${host}`;
  return lines([
    "codex app-server (WebSockets)",
    `  listening on: ${url}`,
    `  readyz: ${http}/readyz`,
    `  healthz: ${http}/healthz`,
    ...fingerprint === null ? [] : [`  fingerprint: SHA256:${fingerprint}`],
    `  note: ${isLoopback(host.replace(/:\d+$/, "")) ? LOOPBACK : NETWORK}`,
  ]);
}

const LOOPBACK = "binds localhost only (use SSH port-forwarding for remote access)";
const NETWORK = "websocket auth is required for non-localhost listeners";

function lines(texts: readonly string[]): string {
  return texts.join("\n") + "\n";
}
