/** Asks the model servers of this machine which models they have; must not know who wants one. */
import { arrayOf, objectOf, parseJson, stringOf } from "../../agent/model/json.ts";
import { listModels } from "../../agent/model/list_models.ts";
import { askEndpoint } from "../../agent/model/reachable.ts";
import type { ModelProvider } from "../../config/config.ts";
import type { Host } from "../host.ts";

/** A model server that answers. */
export interface LocalServer {
  readonly provider: ModelProvider;
  /** The ids of its models; empty also where it does not tell. */
  readonly models: readonly string[];
}

/** One that does not run refuses at once; one that hangs is as good as none. */
const LIMIT_MS = 3000;
const MODELS_MAX = 200;
/** Visible characters only. */
const MODEL_ID = /^[^\s\p{C}]{1,200}$/u;
/** They answer no prompts. */
const NO_CHAT = /embed/i;

/** Those of the servers that run. */
export async function runningServers(
  providers: readonly ModelProvider[],
  host: Pick<Host, "env" | "clock">,
): Promise<readonly LocalServer[]> {
  const found = await Promise.all(providers.map((provider) => ask(provider, host)));
  return found.filter((one) => one !== null);
}

async function ask(
  provider: ModelProvider,
  { env, clock }: Pick<Host, "env" | "clock">,
): Promise<LocalServer | null> {
  const options = { env, clock, limitMs: LIMIT_MS };
  const reachability = await askEndpoint(provider, options);
  if (reachability.type !== "answered") return null;
  const answer = await listModels(provider, { ...options, key: null });
  // It runs, as it has answered already; which models it has is then the person's to say.
  return { provider, models: answer.type === "answered" ? modelIds(answer.text) : [] };
}

/** The ids in the answer to `GET /models`; none where it is something else. */
export function modelIds(text: string): readonly string[] {
  const ids = arrayOf(objectOf(parseJson(text))?.["data"])
    .flatMap((one) => stringOf(objectOf(one)?.["id"]) ?? [])
    .filter((id) => MODEL_ID.test(id) && !NO_CHAT.test(id));
  return [...new Set(ids)].slice(0, MODELS_MAX);
}
