import { deepEqual, equal, rejects, throws } from "node:assert/strict";
import fc from "fast-check";
import { KeyedLock } from "../../src/lib/keyed_lock.ts";
import { IncomingRequest } from "../../src/rpc/incoming_request.ts";
import { RpcError } from "../../src/rpc/jsonrpc.ts";
import { createRouter, type RoutedEntry, type RouteHandler } from "../../src/rpc/router.ts";

interface Peer {
  readonly name: string;
}

type Entry = RoutedEntry & { readonly doc?: string };

function incoming(method: string, params: unknown = {}): IncomingRequest {
  return new IncomingRequest({ id: 1, method, params }, 0, () => {});
}

/** A router over plain tables; `delay` makes a method load after so many microtasks. */
function routerOf(options: {
  readonly entries: Readonly<Record<string, Entry>>;
  readonly handler: RouteHandler<Peer>;
  readonly delay?: (method: string) => number;
  readonly gate?: (peer: Peer, method: string) => void;
}) {
  const loaded = new Set<string>();
  const wait = async <T>(method: string, value: T): Promise<T> => {
    for (let turn = options.delay?.(method) ?? 0; turn > 0; turn--) await Promise.resolve();
    loaded.add(method);
    return value;
  };
  const isLoaded = (method: string) => !options.delay || loaded.has(method);
  return createRouter<Peer, Entry>({
    find: (method) => {
      const entry = options.entries[method] ?? null;
      return isLoaded(method) ? entry : wait(method, entry);
    },
    parse: (_, params) => {
      if (params === "bad") throw new RangeError("bad params");
      return params;
    },
    gate: (peer, method) => options.gate?.(peer, method),
    handler: () => options.handler,
    unknownMethod: (method) => Promise.resolve(new RpcError(-32600, `unknown ${method}`)),
    lock: new KeyedLock(),
    toRpcError: (error) => {
      if (error instanceof RpcError) return error;
      if (error instanceof RangeError) return new RpcError(-1, error.message);
      throw error;
    },
  });
}

const byThread: Entry = {
  ordering: { thread: (params: unknown) => JSON.stringify(params) },
};

Deno.test("Router dispatches a loaded concurrent method without a promise", () => {
  const router = routerOf({
    entries: { a: { ordering: "concurrent" }, g: { ordering: { global: "config" } } },
    handler: (params, peer, request) => [params, peer.name, request.method],
  });
  deepEqual(router.dispatch({ name: "p" }, incoming("a", 5)), [5, "p", "a"]);
  deepEqual(router.dispatch({ name: "p" }, incoming("g", 6)), [6, "p", "g"]);
});

Deno.test("Router refuses unknown methods, bad params and closed gates, in this order", async () => {
  const router = routerOf({
    entries: { a: { ordering: "concurrent" } },
    handler: () => "reached",
    gate: () => {
      throw new RpcError(-32600, "Not initialized");
    },
  });
  const peer = { name: "p" };
  await rejects(Promise.resolve(router.dispatch(peer, incoming("nope"))), /unknown nope/);
  throws(() => router.dispatch(peer, incoming("a", "bad")), new RpcError(-1, "bad params"));
  throws(() => router.dispatch(peer, incoming("a")), /Not initialized/);
});

Deno.test("Router maps failures of handlers and passes bugs on as they are", async () => {
  const router = routerOf({
    entries: { a: { ordering: "concurrent" }, t: byThread },
    handler: (params) => {
      if (params === "sync") throw new RangeError("sync");
      if (params === "bug") throw new TypeError("bug");
      return Promise.reject(new RangeError("async"));
    },
    delay: () => 1,
  });
  const peer = { name: "p" };
  const attempts = () =>
    ["sync", "bug", "async"].map(async (params) =>
      await router.dispatch(peer, incoming("a", params))
    );
  // First while the method loads, then when it is loaded.
  for (let round = 0; round < 2; round++) {
    const [sync, bug, late] = await Promise.allSettled(attempts());
    deepEqual(
      [sync, bug, late].map((outcome) => outcome?.status === "rejected" && outcome.reason),
      [
        new RpcError(-1, "sync"),
        new TypeError("bug"),
        new RpcError(-1, "async"),
      ],
    );
  }
});

Deno.test("Router answers the requests behind one whose module cannot be loaded", async () => {
  let attempts = 0;
  const router = createRouter<Peer, Entry>({
    find: (method) => {
      if (method === "broken") return Promise.reject(new RpcError(-2, "cannot load"));
      attempts++;
      return Promise.resolve({ ordering: "concurrent" });
    },
    parse: (_, params) => params,
    gate: () => {},
    handler: () => () => "ok",
    unknownMethod: () => new RpcError(-1, "unknown"),
    lock: new KeyedLock(),
    toRpcError: (error) => error instanceof RpcError ? error : new RpcError(-3, `${error}`),
  });
  const peer = { name: "p" };
  const [broken, fine] = ["broken", "fine"].map(async (method) =>
    await router.dispatch(peer, incoming(method))
  );
  await rejects(Promise.resolve(broken), /cannot load/);
  equal(await fine, "ok");
  equal(attempts, 1);
});

Deno.test("Router starts the requests of a peer in the order of arrival while methods load", async () => {
  const methods = fc.array(fc.constantFrom("fast", "slow", "slower"), { maxLength: 30 });
  await fc.assert(fc.asyncProperty(methods, async (sequence) => {
    const started: number[] = [];
    const delays: Readonly<Record<string, number>> = { fast: 0, slow: 3, slower: 20 };
    const router = routerOf({
      entries: Object.fromEntries(
        Object.keys(delays).map((method) => [method, { ordering: "concurrent" as const }]),
      ),
      handler: (params) => {
        if (typeof params === "number") started.push(params);
        return Promise.resolve(params);
      },
      delay: (method) => delays[method] ?? 0,
    });
    const peer = { name: "p" };
    const results = sequence.map(async (method, index) =>
      await router.dispatch(peer, incoming(method, index))
    );
    deepEqual(await Promise.all(results), sequence.map((_, index) => index));
    deepEqual(started, sequence.map((_, index) => index));
  }));
});

Deno.test("Router runs the requests of a thread one after the other, those of others freely", async () => {
  const gates = new Map([["one", Promise.withResolvers<void>()]]);
  const log: string[] = [];
  const router = routerOf({
    entries: { t: byThread },
    handler: async (params, peer) => {
      log.push(`${peer.name} ${params} starts`);
      await gates.get(String(params))?.promise;
      log.push(`${peer.name} ${params} ends`);
    },
  });
  const work = [
    router.dispatch({ name: "a" }, incoming("t", "one")),
    router.dispatch({ name: "b" }, incoming("t", "one")),
    router.dispatch({ name: "b" }, incoming("t", "two")),
  ];
  await work[2];
  deepEqual(log, ["a one starts", "b two starts", "b two ends"]);
  gates.get("one")?.resolve();
  await Promise.all(work);
  deepEqual(log.slice(3), ["a one ends", "b one starts", "b one ends"]);
});
