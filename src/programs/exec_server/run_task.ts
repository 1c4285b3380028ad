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
    return await runTask(client, { params, report });
  };
}

const INTERRUPTED: TaskOutcome = { status: "interrupted", lastMessage: null, error: null };

async function runTask(
  client: Client,
  { params, report }: { readonly params: TaskParams; readonly report: TaskReport },
): Promise<TaskOutcome> {
  const threadId = await openThread(client, params);
  report.opened(threadId);
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
async function openThread(client: Client, params: TaskParams): Promise<string> {
  const { cwd, model, sandbox, config, threadId, ephemeral } = params;
  const settings = {
    cwd,
    approvalPolicy: "never",
    model: model ?? null,
    sandbox: sandbox ?? null,
    config: config ?? null,
  } satisfies Params<"thread/start">;
  const { thread } = threadId
    ? await client.request("thread/resume", { ...settings, threadId })
    : await client.request("thread/start", { ...settings, ephemeral: ephemeral ?? false });
  return thread.id;
}
