/** The past of a thread from the records of its rollout: as it is, or with its last turns taken back; pure, must not write. */
import type { ThreadTokenUsage, TokenUsage } from "../protocol/turn_types.ts";
import { projectContext } from "../store/rollout_context.ts";
import { recordsBefore } from "../store/rollout_cut.ts";
import { threadRolledBack } from "../store/rollout_items.ts";
import type { RolloutRecord } from "../store/rollout_reader.ts";
import { receiptsOf } from "../store/rollout_receipts.ts";
import { projectTurns, type ThreadReplay } from "../store/rollout_turns.ts";
import type { ThreadPast } from "./thread_parts.ts";
import { NO_USAGE } from "./usage.ts";

/** What clients see and what the model is sent. */
export function pastOf(
  records: readonly RolloutRecord[],
  replay: Pick<ThreadReplay, "turns" | "tokenUsage"> = projectTurns(records),
): ThreadPast {
  return {
    history: projectContext(records),
    turns: replay.turns,
    usage: replay.tokenUsage,
    receipts: receiptsOf(records),
  };
}

/** The past after the last turns were taken back: tokens stay counted, the last count is the one before these turns. */
export function rolledBack(
  records: readonly RolloutRecord[],
  { turnCount, usage }: {
    readonly turnCount: number;
    readonly usage: ThreadTokenUsage | null;
  },
): ThreadPast {
  const mark = { index: records.length, timestamp: "", ...threadRolledBack(turnCount) };
  const past = pastOf([...records, mark]);
  return { ...past, usage: usage && { ...usage, last: lastUsage(records, turnCount) } };
}

function lastUsage(records: readonly RolloutRecord[], turnCount: number): TokenUsage {
  const { turns, tokenUsage } = projectTurns(records);
  const removed = turns[Math.max(0, turns.length - turnCount)];
  const kept = removed ? recordsBefore(records, removed.id) : null;
  const usage = kept ? projectTurns(kept).tokenUsage : tokenUsage;
  return usage?.last ?? NO_USAGE;
}
