/** The environments of commands, worked out once per configuration; must not know what runs in them. */
import { secretVariables } from "../account/auth.ts";
import type { Config } from "../config/config.ts";
import { commandEnvironment } from "../exec/environment.ts";

/** Environments by configuration; they go when the configuration goes. */
export class Environments {
  readonly #env: Readonly<Record<string, string>>;
  readonly #known = new WeakMap<Config, Readonly<Record<string, string>>>();
  readonly #plain = new WeakMap<Config, Readonly<Record<string, string>>>();

  constructor(env: Readonly<Record<string, string>>) {
    this.#env = env;
  }

  /** What commands of an agent get under this configuration: never a key or a token. */
  of(config: Config): Readonly<Record<string, string>> {
    return this.#made(this.#known, { config, isForModel: true });
  }

  /** What commands of clients get: the same, without what keeps output short and plain for a model. */
  plain(config: Config): Readonly<Record<string, string>> {
    return this.#made(this.#plain, { config, isForModel: false });
  }

  #made(
    known: WeakMap<Config, Readonly<Record<string, string>>>,
    { config, isForModel }: { readonly config: Config; readonly isForModel: boolean },
  ): Readonly<Record<string, string>> {
    let environment = known.get(config);
    if (!environment) {
      environment = commandEnvironment({
        env: this.#env,
        policy: config.shellEnvironment,
        secretNames: secretVariables(config),
        isForModel,
      });
      known.set(config, environment);
    }
    return environment;
  }
}
