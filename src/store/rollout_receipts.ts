/** Finds the receipts of requests in the records of a rollout; must not know what they are for. */
import { fieldsOf, textOf } from "./fields.ts";
import type { RolloutRecord } from "./rollout_reader.ts";

/** A receipt as it was written beside the user's input, with the turn that the input belongs to. */
export interface RolloutReceipt {
  readonly scope: string;
  readonly params: string;
  readonly turnId: string;
  /** Unix milliseconds. */
  readonly atMs: number;
}

/** All receipts, oldest first; broken ones are passed over. */
export function receiptsOf(records: readonly RolloutRecord[]): RolloutReceipt[] {
  const receipts: RolloutReceipt[] = [];
  let turnId: string | null = null;
  for (const record of records) {
    turnId = turnOpenedBy(record) ?? turnId;
    if (record.receipt === undefined || turnId === null) continue;
    const fields = fieldsOf(record.receipt);
    const [scope, params] = [fields && textOf(fields, "scope"), fields && textOf(fields, "params")];
    const atMs = Date.parse(record.timestamp);
    if (scope && params && !Number.isNaN(atMs)) receipts.push({ scope, params, turnId, atMs });
  }
  return receipts;
}

function turnOpenedBy({ type, payload }: RolloutRecord): string | null {
  if (type !== "event_msg") return null;
  const event = fieldsOf(payload);
  const opens = event?.type === "task_started" || event?.type === "turn_started";
  return event && opens ? textOf(event, "turn_id") : null;
}
