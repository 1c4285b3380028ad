/** What the tests of the launcher share: one backend per test file, and commands that run in it. */
import assert from "node:assert/strict";
import type { Backend, Command, StartTrouble } from "../../../src/exec/sandbox/backend.ts";
import { probeLauncher } from "../../../src/exec/sandbox/launcher.ts";
import type { SandboxSpec } from "../../../src/exec/sandbox/spec.ts";

// Probed outside of any test: the library and the memory files live as long as the process.
const probe = await probeLauncher();

/** Why the launcher cannot be tested here, or null. */
export const unusable: string | null = probe.type === "works" ? null : probe.reason;
if (unusable !== null) console.warn(`The launcher does not work here: ${unusable}`);

/** The backend; only for tests that run where it works. */
export function launcher(): Backend {
  assert(probe.type === "works");
  return probe.backend;
}

export const PATH = "/usr/local/bin:/usr/bin:/bin";
const DECODER = new TextDecoder();

/** A specification that allows nothing but what is given. */
export function specOf(parts: Partial<SandboxSpec> & { readonly cwd: string }): SandboxSpec {
  return {
    writable: [],
    readOnly: [],
    hidden: [],
    readable: null,
    network: { type: "none" },
    ...parts,
  };
}

export interface Result {
  readonly code: number;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly trouble: StartTrouble | null;
}

/** Runs a command to its end. */
export async function run(spec: SandboxSpec, command: Partial<Command>): Promise<Result> {
  const confined = launcher().confine(
    { argv: [], cwd: spec.cwd, env: { PATH, HOME: spec.cwd }, stdin: "null", ...command },
    spec,
  );
  if ("type" in confined) throw new Error(`Refused: ${confined.reason}`);
  try {
    const [program = "", ...args] = confined.argv;
    const output = await new Deno.Command(program, {
      args,
      cwd: confined.cwd,
      clearEnv: true,
      env: { ...confined.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    return {
      code: output.code,
      signal: output.signal,
      stdout: DECODER.decode(output.stdout),
      stderr: DECODER.decode(output.stderr),
      trouble: confined.failure?.() ?? null,
    };
  } finally {
    confined.release();
  }
}

/** Runs a script of the shell to its end. */
export function sh(spec: SandboxSpec, script: string, shell = "/bin/sh"): Promise<Result> {
  return run(spec, { argv: [shell, "-c", script] });
}

/** A test in a fresh folder that is removed afterwards; ignored where the launcher does not work. */
export function sandboxTest(
  name: string,
  options: { readonly ignore?: boolean },
  body: (folder: string) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: unusable !== null || options.ignore === true,
    fn: async () => {
      const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "codex launcher " }));
      try {
        await body(folder);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}

/** Whether a program is there for tests that need one. */
export function hasProgram(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
