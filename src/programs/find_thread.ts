/** Finds the thread that a command line means, through any client; must not open it. */
import { pagesOf } from "../client/pages.ts";
import { HYPHENATED_UUID } from "../lib/uuid_form.ts";
import type { ClientMethod, Params, Result } from "../protocol/mod.ts";

/** As much of a client as this takes. */
export interface Requester {
  request<M extends ClientMethod>(method: M, params: Params<M>): Promise<Result<M>>;
}

type Query = Params<"thread/list">;
type Listed = Result<"thread/list">["data"][number];

const PAGE = 100;

/** Every kind of thread there is. */
export const EVERY_SOURCE = ["cli", "vscode", "exec", "appServer", "unknown"];

/** The id of the most recently used thread that the query lets through; null when there is none. */
export async function findLast(client: Requester, query: Query): Promise<string | null> {
  const { data } = await client.request("thread/list", {
    sortKey: "updated_at",
    ...query,
    limit: 1,
  });
  return data[0]?.id ?? null;
}

/** The id itself, or that of the most recently used thread with such a name; null when there is none. */
export async function findNamed(client: Requester, idOrName: string): Promise<string | null> {
  if (isThreadId(idOrName)) return idOrName;
  for await (const { id } of threadsNamed(client, idOrName)) return id;
  return null;
}

/** Whether a word is an id rather than a name. */
export function isThreadId(word: string): boolean {
  return HYPHENATED_UUID.test(word);
}

/** All threads of that name, the most recently used first. */
export async function* threadsNamed(client: Requester, name: string): AsyncGenerator<Listed> {
  const pages = pagesOf((cursor) =>
    client.request("thread/list", {
      sortKey: "updated_at",
      sourceKinds: EVERY_SOURCE,
      limit: PAGE,
      modelProviders: [],
      cursor,
    })
  );
  for await (const { data } of pages) yield* data.filter((thread) => thread.name === name);
}
