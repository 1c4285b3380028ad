/** Tests `login` and `logout` with a real home folder and scripted streams. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parseCommandLine } from "../../src/cli/parse.ts";
import { CliError, CodexError } from "../../src/lib/errors.ts";
import type { Host, TextWriter } from "../../src/programs/host.ts";
import { systemClock } from "../../src/programs/host.ts";
import { takePackaging } from "../../src/programs/packaging.ts";
import { run as runLogin } from "../../src/programs/login.ts";
import { run as runLogout } from "../../src/programs/logout.ts";

interface Outcome {
  readonly code: number;
  readonly stderr: string;
}

async function run(line: string, world: {
  readonly home: string;
  readonly stdin?: string;
  readonly isTerminal?: boolean;
}): Promise<Outcome> {
  const parsed = parseCommandLine(line.split(" "));
  assert.equal(parsed.type, "run");
  if (parsed.type !== "run") return assert.fail();
  const written: string[] = [];
  const writer = (sink: string[]): TextWriter => ({
    write: (text) => sink.push(text) > 0,
    gone: new AbortController().signal,
    isTerminal: false,
  });
  const host: Host = {
    packaging: takePackaging(),
    env: { CODEX_HOME: world.home },
    cwd: "/",
    clock: systemClock(),
    randomId: () => crypto.randomUUID(),
    randomBytes: (length) => new Uint8Array(length),
    stdin: {
      readAll: () => Promise.resolve(world.stdin ?? ""),
      readable: new ReadableStream(),
      isTerminal: world.isTerminal ?? false,
    },
    stdout: writer([]),
    stderr: writer(written),
  };
  const program = parsed.args.path[0] === "logout" ? runLogout : runLogin;
  const code = await program({ args: parsed.args, host });
  return { code, stderr: written.join("") };
}

async function withHome(test: (home: string) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir();
  try {
    await test(home);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

Deno.test("login --with-api-key stores the key of stdin, and status and logout see it", async () => {
  await withHome(async (home) => {
    assert.deepEqual(await run("login status", { home }), { code: 1, stderr: "Not logged in\n" });
    const stdin = "  sk-test-abcdef1234567890 \n";
    assert.deepEqual(await run("login --with-api-key", { home, stdin }), {
      code: 0,
      stderr: "Reading API key from stdin...\nSuccessfully logged in\n",
    });
    assert.deepEqual(await run("login status", { home }), {
      code: 0,
      stderr: "Logged in using an API key - sk-test-***67890\n",
    });
    assert.deepEqual(await run("logout", { home }), {
      code: 0,
      stderr: "Successfully logged out\n",
    });
    assert.deepEqual(await run("logout", { home }), { code: 0, stderr: "Not logged in\n" });
  });
});

Deno.test("login --with-api-key refuses a terminal, nothing, and what is no key", async () => {
  await withHome(async (home) => {
    const command = "login --with-api-key";
    assert.deepEqual(await run(command, { home, isTerminal: true }), {
      code: 1,
      stderr:
        "--with-api-key expects the API key on stdin. Try piping it, e.g. `printenv OPENAI_API_KEY | codex login --with-api-key`.\n",
    });
    assert.deepEqual(await run(command, { home, stdin: " \n" }), {
      code: 1,
      stderr: "Reading API key from stdin...\nNo API key provided via stdin.\n",
    });
    await assert.rejects(run(command, { home, stdin: "sk a\nsk b" }), (error) => {
      assert.ok(error instanceof CliError && !error.message.includes("sk a"));
      return true;
    });
    await assert.rejects(Deno.stat(join(home, "auth.json")), Deno.errors.NotFound);
  });
});

Deno.test("login status says that a broken auth.json cannot be read", async () => {
  await withHome(async (home) => {
    await Deno.writeTextFile(join(home, "auth.json"), '{"OPENAI_API_KEY": "sk-secret');
    await assert.rejects(run("login status", { home }), (error) => {
      assert.ok(error instanceof CodexError && !error.message.includes("sk-secret"));
      return true;
    });
    await Deno.writeTextFile(join(home, "auth.json"), '{"auth_mode":"chatgpt","tokens":{}}');
    assert.match((await run("login status", { home })).stderr, /^Logged in using ChatGPT, which/);
  });
});

Deno.test("login without a choice explains the choices", async () => {
  await withHome(async (home) => {
    await assert.rejects(run("login", { home }), (error) => {
      assert.ok(error instanceof CliError && error.exitCode === 1);
      assert.match(error.message, /printenv OPENAI_API_KEY \| codex login --with-api-key/);
      return true;
    });
  });
});
