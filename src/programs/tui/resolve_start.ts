/** Finds the thread that the interface is to begin with; must not open it. */
import type { Args } from "../../cli/args.ts";
import { CliError, messageOf } from "../../lib/errors.ts";
import { RpcError } from "../../rpc/jsonrpc.ts";
import type { AppStart } from "../../tui/app.ts";
import { cwdOfArgs } from "../config_options.ts";
import { findLast, isThreadId, type Requester, threadsNamed } from "../find_thread.ts";
import type { Params } from "../../protocol/mod.ts";
import type { Host } from "../host.ts";
import type { EarlierThread } from "./target.ts";

/** Who looks for a thread, and where the server is. */
export interface Seeker {
  readonly args: Args;
  readonly host: Host;
  readonly isRemote: boolean;
}

/** Kinds of threads that a person has begun. */
const INTERACTIVE: readonly string[] = ["cli", "vscode", "appServer"];
/** As many threads of one name as somebody looks through. */
const NAMESAKES_MAX = 50;

/** Asks the server where the command line leaves the choice to it; throws where there is no such thread. */
export async function resolveStart(
  client: Requester,
  { target, ...seeker }: Seeker & { readonly target: EarlierThread },
): Promise<AppStart> {
  const { type, which } = target;
  switch (which.type) {
    case "picked":
      return { type: "pick", then: type, cwd: folderOf(target, seeker) };
    case "named":
      return { type, threadId: await idOf(which.name, { client, host: seeker.host, type }) };
    case "last": {
      const threadId = await findLast(client, queryOf(target, seeker));
      // Upstream starts a new one as well.
      return threadId === null ? { type: "new" } : { type, threadId };
    }
  }
}

/** What lists the threads that are meant. */
export function queryOf(target: EarlierThread, seeker: Seeker): Params<"thread/list"> {
  const cwd = folderOf(target, seeker);
  return {
    modelProviders: [],
    ...target.isOfExecToo ? { sourceKinds: [...INTERACTIVE, "exec"] } : {},
    ...cwd === null ? {} : { cwd },
  };
}

/** The folder whose threads are meant; null for all of them. */
export function folderOf(
  { isEverywhere }: EarlierThread,
  { args, host, isRemote }: Seeker,
): string | null {
  if (isEverywhere) return null;
  if (!isRemote) return cwdOfArgs(args, host);
  // A folder of this machine means nothing on another one, and only that one knows where a relative path begins.
  const asked = args.text("cd");
  return asked !== null && asked.startsWith("/") ? asked : null;
}

async function idOf(
  word: string,
  { client, host, type }: {
    readonly client: Requester;
    readonly host: Host;
    readonly type: EarlierThread["type"];
  },
): Promise<string> {
  const nobody = `No thread has the id or name "${word}"; see \`codex ${type} --all\``;
  if (isThreadId(word)) return await knownId(client, word, nobody);
  const found = await namesakes(client, word);
  const [first, second] = found;
  if (!first) throw new CliError(nobody);
  if (!second) return first.id;
  const { chooseThread } = await import("./choose_thread.ts");
  return await chooseThread(host, {
    message: `${found.length} threads are called "${word}". Which one?`,
    threads: found,
  });
}

/** Asked before there is a screen, where the answer can be read. */
async function knownId(
  client: Requester,
  threadId: string,
  nobody: string,
): Promise<string> {
  try {
    await client.request("thread/read", { threadId, includeTurns: false });
    return threadId;
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    const isUnknown = /not loaded|not found|no rollout/i.test(messageOf(error));
    throw new CliError(isUnknown ? nobody : messageOf(error), 1, { cause: error });
  }
}

async function namesakes(client: Requester, name: string) {
  const found = [];
  for await (const thread of threadsNamed(client, name)) {
    if (found.push(thread) >= NAMESAKES_MAX) break;
  }
  return found;
}
