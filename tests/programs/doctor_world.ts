/** A machine for `codex doctor` in a temp folder: its home, environment, packaging, streams and clock. */
import assert from "node:assert/strict";
import { parseCommandLine } from "../../src/cli/parse.ts";
import { openSystemCalls } from "../../src/exec/system_calls.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { run } from "../../src/programs/doctor.ts";
import type { Check, CheckContext, Finding } from "../../src/programs/doctor/check.ts";
import { checkContext } from "../../src/programs/doctor/context.ts";
import { type Host, systemClock, type TextWriter } from "../../src/programs/host.ts";
import type { Packaging } from "../../src/programs/packaging.ts";
import { SOURCE } from "../support/forms.ts";

/** How a program runs that was started from its sources. */
export const fromSource: Packaging = {
  form: "source",
  file: null,
  runtimeDir: null,
  isVerifiedAtStart: false,
  command: SOURCE.command,
};

/** What of the machine differs from an ordinary one. */
export interface World {
  /** Words after `codex doctor`. */
  readonly words?: readonly string[];
  /** The whole environment, beside PATH. */
  readonly env?: Readonly<Record<string, string>>;
  readonly packaging?: Packaging;
  readonly isTerminal?: boolean;
  readonly clock?: Clock;
  readonly cwd?: string;
}

/** Runs `use` in a new temp folder, which is removed afterwards. */
export async function inTempDir(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "codex_doctor_" }));
  try {
    await use(folder);
  } finally {
    // Some tests take their own permissions away.
    await new Deno.Command("chmod", { args: ["-R", "u+rwx", folder] }).output();
    await Deno.remove(folder, { recursive: true });
  }
}

/** The text that a whole `codex doctor` printed, and its exit code. */
export async function doctor(
  world: World,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const written = { stdout: "", stderr: "" };
  const { args, host } = place(world, written);
  const code = await run({ args, host });
  return { code, ...written };
}

/** What one check finds. */
export async function findings(
  check: Check,
  world: World & { readonly change?: Partial<CheckContext> },
): Promise<readonly Finding[]> {
  using system = openSystemCalls();
  const { args, host } = place(world, { stdout: "", stderr: "" });
  const context = { ...checkContext(args, { host, system }), ...world.change };
  try {
    return [await check.run(context)].flat();
  } finally {
    await context.processes.terminateAll();
  }
}

/** `findings`, as lines of `status: message`, with what to do after ` -> `. */
export async function found(
  check: Check,
  world: Parameters<typeof findings>[1],
): Promise<readonly string[]> {
  return (await findings(check, world)).map((finding) =>
    `${finding.status}: ${finding.message}${finding.status === "ok" ? "" : ` -> ${finding.fix}`}`
  );
}

/** The clock of the machine, on which no wait is longer than `maxMs`. */
export function impatientClock(maxMs: number): Clock {
  const clock = systemClock();
  return {
    now: () => clock.now(),
    after: (delayMs, callback, options) => clock.after(Math.min(delayMs, maxMs), callback, options),
  };
}

function place(world: World, written: { stdout: string; stderr: string }) {
  const line = parseCommandLine(["doctor", ...world.words ?? []]);
  if (line.type !== "run") return assert.fail("The command line asks for something else");
  const writer = (name: "stdout" | "stderr"): TextWriter => ({
    write: (text) => (written[name] += text, true),
    gone: new AbortController().signal,
    isTerminal: world.isTerminal ?? false,
  });
  const host: Host = {
    packaging: world.packaging ?? fromSource,
    env: { PATH: Deno.env.get("PATH") ?? "", ...SOURCE.env, ...world.env },
    cwd: world.cwd ?? "/",
    clock: world.clock ?? systemClock(),
    randomId: () => crypto.randomUUID(),
    randomBytes: (length) => new Uint8Array(length),
    stdin: {
      readAll: () => Promise.resolve(""),
      readable: new ReadableStream(),
      isTerminal: false,
    },
    stdout: writer("stdout"),
    stderr: writer("stderr"),
  };
  return { args: line.args, host };
}
