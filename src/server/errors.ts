/** The one translation of failures to protocol errors; must not know which method failed. */
import { CodexError, type CodexErrorKind } from "../lib/errors.ts";
import { InvalidParams } from "../protocol/parse.ts";
import { rpcCodes, RpcError } from "../rpc/jsonrpc.ts";

/** Failures of this machine rather than of the request. */
const INTERNAL_KINDS: ReadonlySet<CodexErrorKind> = new Set(["diskFull", "readOnlyHome", "io"]);

/** Nothing was done, and the same request will do later: what clients do about an overload is right. */
const LATER_KINDS: ReadonlySet<CodexErrorKind> = new Set(["shuttingDown"]);

/** Upstream answers -32600 for nearly every failure of a request; `data.reason` tells them apart. */
export function toRpcError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  if (error instanceof InvalidParams) {
    return new RpcError(rpcCodes.invalidRequest, error.message, { reason: error.reason });
  }
  if (error instanceof CodexError) {
    return new RpcError(codeOf(error.kind), error.message, { reason: error.kind });
  }
  // A bug: the connection logs what was thrown, the client gets no more than this.
  throw error;
}

function codeOf(kind: CodexErrorKind): number {
  if (LATER_KINDS.has(kind)) return rpcCodes.overloaded;
  return INTERNAL_KINDS.has(kind) ? rpcCodes.internal : rpcCodes.invalidRequest;
}
