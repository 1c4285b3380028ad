/** Asks whether the folder is trusted; must not know what that changes for a server. */
import type { Args } from "../../cli/args.ts";
import type { Config } from "../../config/config.ts";
import { projectTrust, trustTarget } from "../../config/trust.ts";
import { type Decision, Quit } from "./decision.ts";
import type { Prompt } from "../prompt.ts";
import { decidesPolicies } from "../tui/quick_look.ts";

/** Null where nothing has to be asked: the folder is known, or the command line decides all that it would. */
export async function askForTrust(
  { cwd, trustedProjects, projectRootMarkers: markers }: Config,
  { args, prompt }: { readonly args: Args; readonly prompt: () => Promise<Prompt> },
): Promise<Decision | Quit | null> {
  if (decidesPolicies(args)) return null;
  if (projectTrust(trustedProjects, { cwd, markers }) !== null) return null;
  const target = trustTarget(cwd, markers);
  const answer = await (await prompt()).choose({
    message:
      `Do you trust what is in ${cwd}?\n${
        target === cwd ? "" : `It is part of ${target}, and the answer is for all of that.\n`
      }Files of others may talk the model into what you do not want. ` +
      "Without trust, you are asked before it runs commands.",
    choices: [
      { value: "trusted", label: "Yes, I trust it" },
      { value: "untrusted", label: "No, go on without" },
      { value: "quit", label: "Quit" },
    ],
  });
  if (answer === "quit") return new Quit("Nothing was started, and nothing was written.");
  return { remembered: [{ path: ["projects", target, "trust_level"], value: answer }] };
}
