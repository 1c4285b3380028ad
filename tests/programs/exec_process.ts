/** Runs the real `codex` from source as a process, with its own home, project and mock model. */
import { type MockAnswer, type MockModel, startMockModel } from "../support/mock_model.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

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
  readonly stdin?: string;
  readonly cwd?: string;
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

/** The words that start `codex` from source. */
export function codexCommand(): readonly string[] {
  return [Deno.execPath(), "run", "-A", "--no-check", "--quiet", "--config", CONFIG, MAIN];
}

/** Starts `codex` with the given words; stdin is closed after its text. */
export async function startCodex(
  place: Place,
  words: readonly string[],
  options: StartOptions = {},
): Promise<Deno.ChildProcess> {
  const [program = "", ...args] = codexCommand();
  const child = new Deno.Command(program, {
    args: [...args, ...words],
    cwd: options.cwd ?? place.project,
    env: { ...place.env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(options.stdin ?? ""));
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
