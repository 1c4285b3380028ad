/**
 * The thread that does all file operations of one set of rules, confined by the kernel where it can be; must not know
 * the protocol. Every call here is synchronous: an asynchronous one would run on a thread that is not confined.
 */
import { CodexError, messageOf } from "../../lib/errors.ts";
import { toBytes } from "./byte_text.ts";
import type { Disk } from "./disk.ts";
import { GuardedDisk, realPathOf } from "./guarded_disk.ts";
import { type Confinement, confineThread } from "./landlock.ts";
import { Libc } from "./libc.ts";
import { LinuxDisk } from "./linux_disk.ts";
import { operation, type Workplace } from "./operations.ts";
import { errnos, isErrno, OsError } from "./os_error.ts";
import type { FileAnswer, FileConfinement, FileRequest, FileWorkerStart } from "./requests.ts";
import type { FileRules } from "./rules.ts";
import type { Steps } from "./steps.ts";

/** Steps of all operations together before messages are looked at again; a step takes about half a millisecond. */
const STEPS_PER_ROUND = 16;

// A worker has no other way to begin.
addEventListener("message", async (event) => {
  if (!(event instanceof MessageEvent)) return;
  const [port] = event.ports;
  const { rules }: FileWorkerStart = event.data;
  if (port) new FileThread(port, { rules, ...await openDisk(rules) });
}, { once: true });

interface DiskOfSystem {
  readonly disk: Disk;
  /** Null where the kernel is not Linux. */
  readonly libc: Libc | null;
}

interface Task {
  readonly request: FileRequest;
  readonly steps: Steps<unknown>;
}

/** Runs operations side by side, a few steps of each at a time. */
class FileThread {
  readonly #port: MessagePort;
  readonly #workplace: Workplace;
  readonly #roots: Roots | null;
  readonly #tasks: Task[] = [];

  constructor(
    port: MessagePort,
    { rules, disk, libc }: DiskOfSystem & { readonly rules: FileRules | null },
  ) {
    this.#port = port;
    const confining = rules?.isOpen ? null : rules;
    this.#roots = confining && new Roots(disk, confining);
    this.#workplace = {
      guard: new GuardedDisk(disk, rules),
      confinement: confining && confine(confining, { disk, libc }),
    };
    port.onmessage = ({ data }: MessageEvent<readonly FileRequest[]>) => {
      const isIdle = this.#tasks.length === 0;
      for (const request of data) {
        this.#tasks.push({ request, steps: operation(this.#workplace, request) });
      }
      if (isIdle) this.#round();
    };
  }

  #round(): void {
    const answers: FileAnswer[] = [];
    const steps = Math.max(1, Math.floor(STEPS_PER_ROUND / this.#tasks.length));
    let kept = 0;
    for (const task of this.#tasks) {
      const answer = this.#advance(task, steps);
      if (answer) answers.push(answer);
      else this.#tasks[kept++] = task;
    }
    this.#tasks.length = kept;
    if (answers.length > 0) this.#port.postMessage(answers, answers.flatMap(buffersOf));
    // A timer lets new requests come in first; a message to itself would not.
    if (kept > 0) setTimeout(() => this.#round(), 0);
  }

  #advance({ request, steps }: Task, count: number): FileAnswer | null {
    const { id } = request;
    try {
      for (let done = 0; done < count; done++) {
        const step = steps.next();
        if (step.done) return { id, type: "done", result: step.value };
      }
      return null;
    } catch (error) {
      return {
        id,
        type: "failed",
        kind: error instanceof CodexError ? error.kind : "io",
        message: messageOf(error),
        again: isRefusal(error) && this.#roots?.haveChanged() ? request : null,
      };
    }
  }
}

/** Content changes hands instead of being copied. */
function buffersOf(answer: FileAnswer): ArrayBuffer[] {
  const content = answer.type === "done" ? answer.result : answer.again?.params;
  if (typeof content !== "object" || content === null || !("bytes" in content)) return [];
  return content.bytes instanceof Uint8Array && content.bytes.buffer instanceof ArrayBuffer
    ? [content.bytes.buffer]
    : [];
}

/** Whether other folders could have made a difference. */
function isRefusal(error: unknown): boolean {
  return isErrno(error, errnos.EACCES, errnos.EPERM, errnos.EXDEV) ||
    (error instanceof CodexError && error.kind === "sandboxDenied");
}

async function openDisk(rules: FileRules | null): Promise<DiskOfSystem> {
  if (Deno.build.os !== "linux") {
    // Loaded only there: `node:fs` takes each of these threads 13 ms, and memory.
    const { PortableDisk } = await import("./portable_disk.ts");
    return { disk: new PortableDisk(), libc: null };
  }
  const libc = new Libc();
  return { disk: new LinuxDisk(libc, { refuseMagicLinks: rules !== null && !rules.isOpen }), libc };
}

function confine(
  rules: FileRules,
  { disk, libc }: DiskOfSystem,
): FileConfinement {
  const landlock: Confinement = libc
    ? confineThread(libc, rules)
    : { type: "unsupported", reason: "Landlock is a feature of Linux" };
  return {
    landlock,
    isRaceFree: disk.isRaceFree,
    refusesMagicLinks: disk instanceof LinuxDisk && disk.refusesMagicLinks,
  };
}

/** The folders that the kernel was told: by what they were then, not by their names. */
class Roots {
  readonly #disk: Disk;
  readonly #rules: FileRules;
  readonly #known: string;

  constructor(disk: Disk, rules: FileRules) {
    this.#disk = disk;
    this.#rules = rules;
    this.#known = this.#now();
  }

  haveChanged(): boolean {
    return this.#now() !== this.#known;
  }

  #now(): string {
    const { writable, readable } = this.#rules;
    return [...writable, ...readable ?? []].map((path) => this.#identity(path)).join();
  }

  #identity(path: string): string {
    try {
      return `${realPathOf(this.#disk, path)} ${
        this.#disk.stat(toBytes(path), { follow: true }).identity
      }`;
    } catch (error) {
      if (error instanceof OsError) return "none";
      throw error;
    }
  }
}
