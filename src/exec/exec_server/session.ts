/** What a client has on the exec-server, whether it is connected or not; must not know methods. */
import type { Clock } from "../../lib/clock.ts";
import { execServerCodes } from "../../protocol/exec_server.ts";
import type { Connection } from "../../rpc/connection.ts";
import { rpcCodes, RpcError } from "../../rpc/jsonrpc.ts";
import { type EventReceiver, SessionProcess } from "./session_process.ts";

/** How long a session without a connection is kept; upstream: 10 seconds. */
const DETACHED_MS = 60_000;
/** How long the id of a closed process stays taken and its output can be read. */
const CLOSED_PROCESS_MS = 30_000;
/** Each may hold a MiB of output. */
const PROCESSES_MAX = 1000;
/**
 * A client that has this much to take gets no output for now, and then its processes wait: what is on its way when
 * a connection breaks should be among what is kept.
 */
const PENDING_BYTES_MAX = 256 * 1024;
/**
 * A process whose output nobody is sent goes on until it has written so much, then it waits: half of what is
 * kept, so that what was on its way when the connection broke can still be read, too.
 */
const UNSENT_BYTES_MAX = 512 * 1024;
/** A client that came back has so long to read what it has missed, before its processes write over it. */
const CATCH_UP_MS = 5_000;
/** Messages that must arrive, kept for a client that is away. */
const BACKLOG_CHARS_MAX = 4 * 1024 * 1024;
/** Transports do not tell when they have sent something, so they are asked: often at first. */
const LOOK_MS_MAX = 50;

/** A file that a client has opened. */
export interface FileHandle {
  readonly path: string;
  readonly identity: string;
  /** The params that it was opened with, for their policy. */
  readonly policy: object;
}

/** Invariants: at most one connection at a time; a session that has ended runs and keeps nothing. */
export class Session {
  readonly id: string;
  readonly processes = new Map<string, SessionProcess>();
  readonly handles = new Map<string, FileHandle>();
  readonly #clock: Clock;
  readonly #endings = new Set<() => void>();
  #connection: Connection | null = null;
  #isReady = false;
  #isEnded = false;
  /** What was written while nobody was there, by process. */
  readonly #unsent = new Map<string, number>();
  #backlog: string[] = [];
  #backlogChars = 0;

  constructor(id: string, clock: Clock) {
    this.id = id;
    this.#clock = clock;
  }

  get isAttached(): boolean {
    return this.#connection !== null;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Whether the client has said `initialized` on its connection. */
  get isReady(): boolean {
    return this.#isReady;
  }

  attach(connection: Connection): void {
    this.#connection = connection;
    if (this.#unsent.size === 0) return;
    const cancel = this.#clock.after(CATCH_UP_MS, () => {
      this.#endings.delete(cancel);
      this.#unsent.clear();
    }, { background: true });
    this.#endings.add(cancel);
  }

  /** The client has read what there is of a process. */
  caughtUp(process: SessionProcess): void {
    this.#unsent.delete(process.id);
  }

  /** The client is there: it gets what has waited for it. */
  ready(): void {
    this.#isReady = true;
    const waiting = this.#backlog;
    this.#backlog = [];
    this.#backlogChars = 0;
    for (const text of waiting) this.#connection?.sendText(text);
  }

  detach(): void {
    this.#connection = null;
    this.#isReady = false;
    // Whoever waited has no connection to be answered on.
    for (const process of this.processes.values()) process.wake();
  }

  /** Reserves an id. */
  add(id: string, input: { readonly tty: boolean; readonly pipeStdin: boolean }): SessionProcess {
    if (this.processes.has(id)) throw refusal(`process ${id} already exists`, "processExists");
    if (this.processes.size >= PROCESSES_MAX) {
      throw refusal(`A session has at most ${PROCESSES_MAX} processes`, "tooManyProcesses");
    }
    const receiver: EventReceiver = {
      event: (text, outputBytes) => this.#event(id, { text, outputBytes }),
    };
    const process = new SessionProcess({ id, ...input, receiver });
    this.processes.set(id, process);
    return process;
  }

  remove(process: SessionProcess): void {
    if (this.processes.get(process.id) === process) this.processes.delete(process.id);
    this.#unsent.delete(process.id);
  }

  /** Forgets a process some time after it has closed. */
  forgetLater(process: SessionProcess): void {
    void process.closed().then(() => {
      if (this.#isEnded) return;
      const cancel = this.#clock.after(CLOSED_PROCESS_MS, () => {
        this.#endings.delete(cancel);
        this.remove(process);
      }, { background: true });
      this.#endings.add(cancel);
    });
  }

  /** Sends what must not be lost; kept while the client is away, in so far as there is room. */
  deliver(text: string, options: { readonly isFinal: boolean }): void {
    if (this.#isEnded) return;
    if (this.#connection && this.#isReady) return void this.#connection.sendText(text);
    if (this.#backlogChars > BACKLOG_CHARS_MAX && !options.isFinal) return;
    this.#backlog.push(text);
    this.#backlogChars += text.length;
  }

  /** Has `end` called when the session ends; returns what takes that back. */
  onEnd(end: () => void): () => void {
    this.#endings.add(end);
    return () => void this.#endings.delete(end);
  }

  end(): void {
    this.#isEnded = true;
    this.#backlog = [];
    for (const process of this.processes.values()) process.wake();
    for (const end of [...this.#endings]) end();
    this.#endings.clear();
    this.handles.clear();
  }

  #event(
    id: string,
    { text, outputBytes }: { readonly text: string; readonly outputBytes: number },
  ): Promise<void> | undefined {
    if (this.#connection && this.#isReady) this.#connection.sendText(text);
    else if (outputBytes > 0) this.#unsent.set(id, (this.#unsent.get(id) ?? 0) + outputBytes);
    if (outputBytes > 0 && this.#isFull(id)) return this.#room(id);
  }

  #isFull(id: string): boolean {
    if (this.#isEnded) return false;
    const unsent = this.#unsent.get(id) ?? 0;
    return this.#connection
      ? unsent > 0 || this.#connection.bufferedBytes > PENDING_BYTES_MAX
      : unsent > UNSENT_BYTES_MAX;
  }

  async #room(id: string): Promise<void> {
    for (let waitMs = 1; this.#isFull(id); waitMs = Math.min(waitMs * 2, LOOK_MS_MAX)) {
      await new Promise<void>((resolve) => void this.#clock.after(waitMs, resolve));
    }
  }
}

/** The sessions of one server. */
export class Sessions {
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #onEnd: (session: Session) => void;
  readonly #sessions = new Map<string, Session>();
  readonly #expiries = new Map<Session, () => void>();

  constructor(options: {
    readonly clock: Clock;
    newId(): string;
    onEnd(session: Session): void;
  }) {
    this.#clock = options.clock;
    this.#newId = () => options.newId();
    this.#onEnd = (session) => options.onEnd(session);
  }

  /** A new session, or the one to go on with. */
  open(connection: Connection, resumeId: string | null): Session {
    const session = resumeId === null
      ? new Session(this.#newId(), this.#clock)
      : this.#detached(resumeId);
    this.#expiries.get(session)?.();
    this.#expiries.delete(session);
    this.#sessions.set(session.id, session);
    session.attach(connection);
    return session;
  }

  /** Its connection is lost: it waits for another one, but not for ever. */
  detach(session: Session): void {
    session.detach();
    if (session.isEnded) return;
    const cancel = this.#clock.after(DETACHED_MS, () => this.#end(session), { background: true });
    this.#expiries.set(session, cancel);
  }

  endAll(): void {
    for (const session of [...this.#sessions.values()]) this.#end(session);
  }

  #detached(id: string): Session {
    const session = this.#sessions.get(id);
    if (!session) throw refusal(`unknown session id ${id}`, "unknownSession");
    if (!session.isAttached) return session;
    throw new RpcError(
      execServerCodes.sessionAttached,
      `session ${id} is already attached to another connection`,
      { reason: "sessionAttached" },
    );
  }

  #end(session: Session): void {
    this.#expiries.get(session)?.();
    this.#expiries.delete(session);
    this.#sessions.delete(session.id);
    session.end();
    this.#onEnd(session);
  }
}

/** Upstream's code for most refusals. */
export function refusal(message: string, reason: string): RpcError {
  return new RpcError(rpcCodes.invalidRequest, message, { reason });
}
