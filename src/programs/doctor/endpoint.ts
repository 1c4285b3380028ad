/** Says whether the address of the model answers, and if not, why; must not ask it by itself. */
import type { Reachability, UnreachableReason } from "../../agent/model/reachable.ts";
import { type Check, error, type Finding, ok, warning } from "./check.ts";

/** Statuses with which a proxy says that it did not get through. */
const PROXY_STATUSES: ReadonlySet<number> = new Set([502, 503, 504]);

/** The address of the model provider in use. */
export const endpointCheck: Check = {
  name: "endpoint",
  async run(context) {
    const reachability = await context.endpoint();
    return reachability === null
      ? warning("Not asked: no provider is known", "See the line about the configuration")
      : endpointFinding(reachability);
  },
};

/** What to say about it. */
export function endpointFinding(reachability: Reachability): Finding {
  if (reachability.type === "builtIn") return ok("The demo model is built in and needs no address");
  const { address, proxy } = reachability;
  const way = proxy === null ? "" : ` through the proxy ${proxy}`;
  if (reachability.type === "unreachable") {
    return error(
      `${address} cannot be reached${way}: ${causeOf(reachability)}`,
      fixFor(reachability.reason, reachability),
    );
  }
  const { status, tookMs } = reachability;
  if (proxy !== null && status === 407) {
    const asks = `The proxy ${proxy} asks for credentials before it passes on to ${address}`;
    return error(asks, "Add user and password to the proxy's address in the environment");
  }
  const message = `${address} answered${way} after ${Math.round(tookMs)} ms (HTTP ${status})`;
  return proxy !== null && PROXY_STATUSES.has(status)
    ? warning(`${message}, which may be the proxy's own answer`, "Ask the proxy's keeper")
    : ok(message);
}

type Unreachable = Extract<Reachability, { readonly type: "unreachable" }>;

function causeOf({ reason, detail, address }: Unreachable): string {
  switch (reason) {
    case "dns":
      return `the name ${new URL(address).hostname} cannot be resolved (${detail})`;
    case "refused":
      return `nothing listens there (${detail})`;
    case "tls":
      return `no secure connection (${detail})`;
    case "proxy":
      return `the proxy fails (${detail})`;
    case "timeout":
      return "no answer in time";
    case "setup":
      return `no request could be sent (${detail})`;
    case "other":
      return detail;
  }
}

function fixFor(reason: UnreachableReason, { detail, address }: Unreachable): string {
  switch (reason) {
    case "dns":
      return "Check the network and DNS of this machine, then `base_url` in the configuration";
    case "refused":
      return isLocal(address)
        ? "Start the model server on this machine, or correct `base_url`"
        : "Correct `base_url`, or ask the keeper of that server";
    case "tls":
      return tlsFix(detail);
    case "proxy":
      return "Correct https_proxy or http_proxy, or name the host in no_proxy";
    case "timeout":
      return "Look for a firewall on the way; a proxy is set with https_proxy or http_proxy";
    case "setup":
      return "Correct `base_url`, the proxy or the certificate file that it names";
    case "other":
      return "Check the network of this machine, then `base_url` in the configuration";
  }
}

function tlsFix(detail: string): string {
  if (/UnknownIssuer|self.signed|CaUsedAsEndEntity/i.test(detail)) {
    return "Set CODEX_CA_CERTIFICATE to a PEM file with the certificate authority of that server";
  }
  if (/corrupt message|InvalidContentType/i.test(detail)) {
    return "Nothing there speaks TLS: write http:// in `base_url`, or correct its port";
  }
  return /Expired|NotValidYet/i.test(detail)
    ? "Set the clock of this machine, else have the certificate renewed"
    : "Correct `base_url`, or have the certificate of that server corrected";
}

function isLocal(address: string): boolean {
  const { hostname } = new URL(address);
  return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
}
