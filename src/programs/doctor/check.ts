/** What a check of `codex doctor` is, finds and works with; must not know any single check. */
import type { Reachability } from "../../agent/model/reachable.ts";
import type { Config } from "../../config/config.ts";
import type { SystemCalls } from "../../exec/system_calls.ts";
import type { Processes } from "../../exec/process.ts";
import type { Host } from "../host.ts";

/** One thing that a check found. Whatever is not ok comes with the one thing to do about it. */
export type Finding =
  | { readonly status: "ok"; readonly message: string }
  | { readonly status: "warning" | "error"; readonly message: string; readonly fix: string };

/** How well things stand. */
export type Status = Finding["status"];

/** The configuration as far as it could be loaded. */
export type LoadedConfig =
  | { readonly type: "loaded"; readonly config: Config }
  | { readonly type: "failed"; readonly error: unknown }
  /** There is no home folder to look in. */
  | { readonly type: "homeless" };

/** What checks work with. The shared questions are asked once, when the first check wants the answer. */
export interface CheckContext {
  readonly host: Host;
  readonly os: typeof Deno.build.os;
  /** The user that this process acts as; null where the system has no such numbers. */
  readonly uid: number | null;
  /** The home folder; null when nothing names one. */
  readonly home: string | null;
  readonly processes: Processes;
  /** Null where the C library could not be opened. */
  readonly system: SystemCalls | null;
  /** The width of the terminal; null without one. */
  columns(): number | null;
  config(): Promise<LoadedConfig>;
  /** Null when no address is known. */
  endpoint(): Promise<Reachability | null>;
}

/** One line, or a few, of the report. Checks do not depend on each other, and none of them writes. */
export interface Check {
  readonly name: string;
  /** Runs after all others have ended, because it measures time. */
  readonly isAlone?: true;
  run(context: CheckContext): Promise<Finding | readonly Finding[]>;
}

/** All is well. */
export function ok(message: string): Finding {
  return { status: "ok", message };
}

/** Something that works today and may not tomorrow, or that is less safe than it could be. */
export function warning(message: string, fix: string): Finding {
  return { status: "warning", message, fix };
}

/** Something that keeps this program from doing its work. */
export function error(message: string, fix: string): Finding {
  return { status: "error", message, fix };
}
