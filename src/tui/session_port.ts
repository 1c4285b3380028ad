/** What views and commands may ask of the session that the person works in; must not know how it talks to the server. */
import type { ReconnectingClient } from "../client/reconnect.ts";
import type { ApprovalPolicy, SandboxPolicy } from "../protocol/policy.ts";
import type { ThreadTokenUsage } from "../protocol/turn_types.ts";
import type { LocalImage } from "./ports.ts";

/** What a person is about to send. */
export interface Draft {
  readonly text: string;
  readonly images: readonly LocalImage[];
}

/** How the thread works. What is changed holds from the next turn on. */
export interface SessionSettings {
  readonly model: string;
  readonly modelProvider: string;
  readonly effort: string | null;
  /** On the server. */
  readonly cwd: string;
  readonly approvalPolicy: ApprovalPolicy;
  readonly sandbox: SandboxPolicy;
}

/** The thread that is shown. */
export interface OpenThread {
  readonly id: string;
  readonly name: string | null;
  /** The first prompt, or empty. */
  readonly preview: string;
}

/** Another program, or this one, on the thread. */
export interface ThreadClient {
  readonly clientId: string;
  readonly name: string;
  readonly version: string;
}

/** A turn under way. */
export interface RunningTurn {
  readonly turnId: string;
  /** Unix milliseconds by the clock of this client. */
  readonly startedMs: number;
}

/** The session. Getters are cheap; `onChange` tells that one of them has another value. */
export interface SessionPort {
  readonly client: ReconnectingClient;
  /** Null until a thread has been started, which the first input does. */
  readonly thread: OpenThread | null;
  readonly settings: SessionSettings | null;
  readonly running: RunningTurn | null;
  readonly usage: ThreadTokenUsage | null;
  /** Those on the thread, this one among them; empty where the server does not tell. */
  readonly clients: readonly ThreadClient[];
  /** This client among them, or null. */
  readonly clientId: string | null;
  /** Sent, and not taken over by the server yet: it waits for the connection, perhaps. */
  readonly sending: readonly Draft[];
  /** Kept until the running turn ends, then sent as the next one. */
  readonly queued: readonly Draft[];
  onChange(listener: () => void): () => void;

  /** Starts a turn, or joins the running one. */
  submit(draft: Draft): Promise<void>;
  /** Sends it when the running turn has ended; at once when none runs. */
  queue(draft: Draft): void;
  /** Takes the newest queued draft back, for editing. */
  unqueue(): Draft | null;
  interrupt(): Promise<void>;
  /** Runs a command of the person, as `!` does. */
  shell(command: string): Promise<void>;
  /** Leaves the thread for a new one, which begins with the next input. */
  startNew(): Promise<void>;
  resume(threadId: string): Promise<void>;
  /** A new thread with the history up to that turn (without it), or with all of it. */
  fork(threadId: string, options?: { readonly beforeTurnId?: string }): Promise<void>;
  rename(name: string): Promise<void>;
  change(settings: Partial<SessionSettings>): void;
  /** Whether the server has a method; those that do not say are taken to have those of the real 0.120. */
  has(method: string): boolean;
}
