/** What the real terminal clients 0.120 and 0.169 send when they start is answered as they need it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { startMockModel } from "../support/mock_model.ts";
import { call, say } from "../support/scripted_model.ts";
import { startServer, type TestServer } from "../support/server.ts";
import boot120 from "./fixtures/tui_boot_120.json" with { type: "json" };
import boot169 from "./fixtures/tui_boot_169.json" with { type: "json" };
import { type Frame, RawPeer } from "./raw_peer.ts";
import { exists, runTurn, threadWithTurn } from "./turn_steps.ts";

/** One message of a client, in the order in which it sends them. `$NAMES` stand for what a run decides. */
interface Step {
  readonly id?: number | string;
  readonly method: string;
  readonly params?: unknown;
}

/** Methods whose refusal a client shrugs off. */
const OPTIONAL: ReadonlySet<string> = new Set([
  "hooks/list",
  "account/bedrock/checkGovCloudRequirements",
  "collaborationMode/list",
  "plugin/installed",
  "thread/readState/update",
]);

/** Sends the steps as the client does and returns the answers by method, in order. */
async function boot(server: TestServer, steps: readonly Step[]): Promise<Map<string, Frame[]>> {
  const peer = new RawPeer(server.server);
  const answers = new Map<string, Frame[]>();
  const values = new Map([
    ["$PROJECT", server.project],
    ["$HOME", join(server.home, "home")],
    ["$PROVIDER", "scripted"],
  ]);
  for (const { id, method, params } of steps) {
    const from = peer.frames.length;
    peer.send(filled({ id, method, params }, values));
    if (id === undefined) continue;
    const answer = await peer.until((frame) => frame.id === id && frame.method === undefined, from);
    answers.set(method, [...answers.get(method) ?? [], answer]);
    if (OPTIONAL.has(method)) {
      if (answer.error) assert.ok([-32600, -32601].includes(answer.error.code), method);
    } else assert.equal(answer.error, undefined, `${method} was refused`);
    if (method === "thread/start") {
      values.set(values.has("$THREAD") ? "$TITLE" : "$THREAD", answer.result.thread.id);
    }
    if (method === "turn/start") await turnEnd(peer, { id: answer.result.turn.id, from });
  }
  return answers;
}

function filled(message: unknown, values: ReadonlyMap<string, string>): string {
  return JSON.stringify(message, (_key, value) => {
    if (typeof value !== "string") return value;
    return value.replace(/\$[A-Z]+/g, (name) => values.get(name) ?? name);
  });
}

async function turnEnd(peer: RawPeer, turn: { id: string; from: number }): Promise<void> {
  const { params } = await peer.until(
    ({ method, params }) => method === "turn/completed" && params.turn.id === turn.id,
    turn.from,
  );
  assert.equal(params.turn.status, "completed");
}

/** The members that a client cannot do without, by method: dots lead deeper, `*` is each entry. */
const NEEDED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  initialize: {
    userAgent: "string",
    codexHome: "string",
    platformFamily: "string",
    platformOs: "string",
  },
  "account/read": { account: "object", requiresOpenaiAuth: "boolean" },
  "model/list": {
    "data.*.id": "string",
    "data.*.model": "string",
    "data.*.displayName": "string",
    "data.*.description": "string",
    "data.*.hidden": "boolean",
    "data.*.supportedReasoningEfforts": "array",
    "data.*.defaultReasoningEffort": "string",
    "data.*.isDefault": "boolean",
  },
  "thread/start": {
    "thread.id": "string",
    "thread.sessionId": "string",
    "thread.preview": "string",
    "thread.ephemeral": "boolean",
    "thread.modelProvider": "string",
    "thread.createdAt": "number",
    "thread.updatedAt": "number",
    "thread.status.type": "string",
    "thread.cwd": "string",
    "thread.cliVersion": "string",
    "thread.source": "string",
    "thread.turns": "array",
    model: "string",
    modelProvider: "string",
    cwd: "string",
    approvalPolicy: "string",
    approvalsReviewer: "string",
    "sandbox.type": "string",
  },
  "skills/list": { data: "array" },
  "turn/start": { "turn.id": "string", "turn.items": "array", "turn.status": "string" },
  "config/read": { config: "object", origins: "object" },
  "configRequirements/read": {},
  "thread/list": { data: "array" },
  "thread/loaded/list": { data: "array" },
};

function checkNeeded(answers: ReadonlyMap<string, readonly Frame[]>): void {
  for (const [method, frames] of answers) {
    if (OPTIONAL.has(method)) continue;
    for (const { result } of frames) {
      assert.equal(kindOf(result), "object", method);
      for (const [path, kind] of Object.entries(NEEDED[method] ?? {})) {
        for (const value of valuesAt(result, path.split("."))) {
          assert.equal(kindOf(value), kind, `${path} of ${method}`);
        }
      }
    }
  }
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? "array" : typeof value;
}

function valuesAt(value: unknown, [name, ...rest]: readonly string[]): unknown[] {
  if (name === undefined) return [value];
  if (name === "*") {
    assert.ok(Array.isArray(value) && value.length > 0);
    return value.flatMap((each) => valuesAt(each, rest));
  }
  assert.ok(typeof value === "object" && value !== null, name);
  return valuesAt(Reflect.get(value, name), rest);
}

/** Clients of 0.120 refuse the whole list over any other word. */
const EFFORTS = new Set(["none", "minimal", "low", "medium", "high", "xhigh"]);

Deno.test("everything that the terminal client 0.120 sends at its start is answered", async () => {
  await using server = await startServer({ responses: [say("Hello")] });
  const answers = await boot(server, boot120);
  checkNeeded(answers);
  assert.equal(answers.get("thread/start")?.[0]?.result.model, "gpt-5.2-codex");
  const { result } = answers.get("model/list")?.[0] ?? {};
  for (const model of result.data) {
    // Anything but null makes the client ask about a migration before it does anything else.
    assert.equal(model.upgrade, null);
    assert.equal(model.upgradeInfo, null);
    assert.ok(EFFORTS.has(model.defaultReasoningEffort));
    for (const { reasoningEffort } of model.supportedReasoningEfforts) {
      assert.ok(EFFORTS.has(reasoningEffort));
    }
  }
  const defaults = result.data.filter(({ isDefault }: { isDefault: boolean }) => isDefault);
  assert.equal(defaults.length, 1);
});

Deno.test("everything that the terminal client 0.169 sends at its start is answered", async () => {
  await using server = await startServer({
    responses: [say("Hello"), say('{"title":"Say hello"}')],
  });
  const answers = await boot(server, boot169);
  checkNeeded(answers);
  assert.deepEqual(answers.get("thread/unsubscribe")?.[0]?.result, { status: "unsubscribed" });
  const { userAgent } = answers.get("initialize")?.[0]?.result ?? {};
  // The client reads the server's version out of it.
  assert.match(userAgent, /^codex-tui\/0\.0\.0-test \(/);
});

Deno.test("the thread that makes a title is ephemeral and offers the model no tools", async () => {
  await using server = await startServer({
    responses: [
      say("Hello"),
      [call("shell", { command: ["true"] }), call("exec_command", { cmd: "true" })],
      say('{"title":"Say hello"}'),
    ],
  });
  const answers = await boot(server, boot169);
  const [thread, title] = answers.get("thread/start")?.map(({ result }) => result.thread) ?? [];
  assert.equal(title.ephemeral, true);
  assert.equal(title.path, null);
  assert.equal(title.threadSource, "thread_title");
  const [first, second, third] = server.model.requests;
  assert.ok((first?.tools.length ?? 0) > 0);
  assert.deepEqual(second?.tools, []);
  assert.deepEqual(pick(second?.outputSchema, "required"), ["title"]);
  // Also not those that are never offered but would work.
  const outputs = third?.input.flatMap((item) => "output" in item ? [item.output] : []);
  assert.deepEqual(outputs, ["unsupported call: shell", "unsupported call: exec_command"]);

  const client = await server.connect();
  await client.request("thread/name/set", { threadId: thread.id, name: "Say hello" });
  const named = await client.next("thread/name/updated");
  assert.deepEqual(named, { threadId: thread.id, threadName: "Say hello" });
  const { data } = await client.request("thread/list", { sourceKinds: [], modelProviders: [] });
  assert.deepEqual(data.map(({ id, name }) => [id, name]), [[thread.id, "Say hello"]]);
});

function pick(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

Deno.test("a sort key of a newer client lists the threads all the same", async () => {
  await using server = await startServer({ responses: [say("a"), say("b")] });
  const client = await server.connect();
  const threads = [await threadWithTurn(client, "a"), await threadWithTurn(client, "b")];
  for (const sortKey of ["section_position", "recency_at", "phase_of_the_moon"]) {
    const { data } = await client.request("thread/list", { sortKey, limit: 10 });
    assert.deepEqual(new Set(data.map(({ id }) => id)), new Set(threads), sortKey);
  }
});

Deno.test("skills are found in the home and in the project, broken ones are reported", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const home = join(server.home, "home", "skills");
  const project = join(server.project, ".codex", "skills");
  const write = async (folder: string, text: string) => {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(join(folder, "SKILL.md"), text);
  };
  await write(
    join(home, "brew"),
    '---\nname: "brew-tea"\ndescription: Makes tea: hot and strong.\n---\n# Tea\n',
  );
  await write(
    join(home, "long"),
    "---\nname: long\ndescription: >-\n  Folded over\n  two lines.\nmetadata:\n  x: 1\n---\n",
  );
  await write(join(project, "bare"), "No front matter at all.\n");
  await Deno.mkdir(join(home, "empty"));
  await Deno.mkdir(join(home, "broken", "SKILL.md"), { recursive: true });

  const { data } = await client.request("skills/list", { cwds: [server.project] });
  assert.equal(data.length, 1);
  assert.equal(data[0]?.cwd, server.project);
  assert.deepEqual(data[0]?.skills, [
    {
      name: "brew-tea",
      description: "Makes tea: hot and strong.",
      path: join(home, "brew", "SKILL.md"),
      scope: "user",
      enabled: true,
    },
    {
      name: "long",
      description: "Folded over two lines.",
      path: join(home, "long", "SKILL.md"),
      scope: "user",
      enabled: true,
    },
    {
      name: "bare",
      description: "",
      path: join(project, "bare", "SKILL.md"),
      scope: "repo",
      enabled: true,
    },
  ]);
  assert.deepEqual(data[0]?.errors.map(({ path }) => path), [join(home, "broken", "SKILL.md")]);
  const own = await client.request("skills/list", { forceReload: true });
  assert.equal(own.data[0]?.cwd, server.project);
});

Deno.test("config/read shows the values, where they come from, and layers when asked", async () => {
  await using server = await startServer();
  const client = await server.connect();
  const plain = await client.request("config/read", { cwd: server.project });
  assert.equal(pick(plain.config, "model"), "scripted-model");
  assert.equal(plain.layers, null);
  const full = await client.request("config/read", { includeLayers: true, cwd: "." });
  assert.ok((full.layers?.length ?? 0) > 0);
  assert.deepEqual(Object.keys(pick(full.origins, "model") ?? {}).sort(), ["name", "version"]);
  const required = await client.request("configRequirements/read");
  assert.equal(required.requirements, null);
});

Deno.test("model/list pages with a cursor", async () => {
  await using home = await openaiHome("http://127.0.0.1:1/v1");
  await using server = await startServer({ home: home.path });
  const client = await server.connect();
  const all = await client.request("model/list", { includeHidden: true });
  assert.equal(all.nextCursor, null);
  const shown = await client.request("model/list", {});
  assert.ok(shown.data.length < all.data.length);
  assert.deepEqual(shown.data.filter(({ hidden }) => hidden), []);
  const paged: string[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<typeof all> = await client.request("model/list", {
      includeHidden: true,
      limit: 3,
      cursor,
    });
    paged.push(...page.data.map(({ id }) => id));
    cursor = page.nextCursor;
  } while (cursor !== null);
  assert.deepEqual(paged, all.data.map(({ id }) => id));
});

/** A home whose provider wants the sign-in of OpenAI. */
async function openaiHome(baseUrl: string): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await Deno.makeTempDir({ prefix: "codex-test-" });
  await Deno.mkdir(join(path, "home"));
  await Deno.writeTextFile(
    join(path, "home", "config.toml"),
    `model = "gpt-5.4"\nmodel_provider = "official"\n[model_providers.official]\n` +
      `name = "Official"\nwire_api = "responses"\nrequires_openai_auth = true\n` +
      `base_url = "${baseUrl}"\nstream_max_retries = 0\n`,
  );
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

Deno.test("a login with a key is told to everybody, kept privately, used, and undone", async () => {
  await using mock = await startMockModel({ responses: [say("With a key")] });
  await using home = await openaiHome(mock.url);
  await using server = await startServer({ home: home.path, baseUrl: mock.url });
  const file = join(home.path, "home", "auth.json");
  const [client, other] = [await server.connect(), await server.connect()];
  const read = () => client.request("account/read", { refreshToken: false });
  assert.deepEqual(await read(), { account: null, requiresOpenaiAuth: true });

  const login = { type: "apiKey" as const, apiKey: "sk-test-1234567890" };
  assert.deepEqual(await client.request("account/login/start", login), { type: "apiKey" });
  for (const peer of [client, other]) {
    assert.deepEqual(await peer.next("account/login/completed"), {
      loginId: null,
      success: true,
      error: null,
    });
    assert.deepEqual(await peer.next("account/updated"), { authMode: "apikey", planType: null });
  }
  assert.deepEqual(JSON.parse(await Deno.readTextFile(file)), {
    auth_mode: "apikey",
    OPENAI_API_KEY: login.apiKey,
  });
  assert.equal(((await Deno.stat(file)).mode ?? 0) & 0o777, 0o600);
  assert.deepEqual(await read(), { account: { type: "apiKey" }, requiresOpenaiAuth: true });

  const { thread } = await client.request("thread/start", {});
  assert.equal((await runTurn(client, thread.id, "hi")).status, "completed");
  assert.equal(mock.requests[0]?.headers.authorization, `Bearer ${login.apiKey}`);

  assert.deepEqual(await client.request("account/logout"), {});
  for (const peer of [client, other]) {
    assert.deepEqual(await peer.next("account/updated"), { authMode: null, planType: null });
  }
  assert.equal(await exists(file), false);
  assert.deepEqual(await read(), { account: null, requiresOpenaiAuth: true });
  assert.deepEqual(await client.request("account/logout"), {});
});

Deno.test("a turn without the key that its provider needs fails with words that help", async () => {
  await using home = await openaiHome("http://127.0.0.1:1/v1");
  await using server = await startServer({ home: home.path, baseUrl: "http://127.0.0.1:1/v1" });
  const client = await server.connect();
  const { thread } = await client.request("thread/start", {});
  const turn = await runTurn(client, thread.id, "hi");
  assert.equal(turn.status, "failed");
  assert.equal(turn.error?.codexErrorInfo, "unauthorized");
  assert.match(turn.error?.message ?? "", /codex login/);
});

Deno.test("a login through a browser is refused with the way that works", async () => {
  await using server = await startServer();
  const peer = await RawPeer.initialized(server.server);
  const refusal = await peer.refusal("account/login/start", { type: "chatgpt" });
  assert.equal(refusal.code, -32600);
  assert.match(refusal.message ?? "", /codex login --with-api-key/);
  const { result } = await peer.call("account/login/cancel", { loginId: crypto.randomUUID() });
  assert.deepEqual(result, { status: "notFound" });
});
