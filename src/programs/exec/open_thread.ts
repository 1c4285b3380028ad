/** Opens the thread of a run: a new one, the last one, or one by id or name; must not start a turn. */
import type { Client } from "../../client/client.ts";
import { CliError } from "../../lib/errors.ts";
import type { Result } from "../../protocol/mod.ts";
import { RpcError } from "../../rpc/jsonrpc.ts";
import { EVERY_SOURCE, findLast, findNamed } from "../find_thread.ts";
import type { ExecArgs } from "./exec_args.ts";

/** What the server said about the open thread. */
export type OpenedThread = Result<"thread/start">;

/** How a thread is opened. */
export interface OpenOptions {
  readonly args: ExecArgs;
  readonly cwd: string;
  /** The provider whose threads `--last` looks at. */
  readonly provider: string;
}

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
  const { args: { target }, cwd, provider } = options;
  switch (target.type) {
    case "new":
      return null;
    case "last":
      // Upstream looks at every kind of thread here, not only at the interactive ones.
      return await findLast(client, {
        sourceKinds: EVERY_SOURCE,
        modelProviders: [provider],
        ...target.anyDirectory ? {} : { cwd },
      });
    case "named": {
      const { idOrName } = target;
      const found = await findNamed(client, idOrName);
      if (found !== null) return found;
      throw new CliError(
        `No thread has the id or name "${idOrName}"; see \`codex exec resume --last\``,
      );
    }
  }
}
