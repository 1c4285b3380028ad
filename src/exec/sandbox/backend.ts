/** What a sandbox backend offers; must not know which backends there are. */
import type { SandboxSpec } from "./spec.ts";

/** The backends, best first. */
export const BACKEND_NAMES = ["launcher", "bubblewrap", "landlock", "seatbelt"] as const;
/** One of them. */
export type BackendName = (typeof BACKEND_NAMES)[number];

/** What a backend can hold a command to. Whatever is false here is said to people, and refused where it matters. */
export interface Guarantees {
  /** Nothing outside the writable folders changes: content, names, modes, times, attributes. */
  readonly writesConfined: boolean;
  /** Modes, owners, times and extended attributes elsewhere cannot change either. */
  readonly metadataConfined: boolean;
  /** Read-only paths inside writable folders hold, `.git` for instance. */
  readonly carvesOut: boolean;
  /** They hold also for paths that do not exist yet. */
  readonly carvesOutMissing: boolean;
  /** Hidden paths cannot be read or connected to. */
  readonly hides: boolean;
  /** Reading can be limited to some folders. */
  readonly limitsReading: boolean;
  /** No network but unix sockets. */
  readonly networkOff: boolean;
  /** The network of its own that `network: proxy` needs. */
  readonly networkProxy: boolean;
  /** Processes outside can be neither seen nor signalled nor traced. */
  readonly processesApart: boolean;
}

/** A command as it was asked for. */
export interface Command {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /**
   * Path of a terminal that the command is to control, in the place of its standard input and output: only
   * for backends that make the command leader of a session (`ConfinedCommand.leads`).
   */
  readonly terminal?: string;
  /**
   * Its input is empty, so the backend may open `/dev/null` for it. That of the caller is a way to a file
   * outside: whoever has a descriptor of a file that is its own can change the mode of the file.
   */
  readonly stdin?: "null";
}

/** The same command, started so that it is confined. */
export interface ConfinedCommand {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Leader of a session and group by itself: start it as it is, without `setsid`, and signal its group. */
  readonly leads?: boolean;
  /**
   * After the exit, before `release`: why the command never ran, or null when it did. Its exit code is then
   * not one of the command, whatever it is. Some backends need to be told how it ended to know.
   */
  failure?(exit?: { readonly signal: string | null }): StartTrouble | null;
  /** Must be called when the command is gone: releases placeholders and open files. */
  release(): void;
}

/** Why a confined command never ran. */
export interface StartTrouble {
  /** `sandbox`: it could not be confined. `program`: it was, but the program could not be executed. */
  readonly at: "sandbox" | "program";
  /** A sentence for people. */
  readonly message: string;
  /** The error number of the system. */
  readonly errno: number;
}

/** Why a command is not even started. */
export interface Refused {
  readonly type: "refused";
  readonly reason: string;
  /** There is no such program: not the sandbox's fault. */
  readonly isProgramMissing?: boolean;
}

/** A way to confine commands that was tried on this machine and worked. */
export interface Backend {
  readonly name: BackendName;
  readonly guarantees: Guarantees;
  /** Fails with a sentence when this backend cannot hold a command to the specification. */
  confine(
    command: Command,
    spec: SandboxSpec,
  ): ConfinedCommand | Refused;
  /** Step by step what would be done for a specification, for people who want to check it. */
  explain?(spec: SandboxSpec): string;
}

/** The result of trying a backend: usable, or why not. */
export type Probe =
  | { readonly type: "works"; readonly backend: Backend }
  | { readonly type: "unusable"; readonly name: BackendName; readonly reason: string };
