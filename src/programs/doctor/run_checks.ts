/** Runs checks beside each other, so that none can end or delay another; must not know what they look at. */
import { messageOf } from "../../lib/errors.ts";
import { sanitizeLine } from "../../lib/sanitize.ts";
import { type Check, type CheckContext, error, type Finding, warning } from "./check.ts";

/** Longer than any check waits for by itself: only a file system that hangs gets here. */
const CHECK_LIMIT_MS = 45_000;

/** A check's findings, safe to print. */
export interface CheckedLine {
  readonly name: string;
  readonly findings: readonly Finding[];
}

/**
 * Starts all checks at once, and yields what they found in the order of the table, as soon as it is known.
 * `redact` takes out what must not be shown.
 */
export async function* runChecks(
  checks: readonly Check[],
  context: CheckContext,
  options: { readonly redact: (text: string) => string },
): AsyncGenerator<CheckedLine> {
  const crowd = checks.filter((check) => !check.isAlone).map((check) => findingsOf(check, context));
  let others: Promise<unknown> = Promise.all(crowd);
  const running = checks.map((check) => {
    if (!check.isAlone) return crowd.shift() ?? findingsOf(check, context);
    const alone = others.then(() => findingsOf(check, context));
    others = alone;
    return alone;
  });
  for (const [index, check] of checks.entries()) {
    const findings = await running[index] ?? [];
    yield {
      name: check.name,
      findings: findings.map((finding) => printable(finding, options.redact)),
    };
  }
}

/** Never rejects: what a check throws is what it found. */
async function findingsOf(check: Check, context: CheckContext): Promise<readonly Finding[]> {
  const tooLate = Promise.withResolvers<Finding>();
  const cancel = context.host.clock.after(CHECK_LIMIT_MS, () =>
    tooLate.resolve(error(
      `No result after ${CHECK_LIMIT_MS / 1000} s`,
      "Look for a file system that does not answer (`df`, `mount`)",
    )));
  try {
    const found = await Promise.race([check.run(context), tooLate.promise]);
    return Array.isArray(found) ? found : [found].flat();
  } catch (thrown) {
    return [thrownFinding(thrown)];
  } finally {
    cancel();
  }
}

function thrownFinding(thrown: unknown): Finding {
  if (thrown instanceof Deno.errors.NotCapable) {
    return warning(
      `Cannot be checked without permissions that this program gave up: ${messageOf(thrown)}`,
      "Look at it yourself; below /dev, /proc and /sys the runtime asks for all of them",
    );
  }
  return error(`Cannot be checked: ${messageOf(thrown)}`, "Please report this");
}

function printable(finding: Finding, redact: (text: string) => string): Finding {
  const clean = (text: string) => sanitizeLine(redact(text)).trim();
  const message = clean(finding.message);
  return finding.status === "ok"
    ? { status: "ok", message }
    : { status: finding.status, message, fix: clean(finding.fix) };
}
