/** Tests `app-server token`: what it makes opens a listener's door, through the door's own check. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { createAuthorizer, type WsAuthFlags, wsAuthOf } from "../../src/server/auth/ws_auth.ts";
import { systemClock } from "../../src/programs/host.ts";
import { SOURCE } from "../support/forms.ts";

interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function inFolder(
  test: (world: {
    readonly folder: string;
    run(...words: string[]): Promise<Result>;
  }) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "codex-test-" });
  const [program = "", ...args] = SOURCE.command;
  const run = async (...words: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args: [...args, "app-server", "token", ...words],
      cwd: folder,
      env: { ...SOURCE.env, CODEX_HOME: join(folder, "home"), NO_COLOR: "1" },
    }).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  };
  try {
    await test({ folder, run });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function admits(flags: Partial<WsAuthFlags>, token: string): Promise<string> {
  const authorizer = await createAuthorizer(
    wsAuthOf({
      mode: null,
      tokenFile: null,
      tokenSha256: null,
      sharedSecretFile: null,
      issuer: null,
      audience: null,
      maxClockSkewSeconds: null,
      ...flags,
    }),
    { clock: systemClock(), warn: (text) => assert.fail(text) },
  );
  const admission = await authorizer?.authorize({
    authorization: [`Bearer ${token}`],
    address: "127.0.0.1",
  });
  return admission?.type === "admitted" ? admission.principal : admission?.text ?? "open";
}

Deno.test("token new makes a private file that opens the door, and never replaces one", async () => {
  await inFolder(async ({ folder, run }) => {
    const made = await run("new", "token");
    const path = join(folder, "token");
    assert.deepEqual([made.code, made.stdout], [0, `${path}\n`]);
    const text = await Deno.readTextFile(path);
    assert.match(text, /^[\w-]{43}\n$/);
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    const digest = /SHA-256 of the token: ([0-9a-f]{64})\n/.exec(made.stderr)?.[1] ?? "";
    assert.ok(!`${made.stdout}${made.stderr}`.includes(text.trim()), "the token was shown");
    const mode = "capability-token";
    assert.equal(await admits({ mode, tokenFile: path }, text.trim()), "capability");
    assert.equal(await admits({ mode, tokenSha256: digest }, text.trim()), "capability");

    const again = await run("new", "token");
    assert.equal(again.code, 1);
    assert.equal(
      again.stderr,
      `Error: Cannot make ${path}: it exists; remove it first if nobody uses it any more\n`,
    );
    assert.equal(await Deno.readTextFile(path), text);
    await run("new", "other");
    assert.notEqual(await Deno.readTextFile(join(folder, "other")), text);
  });
});

Deno.test("token mint signs what its listener asks for", async () => {
  await inFolder(async ({ folder, run }) => {
    await run("new", "secret");
    const sharedSecretFile = join(folder, "secret");
    const secret = ["--ws-shared-secret-file", "secret"];
    const door: Partial<WsAuthFlags> = { mode: "signed-bearer-token", sharedSecretFile };
    const plain = await run("mint", ...secret);
    assert.deepEqual([plain.code, plain.stderr], [0, ""]);
    assert.equal(await admits(door, plain.stdout.trim()), "signed");
    assert.equal(
      await admits({ ...door, issuer: "us" }, plain.stdout.trim()),
      "websocket jwt issuer mismatch",
    );
    const full = await run(
      ...["mint", ...secret, "--ws-issuer", "us", "--ws-audience", "them"],
      ...["--subject", "ann", "--expires-in", "15m"],
    );
    const named = { ...door, issuer: "us", audience: "them" };
    assert.equal(await admits(named, full.stdout.trim()), "subject:ann");
    const [, payload = ""] = full.stdout.split(".");
    const { iat, exp } = JSON.parse(
      new TextDecoder().decode(Uint8Array.fromBase64(payload, { alphabet: "base64url" })),
    );
    assert.equal(exp - iat, 900);
  });
});

Deno.test("token says what is wrong with what it was given", async () => {
  await inFolder(async ({ folder, run }) => {
    await Deno.writeTextFile(join(folder, "short"), "x");
    const short = await run("mint", "--ws-shared-secret-file", "short");
    assert.deepEqual([short.code, short.stderr], [
      1,
      `Error: signed websocket bearer secret ${join(folder, "short")} must be at least 32 bytes\n`,
    ]);
    const long = await run("mint", "--ws-shared-secret-file", "short", "--expires-in", "400d");
    assert.equal(long.code, 2);
    assert.match(long.stderr, /invalid value '400d' for '--expires-in <DURATION>': expected a dur/);
    const nowhere = await run("new", "none/token");
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.stderr, /^Error: Cannot make .*none\/token: No such file or directory/);
    assert.equal((await run()).code, 2);
  });
});
