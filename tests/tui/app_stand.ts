/** The whole interface in this process, on an emulator, with a server that says whatever a test wants; tests nothing. */
import { ReconnectingClient } from "../../src/client/reconnect.ts";
import type { Clock } from "../../src/lib/clock.ts";
import { systemClock } from "../../src/programs/host.ts";
import { Connection } from "../../src/rpc/connection.ts";
import { memoryTransportPair } from "../../src/rpc/transport.ts";
import { App, type AppExit, type AppOptions } from "../../src/tui/app.ts";
import { type AttentionSettings, DEFAULT_ATTENTION } from "../../src/tui/attention.ts";
import { createLiveTheme } from "../../src/tui/theme.ts";
import type { EmulatorOptions } from "../support/emulator.ts";
import { FakeTerminal } from "../support/terminal.ts";
import { NO_DESK } from "./pane_world.ts";

export const THREAD_ID = "0199a213-81a0-7800-8aa1-bbab2a035a53";

/** What the server answers, by method, or a function of the params that makes it; others are refused. */
export type Answers = Readonly<Record<string, unknown>>;

/** A client, and the server at the other end of its newest connection. */
export interface Talk {
  readonly client: ReconnectingClient;
  readonly server: Connection;
}

export interface AppStand extends AsyncDisposable {
  readonly terminal: FakeTerminal;
  /** What the client was asked is answered by it. */
  readonly server: Connection;
  readonly app: App;
  readonly ended: Promise<AppExit>;
  /** Tells something about the open thread. */
  tell(method: string, params: Readonly<Record<string, unknown>>): void;
  /** Resolves when all that was told is on the screen. */
  drawn(): Promise<string>;
}

export interface StandOptions extends Partial<EmulatorOptions> {
  readonly answers?: Answers;
  readonly env?: Readonly<Record<string, string>>;
  readonly app?: Partial<AppOptions>;
  readonly clock?: Clock;
  /** What the person wants to be called for. */
  readonly attention?: AttentionSettings;
}

/** What a server says of a thread that is open. */
export function openedThread(thread: Readonly<Record<string, unknown>> = {}): object {
  return {
    thread: {
      id: THREAD_ID,
      preview: "",
      name: null,
      ephemeral: false,
      turns: [],
      modelProvider: "mock",
      cwd: "/work",
      ...thread,
    },
    model: "mock-model",
    modelProvider: "mock",
    cwd: "/work",
    approvalPolicy: "on-request",
    sandbox: { type: "dangerFullAccess" },
    reasoningEffort: null,
  };
}

const GREETING = {
  userAgent: "codex_cli_rs/0.120.0 (Linux)",
  codexHome: "/home",
  platformFamily: "unix",
  platformOs: "linux",
};

/** Connects a client to a server that is nothing but its answers. */
export async function startTalk(
  { answers = {}, clock = systemClock() }: Pick<StandOptions, "answers" | "clock"> = {},
): Promise<Talk> {
  const told: Answers = { initialize: GREETING, "thread/start": openedThread(), ...answers };
  const connect = () => {
    const [clientEnd, serverEnd] = memoryTransportPair();
    server = new Connection({
      transport: serverEnd,
      request: ({ method, params }) => {
        if (!Object.hasOwn(told, method)) throw new Error(`No such method: ${method}`);
        const answer = told[method];
        return typeof answer === "function" ? answer(params) : answer;
      },
      notification: () => {},
      closed: () => {},
    });
    return clientEnd;
  };
  let server: Connection;
  const client = await ReconnectingClient.connect({
    connect: () => Promise.resolve(connect()),
    client: { clientInfo: { name: "test", version: "1" } },
    clock,
    random: () => 0,
    newKey: () => crypto.randomUUID(),
  });
  return {
    client,
    get server() {
      return server;
    },
  };
}

/** Starts it, up to where a thread is open. */
export async function startStand(
  {
    answers = {},
    env = {},
    app: changes = {},
    clock = systemClock(),
    attention = DEFAULT_ATTENTION,
    ...size
  }: StandOptions = {},
): Promise<AppStand> {
  const { client, server } = await startTalk({ answers, clock });
  const terminal = new FakeTerminal(size);
  const app = new App({
    ports: {
      terminal,
      clock,
      randomId: () => crypto.randomUUID(),
      history: { load: () => Promise.resolve([]), add: () => Promise.resolve() },
      desk: NO_DESK,
      suspend: () => Promise.resolve(),
      attention: () => Promise.resolve(attention),
      env: { TERM: "xterm-256color", ...env },
    },
    client,
    remote: null,
    home: null,
    wishes: {},
    mode: "alternate",
    look: createLiveTheme({ colors: true, background: "dark" }),
    start: { type: "new" },
    draft: null,
    isOver: () => false,
    ...changes,
  });
  const ended = app.run();
  let marks = 0;
  const tell: AppStand["tell"] = (method, params) => {
    server.notify({ method, params: { threadId: THREAD_ID, ...params } });
  };
  await terminal.until("mock-model");
  return {
    terminal,
    server,
    app,
    ended,
    tell,
    async drawn() {
      const mark = `Mark ${++marks}`;
      tell("warning", { message: mark });
      return await terminal.until(new RegExp(`▲ ${mark}$`, "m"));
    },
    async [Symbol.asyncDispose]() {
      app.end({ type: "quit" });
      await ended;
      client.close();
      terminal.emulator.dispose();
    },
  };
}
