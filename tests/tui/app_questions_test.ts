/** Questions that only other servers ask: permissions, choices, forms, hosts; each is answered as its server wants it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { elicitationForm, userInputForm } from "../../src/tui/form_questions.ts";
import { elicitationConsent, permissionsConsent } from "../../src/tui/consent_questions.ts";
import { FakeClock } from "../rpc/fake_clock.ts";
import { type AppStand, startStand, THREAD_ID } from "./app_stand.ts";

const PLACE = { threadId: THREAD_ID, turnId: "t1", itemId: "i1" };

/** Each is pressed, or typed, after the screen shows what stands before it. */
type Keys = readonly (readonly [shows: string | RegExp, key: string])[];

/** Asks, and gives keys when the question takes them. */
async function asked(
  { method, params, shows, keys }: {
    readonly method: string;
    readonly params: Readonly<Record<string, unknown>>;
    readonly shows: string | RegExp;
    readonly keys: Keys;
  },
  check: (stand: AppStand) => void = () => {},
): Promise<unknown> {
  // Time does not pass by itself: the question takes keys when it is told to.
  const clock = new FakeClock();
  await using stand = await startStand({ clock, columns: 100 });
  const answer = stand.server.request(method, { ...PLACE, ...params });
  await stand.terminal.until(shows);
  check(stand);
  clock.advance(1000);
  for (const [before, key] of keys) {
    await stand.terminal.until(before);
    if (key.length > 1 && /[ A-Z]/.test(key)) stand.terminal.type(key);
    else stand.terminal.press(key);
  }
  const result = await answer;
  await stand.terminal.until("Ask for anything");
  return result;
}

Deno.test("permissions are granted for a turn, for the session, or not, and exactly those that were asked for", async () => {
  const permissions = {
    network: { enabled: true },
    fileSystem: { read: null, write: ["/data/out"], entries: [{ path: "/x", access: "read" }] },
  };
  const answers: (readonly [string, unknown])[] = [
    ["y", { permissions, scope: "turn" }],
    ["a", { permissions, scope: "session" }],
    ["n", { permissions: {}, scope: "turn" }],
    ["esc", { permissions: {}, scope: "turn" }],
  ];
  for (const [key, expected] of answers) {
    const given = await asked({
      method: "item/permissions/requestApproval",
      params: { cwd: "/work/here", reason: "to publish", permissions },
      shows: "Grant these permissions?",
      keys: [["No, go on without it", key]],
    }, ({ terminal }) => {
      const text = terminal.frame();
      assert.match(text, /^In: \/work\/here$/m);
      assert.match(text, /^Why: to publish$/m);
      assert.match(text, /^ {2}Network access\n {2}Write \/data\/out\n {2}entries: \[.*\/x.*\]$/m);
    });
    assert.deepEqual(given, expected);
  }
});

Deno.test("a question of the agent is answered by a number, by words, or not at all", async () => {
  const questions = [
    {
      id: "db",
      header: "Database",
      question: "Which one?",
      isOther: true,
      isSecret: false,
      options: [
        { label: "SQLite", description: "one file" },
        { label: "Postgres", description: "a server" },
      ],
    },
    { id: "name", header: "Name", question: "What is it called?", isOther: false, options: null },
  ];
  const shows = /The agent asks \(1 of 2\)\nDatabase\nWhich one\?\n❯ 1 {2}SQLite: one file\n/;
  const answers: (readonly [Keys, unknown])[] = [
    [
      [[shows, "2"], ["What is it called?", "The Shop"], ["❯ The Shop", "enter"]],
      { db: { answers: ["Postgres"] }, name: { answers: ["The Shop"] } },
    ],
    [
      [[shows, "My own"], ["❯ My own", "enter"], ["What is it called?", "enter"]],
      { db: { answers: ["My own"] } },
    ],
    [
      [
        [shows, "down"],
        [/❯ 2 {2}Postgres/, "enter"],
        ["What is it called?", "esc"],
        [shows, "esc"],
      ],
      {},
    ],
  ];
  for (const [keys, expected] of answers) {
    const method = "item/tool/requestUserInput";
    const given = await asked({ method, params: { questions }, shows, keys });
    assert.deepEqual(given, { answers: expected });
  }
});

Deno.test("an MCP server gets its form filled in, and what has no right kind is asked for again", async () => {
  const requestedSchema = {
    type: "object",
    properties: {
      count: { type: "integer", title: "How many" },
      size: { type: "string", enum: ["s", "l"], enumNames: ["Small", "Large"] },
      gift: { type: "boolean", description: "As a gift?" },
    },
    required: ["count"],
  };
  const params = { serverName: "shop", mode: "form", message: "Your order", requestedSchema };
  const method = "mcpServer/elicitation/request";
  const shows = /An MCP server asks \(1 of 3\)\nshop: Your order\nHow many\n/;
  assert.deepEqual(
    await asked({
      method,
      params,
      shows,
      keys: [
        [shows, "enter"],
        ["This has to be filled in", "A lot"],
        ["❯ A lot", "enter"],
        ["This has to be a number", "ctrl+u"],
        [/❯\s*\n/, "3"],
        ["❯ 3", "enter"],
        ["2  Large", "2"],
        ["As a gift?", "enter"],
      ],
    }),
    { action: "accept", content: { count: 3, size: "l", gift: true }, _meta: null },
  );
  assert.deepEqual(await asked({ method, params, shows, keys: [[shows, "ctrl+c"]] }), {
    action: "decline",
    content: null,
    _meta: null,
  });
});

Deno.test("an MCP server that wants a yes, or an address opened, gets its answer", async () => {
  const method = "mcpServer/elicitation/request";
  const form = { mode: "form", requestedSchema: { type: "object", properties: {} } };
  const call = {
    ...form,
    serverName: "files",
    message: "Allow delete?",
    _meta: {
      persist: ["session", "always"],
      tool_params: { path: "/etc/passwd" },
    },
  };
  const shows = /files: Allow delete\?\n {2}\{"path":"\/etc\/passwd"\}$/m;
  assert.deepEqual(
    await asked({ method, params: call, shows, keys: [["do not ask again", "a"]] }),
    { action: "accept", content: {}, _meta: { persist: "session" } },
  );
  const url = { serverName: "web", mode: "url", message: "Sign in", url: "https://example.org/in" };
  assert.deepEqual(
    await asked({
      method,
      params: url,
      shows: /web: Sign in\n {2}https:\/\/example\.org\/in$/m,
      keys: [["Done, I have opened it", "y"]],
    }),
    { action: "accept", content: null, _meta: null },
  );
  assert.deepEqual(
    await asked({ method, params: url, shows: "Sign in", keys: [["No, and stop", "c"]] }),
    { action: "cancel", content: null, _meta: null },
  );
});

Deno.test("a host is allowed once, or from now on by a rule", async () => {
  const rule = {
    applyNetworkPolicyAmendment: {
      network_policy_amendment: { host: "example.org", action: "allow" },
    },
  };
  const params = {
    networkApprovalContext: { host: "example.org", protocol: "https" },
    availableDecisions: ["accept", rule, "cancel"],
  };
  const given = await asked({
    method: "item/commandExecution/requestApproval",
    params,
    shows: /^Allow this\?\nNetwork access: example\.org https$/m,
    keys: [[/h {2}Yes, and from now on allow connections to\n +example\.org$/m, "h"]],
  });
  assert.deepEqual(given, { decision: rule });
});

Deno.test("a question of another session, and on another machine, says so", async () => {
  await using stand = await startStand({ app: { remote: "ws://box:4500" } });
  const answer = stand.server.request("item/commandExecution/requestApproval", {
    ...PLACE,
    threadId: "another-one",
    command: "make",
    cwd: "/w",
  });
  const refused = assert.rejects(answer, /answered elsewhere/);
  await stand.terminal.until(/For another session: another-one\nIn: \/w\nOn: ws:\/\/box:4500\n/);
  stand.tell("serverRequest/resolved", { threadId: "another-one", requestId: 1 });
  await stand.terminal.until(/Answered by another client: make/);
  await refused;
});

Deno.test("on a screen with little room the answers are seen, and the rest can be scrolled", async () => {
  const long = "word ".repeat(200);
  for (const [columns, rows] of [[20, 12], [40, 12], [40, 24]] as const) {
    await using stand = await startStand({ columns, rows });
    const answer = stand.server.request("item/commandExecution/requestApproval", {
      ...PLACE,
      command: long,
      cwd: `/${long}`,
      reason: long,
      availableDecisions: [
        "accept",
        { acceptWithExecpolicyAmendment: { execpolicy_amendment: [long] } },
        "cancel",
      ],
    });
    answer.catch(() => null);
    const text = await stand.terminal.until(/n\/Esc/);
    assert.match(text, /❯ y {2}Yes, run it\n {2}p {2}Yes/);
    assert.match(text, /^ *… \d+ more of/m);
    assert.match(text.split("\n").at(-1) ?? "", /mock-model/);
  }
});

Deno.test("whatever a server asks, a form or a question comes of it, or nothing", () => {
  const value = fc.anything({ withNullPrototype: true });
  const params = fc.dictionary(
    fc.constantFrom("questions", "requestedSchema", "permissions", "_meta", "message", "url"),
    fc.oneof(value, fc.array(fc.dictionary(fc.constantFrom("id", "options", "question"), value))),
  );
  fc.assert(fc.property(params, (fields) => {
    for (const form of [userInputForm(fields), elicitationForm(fields)]) {
      for (const field of form?.fields ?? []) assert.equal(typeof field.text, "string");
      form?.encode(null);
    }
    for (const consent of [elicitationConsent(fields), permissionsConsent(fields)]) {
      assert.equal(typeof consent.subject, "string");
    }
  }));
});

Deno.test("of a long text that is pasted into a form the end is shown", async () => {
  const clock = new FakeClock();
  await using stand = await startStand({ clock });
  const questions = [{ id: "name", header: "Name", question: "Which?", options: null }];
  const answer = stand.server.request("item/tool/requestUserInput", { ...PLACE, questions });
  await stand.terminal.until("Which?");
  clock.advance(1000);
  const long = `${"漢字 and words ".repeat(20_000)}the end`;
  stand.terminal.send(`\u001b[200~${long}\u001b[201~`);
  await stand.terminal.until(/^❯ .*and words the end$/m);
  stand.terminal.press("enter");
  assert.deepEqual(await answer, { answers: { name: { answers: [long] } } });
});
