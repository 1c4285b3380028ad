/** Handlers of `fuzzyFileSearch` and its sessions. */
import { FileSearch } from "../../exec/file_search.ts";
import type { ClientMethod } from "../../protocol/mod.ts";
import type { Handlers, RequestContext } from "../context.ts";
import type { Peer } from "../peer.ts";
import { PeerSearches } from "../peer_searches.ts";
import type { Runtime } from "../runtime.ts";

type SearchMethod = Extract<ClientMethod, "fuzzyFileSearch" | `fuzzyFileSearch/${string}`>;

export function fuzzyFileSearchHandlers(runtime: Runtime): Handlers<SearchMethod> {
  const { clock, env, cwd, log } = runtime;
  const fileSearch = new FileSearch({ clock, env, cwd });
  runtime.onClose(() => fileSearch.close());
  const ofPeers = new WeakMap<Peer, PeerSearches>();
  const searchesOf = ({ peer }: RequestContext): PeerSearches => {
    let searches = ofPeers.get(peer);
    if (!searches) ofPeers.set(peer, searches = new PeerSearches(peer, { fileSearch, log }));
    return searches;
  };
  return {
    "fuzzyFileSearch": (params, context) => searchesOf(context).once(params),
    "fuzzyFileSearch/sessionStart": (params, context) => searchesOf(context).start(context, params),
    "fuzzyFileSearch/sessionUpdate": (params, context) =>
      searchesOf(context).update(context, params),
    "fuzzyFileSearch/sessionStop": ({ sessionId }, context) => searchesOf(context).stop(sessionId),
  };
}
