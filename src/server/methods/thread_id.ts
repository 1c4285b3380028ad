/** Checks thread ids at the border with the words of upstream; must not know what a thread is. */
import { CodexError } from "../../lib/errors.ts";
import { parseUuid } from "../../lib/uuid.ts";

/** The id in its canonical form; clients match on the words of the refusal. */
export function requireThreadId(text: string): string {
  const parsed = parseUuid(text);
  if (!parsed.ok) throw new CodexError("invalidRequest", `invalid thread id: ${parsed.problem}`);
  return parsed.uuid;
}
