/** Tasks of an exec-server, with the server in this process that runs them; must not know requests. */
import type { Args } from "../../cli/args.ts";
import type { ExecExtension } from "../../exec/exec_server.ts";
import type { Logger } from "../../lib/log.ts";
import { taskExtension } from "../../server/methods/task.ts";
import { Server } from "../../server/server.ts";
import { Tasks } from "../../server/tasks.ts";
import { cwdOfArgs } from "../config_options.ts";
import type { Host } from "../host.ts";
import { serverOptions } from "../server_options.ts";
import { taskRunner } from "./run_task.ts";

/** Tasks that take orders through the methods of `extension`. */
export interface RunningTasks {
  readonly extension: ExecExtension;
  /** Interrupts them and closes their server. */
  close(): Promise<void>;
}

/** Makes them; the agent is loaded now, so that the first task does not wait for it. */
export function createTasks(args: Args, options: {
  readonly host: Host;
  readonly log: Logger;
  /** How many run at once. */
  readonly limit: number;
  /** The addresses of all listeners. */
  readonly open: readonly string[];
}): RunningTasks {
  const { host, log, limit, open } = options;
  const server = new Server(
    serverOptions(args, { host, log, source: "exec", openListeners: () => open }),
  );
  // A configuration that is wrong is told by the tasks.
  server.runtime().catch(() => {});
  const tasks = new Tasks({
    run: taskRunner(server),
    clock: host.clock,
    limit,
    newId: () => host.randomId(),
  });
  return {
    extension: taskExtension(tasks, { cwd: cwdOfArgs(args, host) }),
    close: async () => {
      await tasks.close();
      await server.close();
    },
  };
}
