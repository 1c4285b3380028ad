import assert from "node:assert/strict";
import type { ThreadItem } from "../../src/protocol/item.ts";
import type { CodexErrorInfo } from "../../src/protocol/turn_types.ts";
import { errorInfoFromRollout, errorInfoToRollout } from "../../src/store/error_info.ts";
import { rolloutLine } from "../../src/store/rollout.ts";
import * as records from "../../src/store/rollout_items.ts";
import { RecordParser } from "../../src/store/rollout_reader.ts";
import { projectTurns } from "../../src/store/rollout_turns.ts";
import { shellJoin } from "../../src/lib/shell_join.ts";

const START = records.taskStarted({ turnId: "t1", startedAt: 1, modelContextWindow: null });

function itemsAfter(item: Parameters<typeof rolloutLine>[0]): ThreadItem[] | undefined {
  const text = [START, item].map((each) => rolloutLine(each, "T")).join("");
  return projectTurns(new RecordParser().parse(text)).turns[0]?.items;
}

Deno.test("execCommandEnd reads back as the item it was made of", () => {
  const argv = ["/bin/bash", "-lc", "rg x && cat a"];
  const item = {
    type: "commandExecution" as const,
    id: "c1",
    command: shellJoin(argv),
    cwd: "/project",
    processId: "5",
    source: "unifiedExecStartup" as const,
    status: "failed" as const,
    commandActions: [
      { type: "search" as const, command: "rg x", query: "x", path: null },
      { type: "read" as const, command: "cat a", name: "a", path: "a" },
      { type: "listFiles" as const, command: "ls", path: null },
      { type: "unknown" as const, command: "foo" },
    ],
    aggregatedOutput: "out",
    exitCode: 2,
    durationMs: 61_016,
  };
  assert.deepEqual(itemsAfter(records.execCommandEnd(item, { turnId: "t1", argv })), [item]);
  const empty = { ...item, aggregatedOutput: null, status: "declined" as const, exitCode: -1 };
  assert.deepEqual(itemsAfter(records.execCommandEnd(empty, { turnId: "t1", argv })), [empty]);
});

Deno.test("patchApplyEnd reads back as the item it was made of", () => {
  const item = {
    type: "fileChange" as const,
    id: "p1",
    changes: [
      { path: "/a", kind: { type: "delete" as const }, diff: "old\n" },
      { path: "/b", kind: { type: "add" as const }, diff: "new\n" },
      {
        path: "/c",
        kind: { type: "update" as const, move_path: null },
        diff: "@@ -1 +1 @@\n-a\n+b\n",
      },
      {
        path: "/d",
        kind: { type: "update" as const, move_path: "/e" },
        diff: "@@ -1 +1 @@\n-a\n+b\n\n\nMoved to: /e",
      },
    ],
    status: "completed" as const,
  };
  const record = records.patchApplyEnd(item, { turnId: "t1", stdout: "ok", stderr: "" });
  assert.deepEqual(itemsAfter(record), [item]);
  const recorded = JSON.parse(JSON.stringify(record.payload)).changes["/d"];
  assert.deepEqual(recorded, {
    type: "update",
    unified_diff: "@@ -1 +1 @@\n-a\n+b\n",
    move_path: "/e",
  });
});

Deno.test("searches and images read back", () => {
  const action = { type: "open_page", url: "https://example.org" };
  assert.deepEqual(itemsAfter(records.webSearchEnd({ callId: "w1", query: "q", action })), [
    { type: "webSearch", id: "w1", query: "q", action: { ...action, type: "openPage" } },
  ]);
  assert.deepEqual(itemsAfter(records.viewImageToolCall("v1", "/a.png")), [
    { type: "imageView", id: "v1", path: "/a.png" },
  ]);
});

Deno.test("every kind of failure has a spelling in rollouts that reads back", () => {
  const status = { httpStatusCode: 429 };
  const infos: CodexErrorInfo[] = [
    "contextWindowExceeded",
    "usageLimitExceeded",
    "serverOverloaded",
    "internalServerError",
    "unauthorized",
    "badRequest",
    "sandboxError",
    "other",
    { httpConnectionFailed: status },
    { responseStreamConnectionFailed: status },
    { responseStreamDisconnected: { httpStatusCode: null } },
    { responseTooManyFailedAttempts: status },
  ];
  for (const info of infos) assert.deepEqual(errorInfoFromRollout(errorInfoToRollout(info)), info);
  assert.equal(errorInfoToRollout("contextWindowExceeded"), "context_window_exceeded");
  assert.deepEqual(errorInfoToRollout({ httpConnectionFailed: status }), {
    http_connection_failed: { http_status_code: 429 },
  });
});

Deno.test("sandbox policies are written in upstream's kebab-case form", () => {
  const context = {
    turnId: "t1",
    cwd: "/",
    currentDate: "2026-11-20",
    timezone: "Etc/UTC",
    approvalPolicy: "never" as const,
    model: "m",
    reasoningEffort: null,
  };
  const written = [
    { type: "dangerFullAccess" as const },
    { type: "readOnly" as const, networkAccess: false },
    { type: "externalSandbox" as const, networkAccess: "enabled" as const },
    {
      type: "workspaceWrite" as const,
      writableRoots: ["/w"],
      networkAccess: true,
      excludeTmpdirEnvVar: false,
      excludeSlashTmp: true,
    },
  ].map((sandboxPolicy) => {
    const { payload } = records.turnContext({ ...context, sandboxPolicy });
    return JSON.parse(JSON.stringify(payload)).sandbox_policy;
  });
  assert.deepEqual(written, [
    { type: "danger-full-access" },
    { type: "read-only" },
    { type: "external-sandbox", network_access: "enabled" },
    {
      type: "workspace-write",
      writable_roots: ["/w"],
      network_access: true,
      exclude_tmpdir_env_var: false,
      exclude_slash_tmp: true,
    },
  ]);
});

Deno.test("shellJoin quotes as upstream does", () => {
  const cases: [string, string][] = [
    ["a/b.c-d_e+f:g@h]", "a/b.c-d_e+f:g@h]"],
    ["", "''"],
    ["a b", "'a b'"],
    ["it's", `"it's"`],
    ["it's $5", `"it's "'$5'`],
    [`a'b"c`, `"a'b\\"c"`],
    ["x'!y", `"x'"'!y'`],
    ["a'\\b", `"a'\\\\b"`],
    ["a=b", "'a=b'"],
  ];
  for (const [argument, expected] of cases) assert.equal(shellJoin([argument]), expected);
});

Deno.test({
  name: "a shell splits what shellJoin joined into the same arguments",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const argv = [
      "",
      "a b",
      "'",
      '"',
      "\\",
      "$HOME",
      "`x`",
      "!",
      "^",
      "'\"$`\\!^'",
      "~",
      "*",
      "#",
      "\n",
    ];
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", `for a in ${shellJoin(argv)}; do printf '%s\\0' "$a"; done`],
    }).output();
    assert.deepEqual(new TextDecoder().decode(stdout).split("\0"), [...argv, ""]);
  },
});
