/** What newer clients send in the place of a policy; must not know what it would confine. */
import { rpcCodes, RpcError } from "../../rpc/jsonrpc.ts";

/** The permission profile that asks for nothing. */
const NO_CONFINEMENT = "disabled";

/** Throws when a permission profile would have to confine something: it is never ignored. */
export function refuseContext(
  sandbox: { readonly permissions: { readonly type: string } } | null | undefined,
): void {
  if (!sandbox || sandbox.permissions.type === NO_CONFINEMENT) return;
  throw new RpcError(
    rpcCodes.invalidParams,
    `sandbox permissions of the type \`${sandbox.permissions.type}\` are not supported; use ` +
      "`sandboxPolicy` for files, and confine processes by their argv",
    { reason: "sandboxUnsupported" },
  );
}
