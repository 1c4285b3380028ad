/** `model/*` requests. Data only. */
import * as z from "zod";
import { Limit, MaybeString, NextCursor } from "./fields.ts";
import { memo, request } from "./method.ts";

/** 0.120 clients refuse the whole list over an effort that they do not know. */
const ReasoningEffort = memo(() =>
  z.enum(["none", "minimal", "low", "medium", "high", "xhigh"]).meta({ id: "ReasoningEffort" })
);

const ModelUpgradeInfo = memo(() =>
  z.object({
    model: z.string(),
    upgradeCopy: z.string().nullable(),
    modelLink: z.string().nullable(),
    migrationMarkdown: z.string().nullable(),
  }).meta({ id: "ModelUpgradeInfo" })
);

const Model = memo(() =>
  z.object({
    id: z.string(),
    model: z.string(),
    /** Anything but null makes clients ask the user to move to that model before they start. */
    upgrade: z.string().nullable(),
    upgradeInfo: ModelUpgradeInfo().nullable(),
    availabilityNux: z.object({ message: z.string() }).nullable(),
    displayName: z.string(),
    description: z.string(),
    hidden: z.boolean(),
    supportedReasoningEfforts: z.array(
      z.object({ reasoningEffort: ReasoningEffort(), description: z.string() }).meta({
        id: "ReasoningEffortOption",
      }),
    ),
    defaultReasoningEffort: ReasoningEffort(),
    inputModalities: z.array(z.enum(["text", "image"])),
    supportsPersonality: z.boolean(),
    additionalSpeedTiers: z.array(z.string()),
    isDefault: z.boolean(),
  }).meta({ id: "Model" })
);

/** Requests whose method starts with `model/`. */
export const requests = {
  "model/list": request({
    doc: "Lists the models that a client may offer to its user.",
    params: () =>
      z.object({
        cursor: MaybeString(),
        limit: Limit(),
        includeHidden: z.boolean().nullish(),
        modelProvider: MaybeString(),
      }).meta({ id: "ModelListParams" }),
    result: () =>
      z.object({ data: z.array(Model()), nextCursor: NextCursor() }).meta({
        id: "ModelListResponse",
      }),
    ordering: "concurrent",
  }),
};
