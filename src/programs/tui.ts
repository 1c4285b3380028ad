/** The terminal interface: connects to a server, its own or one elsewhere, and gives it the terminal; draws nothing itself. */
import type { Args } from "../cli/args.ts";
import { ReconnectingClient } from "../client/reconnect.ts";
import { CliError, messageOf } from "../lib/errors.ts";
import { sanitizeText } from "../lib/sanitize.ts";
import { shownShellWord } from "../lib/shell_word.ts";
import { canMoveCursor } from "../lib/terminal_kind.ts";
import { VERSION } from "../lib/version.ts";
import { CLOSE_CODES, exitCodeOfClose } from "../rpc/close_codes.ts";
import { RpcError } from "../rpc/jsonrpc.ts";
import type { Transport } from "../rpc/transport.ts";
import type { AppStart } from "../tui/app.ts";
import { holdRuntime } from "./hold_runtime.ts";
import type { Host, Invocation } from "./host.ts";
import { checkHome, checkOwnFolder, checkServerFolder } from "./tui/check_folder.ts";
import { childServer } from "./tui/child_server.ts";
import { isSettled } from "./tui/quick_look.ts";
import { remoteAddress } from "./tui/remote_address.ts";
import type { RemoteServer } from "./tui/remote_server.ts";
import type { Seeker } from "./tui/resolve_start.ts";
import type { RunExit } from "./tui/run_app.ts";
import { startOf, type Target } from "./tui/target.ts";
import { ownWishes, remoteWishes } from "./tui/wishes.ts";

/** Runs until the person leaves; the exit code says why where it was not the person (`rpc/close_codes.ts`). */
export async function run({ args, host }: Invocation): Promise<number> {
  const start = startOf(args);
  requireTerminal(host, start.target);
  const remote = await namedServer(args, host);
  if (!remote) {
    checkOwnFolder(args, host);
    checkHome(host);
  }
  const isDecided = remote !== null || !canMoveCursor(host.env) || isSettled(args, host);
  const overrides = isDecided ? [] : await askFirst(args, host);
  const dial = remote
    ? (signal: AbortSignal) => remote.connect(signal)
    : childServer(args, { host, overrides });
  // Loaded while the server starts.
  const loading = import("./tui/run_app.ts");
  loading.catch(() => null);
  const client = await connect(dial, { host, remote });
  holdRuntime(host);
  try {
    const isRemote = remote !== null;
    const serverFlags = remote?.flags ?? "";
    if (isRemote) await checkServerFolder(client, args);
    const { target } = start;
    if (target.type !== "new" && !canMoveCursor(host.env)) {
      const { pickPlainly } = await import("./tui/plain_pick.ts");
      await pickPlainly(client, { target, args, host, isRemote, serverFlags });
      return 0;
    }
    const { runApp } = await loading;
    const exit = await runApp({
      args,
      host,
      client,
      remote,
      wishes: isRemote
        ? await remoteWishes(args, () => ossProviderOf(client))
        : await ownWishes(args, { host, overrides }),
      start: await appStart(client, target, { args, host, isRemote }),
      prompt: start.prompt,
      images: start.images,
    });
    return report(exit, { host, serverFlags });
  } finally {
    client.close();
  }
}

/** Null where the interface has one of its own. What it takes to reach others is loaded for them only. */
async function namedServer(args: Args, host: Host): Promise<RemoteServer | null> {
  const address = remoteAddress(args, host);
  if (address === null) return null;
  const { remoteServer } = await import("./tui/remote_server.ts");
  return remoteServer(address, { args, host });
}

function requireTerminal(host: Host, target: Target): void {
  const { stdin, stdout, env } = host;
  const way = `without one there is ${batchForm(target)}`;
  // deno-lint-ignore codex/error-message -- Upstream's words; scripts look for them.
  if (!stdin.isTerminal) throw new CliError(`stdin is not a terminal; ${way}`);
  // deno-lint-ignore codex/error-message -- As above.
  if (!stdout.isTerminal) throw new CliError(`stdout is not a terminal; ${way}`);
  if (canMoveCursor(env) || isPlainPick(target)) return;
  throw new CliError(
    `The terminal (TERM=${env["TERM"] ?? ""}) cannot move its cursor; use ${batchForm(target)}, ` +
      "or set TERM to what it is, for example xterm-256color",
  );
}

function batchForm({ type }: Target): string {
  return type === "resume" ? "`codex exec resume --last PROMPT`" : "`codex exec PROMPT`";
}

/** A list to choose from needs no more than lines. */
function isPlainPick(target: Target): boolean {
  return target.type === "resume" && target.which.type === "picked";
}

async function appStart(
  client: ReconnectingClient,
  target: Target,
  seeker: Seeker,
): Promise<AppStart> {
  if (target.type === "new") return target;
  const { resolveStart } = await import("./tui/resolve_start.ts");
  return await resolveStart(client, { target, ...seeker });
}

async function ossProviderOf(client: ReconnectingClient): Promise<string | null> {
  const { config } = await client.request("config/read", {});
  const provider: unknown = Object(config)["oss_provider"];
  return typeof provider === "string" ? provider : null;
}

async function askFirst(args: Args, host: Host): Promise<readonly string[]> {
  const { askFirst } = await import("./first_questions.ts");
  return await askFirst(args, host);
}

async function connect(
  dial: (signal: AbortSignal) => Promise<Transport>,
  { host, remote }: { readonly host: Host; readonly remote: RemoteServer | null },
): Promise<ReconnectingClient> {
  const { clock } = host;
  try {
    return await ReconnectingClient.connect({
      connect: dial,
      isFinal: (error) => remote?.isFinal(error) ?? false,
      clock,
      random: () => (host.randomBytes(4)[0] ?? 0) / 256,
      newKey: () => host.randomId(),
      client: {
        clientInfo: { name: "codex-tui", title: "Codex", version: VERSION },
        capabilities: {
          experimentalApi: true,
          sessionExtensions: ["numberedEvents", "idempotency", "clients", "methods"],
        },
      },
    });
  } catch (error) {
    if (error instanceof CliError) throw error;
    const text = error instanceof RpcError ? error.message : messageOf(error);
    const cause = { cause: error };
    if (!remote) {
      throw new CliError(`The server of this interface did not start: ${text}`, 1, cause);
    }
    const { connectHint } = await import("./tui/connect_hint.ts");
    const hint = connectHint(error);
    throw new CliError(hint === null ? text : `${text}\n${hint}`, 1, cause);
  }
}

/** What a person wants to read when the screen is gone. */
function report(
  { end, threadId, totalTokens, unsent }: RunExit,
  { host: { stdout, stderr }, serverFlags }: {
    readonly host: Host;
    /** What names the server on a command line. */
    readonly serverFlags: string;
  },
): number {
  if (totalTokens !== null && totalTokens > 0) stdout.write(`Token usage: ${totalTokens}\n`);
  if (threadId !== null) {
    const id = shownShellWord(threadId);
    stdout.write(`To continue this session, run codex resume ${id}${serverFlags}\n`);
  }
  for (const text of unsent) stderr.write(`Not sent: ${sanitizeText(text)}\n`);
  switch (end.type) {
    case "quit":
      return 0;
    case "terminalEnd":
      return end.exitCode;
    case "failed":
      throw new CliError(end.message);
    case "disconnected": {
      const meaning = Object.values(CLOSE_CODES).find(({ code }) => code === end.code)?.meaning;
      const text = meaning === undefined ? end.reason : `${meaning}: ${end.reason}`;
      throw new CliError(`Disconnected. ${text}`, exitCodeOfClose(end.code));
    }
  }
}
