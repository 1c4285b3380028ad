/** `skills/*` requests. Data only. */
import * as z from "zod";
import { MaybeString } from "./fields.ts";
import { memo, request } from "./method.ts";

const SkillMetadata = memo(() =>
  z.object({
    name: z.string(),
    description: z.string(),
    shortDescription: MaybeString(),
    interface: z.looseObject({}).nullish(),
    dependencies: z.looseObject({}).nullish(),
    /** The skill's own file, absolute. */
    path: z.string(),
    scope: z.enum(["user", "repo", "system", "admin"]),
    enabled: z.boolean(),
  }).meta({ id: "SkillMetadata" })
);

const SkillsListEntry = memo(() =>
  z.object({
    cwd: z.string(),
    skills: z.array(SkillMetadata()),
    errors: z.array(
      z.object({ path: z.string(), message: z.string() }).meta({ id: "SkillErrorInfo" }),
    ),
  }).meta({ id: "SkillsListEntry" })
);

const ExtraRoots = memo(() =>
  z.object({ cwd: z.string(), extraUserRoots: z.array(z.string()) }).meta({
    id: "SkillsListExtraRootsForCwd",
  })
);

/** Requests whose method starts with `skills/`. */
export const requests = {
  "skills/list": request({
    doc: "Lists the skills that apply in each of the given folders, by default the server's own.",
    params: () =>
      z.object({
        cwds: z.array(z.string()).optional(),
        forceReload: z.boolean().optional(),
        perCwdExtraUserRoots: z.array(ExtraRoots()).nullish(),
      }).meta({ id: "SkillsListParams" }),
    result: () => z.object({ data: z.array(SkillsListEntry()) }).meta({ id: "SkillsListResponse" }),
    ordering: "concurrent",
  }),
};
