/** Golden tests of the human output of `codex exec`: notifications in, text out. */
import assert from "node:assert/strict";
import { bannerText, sandboxText } from "../../src/programs/exec/banner.ts";
import { initialHumanState, reduceHuman } from "../../src/programs/exec/human_output.ts";
import type { ServerNotification } from "../../src/programs/exec/notification.ts";
import { makeStyle, wantsColor } from "../../src/programs/exec/style.ts";
import * as given from "./exec_notifications.ts";

const plain = makeStyle(false);

function run(notifications: readonly ServerNotification[], style = plain): string {
  let state = initialHumanState;
  let text = "";
  for (const notification of notifications) {
    const step = reduceHuman(state, notification, { style });
    state = step.state;
    text += step.text;
  }
  return text;
}

Deno.test("reduceHuman shows messages, commands, patches, plan, diff and tokens", () => {
  const text = run([
    given.turnStarted,
    given.completed(given.reasoning("rs", "**Plan** do it")),
    given.started(given.message("msg_1", "")),
    given.completed(given.message("msg_1", "I will look.")),
    given.started(given.command("c1")),
    given.completed(given.command("c1", { exitCode: 4, output: "hello" })),
    given.plan(["completed", "one"], ["inProgress", "two"], ["pending", "three"]),
    given.started(given.patch("p1", "inProgress")),
    given.completed(given.patch("p1", "completed")),
    given.diff("diff --git a/x b/x\n"),
    given.diff("diff --git a/x b/x\n+more\n"),
    given.tokenUsage,
    given.turnCompleted("completed"),
  ]);
  assert.equal(
    text,
    `**Plan** do it
codex
I will look.
exec
/bin/bash -lc 'cat a.txt' in /proj
 exited 4 in 12ms:
hello
why
  ✓ one
  → two
  • three
apply patch
patch: completed
/proj/ex.txt
/proj/a.txt
diff --git a/x b/x
+more
tokens used
1,100
`,
  );
});

Deno.test("reduceHuman names a command again when others started in between", () => {
  const text = run([
    given.started(given.command("c1")),
    given.started(given.patch("p1", "inProgress")),
    given.completed(given.command("c1", { exitCode: 0, output: "" })),
  ]);
  assert.equal(text.match(/cat a\.txt/g)?.length, 2);
});

Deno.test("reduceHuman says an error once and an interruption", () => {
  assert.equal(
    run([
      given.failure("Reconnecting... 1/5", { retry: true }),
      given.failure("bad", { retry: false }),
      given.turnCompleted("failed", given.turnError("bad")),
    ]),
    "ERROR: Reconnecting... 1/5\nERROR: bad\n",
  );
  assert.equal(run([given.turnCompleted("interrupted")]), "turn interrupted\n");
});

Deno.test("reduceHuman lets no control sequence of foreign text through", () => {
  const evil = "\u001b]52;c;ZXZpbA==\u0007\u001b[2Jx\u009b31m";
  const text = run([
    given.completed(given.message("m", evil)),
    given.completed(given.reasoning("r", evil)),
    given.started({ ...given.command("c"), command: evil, cwd: evil } as never),
    given.completed(given.command("c", { exitCode: 1, output: evil })),
    given.plan(["pending", evil]),
    given.diff(evil),
    given.failure(evil, { retry: false, details: evil }),
    given.turnCompleted("failed", given.turnError(evil)),
  ]);
  // deno-lint-ignore no-control-regex -- These are what must not be there.
  assert.ok(!/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/.test(text), JSON.stringify(text));
});

Deno.test("makeStyle colours only when asked to", () => {
  const colored = run([given.completed(given.message("m", "hi"))], makeStyle(true));
  assert.equal(colored, "\u001b[35;3mcodex\u001b[0m\nhi\n");
});

Deno.test("wantsColor obeys --color first, then the terminal and NO_COLOR", () => {
  const terminal = { isTerminal: true, env: {} };
  const pipe = { isTerminal: false, env: {} };
  assert.equal(wantsColor("auto", terminal), true);
  assert.equal(wantsColor(null, pipe), false);
  assert.equal(wantsColor("always", pipe), true);
  assert.equal(wantsColor("never", terminal), false);
  assert.equal(wantsColor("auto", { isTerminal: true, env: { NO_COLOR: "1" } }), false);
  assert.equal(wantsColor("auto", { isTerminal: true, env: { TERM: "dumb" } }), false);
});

Deno.test("bannerText says where and how the run works", () => {
  const text = bannerText({
    cwd: "/proj\u001b[2J",
    model: "m1",
    provider: "mock",
    approval: "never",
    sandbox: { type: "dangerFullAccess" },
    effort: null,
    summary: "auto",
    threadId: "t1",
    prompt: "do\nthings",
  }, plain);
  assert.deepEqual(text.split("\n").slice(1), [
    "--------",
    "workdir: /proj",
    "model: m1",
    "provider: mock",
    "approval: never",
    "sandbox: danger-full-access",
    "reasoning effort: none",
    "reasoning summaries: auto",
    "session id: t1",
    "--------",
    "user",
    "do",
    "things",
    "",
  ]);
});

Deno.test("sandboxText lists what may be written and whether the network is open", () => {
  const policy = {
    type: "workspaceWrite" as const,
    writableRoots: ["/data"],
    networkAccess: true,
    excludeTmpdirEnvVar: false,
    excludeSlashTmp: true,
  };
  assert.equal(
    sandboxText(policy),
    "workspace-write [workdir, $TMPDIR, /data] (network access enabled)",
  );
  assert.equal(sandboxText({ type: "readOnly", networkAccess: false }), "read-only");
});
