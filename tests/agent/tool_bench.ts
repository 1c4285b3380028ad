/** A turn without a model, for tests of tools: records events and answers approvals. */
import { Processes } from "../../src/exec/process.ts";
import type { Clock } from "../../src/lib/clock.ts";
import type { CommandExecutionItem, ThreadItem } from "../../src/protocol/item.ts";
import { Rules } from "../../src/agent/command_policy/rules.ts";
import { type CommandTools, createCommandTools } from "../../src/agent/tools/command_tools.ts";
import type { ShellPatch } from "../../src/agent/tools/command_state.ts";
import type { ApprovalRequest, Decision, ToolContext } from "../../src/agent/tools/tool.ts";
import { realClock } from "../exec/real_clock.ts";
import { testSandbox } from "../exec/sandbox/test_sandbox.ts";

/** What a tool told its turn, in order. */
export type Recorded =
  | { readonly type: "started" | "completed"; readonly item: ThreadItem }
  | { readonly type: "output"; readonly itemId: string; readonly delta: string }
  | { readonly type: "interaction"; readonly processId: string; readonly stdin: string }
  | { readonly type: "asked"; readonly request: Extract<ApprovalRequest, { type: "command" }> };

/** Command tools with a scratch folder, a home and one thread. */
export class ToolBench {
  readonly events: Recorded[] = [];
  readonly abort = new AbortController();
  readonly dir: string;
  readonly rules: Rules;
  readonly processes: Processes;
  readonly tools: CommandTools;
  decision: Decision | Promise<Decision> = { type: "accept" };
  #calls = 0;
  #waiting: { matches: (event: Recorded) => boolean; resolve: () => void }[] = [];

  constructor(options: { dir: string; clock?: Clock; patch?: ShellPatch }) {
    const clock = options.clock ?? realClock;
    this.dir = options.dir;
    this.processes = new Processes({ clock });
    this.rules = new Rules({
      codexHome: `${this.dir}/home`,
      append: async (path, line) => {
        await Deno.mkdir(`${this.dir}/home/rules`, { recursive: true });
        await Deno.writeTextFile(path, line, { append: true });
      },
    });
    this.tools = createCommandTools({
      clock,
      processes: this.processes,
      rules: this.rules,
      newId: () => crypto.randomUUID(),
      shell: "/bin/bash",
      outputTokenLimit: 10_000,
      ...(options.patch ? { patch: options.patch } : {}),
    });
  }

  /** Runs a test with a bench whose processes and files are gone afterwards. */
  static async use(
    test: (bench: ToolBench) => Promise<void>,
    options: { clock?: Clock; patch?: ShellPatch } = {},
  ): Promise<void> {
    const dir = await Deno.realPath(await Deno.makeTempDir());
    const bench = new ToolBench({ dir, ...options });
    try {
      await test(bench);
    } finally {
      await bench.processes.terminateAll();
      await Deno.remove(dir, { recursive: true });
    }
  }

  context(options: Partial<ToolContext> = {}): ToolContext {
    const record = (event: Recorded) => {
      this.events.push(event);
      this.#waiting = this.#waiting.filter((waiting) => {
        if (waiting.matches(event)) waiting.resolve();
        return !waiting.matches(event);
      });
    };
    return {
      threadId: "thread",
      turnId: "turn",
      cwd: this.dir,
      approvalPolicy: "never",
      sandboxPolicy: { type: "dangerFullAccess" },
      sandbox: testSandbox(),
      protectedPaths: [],
      env: { PATH: "/usr/local/bin:/usr/bin:/bin", HOME: this.dir },
      signal: this.abort.signal,
      now: () => Date.now(),
      itemStarted: (item) => record({ type: "started", item }),
      itemCompleted: (item) => record({ type: "completed", item }),
      commandOutput: (itemId, delta) => record({ type: "output", itemId, delta }),
      fileChangeOutput: () => {},
      terminalInteraction: (_itemId, interaction) =>
        record({ type: "interaction", ...interaction }),
      planUpdated: () => {},
      filesChanged: () => {},
      approve: async (request) => {
        if (request.type === "command") record({ type: "asked", request });
        return await this.decision;
      },
      ...options,
    };
  }

  /** Calls a tool by any of its names and returns what the model reads. */
  async call(name: string, input: unknown, options: Partial<ToolContext> = {}): Promise<string> {
    const tool = this.tools.tools.find((each) =>
      each.spec.name === name || each.aliases?.includes(name)
    );
    if (!tool) throw new Error(`No tool ${name}`);
    const text = typeof input === "string" ? input : JSON.stringify(input);
    const call = { callId: `call_${++this.#calls}`, name, input: text };
    const { content } = await tool.run(call, this.context(options));
    return typeof content === "string" ? content : JSON.stringify(content);
  }

  /** Resolves once an event matched, also one of the past. */
  seen(matches: (event: Recorded) => boolean): Promise<void> {
    if (this.events.some(matches)) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ matches, resolve }));
  }

  /** The kinds of the events so far. */
  get kinds(): string[] {
    return this.events.map((event) => event.type);
  }

  /** The last command item that was started or completed. */
  item(type: "started" | "completed"): CommandExecutionItem {
    for (const event of this.events.toReversed()) {
      if (event.type === type && event.item.type === "commandExecution") return event.item;
    }
    throw new Error(`No item was ${type}`);
  }

  /** All output deltas as one text. */
  get deltas(): string {
    return this.events.map((event) => event.type === "output" ? event.delta : "").join("");
  }
}

/** The real time, with long delays a hundred times shorter: yield times need no long tests. */
export const hastyClock: Clock = {
  now: () => realClock.now(),
  after: (delayMs, callback) => realClock.after(delayMs < 250 ? delayMs : delayMs / 100, callback),
};
