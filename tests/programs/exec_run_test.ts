/** End-to-end tests of `codex exec`: the process, its streams and its exit codes. */
import assert from "node:assert/strict";
import { testEachForm } from "../support/forms.ts";
import { call, fail, gate, say } from "../support/mock_model.ts";
import { jsonLines, makePlace, runCodex, startCodex } from "./exec_process.ts";

testEachForm("exec --json prints the events of a turn with a command", async (form) => {
  await using place = await makePlace(
    [say("I will look."), call("exec_command", { cmd: "cat a.txt; exit 4", login: false })],
    say("All done."),
  );
  await Deno.writeTextFile(`${place.project}/a.txt`, "hello\n");
  const words = ["exec", "--json", "-s", "danger-full-access", "-o", "last.txt", "do things"];
  const { code, stdout } = await runCodex(place, words, { form });
  assert.equal(code, 0);
  const events = jsonLines(stdout);
  assert.deepEqual(events.map(({ type }) => type), [
    "thread.started",
    "turn.started",
    "item.completed",
    "item.started",
    "item.completed",
    "item.completed",
    "turn.completed",
  ]);
  const done = events[4]?.item as Record<string, unknown>;
  assert.equal(done.aggregated_output, "hello\n");
  assert.equal(done.exit_code, 4);
  assert.equal(done.status, "failed");
  assert.equal(await Deno.readTextFile(`${place.project}/last.txt`), "All done.");
});

testEachForm("exec prints only the last message on stdout and the rest on stderr", async (form) => {
  await using place = await makePlace(say("First\u001b[31m line"));
  const { code, stdout, stderr } = await runCodex(place, ["exec", "hi"], { form, stdin: "piped" });
  assert.equal(code, 0);
  assert.equal(stdout, "First line\n");
  assert.match(stderr, /^Reading additional input from stdin\.\.\.\nCodex v/);
  assert.match(stderr, /\nuser\nhi\n\n<stdin>\npiped\n<\/stdin>\ncodex\nFirst line\n/);
});

Deno.test("exec works here whatever names a server for others, and says so", async () => {
  const url = { CODEX_APP_SERVER_URL: "ws://127.0.0.1:1" };
  const auth = { CODEX_APP_SERVER_AUTH: "sesame-sesame" };
  for (
    const [env, warning] of [
      [url, "warning: CODEX_APP_SERVER_URL is ignored: exec runs the agent on this machine"],
      [
        { ...url, ...auth },
        "warning: CODEX_APP_SERVER_URL and CODEX_APP_SERVER_AUTH are ignored: " +
        "exec runs the agent on this machine",
      ],
      [{ CODEX_APP_SERVER_URL: "", CODEX_APP_SERVER_AUTH: "" }, null],
    ] as const
  ) {
    await using place = await makePlace(say("Here"));
    const { code, stdout, stderr } = await runCodex(place, ["exec", "hi"], { env });
    assert.deepEqual([code, stdout], [0, "Here\n"]);
    const warnings = stderr.split("\n").filter((line) => line.startsWith("warning: "));
    assert.deepEqual(warnings, warning === null ? [] : [warning]);
    assert.doesNotMatch(stderr, /sesame/);
  }
});

testEachForm("exec fails with error and turn.failed when the model refuses", async (form) => {
  await using place = await makePlace(fail(400, "no such model"));
  const { code, stdout } = await runCodex(place, ["exec", "--json", "hi"], { form });
  assert.equal(code, 1);
  const events = jsonLines(stdout);
  assert.deepEqual(events.map(({ type }) => type).slice(2), ["error", "turn.failed"]);
  assert.match(JSON.stringify(events.at(-1)), /no such model/);
});

Deno.test("exec sends the output schema and attached images to the model", async () => {
  await using place = await makePlace(say('{"a":1}'));
  const schema = { type: "object", properties: { a: { type: "number" } } };
  await Deno.writeTextFile(`${place.project}/schema.json`, JSON.stringify(schema));
  await Deno.writeFile(`${place.project}/dot.png`, PNG);
  const words = ["exec", "--json", "--output-schema", "schema.json", "-i", "dot.png", "--", "hi"];
  const { code } = await runCodex(place, words);
  assert.equal(code, 0);
  const { body } = await place.model.request(0);
  assert.deepEqual((body.text as { format: { schema: unknown } }).format.schema, schema);
  assert.match(JSON.stringify(body.input), /data:image\/png;base64,/);
});

Deno.test("exec resume continues the last thread of the directory, or one by id", async () => {
  await using place = await makePlace(say("one"), say("two"), say("three"), say("four"));
  const first = jsonLines((await runCodex(place, ["exec", "--json", "hi"])).stdout);
  const id = String(first[0]?.thread_id);
  const last = await runCodex(place, ["exec", "--json", "resume", "--last", "again"], {
    stdin: "not read",
  });
  assert.equal(jsonLines(last.stdout)[0]?.thread_id, id);
  const named = await runCodex(place, ["exec", "--json", "resume", id], { stdin: "once more" });
  assert.equal(named.code, 0);
  assert.equal(jsonLines(named.stdout)[0]?.thread_id, id);
  const elsewhere = ["exec", "--json", "--skip-git-repo-check", "resume", "--last", "hi"];
  const other = await runCodex(place, elsewhere, { cwd: place.outside });
  assert.notEqual(jsonLines(other.stdout)[0]?.thread_id, id);
  const usage = (lines: Record<string, unknown>[]) =>
    (lines.at(-1)?.usage as Record<string, number>).input_tokens ?? 0;
  // Totals are those of the whole thread.
  assert.equal(usage(jsonLines(last.stdout)), 2 * usage(first));
  assert.equal(usage(jsonLines(named.stdout)), 3 * usage(first));
  const { body } = await place.model.request(2);
  assert.match(JSON.stringify(body.input), /"hi".*"one".*"again".*"two".*"once more"/);
});

testEachForm("exec says what is wrong before it starts, with exit code 1", async (form) => {
  await using place = await makePlace();
  await Deno.writeTextFile(`${place.project}/bad.json`, "{bad");
  const cases: [string[], RegExp, string?][] = [
    [["--json"], /^Reading prompt from stdin\.\.\.\nNo prompt provided via stdin\.\n$/],
    [["-c", "model_provider=nope", "hi"], /^Error: Model provider `nope` not found\n$/],
    [["--cd", "no/such/dir", "hi"], /^Error: Cannot work in .*no\/such\/dir: No such file/],
    [["--output-schema", "no.json", "hi"], /\nFailed to read output schema file no\.json: /],
    [["--output-schema", "bad.json", "hi"], /\nOutput schema file bad\.json is not valid JSON: /],
    [
      ["hi"],
      /\nNot inside a trusted directory and --skip-git-repo-check was not specified\.\n$/,
      place.outside,
    ],
    [
      ["resume", "01a1fbe2-0000-7fd3-b1cd-a5e4a9642ab7", "hi"],
      /^Error: thread\/resume: thread\/resume failed: no rollout found for thread id 01a1fbe2/,
    ],
    [["resume", "no such name", "hi"], /^Error: No thread has the id or name "no such name"/],
  ];
  for (const [words, expected, cwd] of cases) {
    const ended = await runCodex(place, ["exec", ...words], { form, cwd: cwd ?? place.project });
    assert.match(ended.stderr, expected);
    assert.equal(ended.stdout, "", words.join(" "));
    assert.equal(ended.code, 1, words.join(" "));
  }
  assert.equal(place.model.requests.length, 0);
});

testEachForm("exec ends with exit code 1 and no further event on SIGINT", async (form) => {
  await using place = await makePlace([gate("thinking"), say("too late")]);
  const child = await startCodex(place, ["exec", "--json", "hi"], { form });
  await place.model.request(0);
  child.kill("SIGINT");
  const { code, stdout } = await child.output();
  assert.equal(code, 1);
  const types = jsonLines(new TextDecoder().decode(stdout)).map(({ type }) => type);
  assert.deepEqual(types, ["thread.started", "turn.started"]);
});

testEachForm("exec ends with 130 on SIGINT while it reads its prompt", async (form) => {
  await using place = await makePlace();
  const child = await startCodex(place, ["exec", "--json"], { form, stdin: null });
  const stderr = child.stderr.getReader();
  const { value } = await stderr.read();
  assert.equal(new TextDecoder().decode(value), "Reading prompt from stdin...\n");
  child.kill("SIGINT");
  const { code, signal } = await child.status;
  // As a shell counts it: ended by signal 2.
  assert.deepEqual([code, signal], [130, "SIGINT"]);
  assert.ok((await stderr.read()).done, "nothing more is said");
  await child.stdin.close().catch(() => undefined);
  assert.equal(await new Response(child.stdout).text(), "");
});

testEachForm("exec ends quietly when the reader of its output goes away", async (form) => {
  await using place = await makePlace(say("nobody reads this"));
  const child = await startCodex(place, ["exec", "--json", "hi"], { form });
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  const stderr = await new Response(child.stderr).text();
  assert.equal((await child.status).code, 0);
  assert.equal(stderr, "Reading additional input from stdin...\n");
});

/** One transparent pixel. */
const PNG = Uint8Array.fromBase64(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
);
