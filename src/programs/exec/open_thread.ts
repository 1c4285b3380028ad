/** Opens the thread of a run: a new one, the last one, or one by id or name; must not start a turn. */
import type { Client } from "../../client/client.ts";
import { CliError } from "../../lib/errors.ts";
import type { Params, Result } from "../../protocol/mod.ts";
import { RpcError } from "../../rpc/jsonrpc.ts";
import type { ExecArgs, Target } from "./exec_args.ts";

/** What the server said about the open thread. */
export type OpenedThread = Result<"thread/start">;

/** How a thread is opened. */
export interface OpenOptions {
  readonly args: ExecArgs;
  readonly cwd: string;
  /** The provider whose threads `--last` looks at. */
  readonly provider: string;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const PAGE = 100;
/** Upstream looks at every kind of thread here, not only at the interactive ones. */
const EVERY_SOURCE = ["cli", "vscode", "exec", "appServer", "unknown"];

/** Opens the thread that the command line names. Nobody can be asked, so the policy is `never`. */
export async function openThread(client: Client, options: OpenOptions): Promise<OpenedThread> {
  const { args, cwd } = options;
  const threadId = await findThread(client, options);
  if (threadId === null) {
    return await client.request("thread/start", {
      cwd,
      approvalPolicy: "never",
      ephemeral: args.ephemeral,
      threadSource: args.threadSource,
    });
  }
  try {
    return await client.request("thread/resume", {
      threadId,
      cwd,
      approvalPolicy: "never",
      model: args.model,
    });
  } catch (error) {
    if (!(error instanceof RpcError)) throw error;
    // deno-lint-ignore codex/error-message -- Upstream's words; scripts look for them.
    throw new CliError(`thread/resume: thread/resume failed: ${error.message}`, 1, {
      cause: error,
    });
  }
}

/** Null for a new thread. Upstream starts one as well when `--last` finds nothing. */
async function findThread(client: Client, options: OpenOptions): Promise<string | null> {
  const { target } = options.args;
  switch (target.type) {
    case "new":
      return null;
    case "last":
      return await findLast(client, { ...options, target });
    case "named":
      return UUID.test(target.idOrName)
        ? target.idOrName
        : await findByName(client, target.idOrName);
  }
}

async function findLast(
  client: Client,
  { cwd, provider, target }: OpenOptions & { target: Extract<Target, { type: "last" }> },
): Promise<string | null> {
  const { data } = await client.request("thread/list", {
    ...query,
    limit: 1,
    modelProviders: [provider],
    ...target.anyDirectory ? {} : { cwd },
  });
  return data[0]?.id ?? null;
}

const query: Params<"thread/list"> = { sortKey: "updated_at", sourceKinds: EVERY_SOURCE };

/** The most recently used thread of that name. */
async function findByName(client: Client, name: string): Promise<string> {
  let cursor: string | null = null;
  do {
    const page: Result<"thread/list"> = await client.request("thread/list", {
      ...query,
      limit: PAGE,
      modelProviders: [],
      cursor,
    });
    const found = page.data.find((thread) => thread.name === name);
    if (found) return found.id;
    cursor = page.nextCursor;
  } while (cursor !== null);
  throw new CliError(`No thread has the id or name "${name}"; see \`codex exec resume --last\``);
}
