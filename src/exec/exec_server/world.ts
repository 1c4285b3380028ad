/** What the methods of the exec-server work with; must not know any of them. */
import type { Clock } from "../../lib/clock.ts";
import type {
  EnvironmentInfo,
  ExecServerMethod,
  ExecServerParams,
  ExecServerResult,
} from "../../protocol/exec_server.ts";
import type { EncodedJson } from "../../rpc/jsonrpc.ts";
import type { FileSystem } from "../filesystem.ts";
import type { Processes } from "../process.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import type { Session } from "./session.ts";

/** The machine, as far as clients may use it. */
export interface ExecWorld {
  readonly clock: Clock;
  readonly processes: Processes;
  readonly fileSystem: FileSystem;
  /** Its ceiling holds for processes and files alike. */
  readonly sandbox: Sandbox;
  /** The folder of the server, which policies are about. */
  readonly cwd: string;
  /** What a process may inherit, if its client wants that. */
  readonly env: Readonly<Record<string, string>>;
  readonly environment: EnvironmentInfo;
  /** Why no request may be made over HTTP for a client, as the end of a sentence; null where one may. */
  readonly httpRefusal: string | null;
}

/** One request in work. */
export interface ExecCall {
  readonly session: Session;
  /** About how many bytes the client has not taken yet. */
  readonly pendingBytes: number;
  /** Aborted when the connection is lost. */
  readonly gone: AbortSignal;
  /** Sends a notification over this connection, and no other. */
  send(text: string): void;
  /** Answers now, so that nothing that happens next can come before the answer; returns it. */
  respond<T>(result: T): T;
}

/** Answers one method. */
export type ExecHandler<M extends ExecServerMethod> = (
  params: ExecServerParams<M>,
  call: ExecCall,
) => ExecServerResult<M> | EncodedJson | Promise<ExecServerResult<M> | EncodedJson>;

/** A handler for each of the methods; a missing one is a compile error. */
export type ExecHandlers<M extends ExecServerMethod> = { readonly [K in M]: ExecHandler<K> };
