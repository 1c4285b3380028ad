/** Asks whether the address of a provider answers at all, without credentials; must not know how a request looks. */
import type { ModelProvider } from "../../config/config.ts";
import type { Clock } from "../../lib/clock.ts";
import { causeText, shownUrl } from "./failure.ts";
import { type Env, proxyFor } from "../../lib/proxy.ts";
import { httpClientFor } from "./network.ts";
import { ModelError } from "./port.ts";

/** Why no answer came. `setup`: the request could not even be sent. */
export type UnreachableReason =
  | "dns"
  | "refused"
  | "tls"
  | "proxy"
  | "timeout"
  | "setup"
  | "other";

/** What asking the address of a provider led to. No text of it holds a credential of the address. */
export type Reachability =
  /** The provider is part of this program. */
  | { readonly type: "builtIn" }
  | {
    readonly type: "answered";
    readonly address: string;
    /** The proxy in between, as `HOST:PORT`, or null. */
    readonly proxy: string | null;
    readonly status: number;
    /** What the answer says the time is, in Unix milliseconds, or null. */
    readonly dateMs: number | null;
    /** When the answer came, by our clock, in Unix milliseconds. */
    readonly answeredAtMs: number;
    readonly tookMs: number;
  }
  | {
    readonly type: "unreachable";
    readonly address: string;
    readonly proxy: string | null;
    readonly reason: UnreachableReason;
    /** The words of the system or of the TLS library. */
    readonly detail: string;
  };

/** What asking needs of the world. */
export interface AskOptions {
  readonly env: Env;
  readonly clock: Clock;
  readonly limitMs: number;
}

/**
 * Sends one GET to `base_url`. Any HTTP answer means that the address is reachable: without a key it can
 * hardly be a good one. Redirects are not followed, and neither keys, query nor user name are sent.
 */
export async function askEndpoint(
  provider: ModelProvider,
  options: AskOptions,
): Promise<Reachability> {
  if (provider.wireApi === "demo") return { type: "builtIn" };
  const { env, clock, limitMs } = options;
  const address = shownUrl(provider.baseUrl);
  const controller = new AbortController();
  const cancelTimer = clock.after(limitMs, () => controller.abort());
  const startedAtMs = clock.now();
  const where = { address, proxy: proxyName(address, env) };
  try {
    const client = await httpClientFor(address, env);
    const response = await fetch(address, {
      redirect: "manual",
      signal: controller.signal,
      ...(client ? { client } : {}),
    });
    const answeredAtMs = clock.now();
    await response.body?.cancel();
    const tookMs = answeredAtMs - startedAtMs;
    const { status, headers } = response;
    return {
      type: "answered",
      ...where,
      status,
      dateMs: dateOf(headers),
      answeredAtMs,
      tookMs,
    };
  } catch (error) {
    const detail = causeText(error);
    const reason = controller.signal.aborted
      ? "timeout"
      : error instanceof ModelError
      ? "setup"
      : reasonOf(detail, where.proxy !== null);
    return { type: "unreachable", ...where, reason, detail };
  } finally {
    cancelTimer();
  }
}

/** `HOST:PORT` of the proxy for an address; its user name and password stay here. */
function proxyName(address: string, env: Env): string | null {
  const proxy = proxyFor(address, env);
  if (proxy === null) return null;
  return URL.canParse(proxy) ? new URL(proxy).host : "of the environment";
}

/** The time in the answer, which a cache on the way may have kept for a while. */
function dateOf(headers: Headers): number | null {
  const date = Date.parse(headers.get("date") ?? "");
  const ageSeconds = Number(headers.get("age") ?? 0);
  return Number.isNaN(date) ? null : date + (ageSeconds > 0 ? ageSeconds * 1000 : 0);
}

/** The runtime tells the reason in words only. */
function reasonOf(detail: string, hasProxy: boolean): UnreachableReason {
  if (hasProxy && /proxy|tunnel|dns error|connect error|connection refused/i.test(detail)) {
    return "proxy";
  }
  if (/dns error|failed to lookup/i.test(detail)) return "dns";
  if (/connection refused/i.test(detail)) return "refused";
  if (/certificate|tls|handshake|corrupt message|alert/i.test(detail)) return "tls";
  if (/timed out/i.test(detail)) return "timeout";
  return /^Fetch failed: |not supported/i.test(detail) ? "setup" : "other";
}
