/** Handlers of `config/*` and `configRequirements/*`. */
import { configView } from "../../config/view.ts";
import type { ClientMethod } from "../../protocol/mod.ts";
import type { Handlers } from "../context.ts";
import type { Runtime } from "../runtime.ts";

type ConfigMethod = Extract<ClientMethod, `config/${string}`>;
type RequirementsMethod = Extract<ClientMethod, `configRequirements/${string}`>;

export function configHandlers(runtime: Runtime): Handlers<ConfigMethod> {
  return {
    "config/read": async (params) => {
      const cwd = params.cwd ?? null;
      const { config, origins, layers } = configView(
        await runtime.loadConfig({ cwd, overrides: null }),
      );
      return { config, origins, layers: params.includeLayers ? [...layers] : null };
    },
  };
}

/** No administrator sets limits here yet. */
export function configRequirementsHandlers(): Handlers<RequirementsMethod> {
  return { "configRequirements/read": () => ({ requirements: null }) };
}
