/** Reads base64 in params as upstream does, whose errors clients see. */
import { rpcCodes, RpcError } from "../../rpc/jsonrpc.ts";
import { base64Problem } from "../filesystem/base64.ts";

/** The bytes of a short base64; throws an `RpcError` in upstream's words. */
export function decodedBase64(text: string): Uint8Array<ArrayBuffer> {
  try {
    // The built-in decoder skips white space, which upstream's does not.
    if (!/\s/.test(text)) {
      return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new RpcError(rpcCodes.invalidParams, base64Problem(text), { reason: "invalidValue" });
}
