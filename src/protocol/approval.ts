/** Questions of the server to a person, as requests to the client. Data only. */
import * as z from "zod";
import { MaybeString } from "./fields.ts";
import { CommandAction } from "./item.ts";
import { memo, serverRequest } from "./method.ts";

const WithAmendment = memo(() =>
  z.object({
    acceptWithExecpolicyAmendment: z.object({ execpolicy_amendment: z.array(z.string()) }),
  })
);

/** A person's answer to a command; an amendment also allows every command with that prefix from now on. */
export const CommandDecision = memo(() =>
  z.union([z.enum(["accept", "acceptForSession", "decline", "cancel"]), WithAmendment()]).meta({
    id: "CommandExecutionApprovalDecision",
  })
);
/** A person's answer to a command. */
export type CommandDecision = z.infer<ReturnType<typeof CommandDecision>>;

/** A person's answer to a patch. */
export const FileChangeDecision = memo(() =>
  z.enum(["accept", "acceptForSession", "decline", "cancel"]).meta({
    id: "FileChangeApprovalDecision",
  })
);
/** A person's answer to a patch. */
export type FileChangeDecision = z.infer<ReturnType<typeof FileChangeDecision>>;

/** What every approval says about its place. */
function placeFields() {
  return {
    threadId: z.string(),
    turnId: z.string(),
    itemId: z.string(),
    /** Unix milliseconds. 0.169 clients refuse an approval without it. */
    startedAtMs: z.int(),
    reason: MaybeString(),
  };
}

/** Requests from the server to the client; the first valid answer of any subscriber counts. */
export const serverRequests = {
  "item/commandExecution/requestApproval": serverRequest({
    doc: "Asks whether a command may run. `cancel` declines it and interrupts the turn.",
    params: () =>
      z.object({
        ...placeFields(),
        kind: z.literal("command").optional(),
        approvalId: MaybeString(),
        environmentId: MaybeString(),
        /** The whole command line, shell-quoted: exactly what will run. */
        command: MaybeString(),
        cwd: MaybeString(),
        commandActions: z.array(CommandAction()).nullish(),
        proposedExecpolicyAmendment: z.array(z.string()).nullish(),
        /** Without it 0.120 clients offer accept and cancel only. */
        availableDecisions: z.array(CommandDecision()).nullish(),
      }).meta({ id: "CommandExecutionRequestApprovalParams" }),
    result: () =>
      z.object({ decision: CommandDecision() }).meta({
        id: "CommandExecutionRequestApprovalResponse",
      }),
  }),
  "item/fileChange/requestApproval": serverRequest({
    doc: "Asks whether a patch may be applied. `cancel` declines it and interrupts the turn.",
    params: () =>
      z.object({ ...placeFields(), grantRoot: MaybeString() }).meta({
        id: "FileChangeRequestApprovalParams",
      }),
    result: () =>
      z.object({ decision: FileChangeDecision() }).meta({
        id: "FileChangeRequestApprovalResponse",
      }),
  }),
};
