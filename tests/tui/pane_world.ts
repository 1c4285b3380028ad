/** What tests of views need: a theme, rows, a host that mounts views, a client over the server of a test; tests nothing. */
import { stripTerminalSequences, visibleWidth } from "pi-tui";
import assert from "node:assert/strict";
import { type ConnectionState, ReconnectingClient } from "../../src/client/reconnect.ts";
import type { Extension } from "../../src/protocol/extensions.ts";
import { EXTENSIONS } from "../../src/protocol/extensions.ts";
import { memoryTransportPair } from "../../src/rpc/transport.ts";
import { systemClock } from "../../src/programs/host.ts";
import type { Block, NoticeBlock } from "../../src/tui/blocks.ts";
import type { CommandContext } from "../../src/tui/commands/context.ts";
import type { PaneView } from "../../src/tui/pane/view.ts";
import type { Desk } from "../../src/tui/ports.ts";
import type { SessionPort, SessionSettings } from "../../src/tui/session_port.ts";
import { createTheme } from "../../src/tui/theme.ts";
import { FakeClock } from "../rpc/fake_clock.ts";
import { keyBytes } from "../support/keys.ts";
import type { TestServer } from "../support/server.ts";

/** Without colours, so that goldens are plain. */
export const PLAIN_THEME = createTheme({ colors: false, background: "dark" });
export const COLOR_THEME = createTheme({ colors: true, background: "dark" });

/** The rows as people see them. */
export function plainRows(view: { render(width: number): string[] }, width: number): string[] {
  return view.render(width).map((row) => stripTerminalSequences(row).trimEnd());
}

/** Throws when a row is too wide, or has anything in it but text and styles of ours. */
export function assertSafe(rows: readonly string[], width: number): void {
  for (const row of rows) {
    assert.ok(
      visibleWidth(row) <= width,
      `${visibleWidth(row)} > ${width}: ${JSON.stringify(row)}`,
    );
    // deno-lint-ignore no-control-regex -- It is about control characters.
    const foreign = row.replace(/\u001b\[[0-9;]*m|\u001b_pi:c\u0007/g, "");
    assert.doesNotMatch(
      foreign,
      // deno-lint-ignore no-control-regex -- See above.
      /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/,
      JSON.stringify(row),
    );
    assert.ok(foreign.isWellFormed());
  }
}

/** Text that has been made to break things. */
export const NASTY = [
  "\u001b]52;c;aGk=\u0007",
  "\u001b[2J\u001b[H",
  "\u009b31m",
  "\u202egpj.exe\u202c",
  "漢字かな交じり文",
  "👨‍👩‍👧‍👦👍🏽🇩🇪",
  "e\u0301\u0301\u0301",
  "\u0301",
  "\ud800",
  "a\tb\rc",
  "\u200b\u2060\ufeff",
  "\u2028line",
  "नमस्ते",
  "\u1160\u3164",
  "x".repeat(300),
  "two\nlines",
];

/** Views that are mounted, the newest last. */
export class FakeHost {
  readonly views: PaneView[] = [];

  show(view: PaneView): () => void {
    this.views.push(view);
    return () => void this.views.splice(this.views.indexOf(view), 1);
  }

  get view(): PaneView {
    const view = this.views.at(-1);
    assert.ok(view, "No view is mounted");
    return view;
  }

  press(...keys: readonly string[]): void {
    for (const key of keys) this.view.handleInput(keyBytes(key));
  }

  type(text: string): void {
    for (const character of text) this.view.handleInput(character);
  }

  text(width: number): string {
    return plainRows(this.view, width).join("\n");
  }
}

/** Tells when something may have changed. */
export class Changes {
  #waiting: (() => void)[] = [];

  readonly changed = (): void => {
    for (const resolve of this.#waiting.splice(0)) resolve();
  };

  /** Resolves as soon as the condition holds, looking at it after each change. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => void this.#waiting.push(resolve));
  }
}

/** A client that comes back, on the server of a test. */
export async function connectTo(
  { server }: TestServer,
  { extensions = EXTENSIONS, name = "test" }: {
    readonly extensions?: readonly Extension[];
    readonly name?: string;
  } = {},
): Promise<ReconnectingClient> {
  return await ReconnectingClient.connect({
    connect: () => {
      const [clientEnd, serverEnd] = memoryTransportPair();
      server.accept(serverEnd);
      return Promise.resolve(clientEnd);
    },
    client: {
      clientInfo: { name, version: "1" },
      capabilities: { experimentalApi: true, sessionExtensions: extensions },
    },
    clock: systemClock(),
    random: () => 0,
    newKey: () => crypto.randomUUID(),
  });
}

/** A server that is nothing but its answers. */
export function fakeClient(
  answers: Readonly<Record<string, (params: never) => unknown>>,
): { readonly client: ReconnectingClient; readonly calls: { method: string; params: unknown }[] } {
  const calls: { method: string; params: unknown }[] = [];
  const request = async (method: string, params: never) => {
    calls.push({ method, params });
    const answer = answers[method];
    if (!answer) throw new Error(`No such method: ${method}`);
    return await answer(params);
  };
  const state: ConnectionState = { type: "connected" };
  const fake: unknown = {
    request,
    call: request,
    on: () => () => {},
    state,
    serverInfo: { userAgent: "codex_cli_rs/0.120.0 (Linux)", clientId: "me" },
  };
  return { client: asClient(fake), calls };
}

function asClient(fake: unknown): ReconnectingClient {
  const isClient = (_value: unknown): _value is ReconnectingClient => true;
  if (!isClient(fake)) throw new Error("Unreachable");
  return fake;
}

export const SETTINGS: SessionSettings = {
  model: "gpt-5.2-codex",
  modelProvider: "openai",
  effort: "medium",
  cwd: "/work/project",
  approvalPolicy: "on-request",
  sandbox: {
    type: "workspaceWrite",
    writableRoots: [],
    networkAccess: false,
    excludeTmpdirEnvVar: false,
    excludeSlashTmp: false,
  },
};

/** A session that remembers what it was asked for. */
export function fakeSession(
  client: ReconnectingClient,
  members: Partial<SessionPort> = {},
): { readonly session: SessionPort; readonly asked: string[] } {
  const asked: string[] = [];
  const ask = (what: string) => {
    asked.push(what);
    return Promise.resolve();
  };
  const session: SessionPort = {
    client,
    thread: { id: "thread-1", name: null, preview: "" },
    settings: SETTINGS,
    running: null,
    usage: null,
    clients: [],
    clientId: "me",
    sending: [],
    queued: [],
    onChange: () => () => {},
    submit: ({ text }) => ask(`submit ${text}`),
    queue: () => {},
    unqueue: () => null,
    interrupt: () => ask("interrupt"),
    shell: (command) => ask(`shell ${command}`),
    startNew: () => ask("startNew"),
    resume: (id) => ask(`resume ${id}`),
    fork: (id) => ask(`fork ${id}`),
    rename: (name) => ask(`rename ${name}`),
    change: (settings) => void asked.push(`change ${JSON.stringify(settings)}`),
    has: () => true,
    ...members,
  };
  return { session, asked };
}

/** A machine that has nothing. */
export const NO_DESK: Desk = {
  readImage: () => Promise.reject(new Error("No images")),
  clipboardImage: () => Promise.resolve(null),
  copy: () => Promise.resolve(false),
  edit: () => Promise.resolve(null),
  editorProblem: null,
};

/** A context of commands, and what they did with it. */
export function fakeContext(
  session: SessionPort,
  members: Partial<CommandContext> & { readonly blocks?: readonly Block[] } = {},
) {
  const host = new FakeHost();
  const changes = new Changes();
  const did: string[] = [];
  const notices: { level: NoticeBlock["level"]; text: string }[] = [];
  const context: CommandContext = {
    session,
    conversation: {
      blocks: members.blocks ?? [],
      generation: 0,
      notice: (level, text) => {
        notices.push({ level, text });
        changes.changed();
      },
    },
    desk: NO_DESK,
    clock: new FakeClock(),
    theme: PLAIN_THEME,
    requestRender: changes.changed,
    maxRows: () => 16,
    show: (view) => {
      const close = host.show(view);
      changes.changed();
      return close;
    },
    rateLimits: { all: [] },
    composer: {
      isEmpty: true,
      setText: (text) => void did.push(`setText ${text}`),
      insert: (text) => void did.push(`insert ${text}`),
    },
    serverName: "ws://box:4500",
    version: "1.2.3",
    copyByTerminal: (text) => {
      did.push(`copyByTerminal ${text}`);
      return true;
    },
    redraw: () => void did.push("redraw"),
    quit: () => void did.push("quit"),
    ...members,
  };
  return { context, host, did, notices, changes };
}
