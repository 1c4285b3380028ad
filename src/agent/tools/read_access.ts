/** Which paths the tools may read in this process under a sandbox policy; must not know any tool. */
import type { SandboxPolicy } from "../../protocol/policy.ts";

/**
 * Whether `path` may be read. Links are followed first, so that none leads out of a readable folder.
 * Throws what the system says of a path that cannot be resolved, but only where the policy restricts.
 */
export async function isReadablePath(
  path: string,
  { policy, cwd }: { readonly policy: SandboxPolicy; readonly cwd: string },
): Promise<boolean> {
  const roots = readableRoots(policy);
  if (roots === null) return true;
  const realPath = await Deno.realPath(path);
  for (const root of [cwd, ...roots]) {
    const prefix = `${(await realPathOr(root)).replace(/\/+$/, "")}/`;
    if (`${realPath}/`.startsWith(prefix)) return true;
  }
  return false;
}

/** The folders that may be read, or null when all may. */
function readableRoots(policy: SandboxPolicy): readonly string[] | null {
  const access = policy.type === "readOnly"
    ? policy.access
    : policy.type === "workspaceWrite"
    ? policy.readOnlyAccess
    : undefined;
  if (access === undefined || access.type === "fullAccess") return null;
  const roots = access["readableRoots"];
  const own = Array.isArray(roots) ? roots.filter((root) => typeof root === "string") : [];
  return policy.type === "workspaceWrite" ? [...own, ...policy.writableRoots] : own;
}

async function realPathOr(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
    throw error;
  }
}
