/** A TCP proxy that cuts, stalls, delays and throttles connections as a schedule says; must not know what passes. */

/** What happens to one connection through the proxy. */
export interface Fault {
  /** `cut`: closed at once. `stall`: nothing passes any more, and nobody is told. */
  readonly type: "none" | "cut" | "stall";
  /** Where it happens, counted over both directions. */
  readonly afterBytes: number;
  /** Largest piece that is passed on at once; small ones tear every frame. */
  readonly chunkBytes: number;
}

/** Nothing happens. */
export const NO_FAULT: Fault = { type: "none", afterBytes: Infinity, chunkBytes: 64 * 1024 };

/** A proxy that is listening on this machine. */
export interface FaultProxy extends AsyncDisposable {
  readonly port: number;
  /** Connections so far. */
  readonly count: number;
  /** Cuts every connection that is open now. */
  cutAll(): void;
}

interface Pair {
  readonly client: Deno.Conn;
  readonly server: Deno.Conn;
  passed: number;
  isStalled: boolean;
}

/** Stands between clients and `targetPort`; `faultOf` is asked once for each connection, by its number from 0. */
export function faultProxy(targetPort: number, faultOf: (index: number) => Fault): FaultProxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const pairs = new Set<Pair>();
  const running = new Set<Promise<void>>();
  let count = 0;

  async function serve(client: Deno.Conn, fault: Fault): Promise<void> {
    let server: Deno.Conn;
    try {
      server = await Deno.connect({ hostname: "127.0.0.1", port: targetPort });
    } catch {
      // The server is down: its clients see the connection end.
      return close(client);
    }
    const pair: Pair = { client, server, passed: 0, isStalled: false };
    pairs.add(pair);
    await Promise.all([
      pass(pair, { from: client, to: server, fault }),
      pass(pair, { from: server, to: client, fault }),
    ]);
    cut(pair);
    pairs.delete(pair);
  }

  async function accept(): Promise<void> {
    for await (const client of listener) {
      const work = serve(client, faultOf(count++));
      running.add(work);
      void work.finally(() => running.delete(work));
    }
  }
  const accepting = accept();
  return {
    port: listener.addr.port,
    get count() {
      return count;
    },
    cutAll: () => pairs.forEach(cut),
    [Symbol.asyncDispose]: async () => {
      listener.close();
      await accepting;
      pairs.forEach(cut);
      await Promise.all(running);
    },
  };
}

/** Passes on what comes until an end of the connection is gone or its fault comes. */
async function pass(
  pair: Pair,
  { from, to, fault }: { readonly from: Deno.Conn; readonly to: Deno.Conn; readonly fault: Fault },
): Promise<void> {
  const buffer = new Uint8Array(fault.chunkBytes);
  try {
    for (let read = await from.read(buffer); read !== null; read = await from.read(buffer)) {
      const room = Math.max(0, fault.afterBytes - pair.passed);
      const piece = buffer.subarray(0, Math.min(read, room));
      pair.passed += piece.length;
      if (!pair.isStalled) await writeAll(to, piece);
      if (piece.length === read || fault.type === "none") continue;
      if (fault.type === "cut") break;
      pair.isStalled = true;
    }
  } catch {
    // The other direction was cut, or an end is gone.
  }
  cut(pair);
}

async function writeAll(to: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await to.write(bytes.subarray(written));
}

function cut({ client, server }: Pair): void {
  close(client);
  close(server);
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It is closed already.
  }
}

/** A generator of numbers from 0 to below 1 that a seed determines (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
