import assert from "node:assert/strict";
import { FILTER_DELAY_MS } from "../../src/tui/picker/list.ts";
import { loadModels, type ModelChoice, pickModel } from "../../src/tui/picker/models.ts";
import {
  type Permissions,
  permissionsText,
  pickPermissions,
} from "../../src/tui/picker/presets.ts";
import { pickRewindPoint, type RewindPoint, rewindPoints } from "../../src/tui/picker/rewind.ts";
import { type ListedThread, SessionPicker } from "../../src/tui/picker/sessions.ts";
import type { Block } from "../../src/tui/blocks.ts";
import { say } from "../support/scripted_model.ts";
import { startServer, text } from "../support/server.ts";
import { FakeClock } from "../rpc/fake_clock.ts";
import { keyBytes } from "../support/keys.ts";
import {
  Changes,
  connectTo,
  fakeClient,
  FakeHost,
  PLAIN_THEME,
  plainRows,
  SETTINGS,
} from "./pane_world.ts";

const VIEW = { theme: PLAIN_THEME, requestRender: () => {}, maxRows: () => 14 };

Deno.test("sessions of the server are listed, searched, narrowed to the folder, and live ones marked", async () => {
  const responses = ["one", "two", "three"].map((word) => say(word));
  await using server = await startServer({ responses });
  const client = await connectTo(server);
  const other = `${server.project}/other`;
  await Deno.mkdir(other);
  const ids: string[] = [];
  for (const [prompt, cwd] of [["fix the boat", null], ["paint the boat", null], ["sail", other]]) {
    const { thread } = await client.request("thread/start", cwd === null ? {} : { cwd });
    const ended = client.next("turn/completed", ({ threadId }) => threadId === thread.id);
    await client.request("turn/start", { threadId: thread.id, input: text(prompt ?? "") });
    await ended;
    ids.push(thread.id);
  }
  const [first = "", second = ""] = ids;
  await client.request("thread/name/set", { threadId: first, name: "Boat works" });
  const changes = new Changes();
  const clock = new FakeClock();
  clock.advance(Date.now());
  const picked: ListedThread[] = [];
  const picker = new SessionPicker({
    ...VIEW,
    requestRender: changes.changed,
    client,
    clock,
    title: "Resume a session",
    cwd: server.project,
    openThreadId: second,
    hasLoadedList: true,
    onPick: (thread) => picked.push(thread),
    onCancel: () => {},
  });
  const labels = () => picker.list.rows.map(({ label, sign }) => `${sign ?? ""} ${label}`).sort();
  await changes.until(() => picker.list.rows.length === 2);
  assert.deepEqual(labels(), ["active Boat works", "current paint the boat"]);
  assert.match(plainRows(picker, 140).join("\n"), /Resume a session · this folder/);
  picker.handleInput(keyBytes("tab"));
  await changes.until(() => picker.list.rows.length === 3);
  assert.match(plainRows(picker, 80).join("\n"), /❯ . \S.*just now/);
  for (const letter of "paint") picker.handleInput(letter);
  clock.advance(FILTER_DELAY_MS);
  await changes.until(() => picker.list.rows.length === 1);
  assert.match(plainRows(picker, 140).join("\n"), new RegExp(`just now · ${server.project}`));
  picker.handleInput(keyBytes("enter"));
  assert.deepEqual(picked.map(({ id }) => id), [second]);
  picker.dispose();
  client.close();
});

Deno.test("sessions come in pages, and a thread that begins to work is marked while the list is open", async () => {
  const thread = (id: number): ListedThread => ({
    id: String(id),
    name: null,
    preview: `prompt ${id}`,
    cwd: "/work",
    updatedAt: 0,
    status: { type: "notLoaded" },
    gitInfo: { branch: "main", sha: null, originUrl: null },
    modelProvider: "openai",
    source: "cli",
  });
  const { client, calls } = fakeClient({
    "thread/list": ({ cursor }: { cursor: string | null }) => ({
      data: Array.from({ length: 25 }, (_, i) => thread(Number(cursor ?? 0) + i)),
      nextCursor: cursor === null ? "25" : null,
    }),
  });
  let tell: (news: unknown) => void = () => {};
  Object.assign(client, {
    on: (_method: string, listener: (news: unknown) => void) => {
      tell = listener;
      return () => {};
    },
  });
  const changes = new Changes();
  const picker = new SessionPicker({
    ...VIEW,
    requestRender: changes.changed,
    client,
    clock: new FakeClock(),
    title: "Resume",
    cwd: null,
    openThreadId: null,
    hasLoadedList: false,
    onPick: () => {},
    onCancel: () => {},
  });
  await changes.until(() => picker.list.rows.length === 25);
  picker.handleInput(keyBytes("end"));
  await changes.until(() => picker.list.rows.length === 50);
  assert.deepEqual(calls.map(({ method }) => method), ["thread/list", "thread/list"]);
  const { sortKey, modelProviders, archived } = Object(calls[0]?.params);
  assert.deepEqual([sortKey, modelProviders, archived], ["updated_at", [], false]);
  tell({ threadId: "3", status: { type: "active", activeFlags: ["waitingOnApproval"] } });
  assert.equal(picker.list.rows[3]?.sign, "waiting");
  assert.match(plainRows(picker, 140).join("\n"), /just now · main/);
  picker.dispose();
});

const MODELS = [
  { name: "Big", efforts: ["low", "high"], isDefault: true, hidden: false },
  { name: "Small", efforts: [], isDefault: false, hidden: false },
  { name: "Secret", efforts: [], isDefault: false, hidden: true },
].map(({ name, efforts, ...rest }) => ({
  id: name.toLowerCase(),
  model: name.toLowerCase(),
  displayName: name,
  description: `The ${name} one`,
  supportedReasoningEfforts: efforts.map((reasoningEffort) => ({
    reasoningEffort,
    description: `thinks ${reasoningEffort}`,
  })),
  defaultReasoningEffort: "high",
  ...rest,
}));

Deno.test("a model is chosen, then its effort; hidden models are shown only when in use", async () => {
  const { client } = fakeClient({
    "model/list": ({ cursor }: { cursor: string | null }) =>
      cursor === null
        ? { data: MODELS.slice(0, 1), nextCursor: "1" }
        : { data: MODELS.slice(1), nextCursor: null },
  });
  const models = await loadModels(client, { current: null });
  assert.deepEqual(models.map(({ model }) => model), ["big", "small"]);
  assert.equal((await loadModels(client, { current: "secret" })).length, 3);
  const host = new FakeHost();
  const picked: ModelChoice[] = [];
  const options = {
    ...VIEW,
    clock: new FakeClock(),
    models,
    current: { model: "big", effort: "low" },
    onPick: (choice: ModelChoice) => void picked.push(choice),
  };
  pickModel(host, options);
  assert.match(host.text(80), /❯ ✓ Big \(default\) +The Big one/);
  host.press("enter");
  assert.match(
    host.text(80),
    /Reasoning effort of Big[^]*❯ ✓ low +thinks low\n {4}high \(default\)/,
  );
  host.press("down", "enter");
  pickModel(host, options);
  host.press("down", "enter");
  assert.deepEqual(picked, [{ model: "big", effort: "high" }, { model: "small", effort: null }]);
  assert.equal(host.views.length, 0);
});

Deno.test("the models of the server are listed as it offers them", async () => {
  await using server = await startServer();
  const client = await connectTo(server);
  const models = await loadModels(client, { current: null });
  assert.ok(models.length > 0 && models.every(({ hidden }) => !hidden));
  client.close();
});

Deno.test("permissions are chosen as a preset, or sandbox and questions by themselves", () => {
  const host = new FakeHost();
  const picked: Permissions[] = [];
  const { approvalPolicy, sandbox } = SETTINGS;
  assert.ok(sandbox.type === "workspaceWrite");
  const extra = { ...sandbox, writableRoots: ["/data"] };
  const options = {
    ...VIEW,
    clock: new FakeClock(),
    current: { approvalPolicy, sandbox: extra },
    onPick: (permissions: Permissions) => void picked.push(permissions),
  };
  pickPermissions(host, options);
  assert.match(host.text(140), /❯ ✓ Auto/);
  host.press("up", "enter");
  pickPermissions(host, options);
  host.press("end", "up", "enter");
  pickPermissions(host, options);
  host.press("end", "enter");
  assert.match(host.text(80), /❯ ✓ Write in the working folder\n/);
  host.press("down", "enter");
  assert.match(host.text(80), /❯ ✓ Ask when needed/);
  host.press("up", "enter");
  assert.deepEqual(picked, [
    { approvalPolicy: "on-request", sandbox: { type: "readOnly", networkAccess: false } },
    { approvalPolicy: "never", sandbox: { type: "dangerFullAccess" } },
    // Folders that were added at the start stay writable.
    { approvalPolicy: "untrusted", sandbox: { ...extra, networkAccess: true } },
  ]);
  assert.deepEqual(picked.map(permissionsText), [
    "Read Only",
    "Full Access",
    "workspace write with network, approvals untrusted",
  ]);
});

Deno.test("one goes back to messages that began a turn, newest first", () => {
  const base = { revision: 1, isFinal: true, images: [] };
  const user = (turnId: string | null, said: string): Block => (
    { ...base, type: "user", id: said, turnId, text: said }
  );
  const blocks: Block[] = [
    user("1", "first"),
    { ...base, type: "message", id: "m", turnId: "1", text: "answer" },
    user("2", "second"),
    user("2", "steered"),
    user(null, "not sent yet"),
  ];
  assert.deepEqual(rewindPoints(blocks).map(({ text: said }) => said), ["second", "first"]);
  const host = new FakeHost();
  const picked: RewindPoint[] = [];
  const onPick = (point: RewindPoint) => void picked.push(point);
  const options = { ...VIEW, clock: new FakeClock(), blocks, onPick };
  pickRewindPoint(host, options);
  assert.match(host.text(80), /❯ {3}second +last │ second\n {4}first +2 messages ago │/);
  host.press("down", "enter");
  assert.deepEqual(picked, [{ turnId: "1", text: "first", images: [] }]);
  pickRewindPoint(host, { ...options, blocks: [] });
  assert.match(host.text(80), /no message to go back to/);
});
