/** Handlers of `model/*`. */
import { listModels } from "../../agent/model/catalog.ts";
import type { ClientMethod } from "../../protocol/mod.ts";
import type { Handlers } from "../context.ts";
import type { Runtime } from "../runtime.ts";

type ModelMethod = Extract<ClientMethod, `model/${string}`>;

export function modelHandlers(runtime: Runtime): Handlers<ModelMethod> {
  return {
    "model/list": async (params) => {
      const config = await runtime.loadConfig({ cwd: null, overrides: null });
      const all = listModels(await runtime.defaultProvider(), config.model);
      const models = params.includeHidden ? all : all.filter((model) => !model.hidden);
      // The cursor is the decimal offset of the next page (as upstream).
      const from = Number(params.cursor ?? 0) || 0;
      const data = models.slice(from, from + Math.max(1, params.limit ?? models.length));
      const next = from + data.length;
      return { data, nextCursor: next < models.length ? String(next) : null };
    },
  };
}
