/** Keeps one model client per provider; must not know how a provider is spoken to. */
import { openaiKey } from "../account/auth.ts";
import { createModelClient } from "../agent/model/create.ts";
import type { ModelClient } from "../agent/model/port.ts";
import type { Config, ModelProvider } from "../config/config.ts";
import type { Clock } from "../lib/clock.ts";
import { CodexError } from "../lib/errors.ts";

export interface ModelClientsOptions {
  readonly codexHome: string;
  readonly env: Readonly<Record<string, string>>;
  readonly clock: Clock;
  random(): number;
  /** The same string that the first client got from `initialize`. */
  userAgent(): string;
  /** Takes the place of real providers in tests. */
  readonly modelClient?: (provider: ModelProvider) => ModelClient;
}

/** Model clients by provider; a provider that is configured anew gets a new one. */
export class ModelClients {
  readonly #options: ModelClientsOptions;
  readonly #clients = new Map<string, Promise<ModelClient>>();

  constructor(options: ModelClientsOptions) {
    this.#options = options;
  }

  /** The client of a provider of this configuration. */
  async of(config: Config, providerId: string): Promise<ModelClient> {
    const provider = config.modelProviders[providerId];
    if (!provider) {
      throw new CodexError("providerNotFound", `Model provider \`${providerId}\` not found`);
    }
    if (this.#options.modelClient) return this.#options.modelClient(provider);
    const key = JSON.stringify(provider);
    const known = this.#clients.get(key);
    if (known) return await known;
    const client = this.#create(provider);
    this.#clients.set(key, client);
    return await client;
  }

  #create(provider: ModelProvider): Promise<ModelClient> {
    const { clock, env, codexHome, random } = this.#options;
    return createModelClient(provider, {
      clock,
      random,
      env,
      token: () => openaiKey({ codexHome, env }),
      userAgent: this.#options.userAgent(),
    });
  }
}
