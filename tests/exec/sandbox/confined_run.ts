/** Runs commands through a backend to their end, for tests of single backends. */
import type { Backend, Command, StartTrouble } from "../../../src/exec/sandbox/backend.ts";
import type { SandboxSpec } from "../../../src/exec/sandbox/spec.ts";

/** What came of a command. */
export interface Ran {
  readonly code: number;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly trouble: StartTrouble | null;
}

/** A specification that allows nothing but what is given. */
export function specFor(parts: Partial<SandboxSpec> & { readonly cwd: string }): SandboxSpec {
  return {
    writable: [],
    readOnly: [],
    hidden: [],
    readable: null,
    network: { type: "none" },
    ...parts,
  };
}

/** Runs a command; `meanwhile` gets its process once it was started. */
export async function runConfined(
  backend: Backend,
  options: {
    readonly spec: SandboxSpec;
    readonly command: Partial<Command> & Pick<Command, "argv">;
    readonly afterConfine?: () => void;
    readonly meanwhile?: (child: Deno.ChildProcess) => Promise<void> | void;
  },
): Promise<Ran> {
  const { spec, command } = options;
  const env = { PATH: "/usr/local/bin:/usr/bin:/bin" };
  const confined = backend.confine({ cwd: spec.cwd, env, stdin: "null", ...command }, spec);
  if ("type" in confined) throw new Error(`Refused: ${confined.reason}`);
  try {
    options.afterConfine?.();
    const [program = "", ...args] = confined.argv;
    const child = new Deno.Command(program, {
      args,
      cwd: confined.cwd,
      clearEnv: true,
      env: { ...confined.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const [output] = await Promise.all([child.output(), options.meanwhile?.(child)]);
    const decoder = new TextDecoder();
    return {
      code: output.code,
      signal: output.signal,
      stdout: decoder.decode(output.stdout),
      stderr: decoder.decode(output.stderr),
      trouble: confined.failure?.(output) ?? null,
    };
  } finally {
    confined.release();
  }
}

/** A folder that only the test knows; below `/var/tmp`, since `/tmp` is often writable in sandboxes. */
export async function inScratch(test: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.realPath(
    await Deno.makeTempDir({ dir: "/var/tmp", prefix: "codex 'bx " }),
  );
  try {
    await test(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}
