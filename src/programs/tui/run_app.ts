/** Gives the interface this process's terminal, files and signals; must not know how the server was reached. */
import type { Args } from "../../cli/args.ts";
import type { ReconnectingClient } from "../../client/reconnect.ts";
import { CliError, messageOf } from "../../lib/errors.ts";
import { CLOSE_CODES } from "../../rpc/close_codes.ts";
import { App, type AppEnd, type AppExit, type AppStart } from "../../tui/app.ts";
import type { Desk, PromptHistory } from "../../tui/ports.ts";
import type { ThreadWishes } from "../../tui/session.ts";
import type { Draft } from "../../tui/session_port.ts";
import { backgroundFromEnv, terminalTraits } from "../../tui/terminal_traits.ts";
import { createLiveTheme } from "../../tui/theme.ts";
import { codexHomeOf, type Host } from "../host.ts";
import { openDesk } from "./desk.ts";
import { openPromptHistory } from "./prompt_history.ts";
import type { RemoteServer } from "./remote_server.ts";
import { ProcessTerminal, type TerminalEnd } from "./terminal.ts";
import { stopJob } from "./terminal_signals.ts";

/** What the interface is made of, and what to begin with. */
export interface RunAppOptions {
  readonly args: Args;
  readonly host: Host;
  readonly client: ReconnectingClient;
  readonly remote: RemoteServer | null;
  readonly wishes: ThreadWishes;
  readonly start: AppStart;
  readonly prompt: string | null;
  /** Paths on this machine. */
  readonly images: readonly string[];
}

/** As the interface tells it, or the end of the terminal. */
export type RunExit = Omit<AppExit, "end"> & {
  readonly end: AppEnd | { readonly type: "terminalEnd"; readonly exitCode: number };
};

/** Runs the interface to its end; the terminal is restored then. */
export async function runApp(options: RunAppOptions): Promise<RunExit> {
  const { args, host, client, remote, wishes, start } = options;
  const { env, clock } = host;
  const desk = openDesk({
    env,
    cwd: host.cwd,
    clock,
    lendTerminal: (run) => app.lendTerminal(run),
  });
  // Before the terminal, whose end is for the interface to hear of.
  const draft = await firstDraft(options, desk);
  const lost: { end: TerminalEnd | null } = { end: null };
  using terminal = new ProcessTerminal({
    env,
    onEnd: (end) => {
      lost.end = end;
      app.end({ type: "quit" });
    },
  });
  const traits = terminalTraits(env);
  const app = new App({
    client,
    wishes,
    start,
    remote: remote?.url ?? null,
    home: remote ? null : env["HOME"] ?? null,
    mode: args.isSet("no-alt-screen") || !traits.hasAlternateScreen ? "inline" : "alternate",
    look: createLiveTheme({
      colors: traits.colors > 0,
      hasPalette: traits.colors > 16,
      background: backgroundFromEnv(env) ?? "dark",
    }),
    draft,
    // A server that was told to stop is not coming back by itself.
    isOver: (code) => code === CLOSE_CODES.shutdown.code,
    ports: {
      terminal,
      clock,
      randomId: () => host.randomId(),
      history: promptHistory(options),
      desk,
      suspend: stopJob,
      attention: async () => {
        const { readAttentionSettings } = await import("./attention_settings.ts");
        return await readAttentionSettings(args, host);
      },
      env,
    },
  });
  remote?.screenOpened();
  const exit = await app.run();
  return lost.end ? { ...exit, end: { type: "terminalEnd", exitCode: lost.end.exitCode } } : exit;
}

/** As the configuration of this machine says, which a server on it knows; it is asked when something is to be written. */
function promptHistory({ host, client, remote }: RunAppOptions): PromptHistory {
  const path = `${codexHomeOf(host)}/history.jsonl`;
  const open = (isWritten: boolean, maxBytes: number | null) =>
    openPromptHistory({ path, clock: host.clock, isWritten, maxBytes });
  let opened: Promise<PromptHistory> | null = null;
  const openAsConfigured = async () => {
    if (remote) return open(true, null);
    const { config } = await client.request("config/read", {});
    const { persistence, max_bytes: maxBytes } = Object(Object(config).history);
    return open(persistence !== "none", typeof maxBytes === "number" ? maxBytes : null);
  };
  return {
    load: () => open(false, null).load(),
    async add(entry) {
      opened ??= openAsConfigured();
      // A server that cannot be asked does not come between a person and the prompt.
      const history = await opened.catch(() => null);
      await history?.add(entry);
    },
  };
}

async function firstDraft(
  { prompt, images }: RunAppOptions,
  desk: Desk,
): Promise<Draft | null> {
  if (prompt === null && images.length === 0) return null;
  try {
    return {
      text: prompt ?? "",
      images: await Promise.all(images.map((path) => desk.readImage(path))),
    };
  } catch (error) {
    throw new CliError(messageOf(error), 1, { cause: error });
  }
}
