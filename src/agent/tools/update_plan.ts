/** The tool with which a model keeps a list of steps for the user to see; must not know who shows it. */
import { messageOf } from "../../lib/errors.ts";
import type { PlanStep } from "../../protocol/turn_types.ts";
import type { ToolSpec } from "../model/port.ts";
import type { Tool } from "./tool.ts";

const SPEC: ToolSpec = {
  type: "function",
  name: "update_plan",
  description:
    "Shows the user a short plan and how far it is. Send the whole plan each time; keep at " +
    "most one step in progress.",
  strict: false,
  parameters: {
    type: "object",
    properties: {
      explanation: { type: "string", description: "Why the plan changed, if it did" },
      plan: {
        type: "array",
        items: {
          type: "object",
          properties: {
            step: { type: "string" },
            status: { type: "string", enum: ["pending", "in_progress", "completed"] },
          },
          required: ["step", "status"],
          additionalProperties: false,
        },
      },
    },
    required: ["plan"],
    additionalProperties: false,
  },
};

/** Makes the tool. */
export function updatePlanTool(): Tool {
  return {
    spec: SPEC,
    parallel: false,
    run: (call, context) => {
      const plan = parsePlan(call.input);
      if (typeof plan === "string") {
        return Promise.resolve({ content: `failed to parse function arguments: ${plan}` });
      }
      context.planUpdated(plan);
      return Promise.resolve({ content: "Plan updated" });
    },
  };
}

interface Plan {
  readonly explanation: string | null;
  readonly plan: readonly PlanStep[];
}

/** The plan in the arguments, or what is wrong with them. */
function parsePlan(input: string): Plan | string {
  let args: unknown;
  try {
    args = JSON.parse(input);
  } catch (error) {
    return messageOf(error);
  }
  const explanation = member(args, "explanation") ?? null;
  if (explanation !== null && typeof explanation !== "string") {
    return "invalid type for `explanation`, expected a string";
  }
  const steps = member(args, "plan");
  if (steps === undefined) return "missing field `plan`";
  if (!Array.isArray(steps)) return "invalid type for `plan`, expected a list of steps";
  const plan: PlanStep[] = [];
  for (const each of steps) {
    const step = parseStep(each);
    if (typeof step === "string") return step;
    plan.push(step);
  }
  return { explanation, plan };
}

const STATUSES: ReadonlyMap<unknown, PlanStep["status"]> = new Map<unknown, PlanStep["status"]>([
  ["pending", "pending"],
  ["in_progress", "inProgress"],
  ["inProgress", "inProgress"],
  ["completed", "completed"],
]);

function parseStep(value: unknown): PlanStep | string {
  const step = member(value, "step");
  const status = member(value, "status");
  if (step === undefined) return "missing field `step`";
  if (typeof step !== "string") return "invalid type for `step`, expected a string";
  if (status === undefined) return "missing field `status`";
  const known = STATUSES.get(status);
  if (known) return { step, status: known };
  const shown = typeof status === "string" ? status : JSON.stringify(status);
  return `unknown variant \`${shown}\`, expected one of \`pending\`, \`in_progress\`, \`completed\``;
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return Reflect.get(value, name);
}
