/** Handlers of `skills/*`. */
import { findSkills } from "../../agent/skills.ts";
import type { ClientMethod } from "../../protocol/mod.ts";
import type { Handlers } from "../context.ts";
import type { Runtime } from "../runtime.ts";

type SkillsMethod = Extract<ClientMethod, `skills/${string}`>;

export function skillsHandlers(runtime: Runtime): Handlers<SkillsMethod> {
  return {
    "skills/list": async (params) => {
      const cwds = params.cwds?.length ? params.cwds : [runtime.cwd];
      return {
        data: await Promise.all(cwds.map(async (cwd) => ({
          cwd,
          ...await findSkills({ codexHome: runtime.codexHome, cwd }),
        }))),
      };
    },
  };
}
