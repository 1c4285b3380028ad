/** Reads the configuration for requests, no more often than it changes; must not know what it is used for. */
import type { Config, ModelProvider } from "../config/config.ts";
import { loadConfig, type LoadOptions } from "../config/load.ts";
import { configOverrides } from "../config/request_overrides.ts";
import { userConfigFile } from "../config/user_file.ts";
import { absolutePath } from "../lib/absolute_path.ts";
import { CodexError } from "../lib/errors.ts";

/** Which configuration: of a folder, with values on top that a client sent. */
export interface ConfigRequest {
  /** Null: the folder that the server works in. */
  readonly cwd: string | null;
  readonly overrides: Readonly<Record<string, unknown>> | null;
}

export interface ConfigsOptions {
  readonly codexHome: string;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** What the command line of this process asked for. */
  readonly configOptions: Pick<LoadOptions, "cliOverrides" | "flags">;
}

/** The configurations of one server. */
export class Configs {
  readonly #options: ConfigsOptions;
  #provider: { readonly stamp: string; readonly value: Promise<ModelProvider> } | null = null;

  constructor(options: ConfigsOptions) {
    this.#options = options;
  }

  /** Reads all layers anew: people edit the file while the server runs. */
  read(request: ConfigRequest): Promise<Config> {
    const { codexHome, env, cwd, configOptions } = this.#options;
    return loadConfig({
      ...configOptions,
      codexHome,
      env,
      cwd: request.cwd === null ? cwd : absolutePath(request.cwd, cwd),
      cliOverrides: [
        ...configOptions.cliOverrides ?? [],
        ...configOverrides(request.overrides ?? {}),
      ],
    });
  }

  /**
   * The provider of new threads. Every list of threads asks for it, so it is kept until the file of the
   * user changes; files of projects cannot set it.
   */
  async defaultProvider(): Promise<ModelProvider> {
    const stamp = await this.#fileStamp();
    if (this.#provider?.stamp !== stamp) {
      const value = this.read({ cwd: null, overrides: null }).then(providerOf);
      this.#provider = { stamp, value };
      value.catch(() => this.#provider = null);
    }
    return await this.#provider.value;
  }

  async #fileStamp(): Promise<string> {
    try {
      const { mtime, size } = await Deno.stat(userConfigFile(this.#options.codexHome));
      return `${mtime?.getTime()} ${size}`;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "none";
      throw error;
    }
  }
}

function providerOf(config: Config): ModelProvider {
  const provider = config.modelProviders[config.modelProviderId];
  if (provider) return provider;
  throw new CodexError(
    "providerNotFound",
    `Model provider \`${config.modelProviderId}\` not found`,
  );
}
