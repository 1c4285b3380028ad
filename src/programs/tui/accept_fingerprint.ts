/** Asks the person at the terminal about a server that was never met; must not know how it was reached. */
import { canPrompt, openPrompt, type PromptHost } from "../prompt.ts";

/** True to trust it from now on; false without a terminal to ask on. */
export async function acceptFingerprint(
  host: PromptHost,
  { server, shown }: { readonly server: string; readonly shown: string },
): Promise<boolean> {
  if (!canPrompt(host)) return false;
  const prompt = await openPrompt(host);
  return await prompt.confirm({
    message: `Nobody vouches for the certificate of ${server}.\n` +
      `Its fingerprint is SHA256:${shown}\n` +
      "Is that what the server printed at its start?",
    yes: "Yes, trust it from now on",
    no: "No",
    initial: false,
  });
}
