/** Takes the last turns of a loaded thread back, on disk and in memory; must not know clients. */
import { CodexError } from "../lib/errors.ts";
import { withSettledRollout } from "../store/rollout_reader.ts";
import { rolledBack } from "./thread_past.ts";
import type { Loaded } from "./threads.ts";

/** The thread and its rollout agree afterwards; a refusal changes nothing. The texts are those of 0.120. */
export async function rollBack(loaded: Loaded, turnCount: number): Promise<void> {
  const { thread, log } = loaded;
  while (thread.stopping) await thread.stopping;
  await withSettledRollout(requirePath(loaded), (records) => {
    // A turn may have begun since, and the thread may have been unloaded.
    requirePath(loaded);
    const past = rolledBack(records, { turnCount, usage: thread.usage });
    log.rolledBack(turnCount, past.usage);
    thread.goOnFrom(past);
  });
}

function requirePath({ thread, log }: Loaded): string {
  if (thread.activeTurnId !== null) {
    // deno-lint-ignore codex/error-message -- Upstream's words.
    throw new CodexError("invalidRequest", "Cannot rollback while a turn is in progress.");
  }
  if (log.path === null) {
    throw new CodexError("invalidRequest", "thread rollback requires a persisted rollout path");
  }
  if (!log.isMaterialized) {
    const reason = "No such file or directory (os error 2)";
    throw new CodexError(
      "rolloutNotFound",
      `failed to load rollout \`${log.path}\` for rollback replay: ${reason}`,
    );
  }
  return log.path;
}
