/** Asks a provider for the list of its models; must not know what for. */
import type { ModelProvider } from "../../config/config.ts";
import { causeText, shownUrl } from "./failure.ts";
import { endpointUrl } from "./headers.ts";
import { httpClientFor } from "./network.ts";
import type { AskOptions } from "./reachable.ts";

/** What it said. `why` holds no part of a key. */
export type ModelsAnswer =
  | { readonly type: "answered"; readonly status: number; readonly text: string }
  | { readonly type: "failed"; readonly why: string };

/** `GET models`, with the key if there is one. Redirects are not followed. */
export async function listModels(
  provider: ModelProvider,
  { env, clock, limitMs, key }: AskOptions & { readonly key: string | null },
): Promise<ModelsAnswer> {
  const limit = new AbortController();
  const cancel = clock.after(limitMs, () => limit.abort());
  try {
    const url = endpointUrl(provider, "models");
    const client = await httpClientFor(url, env);
    const response = await fetch(url, {
      headers: key === null ? {} : { authorization: `Bearer ${key}` },
      redirect: "manual",
      signal: limit.signal,
      ...client ? { client } : {},
    });
    return { type: "answered", status: response.status, text: await response.text() };
  } catch (error) {
    const why = limit.signal.aborted ? "it does not answer" : causeText(error);
    return { type: "failed", why: `${shownUrl(provider.baseUrl)}: ${why}` };
  } finally {
    cancel();
  }
}
