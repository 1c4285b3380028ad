/** Asks a provider whether it takes a key, before the key is stored; must not know where the key came from. */
import { listModels } from "../../agent/model/list_models.ts";
import type { ModelProvider } from "../../config/config.ts";
import type { Host } from "../host.ts";

/** What the provider said about a key. */
export type KeyVerdict =
  | { readonly type: "taken" }
  | { readonly type: "refused"; readonly status: number }
  /** Nobody could say. */
  | { readonly type: "unknown"; readonly why: string };

/** Longer than a healthy provider takes; whoever is offline should not wait longer for being told. */
const LIMIT_MS = 5000;
const REFUSALS: readonly number[] = [401, 403];

/** Lists the models with the key, which costs nothing. The verdict holds no part of the key. */
export async function checkKey(
  key: string,
  { provider, host: { env, clock } }: {
    readonly provider: ModelProvider;
    readonly host: Pick<Host, "env" | "clock">;
  },
): Promise<KeyVerdict> {
  const answer = await listModels(provider, { env, clock, limitMs: LIMIT_MS, key });
  if (answer.type === "failed") return { type: "unknown", why: answer.why };
  const { status } = answer;
  return REFUSALS.includes(status) ? { type: "refused", status } : { type: "taken" };
}
