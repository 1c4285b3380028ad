/** The real interface on a terminal, with its servers and a scripted model; must not know what is tested. */
import assert from "node:assert/strict";
import { Client } from "../../src/client/client.ts";
import { readProcess } from "../../src/exec/process_table.ts";
import { systemClock } from "../../src/programs/host.ts";
import { dial, type SocketServer, startSocketServer } from "../programs/socket_server.ts";
import { SOURCE } from "../support/forms.ts";
import {
  type MockAnswer,
  type MockModel,
  say,
  type ScriptedResponse,
  startMockModel,
} from "../support/mock_model.ts";
import { type Screen, type ScreenOptions, startScreen } from "../support/screen.ts";

/** Where the interface lives, and what it talks to. Disposing it removes everything. */
export interface AppWorld extends AsyncDisposable {
  readonly model: MockModel;
  /** The home folder of the person, above the others. */
  readonly root: string;
  readonly home: string;
  /** An empty Git project. */
  readonly project: string;
  readonly env: Readonly<Record<string, string>>;
  /** Starts the interface with these words, on a terminal of its own. */
  start(words?: readonly string[], options?: ScreenOptions): Promise<Screen>;
  /** The same, up to where somebody can type. */
  open(words?: readonly string[], options?: ScreenOptions): Promise<Screen>;
  /** Starts a server on its own, at this address. */
  serve(listen: string, words?: readonly string[]): Promise<SocketServer>;
}

export interface WorldOptions {
  readonly responses?: readonly MockAnswer[];
  /** More lines of config.toml. */
  readonly config?: string;
  /** What the model calls a thread; nothing unless said otherwise, so that threads keep the name that they begin with. */
  readonly title?: string;
}

/** Shown by an empty composer. */
export const READY = "Ask for anything";

const SETTINGS = 'model = "mock-model"\napproval_policy = "untrusted"\n';

/** Makes a home, a project and a model. */
export async function makeWorld(
  { responses = [], config = "", title }: WorldOptions = {},
): Promise<AppWorld> {
  const root = await Deno.realPath(await Deno.makeTempDir({ prefix: "codex_tui_" }));
  const answer = title === undefined ? "Nothing comes to mind" : JSON.stringify({ title });
  const model = await startMockModel({ responses, aside: (text) => asideOf(text, answer) });
  const [home, project] = [`${root}/home`, `${root}/project`];
  await Deno.mkdir(home);
  await Deno.mkdir(`${project}/.git`, { recursive: true });
  await Deno.writeTextFile(
    `${home}/config.toml`,
    configText({ url: model.url, project, settings: `${SETTINGS}${config}` }),
  );
  const env = { HOME: root, CODEX_HOME: home, MOCK_KEY: "key", ...SOURCE.env };
  const place = { project, env: { ...env, LOG_FORMAT: "", RUST_LOG: "" } };
  const start = (words: readonly string[] = [], options: ScreenOptions = {}) =>
    startScreen(SOURCE.command, words, {
      cwd: project,
      ...options,
      env: { ...env, ...options.env },
    });
  return {
    model,
    root,
    home,
    project,
    env,
    start,
    async open(words, options) {
      const screen = await start(words, options);
      try {
        await screen.until((text) => text.includes(READY) && text.includes("mock-model"), {
          why: "the first screen",
        });
        return screen;
      } catch (error) {
        await screen[Symbol.asyncDispose]();
        throw error;
      }
    },
    serve: (listen, words = []) => startSocketServer(place, ["--listen", listen, ...words]),
    async [Symbol.asyncDispose]() {
      await model.close();
      await Deno.remove(root, { recursive: true });
    },
  };
}

/** The interface asks for the name of a thread whenever it likes. */
function asideOf(text: string, answer: string): ScriptedResponse | null {
  return text.includes("Name the task below") ? say(answer) : null;
}

/** The configuration with the mock model alone. */
export function configText({ url, project, settings }: {
  readonly url: string;
  readonly project: string;
  /** Lines before the first table. */
  readonly settings: string;
}): string {
  return `model_provider = "mock"
sandbox_mode = "danger-full-access"
${settings}
[model_providers.mock]
name = "Mock"
base_url = "${url}"
wire_api = "responses"
env_key = "MOCK_KEY"
request_max_retries = 0
stream_max_retries = 0
[projects."${project}"]
trust_level = "trusted"
`;
}

/** Another client of the same server, with the extensions that tell who else is there. */
export async function meetNamed(url: string, name: string): Promise<Client> {
  return await Client.connect(await dial(url), {
    clientInfo: { name, version: "1" },
    capabilities: { experimentalApi: true, sessionExtensions: ["clients", "methods"] },
    clock: systemClock(),
  });
}

/** Far longer than any machine needs. */
const DEADLINE_MS = 60_000;

/** How the program ended; rejects with the screen when it does not. */
export async function ended(screen: Screen): Promise<{ code: number; signal: string | null }> {
  const late = Promise.withResolvers<never>();
  const fail = () => late.reject(new Error(`The program goes on:\n${screen.text()}`));
  const timer = setTimeout(fail, DEADLINE_MS);
  try {
    return await Promise.race([screen.exit, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Types a line and sends it. */
export function enter(screen: Screen, text: string): void {
  screen.type(text);
  screen.press("enter");
}

const SPINNER = /[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/;
/** More signs than pass while a question takes no key. */
const SIGNS_MIN = 6;

/**
 * Waits until a question that the screen shows takes keys: it takes none at first, so that nobody answers what has just
 * appeared. How the time of the program passes is seen by the sign that moves while a turn runs.
 */
export async function untilAnswerable(screen: Screen, question: string | RegExp): Promise<string> {
  await screen.until(question);
  let count = 0;
  let last = "";
  return await screen.until((text) => {
    const sign = SPINNER.exec(text)?.[0] ?? "";
    if (sign !== last) count++;
    last = sign;
    return count > SIGNS_MIN;
  }, { why: `the question ${question} to take keys` });
}

/** Answers the question on the screen. */
export async function answer(
  screen: Screen,
  question: string | RegExp,
  key: string,
): Promise<void> {
  await untilAnswerable(screen, question);
  screen.press(key);
}

/** The screen without what differs from run to run; empty rows between conversation and composer as one. */
export function masked(text: string, { root }: Pick<AppWorld, "root">): string {
  return text
    .replaceAll(root, "~")
    .replace(new RegExp(SPINNER, "g"), "⠋")
    .replace(/\((?:\d+[hms] ?)+ · Esc/g, "(0s · Esc")
    .replace(/\n +worked for [^\n]+/g, "")
    .replace(/[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g, "<id>")
    .replace(/\n{3,}/g, "\n\n");
}

/** The server that the interface has started. */
export async function childOf(screen: Screen): Promise<number> {
  const pids = (await Array.fromAsync(Deno.readDir("/proc"))).map(({ name }) => Number(name));
  const child = pids.find((pid) => pid > 0 && readProcess(pid)?.parent === screen.pid);
  assert.ok(child);
  return child;
}
