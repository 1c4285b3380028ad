/** `config/*` requests. Data only. */
import * as z from "zod";
import { MaybeString } from "./fields.ts";
import { memo, request } from "./method.ts";

const ConfigLayerSource = memo(() =>
  z.looseObject({ type: z.string() }).meta({ id: "ConfigLayerSource" })
);

const ConfigLayerMetadata = memo(() =>
  z.object({ name: ConfigLayerSource(), version: z.string() }).meta({ id: "ConfigLayerMetadata" })
);

const ConfigLayer = memo(() =>
  z.object({
    name: ConfigLayerSource(),
    /** `sha256:<hex>` of the layer's content. */
    version: z.string(),
    config: z.unknown(),
    disabledReason: MaybeString(),
  }).meta({ id: "ConfigLayer" })
);

/** Requests whose method starts with `config/`. */
export const requests = {
  "config/read": request({
    doc:
      "Reads the merged configuration in the config file's own spelling, where each value came " +
      "from, and the layers on demand.",
    params: () =>
      z.object({ includeLayers: z.boolean().optional(), cwd: MaybeString() }).meta({
        id: "ConfigReadParams",
      }),
    result: () =>
      z.object({
        config: z.record(z.string(), z.unknown()),
        origins: z.record(z.string(), ConfigLayerMetadata()),
        layers: z.array(ConfigLayer()).nullable(),
      }).meta({ id: "ConfigReadResponse" }),
    ordering: { global: "config" },
  }),
};
