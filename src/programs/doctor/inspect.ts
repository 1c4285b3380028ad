/** Runs every check and prints the report; must not repair or write anything. */
import { closeHttpClients } from "../../agent/model/network.ts";
import { openSystemCalls } from "../../exec/system_calls.ts";
import { VERSION } from "../../lib/version.ts";
import { wantsColor } from "../exec/style.ts";
import type { Invocation } from "../host.ts";
import type { CheckContext } from "./check.ts";
import { CHECKS } from "./checks.ts";
import { checkContext } from "./context.ts";
import { HumanReport, jsonReport, outcomeOf } from "./report.ts";
import { type CheckedLine, runChecks } from "./run_checks.ts";
import { secretRedactor } from "./secrets.ts";

/** Prints what was found; the exit code is 1 after any error. */
export async function inspect({ args, host }: Invocation): Promise<number> {
  using system = openSystemCalls();
  const context = checkContext(args, { host, system });
  try {
    const lines = await report(context, { isJson: args.isSet("json") });
    return outcomeOf(lines).isOk ? 0 : 1;
  } finally {
    await context.processes.terminateAll();
    await closeHttpClients();
  }
}

async function report(
  context: CheckContext,
  options: { readonly isJson: boolean },
): Promise<readonly CheckedLine[]> {
  const { stdout, env, packaging } = context.host;
  const human = options.isJson ? null : new HumanReport({
    isColored: wantsColor(null, { isTerminal: stdout.isTerminal, env }),
    names: CHECKS.map(({ name }) => name),
  });
  const lines: CheckedLine[] = [];
  const redact = await secretRedactor(context);
  for await (const line of runChecks(CHECKS, context, { redact })) {
    lines.push(line);
    // A slow check must not keep what is known already from the reader.
    if (human) stdout.write(human.lines(line));
  }
  stdout.write(
    human ? human.summary(outcomeOf(lines)) : jsonReport(lines, { ...packaging, version: VERSION }),
  );
  return lines;
}
