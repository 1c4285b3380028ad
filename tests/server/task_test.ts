/** `task/*`: prompts over a connection of the exec-server, run by the real server with a scripted model. */
import assert from "node:assert/strict";
import { taskRunner } from "../../src/programs/exec_server/run_task.ts";
import { taskExtension } from "../../src/server/methods/task.ts";
import { type RunTask, Tasks } from "../../src/server/tasks.ts";
import { ExecServer } from "../../src/exec/exec_server.ts";
import { openCeiling } from "../../src/exec/ceiling.ts";
import { FileSystem } from "../../src/exec/filesystem.ts";
import { Processes } from "../../src/exec/process.ts";
import { Sandbox } from "../../src/exec/sandbox/sandbox.ts";
import { silentLogger } from "../../src/lib/log.ts";
import { memoryTransportPair } from "../../src/rpc/transport.ts";
import type { Task } from "../../src/protocol/task.ts";
import { FakeClock } from "../rpc/fake_clock.ts";
import { realClock } from "../exec/real_clock.ts";
import { ExecClient, refused } from "../support/exec_client.ts";
import { say } from "../support/scripted_model.ts";
import { startServer } from "../support/server.ts";

interface TaskServer extends AsyncDisposable {
  client(resumeSessionId?: string): Promise<ExecClient>;
}

/** An exec-server whose tasks are run by `run`. */
function taskServer(run: RunTask, options: { limit?: number; cwd?: string } = {}): TaskServer {
  const processes = new Processes({ clock: realClock });
  const fileSystem = new FileSystem({ clock: realClock });
  const newId = () => crypto.randomUUID();
  const tasks = new Tasks({ run, clock: realClock, limit: options.limit ?? 8, newId });
  const cwd = options.cwd ?? "/";
  const sources = {
    tmpdir: null,
    protectedPaths: [],
    hiddenPaths: [],
    socketPaths: [],
    proxySocket: null,
  };
  const server = new ExecServer({
    world: {
      clock: realClock,
      processes,
      fileSystem,
      sandbox: new Sandbox({ ceiling: openCeiling(), sources }),
      cwd,
      env: {},
      environment: {
        shell: { name: "sh", path: "/bin/sh" },
        executorVersion: "0",
        providerId: "0",
        cwd: "file:///",
        userHomeDir: null,
        platformOs: "linux",
        prependPathDirs: [],
        temporaryDirectories: [],
        tempDir: "file:///tmp",
        capabilities: {},
      },
      httpRefusal: null,
    },
    log: silentLogger,
    newId,
    extension: taskExtension(tasks, { cwd }),
  });
  const clients: ExecClient[] = [];
  return {
    async client(resumeSessionId) {
      const [clientEnd, serverEnd] = memoryTransportPair();
      server.accept(serverEnd);
      const client = new ExecClient(clientEnd);
      clients.push(client);
      await client.initialize(resumeSessionId);
      return client;
    },
    [Symbol.asyncDispose]: async () => {
      await tasks.close();
      await server.close();
      fileSystem[Symbol.dispose]();
      for (const client of clients) client[Symbol.dispose]();
    },
  };
}

Deno.test("task/start runs a prompt and tells what exec --json would print", async () => {
  await using agent = await startServer({ responses: [say("the answer")], source: "exec" });
  await using exec = taskServer(taskRunner(agent.server), { cwd: agent.project });
  const client = await exec.client();
  const { task } = await client.request("task/start", { prompt: "a question" });
  assert.deepEqual([task.status, task.threadId, task.cwd], ["queued", null, agent.project]);
  const completed = await client.next("task/completed");
  assert.equal(completed.taskId, task.id);
  assert.deepEqual(
    [completed.task.status, completed.task.lastMessage, completed.task.error],
    ["completed", "the answer", null],
  );
  const events = client.seen.filter(({ method }) => method === "task/event")
    .map(({ params }) => params["event"]);
  const types = events.map((event) => (event as { type: string }).type);
  assert.deepEqual(types, [
    "thread.started",
    "turn.started",
    "item.completed",
    "turn.completed",
  ]);
  assert.deepEqual(events[0], {
    type: "thread.started",
    thread_id: completed.task.threadId,
  });
  assert.deepEqual(events[2], {
    type: "item.completed",
    item: { id: "item_0", type: "agent_message", text: "the answer" },
  });
  assert.deepEqual((await client.request("task/list", undefined)).data, [completed.task]);
});

Deno.test("a task that cannot open its thread fails and says why", async () => {
  await using agent = await startServer({ source: "exec" });
  await using exec = taskServer(taskRunner(agent.server), { cwd: agent.project });
  const client = await exec.client();
  const threadId = "00000000-0000-7000-8000-000000000000";
  await client.request("task/start", { prompt: "x", threadId });
  const { task } = await client.next("task/completed");
  assert.equal(task.status, "failed");
  assert.match(task.error?.message ?? "", /no rollout found|not found/i);
});

Deno.test("a task that continues a thread goes on in its folder, unless it names another one", async () => {
  await using agent = await startServer({
    responses: [say("one"), say("two"), say("three")],
    source: "exec",
  });
  const folder = `${agent.project}/below`;
  await Deno.mkdir(folder);
  await using exec = taskServer(taskRunner(agent.server), { cwd: agent.project });
  const client = await exec.client();
  const run = async (params: { cwd?: string; threadId?: string | null }) => {
    const { task } = await client.request("task/start", { prompt: "x", ...params });
    const completed = await client.next("task/completed", ({ taskId }) => taskId === task.id);
    return { started: task.cwd, ...completed.task };
  };
  const first = await run({ cwd: `file://${folder}` });
  assert.deepEqual([first.started, first.cwd], [folder, folder]);
  const { threadId } = first;
  const second = await run({ threadId });
  assert.deepEqual([second.started, second.cwd, second.threadId], [null, folder, threadId]);
  const third = await run({ threadId, cwd: agent.project });
  assert.deepEqual([third.started, third.cwd], [agent.project, agent.project]);
});

Deno.test("a task that continues a thread has the settings that it asks for, not those of the last one", async () => {
  await using agent = await startServer({ responses: [say("one"), say("two")], source: "exec" });
  await using exec = taskServer(taskRunner(agent.server), { cwd: agent.project });
  const client = await exec.client();
  await client.request("task/start", { prompt: "x", sandbox: "danger-full-access" });
  const { task: { threadId } } = await client.next("task/completed");
  assert.deepEqual((await agent.server.runtime()).agent.threads.loadedIds, []);
  await client.request("task/start", { prompt: "x", threadId, sandbox: "read-only", model: "m" });
  assert.equal((await client.next("task/completed")).task.status, "completed");
  const models = agent.model.requests.map(({ model }) => model);
  assert.deepEqual(models.at(-1), "m");
});

Deno.test("a thread that a task works on is not given to another one", async () => {
  const gate = new Gate();
  await using exec = taskServer(gate.run);
  const client = await exec.client();
  const { task } = await client.request("task/start", { prompt: "a" });
  await gate.runs("a");
  const threadId = "thread of a";
  const more = { prompt: "b", threadId };
  await refused(client.raw("task/start", more), {
    code: -32600,
    message: `task ${task.id} works on the thread ${threadId}`,
  });
  gate.end("a");
  await client.next("task/completed");
  await client.request("task/start", more);
  await gate.runs("b");
  gate.end("b");
  await client.next("task/completed");
});

Deno.test("a task without a prompt is refused, one without its folder fails", async () => {
  await using agent = await startServer({ source: "exec" });
  await using exec = taskServer(taskRunner(agent.server), { cwd: agent.project });
  const client = await exec.client();
  await refused(client.raw("task/start", { prompt: " \n" }), {
    code: -32602,
    message: "prompt must not be empty",
  });
  const cwd = `${agent.project}/nowhere`;
  await client.request("task/start", { prompt: "x", cwd });
  const { task } = await client.next("task/completed");
  assert.deepEqual([task.status, task.threadId, task.error?.message], [
    "failed",
    null,
    `There is no folder ${cwd} to work in; give another cwd`,
  ]);
});

/** Runs that end when a test says so. */
class Gate {
  readonly started: string[] = [];
  readonly #ends = new Map<string, () => void>();
  readonly #waiting = new Map<string, () => void>();

  readonly run: RunTask = async ({ prompt }, report) => {
    this.started.push(prompt);
    report.opened({ id: `thread of ${prompt}`, cwd: "/" });
    report.event({ type: "thread.started", thread_id: `thread of ${prompt}` });
    this.#waiting.get(prompt)?.();
    const status = await new Promise<"completed" | "interrupted">((resolve) => {
      this.#ends.set(prompt, () => resolve("completed"));
      report.signal.addEventListener("abort", () => resolve("interrupted"));
    });
    return { status, lastMessage: status === "completed" ? prompt : null, error: null };
  };

  /** Resolves once the task of a prompt runs. */
  runs(prompt: string): Promise<void> {
    if (this.started.includes(prompt)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.set(prompt, resolve));
  }

  end(prompt: string): void {
    this.#ends.get(prompt)?.();
  }
}

Deno.test("as many tasks run as may, the others in the order in which they came", async () => {
  const gate = new Gate();
  await using exec = taskServer(gate.run, { limit: 2 });
  const [one, two] = [await exec.client(), await exec.client()];
  const ids: string[] = [];
  for (const [client, prompt] of [[one, "a"], [two, "b"], [one, "c"], [two, "d"]] as const) {
    ids.push((await client.request("task/start", { prompt })).task.id);
  }
  await gate.runs("b");
  assert.deepEqual(gate.started, ["a", "b"]);
  const statuses = async () =>
    (await one.request("task/list", undefined)).data.map(({ status }) => status);
  assert.deepEqual(await statuses(), ["running", "running", "queued", "queued"]);
  gate.end("b");
  // Only who started it hears of it.
  assert.equal((await two.next("task/completed")).taskId, ids[1]);
  await gate.runs("c");
  assert.deepEqual(gate.started, ["a", "b", "c"]);
  assert.deepEqual(one.seen.filter(({ method }) => method === "task/completed"), []);
  gate.end("a");
  gate.end("c");
  await gate.runs("d");
  gate.end("d");
  await two.next("task/completed");
  assert.deepEqual(await statuses(), Array(4).fill("completed"));
});

Deno.test("task/interrupt stops a running task and one that waits", async () => {
  const gate = new Gate();
  await using exec = taskServer(gate.run, { limit: 1 });
  const client = await exec.client();
  const { task: running } = await client.request("task/start", { prompt: "a" });
  const { task: waiting } = await client.request("task/start", { prompt: "b" });
  await gate.runs("a");
  for (const { id } of [waiting, running]) {
    assert.deepEqual(await client.request("task/interrupt", { taskId: id }), {});
    const { task, taskId } = await client.next("task/completed");
    assert.deepEqual([taskId, task.status], [id, "interrupted"]);
  }
  assert.deepEqual(gate.started, ["a"]);
  assert.deepEqual(await client.request("task/interrupt", { taskId: running.id }), {});
  await refused(client.raw("task/interrupt", { taskId: "zz" }), {
    code: -32600,
    message: "unknown task id zz",
  });
});

Deno.test("a task that has not begun when the server closes is interrupted, and leaves no timer", async () => {
  const clock = new FakeClock();
  const gate = new Gate();
  const tasks = new Tasks({ run: gate.run, clock, limit: 1, newId: () => crypto.randomUUID() });
  const completed: string[] = [];
  const listener = { event() {}, completed: ({ status }: Task) => void completed.push(status) };
  for (const prompt of ["a", "b"]) tasks.start({ prompt, cwd: "/" }, listener);
  await tasks.close();
  assert.deepEqual(completed, ["interrupted", "interrupted"]);
  assert.equal(clock.pending, 0);
  assert.deepEqual(gate.started, []);
});

Deno.test("what happens to a task while its client is away waits for the client", async () => {
  const gate = new Gate();
  await using exec = taskServer(gate.run);
  const first = await exec.client();
  const other = await exec.client();
  const { task } = await first.request("task/start", { prompt: "a" });
  await first.next("task/event");
  const sessionId = first.sessionId;
  first.close();
  await first.closed;
  gate.end("a");
  // Seen by another client before the first one is back.
  for (let status = ""; status !== "completed";) {
    status = (await other.request("task/list", undefined)).data[0]?.status ?? "";
  }
  const again = await exec.client(sessionId);
  assert.equal((await again.next("task/completed")).taskId, task.id);
});

Deno.test("an exec-server without tasks does not know them", async () => {
  const { startExecServer } = await import("../exec/exec_server_support.ts");
  await using exec = await startExecServer();
  const client = await exec.client();
  await refused(client.raw("task/list"), {
    code: -32601,
    message: "exec-server stub does not implement `task/list` yet",
  });
});
