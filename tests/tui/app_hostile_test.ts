/** What servers, models, tools and files say never does anything to the terminal but appear on it. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type AppStand, openedThread, startStand, THREAD_ID } from "./app_stand.ts";
import { nasty } from "./render_support.ts";

/** Everything that a program may want from a terminal, each with a trace that nothing of ours has. */
const ATTACKS = [
  "\u001b]52;c;RVZJTA==\u0007",
  "\u001b]0;EVIL\u0007",
  "\u001b]2;EVIL\u001b\\",
  "\u001b]9;EVIL\u0007",
  "\u001b]777;notify;EVIL;EVIL\u0007",
  "\u001b]8;;http://evil.example\u0007",
  "\u001b]1337;File=inline=1:RVZJTA==\u0007",
  "\u001b_Gf=100;RVZJTA==\u001b\\",
  "\u001bPqEVIL\u001b\\",
  "\u001bPtmux;\u001b\u001b]52;c;RVZJTA==\u0007\u001b\\",
  "\u009d52;c;RVZJTA==\u009c",
  "\u009b48;5;201m",
  "\u001b[48;5;201m",
  "\u001b[38;2;1;2;3m",
  "\u001b[6n",
  "\u001b[?1049l",
  "\u001b[?1000h",
  "\u001b[?25l\u001b[999;999H",
  "\u001b[5i",
  "\u001b[21t",
  "\u001bc",
  "\u001b#8",
  "\u001b(0",
  "\u000e",
  "\u0007",
  "\b\b\b\b",
  "\u007f",
  "\u0085",
  "\u202etxt.exe\u202c",
  "\u2066word\u2069",
  "\u200f",
  "\ufeff",
  "\u001b",
  "\u001b[",
  "\u001b]",
  "\ud83d",
  "漢".repeat(70),
  "x".repeat(300),
  "👩‍👩‍👧‍👦".repeat(30),
  "a\u0301\u0302\u0303".repeat(40),
  "\r\n\r",
  "a\rb",
  "\t\t",
  "\u2028",
];
const hostile = fc.oneof(
  fc.array(fc.constantFrom(...ATTACKS), { minLength: 1, maxLength: 4 }).map((all) => all.join("")),
  fc.tuple(fc.constantFrom(...ATTACKS), nasty).map((all) => all.join("")),
);

/** Stands for a hostile text in what follows. */
const X = "\u0000X";
const TURN = { turnId: "t1" };
const ITEMS: readonly Readonly<Record<string, unknown>>[] = [
  {
    type: "userMessage",
    content: [
      { type: "text", text: X },
      { type: "image", url: X },
      { type: "localImage", path: X },
    ],
  },
  { type: "userMessage", content: [{ type: "mention", name: X, path: X }, { type: X }] },
  { type: "agentMessage", text: X },
  { type: "reasoning", summary: [X, X], content: [X] },
  { type: "reasoning", summary: [], content: [X] },
  { type: "plan", text: X },
  {
    type: "commandExecution",
    command: X,
    cwd: X,
    source: X,
    status: X,
    aggregatedOutput: X,
    exitCode: 1,
    durationMs: 5000,
    processId: X,
  },
  { type: "commandExecution", command: X, cwd: X, status: "declined", aggregatedOutput: X },
  {
    type: "fileChange",
    status: "completed",
    changes: [
      { path: X, kind: { type: "update", move_path: X }, diff: X },
      { path: X, kind: { type: "add" }, diff: X },
      { path: X, kind: { type: X }, diff: X },
    ],
  },
  { type: "mcpToolCall", server: X, tool: X, status: X, arguments: X, error: { message: X } },
  { type: "mcpToolCall", server: X, tool: X, result: { content: [{ type: "text", text: X }] } },
  { type: "dynamicToolCall", tool: X, arguments: X, success: false, contentItems: [X] },
  { type: "functionCallOutput", name: X, output: X },
  { type: "collabAgentToolCall", tool: X, prompt: X },
  { type: "subAgentActivity", agentPath: X, kind: X },
  { type: "hookPrompt", fragments: [{ text: X }] },
  { type: "webSearch", query: X, action: { type: X, queries: [X], url: X } },
  { type: "webSearch", query: "", action: { type: X, queries: [X], url: X } },
  { type: "imageView", path: X },
  { type: "imageGeneration", savedPath: X, revisedPrompt: X, result: X },
  { type: "enteredReviewMode", review: X },
  { type: "exitedReviewMode", review: X },
  { type: "contextCompaction" },
  { type: "sleep" },
  { type: X, text: X },
  { type: X, status: X },
];

/** What is told in the course of a turn, in this order. */
const NEWS: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ["turn/started", { turn: { id: "t1", status: "inProgress", items: [] } }],
  ...ITEMS.flatMap((item, index) => {
    const named = { ...item, id: `i${index}` };
    return [
      ["item/started", { ...TURN, item: named }] as const,
      ...index % 2 === 0 ? [["item/completed", { ...TURN, item: named }] as const] : [],
    ];
  }),
  ["item/agentMessage/delta", { ...TURN, itemId: "m", delta: X }],
  ["item/agentMessage/delta", { ...TURN, itemId: "m", delta: X }],
  ["item/reasoning/summaryTextDelta", { ...TURN, itemId: "r", summaryIndex: 0, delta: X }],
  ["item/reasoning/textDelta", { ...TURN, itemId: "q", contentIndex: 0, delta: X }],
  ["item/commandExecution/outputDelta", { ...TURN, itemId: "i7", delta: X }],
  ["item/mcpToolCall/progress", { ...TURN, itemId: "i9", message: X }],
  ["item/fileChange/patchUpdated", { ...TURN, itemId: "i8", changes: [{ path: X, diff: X }] }],
  ["turn/plan/updated", {
    ...TURN,
    explanation: X,
    plan: [{ step: X, status: "completed" }, { step: X, status: "inProgress" }, { step: X }],
  }],
  ["error", { ...TURN, willRetry: true, error: { message: X, additionalDetails: X } }],
  ["error", { turnId: "", willRetry: false, error: { message: X, additionalDetails: X } }],
  ["warning", { message: X }],
  ["guardianWarning", { message: X }],
  ["configWarning", { threadId: null, summary: X, details: X, path: X }],
  ["deprecationNotice", { threadId: null, summary: X, details: X }],
  ["model/rerouted", { ...TURN, fromModel: X, toModel: X, reason: X }],
  ["mcpServer/startupStatus/updated", { name: X, status: "failed", error: X }],
  ["thread/name/updated", { threadName: X }],
  ["thread/clients/updated", { clients: [{ clientId: X, name: X, version: X }] }],
  ["thread/tokenUsage/updated", {
    ...TURN,
    tokenUsage: { total: { totalTokens: 5 }, last: { totalTokens: 5 }, modelContextWindow: 100 },
  }],
];

const QUESTIONS: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ["item/commandExecution/requestApproval", {
    itemId: "i6",
    command: X,
    cwd: X,
    reason: X,
    environmentId: X,
    networkApprovalContext: { host: X, protocol: X },
    additionalPermissions: { fileSystem: { write: [X] } },
    skillMetadata: X,
    availableDecisions: [
      "accept",
      { acceptWithExecpolicyAmendment: { execpolicy_amendment: [X, X] } },
      { applyNetworkPolicyAmendment: { network_policy_amendment: { host: X, action: "allow" } } },
      "cancel",
    ],
  }],
  ["item/fileChange/requestApproval", { itemId: "i8", reason: X, grantRoot: X }],
  ["item/permissions/requestApproval", {
    itemId: "p",
    cwd: X,
    reason: X,
    permissions: { network: { enabled: true }, fileSystem: { read: [X], write: [X] } },
  }],
  ["item/tool/requestUserInput", {
    itemId: "u",
    questions: [{
      id: X,
      header: X,
      question: X,
      isOther: true,
      options: [{ label: X, description: X }],
    }],
  }],
  ["mcpServer/elicitation/request", {
    serverName: X,
    mode: "form",
    message: X,
    requestedSchema: { type: "object", properties: { a: { type: "string", title: X } } },
  }],
  ["mcpServer/elicitation/request", { serverName: X, mode: "url", message: X, url: X }],
  ["item/tool/call", { tool: X, arguments: X }],
  [X, { what: X }],
];

/** The value with another hostile text in each place that has one. */
function filled(value: unknown, texts: readonly string[]): unknown {
  let next = 0;
  const fill = (one: unknown): unknown => {
    if (one === X) return texts[next++ % texts.length] ?? "";
    if (Array.isArray(one)) return one.map(fill);
    if (typeof one !== "object" || one === null) return one;
    return Object.fromEntries(Object.entries(one).map(([key, inner]) => [key, fill(inner)]));
  };
  return fill(value);
}

/** What the renderer, and nobody else, may tell the terminal. */
const OWN =
  // deno-lint-ignore no-control-regex -- Control sequences are what it is about.
  /\u001b\[(?:[0-9;]*m|\d*[ABCDGJK]|\d*(?:;\d*)?H|\?(?:25|7|1049|1000|1002|1003|1004|1006|2004|2026|2031)[hl]|2[23];2t)|\u001b\]0;[^\u0000-\u001f\u007f-\u009f]*\u0007|\u001b\]9;[^\u0000-\u001f\u007f-\u009f]*\u0007\u0007?|\u001b\]8;;\u0007|\u001b\]11;\?(?:\u0007|\u001b\\)|\r|\n/g;
/** A style or a place of the attacks: in a sequence that is as ours. */
// deno-lint-ignore no-control-regex -- See above.
const PLANTED = /\u001b\[(?:48;5;201|38;2;1;2;3)m|\u001b\[999;999H|\u001b\][09];[^\u0007]*EVIL/;
const UNSAFE =
  // deno-lint-ignore no-control-regex -- See above.
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/;

/** Nothing but text, and commands that are ours. */
function assertOwn({ terminal }: AppStand): void {
  const raw = terminal.writes.join("");
  assert.ok(raw.isWellFormed());
  const text = raw.replace(OWN, "");
  const at = text.search(UNSAFE);
  assert.ok(at < 0, `Not ours: ${JSON.stringify(text.slice(Math.max(0, at - 60), at + 60))}`);
  const planted = PLANTED.exec(raw)?.index ?? -1;
  assert.ok(
    planted < 0,
    `Planted: ${JSON.stringify(raw.slice(Math.max(0, planted - 60), planted + 60))}`,
  );
  const { emulator } = terminal;
  assert.deepEqual(emulator.clipboard, []);
  assert.ok(emulator.modes.alternateScreen);
}

/** The composer and the status line are where they belong: no line was wider than the screen. */
async function assertInPlace(stand: AppStand): Promise<void> {
  const { terminal } = stand;
  terminal.press("ctrl+l");
  const rows = (await terminal.settled()).split("\n");
  assert.equal(rows.length, terminal.rows);
  assert.match(rows.at(-1) ?? "", /mock-model/, rows.join("\n"));
}

const size = fc.record({
  columns: fc.constantFrom(20, 40, 80, 140),
  rows: fc.constantFrom(12, 24, 50),
});
/** With room for a line above a question. */
const roomy = fc.record({
  columns: fc.constantFrom(20, 40, 80, 140),
  rows: fc.constantFrom(18, 24, 50),
});
const texts = fc.array(hostile, { minLength: 5, maxLength: 40 });

Deno.test("hostile text in any news of a turn stays text, in the conversation, the title and the status line", async () => {
  await fc.assert(
    fc.asyncProperty(texts, size, fc.boolean(), async (all, place, isExpanded) => {
      await using stand = await startStand(place);
      if (isExpanded) stand.terminal.press("ctrl+t");
      for (const [method, params] of NEWS) {
        stand.tell(method, Object(filled(params, all)));
      }
      await stand.drawn();
      await assertInPlace(stand);
      const turn = {
        id: "t1",
        status: "failed",
        error: { message: X },
        durationMs: 9000,
        items: [],
      };
      stand.tell("turn/completed", Object(filled({ turn }, all)));
      await stand.drawn();
      assertOwn(stand);
    }),
    { numRuns: 40 },
  );
});

Deno.test("hostile text in a question stays text, whatever is asked", async () => {
  await fc.assert(
    fc.asyncProperty(
      texts,
      fc.constantFrom(...QUESTIONS),
      roomy,
      async (all, [method, params], place) => {
        await using stand = await startStand(place);
        for (const item of ITEMS.slice(6, 9)) {
          const named = { ...item, id: `i${ITEMS.indexOf(item)}`, status: "inProgress" };
          stand.tell("item/started", Object(filled({ ...TURN, item: named }, all)));
        }
        const asked = { threadId: THREAD_ID, ...TURN, ...Object(filled(params, all)) };
        const answered = stand.server.request(method === X ? all[0] ?? "x" : method, asked);
        answered.catch(() => null);
        await stand.drawn();
        await assertInPlace(stand);
        stand.terminal.press("ctrl+o");
        await assertInPlace(stand);
        assertOwn(stand);
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("hostile text in a loaded thread, and in what commands answer, stays text", async () => {
  await fc.assert(
    fc.asyncProperty(texts, size, async (all, place) => {
      const turns = [{
        id: "t1",
        status: "completed",
        durationMs: 5000,
        items: ITEMS.map((item, index) => ({ ...item, id: `i${index}` })),
      }, { id: "t2", status: "failed", error: { message: X }, items: [] }];
      const opened = Object(openedThread({ preview: X, name: X, turns, cwd: X }));
      const thread = {
        id: THREAD_ID,
        preview: X,
        name: X,
        cwd: X,
        path: X,
        gitInfo: { branch: X },
        updatedAt: 5,
        createdAt: 5,
        status: { type: "idle" },
        turns: [],
      };
      const model = {
        id: "x",
        model: X,
        displayName: X,
        description: X,
        supportedReasoningEfforts: [{ reasoningEffort: X, description: X }],
        defaultReasoningEffort: X,
        isDefault: true,
      };
      const answers = {
        "thread/start": { ...opened, cwd: X },
        "thread/list": { data: [thread], nextCursor: null },
        "thread/loaded/list": { data: [THREAD_ID], nextCursor: null },
        "thread/read": { thread },
        "model/list": { data: [model], nextCursor: null },
        "mcpServerStatus/list": {
          data: [{ name: X, tools: {}, authStatus: X, resources: [], resourceTemplates: [] }],
          nextCursor: null,
        },
      };
      await using stand = await startStand({
        ...place,
        answers: Object(filled(answers, all)),
      });
      for (const command of ["/status", "/mcp", "/clients", "/model", "/resume", "/nonsense"]) {
        stand.terminal.type(`${command}\n`);
        // What it asks the server for comes with the next turns of the event loop.
        for (let turns = 0; turns < 5; turns++) await stand.terminal.settled();
        stand.terminal.press("ctrl+l");
        await stand.terminal.settled();
        stand.terminal.press("esc");
        await stand.terminal.settled();
      }
      assertOwn(stand);
    }),
    { numRuns: 12 },
  );
});
