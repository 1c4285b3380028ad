/** `codex logout`: removes the stored API key; must not touch keys in the environment. */
import { removeStoredAuth } from "../account/login.ts";
import { codexHomeOf, type Invocation } from "./host.ts";

/** Removes `auth.json`. */
export function run({ host }: Invocation): Promise<number> {
  const wasStored = removeStoredAuth(codexHomeOf(host));
  host.stderr.write(wasStored ? "Successfully logged out\n" : "Not logged in\n");
  return Promise.resolve(0);
}
