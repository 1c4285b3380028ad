/** A TCP proxy that cuts, stalls, delays and throttles connections as a schedule says; must not know what passes. */

/** What happens to one connection through the proxy. */
export interface Fault {
  /** `cut`: closed at once. `stall`: nothing passes any more, and nobody is told. */
  readonly type: "none" | "cut" | "stall";
  /** Where it happens, counted over both directions. */
  readonly afterBytes: number;
  /** Largest piece that is passed on at once; small ones tear every frame. */
  readonly chunkBytes: number;
  /** How much later each piece arrives, in each direction. */
  readonly delayMs?: number;
  /** What passes in a second, in each direction; the rest waits where it comes from. */
  readonly bytesPerSecond?: number;
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
  /** Holds back what passes over the connections that are open now, their ends too; nobody is told. */
  holdAll(): void;
  /** Lets what was held back pass. */
  healAll(): void;
}

interface Pair {
  readonly client: Deno.Conn;
  readonly server: Deno.Conn;
  passed: number;
  isStalled: boolean;
  /** Resolves when what is held back may pass. */
  hold: PromiseWithResolvers<void> | null;
  /** Aborts when it is cut. */
  readonly over: AbortController;
}

/**
 * Stands between clients and a port, which may be another one for each connection; `faultOf` is asked once for each
 * connection, by its number from 0.
 */
export function faultProxy(
  targetPort: number | (() => number),
  faultOf: (index: number) => Fault,
): FaultProxy {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const pairs = new Set<Pair>();
  const running = new Set<Promise<void>>();
  let count = 0;

  async function serve(client: Deno.Conn, fault: Fault): Promise<void> {
    let server: Deno.Conn;
    try {
      const port = typeof targetPort === "number" ? targetPort : targetPort();
      server = await Deno.connect({ hostname: "127.0.0.1", port });
    } catch {
      // The server is down: its clients see the connection end.
      return close(client);
    }
    const pair: Pair = {
      client,
      server,
      passed: 0,
      isStalled: false,
      hold: null,
      over: new AbortController(),
    };
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
    holdAll: () => pairs.forEach((pair) => pair.hold ??= Promise.withResolvers()),
    healAll: () => pairs.forEach(heal),
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
  const { delayMs = 0, bytesPerSecond = Infinity } = fault;
  const timed = delayMs > 0 || bytesPerSecond < Infinity;
  const buffer = new Uint8Array(fault.chunkBytes);
  let written: Promise<void> = Promise.resolve();
  try {
    for (let read = await from.read(buffer); read !== null; read = await from.read(buffer)) {
      while (pair.hold) await pair.hold.promise;
      const room = Math.max(0, fault.afterBytes - pair.passed);
      const piece = buffer.subarray(0, Math.min(read, room));
      pair.passed += piece.length;
      if (!pair.isStalled && !timed) await writeAll(to, piece);
      if (!pair.isStalled && timed) {
        if (bytesPerSecond < Infinity) {
          await pause(1000 * piece.length / bytesPerSecond, pair.over.signal);
        }
        const kept = piece.slice();
        const write = () => writeAll(to, kept);
        written = Promise.all([written, pause(delayMs, pair.over.signal)]).then(write);
        // A failure is noticed below; until then it is nobody's.
        written.catch(() => undefined);
      }
      if (piece.length === read || fault.type === "none") continue;
      if (fault.type === "cut") break;
      pair.isStalled = true;
    }
    await written;
  } catch {
    // The other direction was cut, or an end is gone.
  }
  cut(pair);
}

/** Ends early when the connection does, so that no timer is left of it. */
function pause(delayMs: number, over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      over.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, delayMs);
    over.addEventListener("abort", end);
    if (over.aborted) end();
  });
}

async function writeAll(to: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await to.write(bytes.subarray(written));
}

function cut(pair: Pair): void {
  close(pair.client);
  close(pair.server);
  pair.over.abort();
  heal(pair);
}

function heal(pair: Pair): void {
  pair.hold?.resolve();
  pair.hold = null;
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
