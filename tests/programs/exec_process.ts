/** Runs the real `codex` as a process, in any form, with its own home, project and mock model. */
import { type Form, SOURCE } from "../support/forms.ts";
import { type MockAnswer, type MockModel, startMockModel } from "../support/mock_model.ts";

/** Where a process lives and what it talks to. */
export interface Place {
  readonly model: MockModel;
  /** An empty Git project. */
  readonly project: string;
  /** An existing directory outside of any project. */
  readonly outside: string;
  readonly home: string;
  readonly env: Readonly<Record<string, string>>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a process printed, and how it ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a process is started. */
export interface StartOptions {
  /** The form to start; from source unless said otherwise. */
  readonly form?: Form;
  /** What it reads; null leaves its input open, for the test to close. */
  readonly stdin?: string | null;
  readonly cwd?: string;
  /** Variables beside those of the place. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A temp directory with a home, a project and a model that answers from a script. */
export async function makePlace(...responses: readonly MockAnswer[]): Promise<Place> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "codex_exec_" }));
  const model = await startMockModel({ responses });
  for (const folder of ["home", "project/.git", "outside"]) {
    await Deno.mkdir(`${root}/${folder}`, { recursive: true });
  }
  const home = `${root}/home`;
  await Deno.writeTextFile(`${home}/config.toml`, configText(model.url));
  return {
    model,
    project: `${root}/project`,
    outside: `${root}/outside`,
    home,
    env: { CODEX_HOME: home, MOCK_KEY: "key", NO_COLOR: "1", LOG_FORMAT: "", RUST_LOG: "" },
    async [Symbol.asyncDispose]() {
      await model.close();
      await Deno.remove(root, { recursive: true });
    },
  };
}

function configText(url: string): string {
  return `model = "mock-model"
model_provider = "mock"
[model_providers.mock]
name = "Mock"
base_url = "${url}"
wire_api = "responses"
env_key = "MOCK_KEY"
request_max_retries = 0
stream_max_retries = 0
`;
}

/** Starts `codex` with the given words. */
export async function startCodex(
  place: Place,
  words: readonly string[],
  options: StartOptions = {},
): Promise<Deno.ChildProcess> {
  const { form = SOURCE, cwd = place.project, stdin = "", env } = options;
  const [program = "", ...args] = form.command;
  const child = new Deno.Command(program, {
    args: [...args, ...words],
    cwd,
    env: { ...place.env, ...form.env, ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  if (stdin === null) return child;
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin));
  await writer.close();
  return child;
}

/** Runs `codex` to its end. */
export async function runCodex(
  place: Place,
  words: readonly string[],
  options: StartOptions = {},
): Promise<Ended> {
  const child = await startCodex(place, words, options);
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Lines of JSON as values. */
export function jsonLines(text: string): Record<string, unknown>[] {
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}
