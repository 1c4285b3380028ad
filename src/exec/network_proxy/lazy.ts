/** A network proxy that starts when the first command needs it; must not know what commands are. */
import type { NetworkProxy, ProxyOptions } from "../network_proxy.ts";

/** Most servers never need one, so nothing is loaded before. */
export class LazyNetworkProxy {
  readonly #options: ProxyOptions;
  #proxy: Promise<NetworkProxy> | null = null;

  constructor(options: ProxyOptions) {
    this.#options = options;
  }

  /** Throws a `CodexError` when the rules mean nothing: sooner than the first command would. */
  async check(): Promise<void> {
    const { DomainRules } = await import("./domain_rules.ts");
    new DomainRules(this.#options.rules);
  }

  /** The path of its socket, once it listens. */
  async socket(): Promise<string> {
    this.#proxy ??= import("../network_proxy.ts").then(({ NetworkProxy }) =>
      NetworkProxy.start(this.#options)
    );
    try {
      return (await this.#proxy).socket;
    } catch (error) {
      // The next command tries again.
      this.#proxy = null;
      throw error;
    }
  }

  /** Ends every connection and removes the socket. */
  async close(): Promise<void> {
    const proxy = this.#proxy;
    this.#proxy = null;
    await (await proxy)?.close();
  }
}
