/** What all clients of a soak were promised, and what turned out otherwise; must not know how clients connect. */

/** A thread as far as the ledger reads it. */
export interface ReadThread {
  readonly id: string;
  readonly name: string | null;
  readonly turns: readonly { readonly id: string; readonly items: readonly unknown[] }[];
}

interface Promised {
  /** Every prompt that was ever sent, and the turn that was acknowledged for it. */
  readonly prompts: Map<string, string | null>;
  name: string | null;
  /** Events that were seen, by log and number. */
  readonly events: Map<string, string>;
}

/** Shared by all clients. */
export class Ledger {
  /** What was wrong; empty is what a soak is for. */
  readonly problems: string[] = [];
  /** How often what was done. */
  readonly counts = new Map<string, number>();
  readonly #threads = new Map<string, Promised>();
  /** Content by path. */
  readonly #files = new Map<string, string>();
  /** Commands by what they write: whether it is known that they ran. */
  readonly #marks = new Map<string, boolean>();

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  problem(text: string): void {
    this.problems.push(text);
  }

  sent(threadId: string, prompt: string): void {
    this.#of(threadId).prompts.set(prompt, null);
  }

  acknowledged(threadId: string, prompt: string, turnId: string): void {
    this.#of(threadId).prompts.set(prompt, turnId);
  }

  named(threadId: string, name: string): void {
    this.#of(threadId).name = name;
  }

  written(path: string, content: string): void {
    this.#files.set(path, content);
  }

  mark(mark: string, hasRun: boolean): void {
    this.#marks.set(mark, hasRun || (this.#marks.get(mark) ?? false));
  }

  /** Every client must be told the same under the same number. */
  saw(threadId: string, key: string, event: string): void {
    const { events } = this.#of(threadId);
    const other = events.get(key);
    if (other === undefined) events.set(key, event);
    else if (other !== event) {
      this.problem(`Two clients saw different events as ${key}:\n  ${other}\n  ${event}`);
    }
  }

  /** Compares what the server has with what it acknowledged, and forgets the thread. */
  settle(thread: ReadThread): void {
    const { prompts, name } = this.#of(thread.id);
    this.#threads.delete(thread.id);
    if (name !== null && name !== thread.name) {
      this.problem(`The acknowledged name of ${thread.id} is lost: ${name}`);
    }
    for (const [prompt, turnId] of prompts) {
      const having = thread.turns.filter(({ items }) => JSON.stringify(items).includes(prompt));
      if (having.length > 1) this.problem(`Prompt ${prompt} of ${thread.id} was carried out twice`);
      if (turnId !== null && having[0]?.id !== turnId) {
        this.problem(`Acknowledged turn ${turnId} of ${thread.id} (${prompt}) is lost`);
      }
    }
  }

  /** A server that was killed may have lost a thread, but only one for which nothing else was promised. */
  lost(threadId: string, reason: string): void {
    const { prompts, name } = this.#of(threadId);
    this.#threads.delete(threadId);
    const hasTurn = [...prompts.values()].some((turnId) => turnId !== null);
    if (!hasTurn && name === null) {
      this.count("thread without a turn or a name lost with its server");
    } else this.problem(`Thread ${threadId}, with a turn or a name, is lost: ${reason}`);
  }

  /** Compares the disk with what was acknowledged; `marks` is what all commands have written. */
  async settleFiles(marks: readonly string[]): Promise<void> {
    for (const [path, content] of this.#files) {
      const found = await Deno.readTextFile(path);
      if (found !== content) this.problem(`The acknowledged content of ${path} is lost`);
    }
    for (const [mark, hasRun] of this.#marks) {
      const times = marks.filter((found) => found === mark).length;
      if (times > 1) this.problem(`Command ${mark} ran ${times} times`);
      if (hasRun && times === 0) this.problem(`Command ${mark} is said to have run, but did not`);
    }
  }

  #of(threadId: string): Promised {
    const known = this.#threads.get(threadId);
    if (known) return known;
    const promised: Promised = { prompts: new Map(), name: null, events: new Map() };
    this.#threads.set(threadId, promised);
    return promised;
  }
}
