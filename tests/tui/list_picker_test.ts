import assert from "node:assert/strict";
import fc from "fast-check";
import { FILTER_DELAY_MS } from "../../src/tui/picker/list.ts";
import { ListPicker, type ListPickerOptions } from "../../src/tui/picker/list_picker.ts";
import { fixedRows, type PageRequest, type PickerPage } from "../../src/tui/picker/rows.ts";
import { FakeClock } from "../rpc/fake_clock.ts";
import { keyBytes } from "../support/keys.ts";
import { assertSafe, Changes, COLOR_THEME, NASTY, PLAIN_THEME, plainRows } from "./pane_world.ts";

const FRUIT = ["Apple", "Banana", "Cherry", "Date", "Elderberry"].map((label, index) => ({
  value: label,
  key: label,
  label,
  detail: `${index + 1} left`,
  ...index === 1 ? { sign: "current" as const } : {},
  preview: `${label}s grow on trees.\nSome of them.`,
}));

function shown(options: Partial<ListPickerOptions<string>> = {}) {
  const picked: (string | null)[] = [];
  const changes = new Changes();
  const clock = new FakeClock();
  const picker = new ListPicker<string>({
    theme: PLAIN_THEME,
    clock,
    requestRender: changes.changed,
    maxRows: () => 8,
    title: () => "Fruit",
    emptyText: "There is no fruit",
    source: fixedRows(FRUIT),
    onPick: (value) => picked.push(value),
    onCancel: () => picked.push(null),
    ...options,
  });
  const press = (...keys: readonly string[]) => {
    for (const key of keys) picker.handleInput(keyBytes(key));
  };
  return { picker, press, picked, changes, clock };
}

Deno.test("a picker at 40, 80 and 140 columns", () => {
  const { picker, press } = shown();
  press("down");
  assert.deepEqual(plainRows(picker, 40), [
    "Fruit                                  5",
    "Type to search",
    "    Apple                         1 left",
    "❯ ✓ Banana                        2 left",
    "    Cherry                        3 left",
    "    Date                          4 left",
    "    Elderberry                    5 left",
    "Enter chooses · Ctrl-O more · Esc closes",
  ]);
  assert.equal(plainRows(picker, 80)[3], `❯ ✓ Banana${" ".repeat(28)}2 left │ Some of them.`);
  const list = 140 - 3 - Math.floor(140 * 0.42);
  assert.deepEqual(plainRows(picker, 140).slice(2, 5), [
    `${"    Apple".padEnd(list - 6)}1 left │ Bananas grow on trees.`,
    `${"❯ ✓ Banana".padEnd(list - 6)}2 left │ Some of them.`,
    `${"    Cherry".padEnd(list - 6)}3 left │`,
  ]);
});

Deno.test("where there is no room beside the list, Ctrl-O shows the preview in its place", () => {
  const { picker, press, picked } = shown();
  press("down");
  plainRows(picker, 40);
  press("ctrl+o");
  assert.deepEqual(plainRows(picker, 40), [
    "Fruit                                  5",
    "Type to search",
    "Bananas grow on trees.",
    "Some of them.",
    "Enter chooses · Ctrl-O list · Esc closes",
  ]);
  const place = { x: 5, y: 3, screenX: 5, screenY: 3, width: 40, height: 5 };
  const keys = { shift: false, alt: false, ctrl: false };
  assert.equal(
    picker.handleMouse({ ...place, ...keys, type: "click", button: "left" }),
    undefined,
    "rows that nobody sees are not clicked on",
  );
  press("down", "ctrl+o");
  assert.match(plainRows(picker, 40).join("\n"), /❯ {3}Cherry/);
  assert.deepEqual(picked, []);
});

Deno.test("the wheel moves the choice, a click chooses, and a click on what is chosen takes it", () => {
  const { picker, picked } = shown();
  plainRows(picker, 40);
  const event = { x: 5, y: 4, screenX: 5, screenY: 4, width: 40, height: 8 };
  const keys = { shift: false, alt: false, ctrl: false };
  const wheel = { ...event, ...keys, type: "wheel", button: "none", wheelDelta: 3 } as const;
  const click = { ...event, ...keys, type: "click", button: "left" } as const;
  picker.handleMouse(wheel);
  assert.equal(picker.list.selected?.key, "Banana");
  picker.handleMouse(click);
  assert.equal(picker.list.selected?.key, "Cherry");
  assert.deepEqual(picked, []);
  picker.handleMouse(click);
  assert.deepEqual(picked, ["Cherry"]);
  assert.equal(picker.handleMouse({ ...click, y: 0 }), undefined);
});

Deno.test("keys move, Enter picks, Escape gives up", () => {
  const { press, picked } = shown({ initialKey: "Cherry" });
  press("enter", "up", "enter", "end", "enter", "down", "enter", "home", "enter", "esc");
  assert.deepEqual(picked, ["Cherry", "Banana", "Elderberry", "Elderberry", "Apple", null]);
});

Deno.test("a page moves by what is on the screen, and the choice is always in it", () => {
  const rows = Array.from({ length: 100 }, (_, i) => {
    const label = `row ${i}`;
    return { value: label, key: label, label };
  });
  const { picker, press } = shown({ source: fixedRows(rows) });
  for (const key of ["pagedown", "pagedown", "down", "pageup", "end", "pageup", "up", "home"]) {
    press(key);
    const chosen = picker.list.selected?.label ?? "";
    assert.ok(plainRows(picker, 80).some((row) => row.startsWith(`❯   ${chosen}`)), key);
    assert.equal(picker.render(80).length, 8);
  }
});

Deno.test("what is typed filters, Escape clears it first, and nothing may fit", () => {
  const { picker, press, picked } = shown();
  press("e", "r", "r");
  assert.deepEqual(plainRows(picker, 40), [
    "Fruit                                  2",
    "> err",
    "❯   Cherry                        3 left",
    "    Elderberry                    5 left",
    "Enter chooses · Ctrl-O more · Esc closes",
  ]);
  press("backspace", "backspace", "backspace", "z", "z");
  picker.handleInput("\u001b[200~ \u001b[31mz\u001b[201~");
  assert.deepEqual(plainRows(picker, 40).slice(1, 3), ["> zzz", "Nothing fits"]);
  press("enter", "esc");
  assert.equal(picker.list.rows.length, 5);
  assert.deepEqual(picked, []);
  press("b", "ctrl+u", "a", " ", "b", "ctrl+w");
  assert.equal(picker.list.filter, "a ");
  press("ctrl+c");
  assert.deepEqual(picked, [null]);
});

Deno.test("an empty list says so, and Enter does nothing", () => {
  const { picker, press, picked } = shown({ source: fixedRows([]) });
  assert.deepEqual(plainRows(picker, 40).slice(2, -1), ["There is no fruit"]);
  press("enter", "down", "enter");
  assert.deepEqual(picked, []);
});

Deno.test("a key of the picker itself gets the choice and is no text", () => {
  const seen: (string | null)[] = [];
  const { picker, press } = shown({
    keys: [{ key: "ctrl+e", hint: ["Ctrl-E", "eats"], run: (chosen) => seen.push(chosen) }],
  });
  press("down", "ctrl+e");
  assert.deepEqual(seen, ["Banana"]);
  assert.match(plainRows(picker, 80).at(-1) ?? "", /Ctrl-E eats/);
});

/** Pages of ten rows; the test decides when they come. */
function pagedSource(total: number) {
  const requests: (PageRequest & { resolve(): void; reject(error: Error): void })[] = [];
  const load = (request: PageRequest): Promise<PickerPage<string>> => {
    const { promise, resolve, reject } = Promise.withResolvers<PickerPage<string>>();
    const start = Number(request.cursor ?? 0);
    const count = Math.min(10, total - start);
    const rows = Array.from({ length: count }, (_, i) => {
      const label = `${request.filter}${start + i}`;
      return { value: label, key: label, label };
    });
    const next = start + count < total ? String(start + count) : null;
    requests.push({ ...request, resolve: () => resolve({ rows, next }), reject });
    return promise;
  };
  return { requests, source: { load } };
}

Deno.test("pages come one by one as somebody moves on, each once", async () => {
  const { requests, source } = pagedSource(45);
  const { picker, press, changes } = shown({ source });
  assert.deepEqual(plainRows(picker, 80)[2], "Loading…");
  for (let page = 1; page <= 5; page++) {
    requests.at(-1)?.resolve();
    await changes.until(() => picker.list.rows.length === Math.min(45, page * 10));
    press("end");
  }
  assert.deepEqual(requests.map(({ cursor }) => cursor), [null, "10", "20", "30", "40"]);
  assert.equal(picker.list.selected?.label, "44");
  assert.equal(picker.list.hasMore, false);
});

Deno.test("a server is asked when nobody types any more, and answers that are too late do not count", async () => {
  const { requests, source } = pagedSource(5);
  const { picker, press, changes, clock } = shown({ source });
  requests[0]?.resolve();
  await changes.until(() => picker.list.rows.length === 5);
  press("a");
  clock.advance(FILTER_DELAY_MS);
  press("b");
  clock.advance(FILTER_DELAY_MS - 1);
  press("c");
  clock.advance(FILTER_DELAY_MS);
  assert.deepEqual(requests.map(({ filter }) => filter), ["", "a", "abc"]);
  assert.equal(requests[1]?.signal.aborted, true);
  requests[2]?.resolve();
  await changes.until(() => picker.list.selected?.label === "abc0");
  requests[1]?.resolve();
  await Promise.resolve();
  assert.equal(picker.list.selected?.label, "abc0");
  picker.dispose();
  assert.equal(clock.pending, 0);
});

Deno.test("a page that does not come says why, and is asked for again on the next move", async () => {
  const { requests, source } = pagedSource(30);
  const { picker, press, changes } = shown({ source });
  requests[0]?.resolve();
  await changes.until(() => picker.list.rows.length === 10);
  requests[1]?.reject(new Error("The line is\u001b[2J broken"));
  await changes.until(() => picker.list.problem !== null);
  assert.match(plainRows(picker, 80).join("\n"), /The line is broken/);
  assert.equal(requests.length, 2);
  press("down");
  requests[2]?.resolve();
  await changes.until(() => picker.list.rows.length === 20);
  assert.equal(picker.list.problem, null);
});

Deno.test("when a filter fails, nobody goes on with the pages of the one before", async () => {
  const { requests, source } = pagedSource(30);
  const { picker, press, changes, clock } = shown({ source });
  requests[0]?.resolve();
  await changes.until(() => picker.list.rows.length === 10);
  press("a");
  clock.advance(FILTER_DELAY_MS);
  requests.at(-1)?.reject(new Error("broken"));
  await changes.until(() => picker.list.problem !== null);
  press("down");
  assert.deepEqual(requests.map(({ filter, cursor }) => `${filter}:${cursor}`), [
    ":null",
    ":10",
    "a:null",
  ]);
  picker.dispose();
});

Deno.test("a cursor that leads to itself ends the list", async () => {
  let loads = 0;
  const row = { value: "a", key: "a", label: "a" };
  const load = () => Promise.resolve({ rows: [row], next: ++loads > 0 ? "same" : null });
  const { picker, changes } = shown({ source: { load } });
  await changes.until(() => !picker.list.hasMore && picker.list.rows.length === 1);
  assert.equal(loads, 2);
});

Deno.test("no text makes a picker too wide or unsafe", () => {
  const nasty = fc.array(fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: "binary" })))
    .map((parts) => parts.join(""));
  const rows = fc.array(fc.record({ label: nasty, detail: nasty, preview: nasty }), {
    maxLength: 6,
  });
  const size = fc.record({
    width: fc.integer({ min: 1, max: 200 }),
    rows: fc.integer({ min: 1, max: 30 }),
  });
  fc.assert(fc.property(rows, nasty, size, (texts, title, { width, rows: maxRows }) => {
    const source = fixedRows(texts.map((row, index) => ({ ...row, value: "", key: `${index}` })));
    const { picker } = shown({
      source,
      title: () => title,
      emptyText: title,
      maxRows: () => maxRows,
      theme: COLOR_THEME,
    });
    picker.focused = true;
    assertSafe(picker.render(width), width);
    picker.handleInput(`\u001b[200~${title}\u001b[201~`);
    assertSafe(picker.render(width), width);
  }));
});
