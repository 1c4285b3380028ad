/** Runs one task as `codex exec --json` runs a prompt: as a client of a server in this process. */
import type { Client } from "../../client/client.ts";
import { connectInProcess } from "../../client/in_process.ts";
import { VERSION } from "../../lib/version.ts";
import type { Params } from "../../protocol/mod.ts";
import type { Server } from "../../server/server.ts";
import type { RunTask, TaskOutcome, TaskReport } from "../../server/tasks.ts";
import { initialJsonlState, type JsonlEvent, reduceJsonl } from "../exec/jsonl_events.ts";
import { runTurn, turnInput } from "../exec/run_turn.ts";

type TaskParams = Parameters<RunTask>[0];

/** Runs tasks on a server; each is a client of its own, so that none hears of another. */
export function taskRunner(server: Server): RunTask {
  return async (params, report) => {
    using client = await connectInProcess(server, {
      clientInfo: { name: "codex_exec", title: "Codex Exec", version: VERSION },
      capabilities: { experimentalApi: true },
    });
    if (report.signal.aborted) return INTERRUPTED;
    let threadId: string | null = null;
    const opened: TaskReport["opened"] = (thread) => {
      threadId = thread.id;
      report.opened(thread);
    };
    try {
      return await runTask(client, { params, report: { ...report, opened } });
    } finally {
      // A thread that stays loaded keeps its settings, whatever the next task for it asks for, and its commands.
      if (threadId !== null) (await server.runtime()).agent.threads.unload(threadId);
    }
  };
}

const INTERRUPTED: TaskOutcome = { status: "interrupted", lastMessage: null, error: null };

async function runTask(
  client: Client,
  { params, report }: { readonly params: TaskParams; readonly report: TaskReport },
): Promise<TaskOutcome> {
  if (params.cwd !== null) await checkFolder(params.cwd);
  const thread = await openThread(client, params);
  report.opened(thread);
  const threadId = thread.id;
  const tell = (event: JsonlEvent) => report.event({ ...event });
  tell({ type: "thread.started", thread_id: threadId });
  let state = initialJsonlState;
  let error: string | null = null;
  const outcome = await runTurn(client, {
    threadId,
    input: turnInput(params.prompt, []),
    outputSchema: params.outputSchema ?? null,
  }, {
    signal: report.signal,
    onNotification: (notification) => {
      const step = reduceJsonl(state, notification);
      state = step.state;
      for (const event of step.events) {
        if (event.type === "turn.failed") error = event.error.message;
        tell(event);
      }
    },
  });
  const { status, lastMessage } = outcome;
  if (status === "completed") return { status, lastMessage, error: null };
  if (status === "failed") return { status, lastMessage, error: error ?? "The turn failed" };
  return { ...INTERRUPTED, lastMessage };
}

/** Nobody can be asked, so the approval policy is `never`. */
async function openThread(
  client: Client,
  params: TaskParams,
): Promise<{ readonly id: string; readonly cwd: string }> {
  const { cwd, model, sandbox, config, threadId, ephemeral } = params;
  const settings = {
    ...cwd === null ? {} : { cwd },
    approvalPolicy: "never",
    model: model ?? null,
    sandbox: sandbox ?? null,
    config: config ?? null,
  } satisfies Params<"thread/start">;
  const { thread, cwd: openedCwd } = threadId
    ? await client.request("thread/resume", { ...settings, threadId })
    : await client.request("thread/start", { ...settings, ephemeral: ephemeral ?? false });
  return { id: thread.id, cwd: openedCwd };
}

/** A thread may be opened anywhere; but work that nobody watches should not go on in a place that is not there. */
async function checkFolder(path: string): Promise<void> {
  try {
    if ((await Deno.stat(path)).isDirectory) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  throw new Error(`There is no folder ${path} to work in; give another cwd`);
}
