/** Who may connect to a real `codex app-server`, and what its log and its commands learn of that. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { HandshakeRefused } from "../../src/client/connect.ts";
import { CLOSE_CODES } from "../../src/rpc/close_codes.ts";
import { workingBackends } from "../exec/sandbox/test_sandbox.ts";
import { runTurn } from "../server/turn_steps.ts";
import { call, say } from "../support/mock_model.ts";
import { makePlace, type Place } from "./exec_process.ts";
import { dial, meet, startSocketServer } from "./socket_server.ts";

const LOOPBACK = ["--listen", "ws://127.0.0.1:0"];
const SECRET = "a-secret-of-more-than-thirty-two-bytes";

for (
  const [words, code, message] of [
    [
      ["--ws-auth", "capability-token"],
      1,
      /^Error: `--ws-token-file` or `--ws-token-sha256` is req/,
    ],
    [["--ws-issuer", "me"], 1, /^Error: websocket auth flags require `--ws-auth capability-token`/],
    [["--ws-auth", "nonsense"], 2, /\[possible values: capability-token, signed-bearer-token\]/],
    [["--ws-auth", "bearer:"], 2, /invalid value 'bearer:' for '--ws-auth <MODE>'/],
    [
      [...LOOPBACK, "--ws-auth", "capability-token", "--ws-token-file", "gone"],
      1,
      /^Error: failed to read websocket auth secret \/.*\/gone: No such file or directory \(os error 2\)$/m,
    ],
    [
      ["--listen", "ws://0.0.0.0:0", "--ws-auth", "bearer:sesame"],
      1,
      /^Error: refusing `--ws-auth bearer:TOKEN` on a non-loopback listener: .*--allow-token-in-argv`/,
    ],
    [
      [...LOOPBACK, "--ws-auth", "bearer:sesame", "--ws-close-at-expiry"],
      1,
      /^Error: `--ws-close-at-expiry` requires `--ws-auth signed-bearer-token`/,
    ],
    [["--allow-token-in-argv"], 1, /^Error: `--allow-token-in-argv` requires `--ws-auth bearer:/],
    [
      ["--print-systemd-unit", "--ws-auth", "bearer:sesame"],
      1,
      /^Error: The token of `--ws-auth bearer:TOKEN` would be in the unit/,
    ],
  ] as const
) {
  Deno.test(`app-server ${words.join(" ")} is refused with exit code ${code}`, async () => {
    await using place = await makePlace();
    await using server = await startSocketServer(place, words);
    assert.equal(await server.ended(), code);
    assert.match(server.stderr, message);
    assert.doesNotMatch(server.stderr, /sesame/);
  });
}

Deno.test("app-server lets in the token of a file, the present one, and logs others without theirs", async () => {
  await using place = await makePlace();
  const file = await secretFile(place, "right-token-1");
  await using server = await startSocketServer(
    place,
    [...LOOPBACK, "--ws-auth", "capability-token", "--ws-token-file", file],
    { env: { RUST_LOG: "trace", LOG_FORMAT: "json" } },
  );
  const [url = ""] = server.urls;
  const early = await meet(url, { token: "right-token-1" });
  await refused(dial(url), /401 missing websocket bearer token/);
  await refused(dial(url, { token: "wrong-token-1" }), /401 invalid websocket bearer token/);

  await Deno.writeTextFile(file, "right-token-2\n");
  await refused(dial(url, { token: "right-token-1" }), /401 invalid websocket bearer token/);
  const late = await meet(url, { token: "right-token-2" });
  // Who was let in stays.
  await early.request("config/read", {});
  await Deno.remove(file);
  await refused(dial(url, { token: "right-token-2" }), /401 invalid websocket bearer token/);
  early.close();
  late.close();
  server.signal("SIGTERM");
  assert.equal(await server.ended(), 0);

  const records = logIn(server.stderr);
  const refusals = records.filter(({ fields }) => fields.message === "Refused a connection");
  assert.deepEqual(refusals.map(({ level, target, fields }) => [level, target, fields]), [
    ["WARN", "listen", refusal("missing")],
    ["WARN", "listen", refusal("token")],
    ["WARN", "listen", refusal("token")],
    ["WARN", "listen", refusal("token")],
  ]);
  assert.match(
    server.stderr,
    /"ERROR","fields":{"message":"Nobody can connect: No such file or dir/,
  );
  assert.deepEqual(
    records.filter(({ target }) => target === "connection").map(({ fields }) => [
      fields.connection,
      fields.message,
      fields.principal,
    ]),
    [
      ["1", "A connection opened", "capability"],
      ["2", "A connection opened", "capability"],
      ["1", "A connection closed", undefined],
      ["2", "A connection closed", undefined],
    ],
  );
  assert.doesNotMatch(server.stderr, /right-token|wrong-token/);
});

Deno.test("app-server warns about a token on its command line, and takes it away from there", async () => {
  await using place = await makePlace();
  await using server = await startSocketServer(place, [
    ...LOOPBACK,
    "--ws-auth",
    "bearer:sesame",
  ]);
  assert.match(server.stderr, /^warning: other users .* may have seen the token of `--ws-auth bea/);
  assert.doesNotMatch(server.stderr, /sesame/);
  if (Deno.build.os === "linux") {
    const words = await Deno.readTextFile(`/proc/${server.pid}/cmdline`);
    assert.match(words, /^codex app-server/);
    assert.doesNotMatch(words, /sesame/);
  }
  const [url = ""] = server.urls;
  await refused(dial(url), /401 missing/);
  (await meet(url, { token: "sesame" })).close();
});

Deno.test("app-server tells of a file with a token that others can read", async () => {
  await using place = await makePlace();
  const file = await secretFile(place, "right-token");
  await Deno.chmod(file, 0o644);
  const words = [...LOOPBACK, "--ws-auth", "capability-token", "--ws-token-file", file];
  await using server = await startSocketServer(place, words);
  assert.match(server.stderr, /^warning: Other users can use .*\/token: its mode is 0644;/);
});

Deno.test("app-server closes a connection when its token expires, only where it is asked to", async () => {
  await using place = await makePlace();
  const file = await secretFile(place, SECRET);
  const words = [
    ...[...LOOPBACK, "--ws-auth", "signed-bearer-token", "--ws-shared-secret-file", file],
    ...["--ws-max-clock-skew-seconds", "0"],
  ];
  await using closing = await startSocketServer(place, [...words, "--ws-close-at-expiry"]);
  await using keeping = await startSocketServer(place, words);
  const [url = ""] = closing.urls;
  const forever = await meet(url, { token: tokenUntil(Math.floor(Date.now() / 1000) + 10 ** 8) });
  // On a slow machine a token may expire on its way.
  for (let seconds = 1;; seconds *= 2) {
    const token = tokenUntil(Math.floor(Date.now() / 1000) + seconds);
    try {
      const kept = await meet(keeping.urls[0] ?? "", { token });
      const ended = await meet(url, { token });
      assert.equal(await ended.closed, "the token has expired");
      assert.equal(ended.closeCode, CLOSE_CODES.tokenExpired.code);
      await refused(dial(url, { token }), /401 expired websocket jwt/);
      await kept.request("config/read", {});
      kept.close();
      break;
    } catch (error) {
      if (!(error instanceof HandshakeRefused) || !error.message.includes("expired")) throw error;
    }
  }
  await forever.request("config/read", {});
  forever.close();
});

Deno.test({
  name: "a command of an app-server can read neither its token nor its secret files",
  ignore: (await workingBackends()).length === 0,
  async fn() {
    const show = "cat ../outside/token ../outside/key.pem ../outside/plain; env";
    await using place = await makePlace(
      call("exec_command", { cmd: show, login: false }),
      say("Done"),
    );
    const file = await secretFile(place, "right-token-1");
    await Deno.writeTextFile(`${place.outside}/plain`, "plain to see\n");
    await using server = await startSocketServer(
      place,
      [
        ...[...LOOPBACK, "--ws-auth", "capability-token", "--ws-token-file", file],
        ...["-c", 'approval_policy="never"', "-c", 'sandbox_mode="read-only"'],
      ],
      { env: { CODEX_APP_SERVER_AUTH: "right-token-1", NAMED: "also right-token-1" } },
    );
    const client = await meet(server.urls[0] ?? "", { token: "right-token-1" });
    const { thread } = await client.request("thread/start", {});
    assert.equal((await runTurn(client, thread.id, "look")).status, "completed");
    const { text } = await place.model.request(1);
    assert.match(text, /plain to see/);
    assert.match(text, /PATH=/);
    assert.doesNotMatch(text, /right-token-1/);
    client.close();
  },
});

/** A file that nobody else can read, where no command can write. */
async function secretFile(place: Place, text: string): Promise<string> {
  const path = `${place.outside}/token`;
  await Deno.writeTextFile(path, text, { mode: 0o600 });
  return path;
}

function tokenUntil(exp: number): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "HS256" })}.${part({ exp })}`;
  return `${text}.${createHmac("sha256", SECRET).update(text).digest("base64url")}`;
}

async function refused(attempt: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(attempt, (error) => {
    assert.ok(error instanceof HandshakeRefused, String(error));
    assert.match(error.message, message);
    return true;
  });
}

interface Line {
  readonly level: string;
  readonly target: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** One JSON object per line, behind the banner. */
function logIn(stderr: string): readonly Line[] {
  return stderr.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
}

function refusal(reason: string) {
  return { message: "Refused a connection", reason, address: "127.0.0.1" };
}
