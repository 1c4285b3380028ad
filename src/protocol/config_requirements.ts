/** `configRequirements/*` requests. Data only. */
import * as z from "zod";
import { memo, request } from "./method.ts";

/** What an administrator allows; null means no rule. */
const ConfigRequirements = memo(() =>
  z.looseObject({
    allowedApprovalPolicies: z.array(z.string()).nullish(),
    allowedSandboxModes: z.array(z.string()).nullish(),
  }).meta({ id: "ConfigRequirements" })
);

/** Requests whose method starts with `configRequirements/`. */
export const requests = {
  "configRequirements/read": request({
    doc: "Reads the limits that an administrator set on the configuration, or null without any.",
    params: null,
    result: () =>
      z.object({ requirements: ConfigRequirements().nullable() }).meta({
        id: "ConfigRequirementsReadResponse",
      }),
    ordering: "concurrent",
  }),
};
