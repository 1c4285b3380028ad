/** When a person is called, and how: by where they look, what they set, and what their terminal can do. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { attentionSettings, DEFAULT_ATTENTION } from "../../src/tui/attention.ts";
import { callCommand } from "../../src/tui/terminal_commands.ts";
import { terminalTraits } from "../../src/tui/terminal_traits.ts";
import { FakeClock } from "../rpc/fake_clock.ts";
import { type AppStand, type StandOptions, startStand, THREAD_ID } from "./app_stand.ts";

const FOCUS_IN = "\u001b[I";
const FOCUS_OUT = "\u001b[O";

async function start(
  options: StandOptions = {},
): Promise<AppStand & { readonly clock: FakeClock }> {
  const clock = new FakeClock();
  return { ...await startStand({ ...options, clock }), clock };
}

function turn(stand: AppStand, { id, status = "completed" }: { id: string; status?: string }) {
  const item = { type: "agentMessage", id: "m", text: `All **done** in ${id}\nand more` };
  stand.tell("turn/started", { turn: { id, status: "inProgress", items: [] } });
  stand.tell("item/completed", { turnId: id, item });
  const error = status === "failed" ? { message: "no answer" } : null;
  stand.tell("turn/completed", { turn: { id, status, error, items: [] } });
}

/** Asks, and takes the question back. */
async function ask(stand: AppStand, id: string): Promise<void> {
  const params = { threadId: THREAD_ID, turnId: "q", itemId: id, command: `make ${id}` };
  const answer = stand.server.request("item/commandExecution/requestApproval", params);
  answer.catch(() => null);
  await stand.terminal.until(`make ${id}`);
  stand.tell("turn/completed", { turn: { id: "q", status: "interrupted", items: [] } });
  await stand.drawn();
}

Deno.test("who looks elsewhere is called for questions and ends of turns; who looks here is not", async () => {
  await using stand = await start();
  const { notifications } = stand.terminal.emulator;
  assert.ok(stand.terminal.modes.focusEvents);
  stand.terminal.send(FOCUS_IN);
  turn(stand, { id: "t1" });
  await ask(stand, "one");
  assert.deepEqual(notifications, []);
  stand.terminal.send(FOCUS_OUT);
  turn(stand, { id: "t2" });
  turn(stand, { id: "t3", status: "failed" });
  turn(stand, { id: "t4", status: "interrupted" });
  await ask(stand, "two");
  assert.deepEqual(notifications, [
    "All **done** in t2 and more",
    "The turn failed: no answer",
    "An approval is wanted: make two",
  ]);
  // No terminal of a name that is known: the bell may be all it has.
  assert.equal(stand.terminal.emulator.bells, 3);
});

Deno.test("nobody is called between a turn and what was queued behind it", async () => {
  await using stand = await start({ answers: { "turn/start": { turn: { id: "t2" } } } });
  const { notifications } = stand.terminal.emulator;
  stand.tell("turn/started", { turn: { id: "t1", status: "inProgress", items: [] } });
  await stand.terminal.until("Esc interrupts");
  stand.terminal.type("go on");
  stand.terminal.press("tab");
  await stand.terminal.until("queued, Alt-Up edits: go on");
  stand.terminal.send(FOCUS_OUT);
  stand.tell("turn/completed", { turn: { id: "t1", status: "completed", items: [] } });
  await stand.drawn();
  assert.deepEqual(notifications, []);
  turn(stand, { id: "t2" });
  await stand.drawn();
  assert.deepEqual(notifications, ["All **done** in t2 and more"]);
});

Deno.test("where the terminal does not tell, who has not typed for long is away, and a question always calls", async () => {
  await using stand = await start();
  const { notifications } = stand.terminal.emulator;
  turn(stand, { id: "t1" });
  await ask(stand, "one");
  assert.deepEqual(notifications, ["An approval is wanted: make one"]);
  stand.clock.advance(40_000);
  turn(stand, { id: "t2" });
  await stand.drawn();
  assert.equal(notifications.length, 2);
  stand.clock.advance(40_000);
  stand.terminal.type("x");
  turn(stand, { id: "t3" });
  await stand.drawn();
  assert.equal(notifications.length, 2);
});

Deno.test("settings say for what, how, and whether also those who look here", async () => {
  const settings = attentionSettings({
    notifications: ["agent-turn-complete"],
    notification_method: "bel",
    notification_condition: "always",
  });
  await using stand = await start({ attention: settings });
  stand.terminal.send(FOCUS_IN);
  turn(stand, { id: "t1" });
  await ask(stand, "one");
  assert.deepEqual(stand.terminal.emulator.notifications, []);
  assert.equal(stand.terminal.emulator.bells, 1);
});

Deno.test("the title says whether the agent works or waits", async () => {
  await using stand = await start();
  const { emulator } = stand.terminal;
  stand.tell("thread/name/updated", { threadName: "Fix it" });
  await stand.drawn();
  assert.equal(emulator.title, "Fix it");
  stand.tell("turn/started", { turn: { id: "q", status: "inProgress", items: [] } });
  await stand.drawn();
  assert.equal(emulator.title, "● Fix it");
  const titles: string[] = [];
  const stop = emulator.onParsed(() => void titles.push(emulator.title));
  await ask(stand, "one");
  stop();
  assert.ok(titles.includes("! Fix it"));
  assert.equal(emulator.title, "Fix it");
});

Deno.test("focus is asked for on the main screen too, is no key there, and is given back", async () => {
  await using stand = await start({ app: { mode: "inline" } });
  assert.ok(stand.terminal.modes.focusEvents);
  stand.terminal.send(FOCUS_OUT);
  stand.terminal.send(FOCUS_IN);
  stand.terminal.type("written");
  await stand.terminal.until(/^› written$/m);
  stand.app.end({ type: "quit" });
  await stand.ended;
  await stand.terminal.settled();
  assert.equal(stand.terminal.modes.focusEvents, false);
});

Deno.test("each terminal is called in the way that it has", () => {
  const check = (env: Record<string, string>, expected: string) =>
    assert.equal(callCommand("Done", { method: "auto", told: terminalTraits(env) }), expected);
  check({ TERM: "xterm-kitty" }, "\u001b]9;Done\u0007");
  check({ TERM: "xterm-256color", TERM_PROGRAM: "WezTerm" }, "\u001b]9;Done\u0007");
  check({ TERM: "xterm-256color" }, "\u001b]9;Done\u0007\u0007");
  check({ TERM: "linux" }, "\u0007");
  check(
    { TERM: "tmux-256color", TMUX: "x", TERM_PROGRAM: "WezTerm" },
    "\u001bPtmux;\u001b\u001b]9;Done\u0007\u001b\\\u0007",
  );
  const told = terminalTraits({ TERM: "xterm" });
  assert.equal(callCommand("Done", { method: "osc9", told }), "\u001b]9;Done\u0007");
  assert.equal(callCommand("Done", { method: "bel", told }), "\u0007");
});

Deno.test("settings are those of the real program, and what makes no sense is as if it were not there", () => {
  assert.deepEqual(attentionSettings(undefined), DEFAULT_ATTENTION);
  assert.deepEqual(attentionSettings({ notifications: true }), DEFAULT_ATTENTION);
  assert.deepEqual(attentionSettings({ notifications: false }).kinds, []);
  assert.deepEqual(attentionSettings({ notifications: ["approval-requested", "x"] }).kinds, [
    "approval-requested",
  ]);
  fc.assert(fc.property(fc.anything(), (tui) => {
    const { kinds, method } = attentionSettings(tui);
    assert.ok(kinds.length <= 2 && ["auto", "osc9", "bel"].includes(method));
  }));
});
