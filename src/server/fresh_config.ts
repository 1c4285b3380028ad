/** What the disk says to single commands, read again when it may have changed; must not know who asks. */
import { type CommandPlace, commandPlace } from "../agent/command_variables.ts";
import type { Config } from "../config/config.ts";
import type { Runtime } from "./runtime.ts";

/** A change counts after at most this long: some requests are too quick to read files for each. */
const FRESH_MS = 1000;

/** The configuration of the server's own directory. Reads at most once a second. */
export class FreshConfig {
  readonly #runtime: Pick<Runtime, "clock" | "loadConfig">;
  /** By folder; what was found goes with the configuration. */
  readonly #places = new WeakMap<Config, Map<string, CommandPlace>>();
  #known: { readonly atMs: number; readonly config: Promise<Config> } | null = null;

  constructor(runtime: Pick<Runtime, "clock" | "loadConfig">) {
    this.#runtime = runtime;
  }

  read(): Promise<Config> {
    const nowMs = this.#runtime.clock.now();
    const known = this.#known;
    if (known && nowMs - known.atMs < FRESH_MS && nowMs >= known.atMs) return known.config;
    const config = this.#runtime.loadConfig({ cwd: null, overrides: null });
    this.#known = { atMs: nowMs, config };
    config.catch(() => this.#known = null);
    return config;
  }

  /** What a folder is part of, under a configuration that was read here. */
  placeOf(cwd: string, config: Config): CommandPlace {
    let places = this.#places.get(config);
    if (!places) this.#places.set(config, places = new Map());
    let place = places.get(cwd);
    if (!place) places.set(cwd, place = commandPlace(cwd, config.projectRootMarkers));
    return place;
  }
}
