/** Handlers of `task/*`, as an extension of the exec-server; must not know how tasks run. */
import type { ExecExtension } from "../../exec/exec_server.ts";
import type { Session } from "../../exec/exec_server/session.ts";
import { absolutePath } from "../../lib/absolute_path.ts";
import { placeOf } from "../../protocol/exec_server_fields.ts";
import type { ResultOf } from "../../protocol/method.ts";
import { requests, type TaskParams, type TaskRequests } from "../../protocol/task.ts";
import { encodeNotification, rpcCodes, RpcError } from "../../rpc/jsonrpc.ts";
import type { TaskListener, Tasks } from "../tasks.ts";

/** A handler for each method; a missing one is a compile error. */
type Handlers = {
  readonly [M in keyof TaskRequests]: (
    params: TaskParams<M>,
    session: Session,
  ) => ResultOf<TaskRequests[M]>;
};

/** Written as a method, because TypeScript then lets a handler of typed params stand for one of any. */
interface Untyped {
  handler(params: unknown, session: Session): unknown;
}

/** The methods of tasks. `cwd` is where a task works that names no folder. */
export function taskExtension(
  tasks: Tasks,
  { cwd }: { readonly cwd: string },
): ExecExtension {
  const handlers: Handlers = {
    "task/start": (params, session) => {
      if (params.prompt.trim() === "") {
        throw new RpcError(rpcCodes.invalidParams, "prompt must not be empty", {
          reason: "emptyPrompt",
        });
      }
      const listener = listenerOf(session);
      const task = tasks.start({ ...params, cwd: folderOf(params, cwd) }, listener);
      listener.started(task.id, () => tasks.interrupt(task.id));
      return { task };
    },
    "task/interrupt": ({ taskId }) => {
      if (tasks.interrupt(taskId)) return {};
      throw new RpcError(rpcCodes.invalidRequest, `unknown task id ${taskId}`, {
        reason: "unknownTask",
      });
    },
    "task/list": () => ({ data: tasks.list() }),
  };
  const table: Readonly<Record<string, Untyped["handler"]>> = handlers;
  return {
    requests,
    handle: (method, params, { session }) => table[method]?.(params, session),
  };
}

function folderOf(params: TaskParams<"task/start">, serverCwd: string): string | null {
  const place = params.cwd ? placeOf(params.cwd) : null;
  if (place !== null) return absolutePath(place, "/");
  return params.threadId ? null : serverCwd;
}

/** Tells the session of a task what happens, and ends the task with it. */
function listenerOf(session: Session): TaskListener & {
  started(taskId: string, interrupt: () => void): void;
} {
  let taskId = "";
  let release = () => {};
  return {
    started(id, interrupt) {
      taskId = id;
      release = session.onEnd(interrupt);
    },
    event(event) {
      const text = encodeNotification({ method: "task/event", params: { taskId, event } });
      session.deliver(text, { isFinal: false });
    },
    completed(task) {
      release();
      const params = { taskId: task.id, task };
      session.deliver(encodeNotification({ method: "task/completed", params }), { isFinal: true });
    },
  };
}
