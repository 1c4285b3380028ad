/** The environments of commands, worked out once per configuration; must not know what runs in them. */
import { secretVariables } from "../account/auth.ts";
import type { Config } from "../config/config.ts";
import { commandEnvironment } from "../exec/environment.ts";

/** Environments by configuration; they go when the configuration goes. */
export class Environments {
  readonly #env: Readonly<Record<string, string>>;
  readonly #known = new WeakMap<Config, Readonly<Record<string, string>>>();

  constructor(env: Readonly<Record<string, string>>) {
    this.#env = env;
  }

  /** What commands get under this configuration: never a key or a token. */
  of(config: Config): Readonly<Record<string, string>> {
    let environment = this.#known.get(config);
    if (!environment) {
      environment = commandEnvironment({
        env: this.#env,
        policy: config.shellEnvironment,
        secretNames: secretVariables(config),
      });
      this.#known.set(config, environment);
    }
    return environment;
  }
}
