/** `turn/*` requests. Data only. */
import * as z from "zod";
import { Empty, keyField, MaybeString, StringMap } from "./fields.ts";
import { UserInput } from "./item.ts";
import { memo, request } from "./method.ts";
import { ApprovalPolicyParam, SandboxPolicy } from "./policy.ts";
import { Turn } from "./turn_types.ts";

const CollaborationMode = memo(() =>
  z.looseObject({
    mode: z.string(),
    settings: z.looseObject({
      model: MaybeString(),
      reasoning_effort: MaybeString(),
      developer_instructions: MaybeString(),
    }),
  }).meta({ id: "CollaborationMode" })
);

// The first fourteen are in the order of 0.120, which counts when params arrive as an array.
const TurnStartParams = memo(() =>
  z.object({
    threadId: z.string(),
    input: z.array(UserInput()),
    responsesapiClientMetadata: StringMap(),
    cwd: MaybeString(),
    approvalPolicy: ApprovalPolicyParam().nullish(),
    approvalsReviewer: MaybeString(),
    sandboxPolicy: SandboxPolicy().nullish(),
    model: MaybeString(),
    serviceTier: MaybeString(),
    effort: MaybeString(),
    summary: MaybeString(),
    personality: MaybeString(),
    /** JSON Schema of the final message. */
    outputSchema: z.unknown().optional(),
    collaborationMode: CollaborationMode().nullish(),
    /** Comes back as `clientId` of the user message item. */
    clientUserMessageId: MaybeString(),
    ...keyField(),
  }).meta({ id: "TurnStartParams" })
);

const TurnSteerParams = memo(() =>
  z.object({
    threadId: z.string(),
    input: z.array(UserInput()),
    responsesapiClientMetadata: StringMap(),
    expectedTurnId: z.string(),
    clientUserMessageId: MaybeString(),
    ...keyField(),
  }).meta({ id: "TurnSteerParams" })
);

/** Requests whose method starts with `turn/`. */
export const requests = {
  "turn/start": request({
    doc: "Starts a turn with the user's input; while a turn runs, the input joins that one. " +
      "Overrides hold for this turn and those after it.",
    params: TurnStartParams,
    result: () => z.object({ turn: Turn() }).meta({ id: "TurnStartResponse" }),
    ordering: { thread: (params) => params.threadId },
    experimentalFields: {
      collaborationMode: "turn/start.collaborationMode",
      responsesapiClientMetadata: "turn/start.responsesapiClientMetadata",
    },
  }),
  "turn/steer": request({
    doc: "Adds input to the running turn, which must be the expected one.",
    params: TurnSteerParams,
    result: () => z.object({ turnId: z.string() }).meta({ id: "TurnSteerResponse" }),
    ordering: { thread: (params) => params.threadId },
    experimentalFields: {
      responsesapiClientMetadata: "turn/steer.responsesapiClientMetadata",
    },
  }),
  "turn/interrupt": request({
    doc: "Stops the running turn, which then completes as interrupted.",
    params: () =>
      z.object({ threadId: z.string(), turnId: z.string(), ...keyField() }).meta({
        id: "TurnInterruptParams",
      }),
    result: Empty,
    // An interrupt never waits behind a slow request of the same thread.
    ordering: "concurrent",
  }),
};
