/** A folder on disk and a recording tool context for the tests of tools that touch files. */
import { dirname, join } from "node:path";
import type {
  ApprovalRequest,
  Decision,
  FileRevision,
  ToolContext,
} from "../../src/agent/tools/tool.ts";
import type { ThreadItem } from "../../src/protocol/item.ts";
import type { PlanStep } from "../../src/protocol/turn_types.ts";
import { testSandbox } from "../exec/sandbox/test_sandbox.ts";

/** What a tool told its turn, in order. */
export type Told =
  | { readonly type: "started" | "completed"; readonly item: ThreadItem }
  | { readonly type: "asked"; readonly request: ApprovalRequest }
  | {
    readonly type: "plan";
    readonly explanation: string | null;
    readonly plan: readonly PlanStep[];
  }
  | { readonly type: "changed"; readonly revisions: readonly FileRevision[] };

/** A temporary folder, removed in the end. */
export class Scratch implements AsyncDisposable {
  /** Without links, so that it can be compared with what a tool says. */
  readonly dir: string;

  constructor() {
    this.dir = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "codex-patch-test-" }));
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  async write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      await Deno.mkdir(dirname(this.path(name)), { recursive: true });
      await Deno.writeTextFile(this.path(name), text);
    }
  }

  /** All regular files below the folder, by name. */
  async files(): Promise<Record<string, string>> {
    const found: [string, string][] = [];
    await this.#walk("", found);
    return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  async #walk(folder: string, found: [string, string][]): Promise<void> {
    for await (const entry of Deno.readDir(this.path(folder))) {
      const name = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory) await this.#walk(name, found);
      if (entry.isFile) {
        const bytes = await Deno.readFile(this.path(name));
        found.push([name, new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)]);
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.dir, { recursive: true });
  }
}

/** A tool context that notes everything, and a person who always decides the same. */
export class RecordedTurn {
  readonly told: Told[] = [];
  decision: Decision = { type: "accept" };
  /** Runs while the person thinks. */
  whileAsked: () => Promise<void> = () => Promise.resolve();
  readonly #abort = new AbortController();

  get kinds(): string[] {
    return this.told.map((each) => each.type);
  }

  context(cwd: string, changes: Partial<ToolContext> = {}): ToolContext {
    return {
      threadId: "thread-1",
      turnId: "turn-1",
      cwd,
      approvalPolicy: "on-request",
      sandboxPolicy: {
        type: "workspaceWrite",
        writableRoots: [],
        networkAccess: false,
        excludeTmpdirEnvVar: true,
        excludeSlashTmp: true,
      },
      sandbox: testSandbox(),
      protectedPaths: [],
      env: {},
      signal: this.#abort.signal,
      now: () => 0,
      itemStarted: (item) => this.told.push({ type: "started", item }),
      itemCompleted: (item) => this.told.push({ type: "completed", item }),
      commandOutput: () => {},
      fileChangeOutput: () => {},
      terminalInteraction: () => {},
      planUpdated: (plan) => this.told.push({ type: "plan", ...plan }),
      filesChanged: (revisions) => this.told.push({ type: "changed", revisions }),
      approve: async (request) => {
        this.told.push({ type: "asked", request });
        await this.whileAsked();
        this.#abort.signal.throwIfAborted();
        return this.decision;
      },
      ...changes,
    };
  }

  interrupt(): void {
    this.#abort.abort(new Error("Interrupted"));
  }
}
