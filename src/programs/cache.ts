/** `codex cache`: removes what packed files have unpacked, or warms what one has just unpacked; must not unpack. */
import { sanitizeLine } from "../lib/sanitize.ts";
import { cleanRuntimeCache, pruneRuntimeCache, type Removal } from "../store/runtime_cache.ts";
import { type RuntimeFolder, runtimeFolders } from "../store/runtime_folders.ts";
import type { Host, Invocation } from "./host.ts";

/** Runs `cache clean`, or `cache prime`, which the script at the head of a packed file calls after unpacking. */
export async function run({ args, host }: Invocation): Promise<number> {
  if (args.path.includes("prime")) return await prime(host);
  return cleanCache(host, runtimeFolders(host.env, Deno.uid()));
}

/** 0 when nothing is left but what is in use or not ours, 1 when something could not be removed. */
export function cleanCache(host: Host, folders: readonly RuntimeFolder[]): number {
  const { packaging, clock, stdout, stderr } = host;
  const removals = cleanRuntimeCache(folders, {
    uid: Deno.uid(),
    ownDir: packaging.runtimeDir,
    nowMs: clock.now(),
  });
  // From here on nothing may be loaded any more: it may have been removed.
  for (const removal of removals) {
    const writer = removal.type === "failed" ? stderr : stdout;
    writer.write(`${sanitizeLine(lineOf(removal))}\n`);
  }
  if (removals.length === 0) stdout.write("Nothing to remove\n");
  return removals.some(({ type }) => type === "failed") ? 1 : 0;
}

function lineOf(removal: Removal): string {
  switch (removal.type) {
    case "removed":
      return removal.bytes === 0
        ? `Removed ${removal.path}`
        : `Removed ${removal.path} (${Math.max(removal.bytes / 1e6, 0.1).toFixed(1)} MB)`;
    case "kept":
      return `Kept ${removal.path}: ${removal.reason}`;
    case "failed":
      return `Error: Cannot remove ${removal.path}: ${removal.reason}`;
  }
}

/** Prints nothing: it runs in front of whatever the user has asked for. */
async function prime({ packaging, clock }: Host): Promise<number> {
  const { loadEverything } = await import("./cache/prime.ts");
  await loadEverything();
  const { runtimeDir } = packaging;
  if (runtimeDir !== null) {
    pruneRuntimeCache(runtimeDir, { uid: Deno.uid(), nowMs: clock.now() });
  }
  return 0;
}
