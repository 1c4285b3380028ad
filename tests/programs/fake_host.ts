/** A host for programs that run inside a test: what they print is kept; must not know any program. */
import { parseCommandLine } from "../../src/cli/parse.ts";
import type { Host, Invocation, TextWriter } from "../../src/programs/host.ts";
import { systemClock } from "../../src/programs/host.ts";
import type { Packaging } from "../../src/programs/packaging.ts";

/** How the world looks to the program. */
export interface FakeWorld {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly packaging?: Partial<Packaging>;
}

/** How a program ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Parses the words and runs the program that they should start. */
export async function runInFakeHost(
  words: readonly string[],
  world: FakeWorld,
  run: (invocation: Invocation) => Promise<number>,
): Promise<Outcome> {
  const parsed = parseCommandLine([...words]);
  if (parsed.type !== "run") throw new Error(`${words.join(" ")} runs nothing`);
  const stdout: string[] = [];
  const stderr: string[] = [];
  const host: Host = {
    packaging: {
      form: "packed",
      file: "/opt/codex",
      runtimeDir: null,
      isVerifiedAtStart: false,
      command: ["/opt/codex"],
      ...world.packaging,
    },
    env: world.env ?? {},
    cwd: world.cwd ?? "/work",
    clock: systemClock(),
    randomId: () => crypto.randomUUID(),
    randomBytes: (length) => new Uint8Array(length),
    stdin: {
      readAll: () => Promise.resolve(""),
      readable: new ReadableStream(),
      isTerminal: false,
    },
    stdout: collector(stdout),
    stderr: collector(stderr),
  };
  const code = await run({ args: parsed.args, host });
  return { code, stdout: stdout.join(""), stderr: stderr.join("") };
}

function collector(sink: string[]): TextWriter {
  return {
    write: (text) => sink.push(text) > 0,
    gone: new AbortController().signal,
    isTerminal: false,
  };
}
