/** Tests which key goes to which provider, and who counts as signed in. */
import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { accountView, openaiKey, readStoredAuth, secretVariables } from "../../src/account/auth.ts";
import { loginStatus, maskKey, removeStoredAuth, saveApiKey } from "../../src/account/login.ts";
import { loadConfig } from "../../src/config/load.ts";
import type { ModelProvider } from "../../src/config/config.ts";
import { CodexError } from "../../src/lib/errors.ts";

const TOML = `
[model_providers.mine]
base_url = "http://localhost:1"
env_key = "MY_KEY"
env_key_instructions = "Ask me."
env_http_headers = { X-Secret = "HEADER_KEY" }
[model_providers.token]
base_url = "http://localhost:1"
experimental_bearer_token = "fixed"
[model_providers.open]
base_url = "http://localhost:1"
[mcp_servers.x]
bearer_token_env_var = "MCP_TOKEN"
env_http_headers = { Authorization = "MCP_HEADER" }
`;

async function withHome(run: (codexHome: string) => Promise<void>): Promise<void> {
  const codexHome = await Deno.makeTempDir();
  try {
    await run(codexHome);
  } finally {
    await Deno.remove(codexHome, { recursive: true });
  }
}

function loadTestConfig() {
  return loadConfig({
    codexHome: "/home",
    cwd: "/",
    env: {},
    readFile: (path) => Promise.resolve(path === "/home/config.toml" ? TOML : null),
  });
}

async function providerOf(id: string): Promise<ModelProvider> {
  return (await loadTestConfig()).modelProviders[id] ?? assert.fail(id);
}

Deno.test("openaiKey prefers what is nearest to this run, and ignores blanks", async () => {
  await withHome(async (codexHome) => {
    saveApiKey(codexHome, "stored");
    const keyOf = (env: Record<string, string>) => openaiKey({ codexHome, env });
    assert.equal(await keyOf({ OPENAI_API_KEY: " openai\n" }), "openai");
    assert.equal(await keyOf({ OPENAI_API_KEY: "openai", CODEX_API_KEY: "codex" }), "codex");
    assert.equal(await keyOf({ OPENAI_API_KEY: " " }), "stored");
    removeStoredAuth(codexHome);
    assert.equal(await keyOf({}), null);
  });
});

Deno.test("accountView asks for a sign-in only where a key is required and missing", async () => {
  await withHome(async (codexHome) => {
    const viewOf = async (id: string, env: Record<string, string> = {}) =>
      await accountView({ provider: await providerOf(id), codexHome, env });
    const apiKey = { type: "apiKey" };
    for (const id of ["demo", "mine", "token", "open", "ollama"]) {
      assert.deepEqual(await viewOf(id), { account: apiKey, requiresOpenaiAuth: false }, id);
    }
    assert.deepEqual(await viewOf("openai"), { account: null, requiresOpenaiAuth: true });
    assert.deepEqual(await viewOf("openai", { OPENAI_API_KEY: "k" }), {
      account: apiKey,
      requiresOpenaiAuth: true,
    });
    saveApiKey(codexHome, "k");
    assert.deepEqual(await viewOf("openai"), { account: apiKey, requiresOpenaiAuth: true });
  });
});

Deno.test("saveApiKey writes the file of Codex, for the user alone", async () => {
  await withHome(async (codexHome) => {
    const home = join(codexHome, "new");
    assert.equal(await loginStatus(home), null);
    saveApiKey(home, "sk-test-abcdef1234567890");
    const path = join(home, "auth.json");
    // Byte for byte what 0.120.0 writes.
    assert.equal(
      await Deno.readTextFile(path),
      '{\n  "auth_mode": "apikey",\n  "OPENAI_API_KEY": "sk-test-abcdef1234567890"\n}',
    );
    assert.equal(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    assert.deepEqual(await readStoredAuth(home), {
      mode: "apikey",
      apiKey: "sk-test-abcdef1234567890",
    });
    assert.equal(await loginStatus(home), "Logged in using an API key - sk-test-***67890");
    assert.equal(removeStoredAuth(home), true);
    assert.equal(removeStoredAuth(home), false);
    assert.equal(await readStoredAuth(home), null);
  });
});

Deno.test("readStoredAuth reads any file or refuses it without quoting it", async () => {
  await withHome(async (codexHome) => {
    const path = join(codexHome, "auth.json");
    const text = fc.oneof(
      fc.json(),
      fc.string(),
      fc.record({ auth_mode: fc.json(), OPENAI_API_KEY: fc.jsonValue() }).map((value) =>
        JSON.stringify(value)
      ),
    );
    await fc.assert(
      fc.asyncProperty(text, async (content) => {
        await Deno.writeTextFile(path, content);
        try {
          const stored = await readStoredAuth(codexHome);
          assert.ok(stored && (stored.apiKey === null || stored.apiKey !== ""));
        } catch (error) {
          assert.ok(error instanceof CodexError, String(error));
          assert.equal(
            error.message,
            `${path} is not valid JSON; sign in again with \`codex login --with-api-key\``,
          );
        }
      }),
      { numRuns: 200 },
    );
  });
});

Deno.test("maskKey shows the ends of a long key and nothing of a short one", () => {
  assert.equal(maskKey("sk-1"), "***");
  assert.equal(maskKey("1234567890123"), "***");
  assert.equal(maskKey("12345678901234"), "12345678***01234");
});

Deno.test("secretVariables names every variable that carries a key", async () => {
  const names = secretVariables(await loadTestConfig());
  const expected = [
    "OPENAI_API_KEY",
    "CODEX_API_KEY",
    "MY_KEY",
    "HEADER_KEY",
    "MCP_TOKEN",
    "MCP_HEADER",
  ];
  for (const name of expected) assert.ok(names.includes(name), name);
  assert.ok(!names.includes("PATH"));
});
