/**
 * Finds everything that a command has started, also what left its group, and ends it; must not know what runs.
 *
 * A process keeps its group and session until it calls `setsid`, its parent until that one ends, and the
 * environment that it was started with for ever. So each command gets a mark of its own in its environment, which
 * survives `setsid` and a double fork, and members are found by mark, group, session and parent together.
 * To adopt orphans (`PR_SET_CHILD_SUBREAPER`) would not say whose they are, and each would have to be reaped
 * besides the children that the runtime waits for. What clears its environment and then leaves its session and
 * its parent before anybody looks escapes: a service manager does that on purpose, and what must not is held by
 * the process namespace of a sandbox.
 */
import { signalProcess } from "./process_group.ts";
import {
  currentThread,
  type ProcessRow,
  readProcess,
  readProcessTable,
  startVariable,
  yieldTurn,
} from "./process_table.ts";

/** Holds the marks of a command and of the commands around it, apart by commas. */
export const MARK_VARIABLE = "CODEX_COMMAND_ID";
/** A process that forks faster than it is found gets away after so many rounds of SIGKILL. */
const KILL_ROUNDS_MAX = 50;
/** In so many rounds, of some 100 ms together, a leader is spared while it has others to collect. */
const LEADER_SPARED_ROUNDS = 10;

/** Where a tree starts. */
export interface TreeRoot {
  /** The mark, or the start that the marks of several commands share. */
  readonly mark: string;
  /** The leader; null when the tree is found by its marks alone. */
  readonly leader: { readonly pid: number; readonly isRunning: boolean } | null;
}

interface Look {
  readonly rows: readonly ProcessRow[];
  /** The marks of each process that has any. */
  readonly marks: ReadonlyMap<number, readonly string[]>;
}

let instances = 0;

/** Waits; `over` stays open when it is cancelled. */
export type Wait = (delayMs: number) => { readonly over: Promise<void>; cancel(): void };

/** The processes of this machine as trees of commands. Without a `/proc` it finds nothing. */
export class ProcessTrees {
  readonly #wait: Wait;
  /** The start of every mark that is made for these trees. */
  readonly prefix: string;
  readonly #self = readProcess(Deno.pid);
  #next: Promise<Look | null> | null = null;
  /** Marks by process, as far as they are known: what was ours once stays ours, whatever it executes. */
  #known = new Map<number, { readonly startTicks: number; readonly marks: readonly string[] }>();

  constructor(wait: Wait) {
    this.#wait = wait;
    // Apart from those of other processes, also of earlier ones with this id, of other threads, and of each other.
    const names = [Deno.pid, this.#self?.startTicks ?? 0, currentThread(), ++instances];
    this.prefix = `${names.join("-")}.`;
  }

  /** The tree of a command. */
  tree(root: () => TreeRoot): ProcessTree {
    return new ProcessTree(root, { look: () => this.#look(), wait: this.#wait });
  }

  /** What is running now; those who ask in the same moment share a look. */
  #look(): Promise<Look | null> {
    return this.#next ??= yieldTurn().then(() => {
      this.#next = null;
      return this.#read();
    });
  }

  async #read(): Promise<Look | null> {
    const rows = await readProcessTable();
    if (rows === null) return null;
    const known = new Map<number, { startTicks: number; marks: readonly string[] }>();
    for (const row of rows) {
      const marks = this.#marksOf(row);
      if (marks.length > 0) known.set(row.pid, { startTicks: row.startTicks, marks });
    }
    this.#known = known;
    return { rows, marks: new Map([...known].map(([pid, { marks }]) => [pid, marks])) };
  }

  #marksOf(row: ProcessRow): readonly string[] {
    const known = this.#known.get(row.pid);
    if (known?.startTicks === row.startTicks) return known.marks;
    // Kernel threads have no session, and what is older than this process was not started by it.
    const isCandidate = row.isRunning && row.session !== 0 && row.pid !== Deno.pid &&
      row.startTicks >= (this.#self?.startTicks ?? 0);
    return isCandidate ? startVariable(row.pid, MARK_VARIABLE)?.split(",") ?? [] : [];
  }
}

/** One tree. Invariant: a process that was found once is followed until it ends, whatever becomes of its parents. */
export class ProcessTree {
  readonly #root: () => TreeRoot;
  readonly #look: () => Promise<Look | null>;
  readonly #wait: Wait;
  /** Start times by process id. */
  readonly #found = new Map<number, number>();

  constructor(
    root: () => TreeRoot,
    options: { readonly look: () => Promise<Look | null>; readonly wait: Wait },
  ) {
    this.#root = root;
    this.#look = options.look;
    this.#wait = options.wait;
  }

  /** The processes of the tree that run; null where that cannot be told. */
  async members(): Promise<readonly ProcessRow[] | null> {
    const look = await this.#look();
    if (look === null) return null;
    const members = membersOf(look, { root: this.#root(), found: this.#found });
    for (const { pid, startTicks } of members) this.#found.set(pid, startTicks);
    return members.filter((row) => row.isRunning);
  }

  /** Sends a signal to every member by itself; how many there were, or null where that cannot be told. */
  async signal(signal: Deno.Signal): Promise<number | null> {
    const members = await this.members();
    for (const { pid } of members ?? []) signalProcess(pid, signal);
    return members?.length ?? null;
  }

  /** Resolves when no member runs any more, or the time is over. */
  async ended(timeoutMs: number): Promise<boolean> {
    const deadline = this.#wait(timeoutMs);
    let isOver = false;
    void deadline.over.then(() => isOver = true);
    try {
      for (let pauseMs = 2; !isOver; pauseMs = Math.min(pauseMs * 2, 64)) {
        if ((await this.members())?.length === 0) return true;
        await Promise.race([this.#wait(pauseMs).over, deadline.over]);
      }
      return false;
    } finally {
      deadline.cancel();
    }
  }

  /**
   * SIGKILL until nothing is left, also of what was started meanwhile.
   *
   * The leader comes last: the launcher of a sandbox is the parent of a process inside. Without it, process 1 of this
   * machine has to collect that process, and in many containers it never collects anything; until it does, the process
   * namespace of the sandbox cannot end either.
   */
  async kill(): Promise<void> {
    for (let round = 0; round < KILL_ROUNDS_MAX; round++) {
      const members = await this.members();
      if (members === null || members.length === 0) return;
      const leader = this.#root().leader?.pid;
      const others = members.filter(({ pid }) => pid !== leader);
      const isSpared = others.length > 0 && round < LEADER_SPARED_ROUNDS;
      for (const { pid } of isSpared ? others : members) signalProcess(pid, "SIGKILL");
      await this.#wait(Math.min(round, 10)).over;
    }
  }
}

/** The rows of a tree, zombies included. */
export function membersOf(
  { rows, marks }: Look,
  options: { readonly root: TreeRoot; readonly found: ReadonlyMap<number, number> },
): readonly ProcessRow[] {
  const { root, found } = options;
  const { leader, mark } = root;
  const isShared = mark.endsWith(".");
  const hasMark = ({ pid }: ProcessRow) =>
    marks.get(pid)?.some((one) => isShared ? one.startsWith(mark) : one === mark) ?? false;
  // Once the leader was reaped its id may be given to a stranger, but only when its group is empty.
  const isLeadersId = leader !== null &&
    (leader.isRunning || rows.every((row) => row.pid !== leader.pid));
  const isNear = (row: ProcessRow) =>
    isLeadersId && [row.pid, row.group, row.session].includes(leader.pid);
  const members = new Map<number, ProcessRow>();
  const others: ProcessRow[] = [];
  for (const row of rows) {
    if (row.pid === Deno.pid) continue;
    const isFound = found.get(row.pid) === row.startTicks;
    if (isFound || isNear(row) || hasMark(row)) members.set(row.pid, row);
    else others.push(row);
  }
  addDescendants(members, others);
  return [...members.values()];
}

function addDescendants(members: Map<number, ProcessRow>, others: readonly ProcessRow[]): void {
  const children = Map.groupBy(others, (row) => row.parent);
  const parents = [...members.keys()];
  for (let pid = parents.pop(); pid !== undefined; pid = parents.pop()) {
    for (const child of children.get(pid) ?? []) {
      if (members.has(child.pid)) continue;
      members.set(child.pid, child);
      parents.push(child.pid);
    }
  }
}
