/**
 * File operations under rules, each set of rules in a thread of its own; must not know the protocol or who asks.
 *
 * The thread may be confined by the kernel for good, so it cannot be shared between rules; and whatever a disk or a
 * network file system does, the thread of the clients never waits for it.
 */
import type { Clock } from "../lib/clock.ts";
import { CodexError } from "../lib/errors.ts";
import { readDirectly } from "./filesystem/direct_read.ts";
import type {
  FileAnswer,
  FileConfinement,
  FileInspection,
  FileMetadata,
  FileOperation,
  FileOperations,
  FileWorkerStart,
  WalkResult,
} from "./filesystem/requests.ts";
import type { FileRules } from "./filesystem/rules.ts";

export type { FileRules } from "./filesystem/rules.ts";
export { RANGE_BYTES_MAX, WHOLE_BYTES_MAX } from "./filesystem/requests.ts";
export type { FileConfinement, FileInspection, FileMetadata } from "./filesystem/requests.ts";

export interface FileSystemOptions {
  readonly clock: Clock;
  /** How long a thread without work is kept. */
  readonly idleMs?: number;
}

const IDLE_MS = 60_000;

type ParamsOf<O extends FileOperation> = FileOperations[O]["params"];
type ResultOf<O extends FileOperation> = FileOperations[O]["result"];

/** What is asked, its type forgotten: the methods of `Files` pair operations, params and results. */
interface Question {
  readonly operation: FileOperation;
  readonly params: ParamsOf<FileOperation>;
}

/** An answer as it arrives. `never` fits the result type of whatever was asked. */
type Answer = Extract<FileAnswer, { readonly type: "failed" }> | {
  readonly id: number;
  readonly type: "done";
  readonly result: never;
};

/** The threads of one server. Disposing it ends them; what they were asked fails. */
export class FileSystem implements Disposable {
  readonly #options: FileSystemOptions;
  readonly #threads = new Map<string, FileThreadLink>();
  #isClosed = false;

  constructor(options: FileSystemOptions) {
    this.#options = options;
  }

  /** Operations under these rules; null: everything that the user may do. */
  under(rules: FileRules | null): Files {
    const key = JSON.stringify(rules);
    const isFree = rules === null || rules.isOpen === true;
    return new Files({
      ask: (question) => this.#ask(question, { key, rules }),
      // An operation that is under way comes first: it may be a write to the very file.
      isDirect: () => isFree && !this.#isClosed && !this.#threads.get(key)?.isBusy,
    });
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    for (const thread of [...this.#threads.values()]) thread.end("The server is closing");
  }

  async #ask(
    question: Question,
    of: { readonly key: string; readonly rules: FileRules | null },
  ): Promise<Answer> {
    const answer = await this.#thread(of).ask(question);
    if (answer.type === "done" || !answer.again) return answer;
    // A writable folder was made or replaced since: what was granted to the thread is the folder of then.
    this.#threads.get(of.key)?.retire();
    this.#threads.delete(of.key);
    return await this.#thread(of).ask(answer.again);
  }

  #thread({ key, rules }: { readonly key: string; readonly rules: FileRules | null }) {
    if (this.#isClosed) throw new CodexError("io", "The server is closing");
    let thread = this.#threads.get(key);
    if (!thread) {
      thread = new FileThreadLink(rules, {
        clock: this.#options.clock,
        idleMs: this.#options.idleMs ?? IDLE_MS,
        onEnd: (ended) => {
          if (this.#threads.get(key) === ended) this.#threads.delete(key);
        },
      });
      this.#threads.set(key, thread);
    }
    return thread;
  }
}

/** How operations are carried out. */
interface Way {
  /** Asks the thread. */
  ask(question: Question): Promise<Answer>;
  /** Whether a simple read may do without the thread now. */
  isDirect(): boolean;
}

/** Operations under one set of rules. Paths are absolute and free of `.` and `..`; failures are `CodexError`. */
export class Files {
  readonly #way: Way;

  constructor(way: Way) {
    this.#way = way;
  }

  /** The content, or its size where that is more than `bytesMax`. */
  async readFile(params: ParamsOf<"readFile">): Promise<ResultOf<"readFile">> {
    const direct = this.#way.isDirect() ? await readDirectly(params) : null;
    return direct ?? await this.#call("readFile", params);
  }

  /** Replaces the content, or with an `offset` a part of it; gives the array back. */
  writeFile(params: ParamsOf<"writeFile">): Promise<ResultOf<"writeFile">> {
    return this.#call("writeFile", params);
  }

  createDirectory(params: ParamsOf<"createDirectory">): Promise<null> {
    return this.#call("createDirectory", params);
  }

  getMetadata(params: ParamsOf<"getMetadata">): Promise<FileMetadata> {
    return this.#call("getMetadata", params);
  }

  inspect(params: ParamsOf<"inspect">): Promise<FileInspection> {
    return this.#call("inspect", params);
  }

  walk(params: ParamsOf<"walk">): Promise<WalkResult> {
    return this.#call("walk", params);
  }

  /** The JSON text of the array of entries. */
  readDirectory(params: ParamsOf<"readDirectory">): Promise<string> {
    return this.#call("readDirectory", params);
  }

  remove(params: ParamsOf<"remove">): Promise<null> {
    return this.#call("remove", params);
  }

  copy(params: ParamsOf<"copy">): Promise<null> {
    return this.#call("copy", params);
  }

  /** Fails unless changes at the path may be watched. */
  assertVisible(params: ParamsOf<"assertVisible">): Promise<null> {
    return this.#call("assertVisible", params);
  }

  /** What the rules are enforced by; null: there are none. */
  confinement(): Promise<FileConfinement | null> {
    return this.#call("confinement", {});
  }

  async #call<O extends FileOperation>(operation: O, params: ParamsOf<O>): Promise<ResultOf<O>> {
    const answer = await this.#way.ask({ operation, params });
    if (answer.type === "failed") throw new CodexError(answer.kind, answer.message);
    return answer.result;
  }
}

interface ThreadOptions {
  readonly clock: Clock;
  readonly idleMs: number;
  onEnd(thread: FileThreadLink): void;
}

/** This side of a thread. Requests of one tick travel together. */
class FileThreadLink {
  readonly #options: ThreadOptions;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #outbox: (Question & { readonly id: number })[] = [];
  #nextId = 0;
  #wasUsed = false;
  #cancelIdle: (() => void) | null = null;
  #isRetired = false;
  #isEnded = false;

  constructor(rules: FileRules | null, options: ThreadOptions) {
    this.#options = options;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    port1.onmessage = ({ data }) => this.#receive(data);
    this.#worker = new Worker(workerUrl(), { type: "module", name: "files" });
    this.#worker.addEventListener("error", (event) => {
      // Else it would end the process.
      event.preventDefault();
      this.end(`The thread for file operations has failed: ${event.message}`);
    });
    const start: FileWorkerStart = { rules };
    this.#worker.postMessage(start, [port2]);
    this.#watchIdle();
  }

  get isBusy(): boolean {
    return this.#waiting.size > 0;
  }

  ask(question: Question): Promise<Answer> {
    this.#wasUsed = true;
    const id = this.#nextId++;
    if (this.#outbox.length === 0) queueMicrotask(() => this.#flush());
    const { operation, params } = question;
    this.#outbox.push({ id, operation, params });
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  /** Ends when what it was asked is answered. */
  retire(): void {
    this.#isRetired = true;
    if (this.#waiting.size === 0) this.end("");
  }

  end(reason: string): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#cancelIdle?.();
    this.#port.close();
    this.#worker.terminate();
    this.#options.onEnd(this);
    for (const [id, resolve] of this.#waiting) {
      resolve({ id, type: "failed", kind: "io", message: reason, again: null });
    }
    this.#waiting.clear();
  }

  #flush(): void {
    if (this.#isEnded) return;
    const requests = this.#outbox;
    this.#outbox = [];
    const content = requests.flatMap(({ params }) =>
      "bytes" in params ? [params.bytes.buffer] : []
    );
    this.#port.postMessage(requests, content);
  }

  #receive(answers: readonly Answer[]): void {
    for (const answer of answers) {
      const resolve = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      resolve?.(answer);
    }
    if (this.#isRetired && this.#waiting.size === 0) this.end("");
  }

  #watchIdle(): void {
    this.#wasUsed = false;
    const { clock, idleMs } = this.#options;
    this.#cancelIdle = clock.after(idleMs, () => {
      if (this.#wasUsed || this.#waiting.size > 0) this.#watchIdle();
      else this.end("");
    }, { background: true });
  }
}

/** Bundlers do not follow such an address: the bundle has the worker as an entry of its own, beside its chunks. */
function workerUrl(): URL {
  const name = import.meta.url.endsWith(".ts") ? "./filesystem/worker.ts" : "./file_worker.js";
  return new URL(name, import.meta.url);
}
