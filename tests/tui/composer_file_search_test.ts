import assert from "node:assert/strict";
import type { Client } from "../../src/client/client.ts";
import type { FileMatches } from "../../src/tui/composer/file_search.ts";
import { type SearchClient, ServerFileSearch } from "../../src/tui/composer/server_file_search.ts";
import { realClock } from "../exec/real_clock.ts";
import { FakeClock } from "../rpc/fake_clock.ts";
import { startServer } from "../support/server.ts";

/** What a search tells, as far as a test waits for it. */
class Told {
  readonly all: FileMatches[] = [];
  #waiting: (() => void)[] = [];

  readonly tell = (matches: FileMatches): void => {
    this.all.push(matches);
    for (const wake of this.#waiting.splice(0)) wake();
  };

  /** The paths of the first news that is complete for the query. */
  async of(query: string): Promise<readonly string[]> {
    for (;;) {
      const news = this.all.find((one) => one.query === query && one.files.length > 0);
      if (news) return news.files.map(({ path }) => path);
      await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    }
  }
}

function counting(client: Client, requests: string[]): SearchClient {
  return {
    request: (method, params, options) => {
      requests.push(method);
      return client.request(method, params, options ?? {});
    },
    on: (method, listener) => client.on(method, listener),
  };
}

let lastId = 0;
function randomId(): string {
  return `id-${++lastId}`;
}

for (const hasSessions of [true, false]) {
  Deno.test(`a server ${hasSessions ? "with" : "without"} sessions finds files while somebody types`, async () => {
    await using server = await startServer();
    for (const name of ["alpha.ts", "beta.ts"]) {
      await Deno.writeTextFile(`${server.project}/${name}`, "");
    }
    const client = await server.connect({ experimentalApi: true });
    const requests: string[] = [];
    const search = new ServerFileSearch({
      client: counting(client, requests),
      roots: () => [server.project],
      has: () => hasSessions,
      clock: realClock,
      randomId,
    });
    const told = new Told();
    const open = search.open(told.tell);
    open.look("alp");
    assert.deepEqual(await told.of("alp"), ["alpha.ts"]);
    open.look("bet");
    assert.deepEqual(await told.of("bet"), ["beta.ts"]);
    open.stop();
    open.look("gamma");
    const session = "fuzzyFileSearch/session";
    assert.deepEqual(
      requests,
      hasSessions
        ? ["Start", "Update", "Update", "Stop"].map((end) => session + end)
        : ["fuzzyFileSearch", "fuzzyFileSearch"],
    );
  });
}

Deno.test("a server that refuses sessions is asked query by query, and not for sessions again", async () => {
  await using server = await startServer();
  await Deno.writeTextFile(`${server.project}/alpha.ts`, "");
  // Without the experimental methods a session is refused.
  const client = await server.connect({ experimentalApi: false });
  const requests: string[] = [];
  const search = new ServerFileSearch({
    client: counting(client, requests),
    roots: () => [server.project],
    has: () => true,
    clock: realClock,
    randomId,
  });
  for (const query of ["alp", "ph"]) {
    const told = new Told();
    const open = search.open(told.tell);
    open.look(query);
    assert.deepEqual(await told.of(query), ["alpha.ts"]);
    open.stop();
  }
  const expected = ["fuzzyFileSearch/sessionStart", "fuzzyFileSearch", "fuzzyFileSearch"];
  assert.deepEqual(requests, expected);
});

Deno.test("a burst of letters is one question, and what was asked before is not shown", async () => {
  const asked: string[] = [];
  const answers: ((paths: readonly string[]) => void)[] = [];
  const clock = new FakeClock();
  const client = {
    request: (_method: string, { query }: { query: string }) => {
      asked.push(query);
      return new Promise((resolve) =>
        answers.push((paths) =>
          resolve({ files: paths.map((path) => ({ path, match_type: "file", indices: null })) })
        )
      );
    },
    on: () => () => {},
  };
  const search = new ServerFileSearch({
    // The parts of a client that a server without sessions is asked with.
    client: client as unknown as SearchClient,
    roots: () => ["/"],
    has: () => false,
    clock,
    randomId,
  });
  const told = new Told();
  const open = search.open(told.tell);
  for (const query of ["a", "ab", "abc"]) open.look(query);
  clock.advance(1000);
  assert.deepEqual(asked, ["a"]);
  answers[0]?.(["old"]);
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.deepEqual(asked, ["a", "abc"]);
  answers[1]?.(["new"]);
  assert.deepEqual(await told.of("abc"), ["new"]);
  assert.deepEqual(told.all.map(({ query }) => query), ["abc"]);
  open.stop();
  assert.equal(clock.pending, 0);
});

Deno.test("a session that was left before it had begun is ended, too", () => {
  const asked: string[] = [];
  const client = {
    request: (method: string) => {
      asked.push(method);
      return new Promise(() => {});
    },
    on: () => () => {},
  };
  const search = new ServerFileSearch({
    // The parts of a client that a search uses.
    client: client as unknown as SearchClient,
    roots: () => ["/"],
    has: () => true,
    clock: new FakeClock(),
    randomId,
  });
  const open = search.open(() => {});
  open.look("a");
  open.stop();
  open.stop();
  assert.deepEqual(asked, ["fuzzyFileSearch/sessionStart", "fuzzyFileSearch/sessionStop"]);
  search.open(() => {}).stop();
  assert.equal(asked.length, 2);
});

Deno.test("a session that was lost with its connection is begun anew", async () => {
  await using server = await startServer();
  await Deno.writeTextFile(`${server.project}/alpha.ts`, "");
  const clients = [
    await server.connect({ experimentalApi: true }),
    await server.connect({ experimentalApi: true }),
  ];
  let current = 0;
  const listeners = Promise.withResolvers<void>();
  const client: SearchClient = {
    request: (method, params, options) =>
      clients[current]?.request(method, params, options ?? {}) ?? Promise.reject(),
    on: (method, listener) => {
      const removers = clients.map((one) => one.on(method, listener));
      listeners.resolve();
      return () => removers.forEach((remove) => remove());
    },
  };
  const search = new ServerFileSearch({
    client,
    roots: () => [server.project],
    has: () => true,
    clock: realClock,
    randomId,
  });
  const told = new Told();
  const open = search.open(told.tell);
  open.look("al");
  await told.of("al");
  current = 1;
  open.look("alp");
  assert.deepEqual(await told.of("alp"), ["alpha.ts"]);
  open.stop();
});
