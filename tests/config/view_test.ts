/** Tests what `config/read` shows. */
import assert from "node:assert/strict";
import { loadConfig } from "../../src/config/load.ts";
import { versionOf } from "../../src/config/layer.ts";
import { type ConfigView, configView } from "../../src/config/view.ts";

async function viewOf(toml: string, cliOverrides: readonly string[] = []): Promise<ConfigView> {
  const config = await loadConfig({
    codexHome: "/home",
    cwd: "/nowhere",
    env: {},
    cliOverrides,
    readFile: (path) => Promise.resolve(path === "/home/config.toml" ? toml : null),
  });
  return configView(config);
}

/** The file of the measured answer of 0.120.0. */
const MEASURED = `
check_for_update_on_startup = false
model = "gpt-5.4"
model_provider = "mock"
[model_providers.mock]
base_url = "http://127.0.0.1:9100/v1"
env_key = "MOCK_KEY"
name = "Mock"
wire_api = "responses"
[projects."/lab/proj"]
trust_level = "trusted"
`;

Deno.test("configView answers as Codex does for the same file", async () => {
  const { config, origins, layers } = await viewOf(MEASURED);
  const set = Object.entries(config).filter(([, value]) => value !== null);
  const name = { type: "user", file: "/home/config.toml", profile: null };
  assert.deepEqual(Object.fromEntries(set), {
    model: "gpt-5.4",
    model_provider: "mock",
    check_for_update_on_startup: false,
    profiles: {},
    mcp_servers: {},
    plugins: {},
    features: { use_app_server_tui: true },
    projects: { "/lab/proj": { trust_level: "trusted" } },
    shell_environment_policy: {
      inherit: null,
      ignore_default_excludes: null,
      exclude: null,
      set: null,
      include_only: null,
      filters: null,
      experimental_use_profile: null,
    },
    model_providers: {
      mock: {
        name: "Mock",
        base_url: "http://127.0.0.1:9100/v1",
        env_key: "MOCK_KEY",
        env_key_instructions: null,
        experimental_bearer_token: null,
        wire_api: "responses",
        query_params: null,
        http_headers: null,
        env_http_headers: null,
        request_max_retries: null,
        stream_max_retries: null,
        stream_idle_timeout_ms: null,
        websocket_connect_timeout_ms: null,
        requires_openai_auth: false,
        supports_websockets: false,
        supports_standalone_web_search: null,
        auth: null,
        aws: null,
        capabilities: null,
        credential_file: null,
        gateway_oauth: null,
        location: null,
        model_catalog_url: null,
        project_id: null,
      },
    },
  });
  for (const key of ["approval_policy", "sandbox_mode", "tui", "web_search", "review_model"]) {
    assert.equal(config[key], null, key);
  }
  const version = layers[0]?.version ?? "";
  assert.match(version, /^sha256:[0-9a-f]{64}$/);
  assert.deepEqual(Object.keys(origins).sort(), [
    "check_for_update_on_startup",
    "model",
    "model_provider",
    "model_providers.mock.base_url",
    "model_providers.mock.env_key",
    "model_providers.mock.name",
    "model_providers.mock.wire_api",
    "projects./lab/proj.trust_level",
  ]);
  assert.deepEqual(origins["model"], { name, version });
  assert.deepEqual(layers.map((layer) => layer.name), [name]);
});

Deno.test("configView names the highest layer that set a key, and lists it first", async () => {
  const toml = `model = "a"\nprofile = "p"\n[profiles.p]\nmodel_verbosity = "low"\n`;
  const { config, origins, layers } = await viewOf(toml, ["model=b"]);
  assert.equal(config["model"], "b");
  assert.deepEqual(origins["model"]?.name, { type: "sessionFlags" });
  assert.deepEqual(origins["model_verbosity"]?.name, {
    type: "user",
    file: "/home/config.toml",
    profile: "p",
  });
  assert.deepEqual(layers.map(({ name }) => name.type), ["sessionFlags", "user", "user"]);
  assert.deepEqual(layers[0]?.config, { model: "b" });
});

Deno.test("configView shows no secret", async () => {
  const secret = "sk-very-secret";
  const view = await viewOf(`
[model_providers.x]
base_url = "http://localhost:1"
experimental_bearer_token = "${secret}"
http_headers = { Authorization = "${secret}" }
query_params = { key = "${secret}" }
env_http_headers = { Authorization = "A_VARIABLE" }
[mcp_servers.y]
command = "server"
bearer_token_env_var = "B_VARIABLE"
env = { ANYTHING = "${secret}" }
http_headers = { X = "${secret}" }
[shell_environment_policy.set]
OPENAI_API_KEY = "${secret}"
GITHUB_TOKEN = "${secret}"
PLAIN = "shown"
`);
  const text = JSON.stringify(view);
  assert.ok(!text.includes(secret));
  for (const shown of ["A_VARIABLE", "B_VARIABLE", "shown"]) assert.ok(text.includes(shown), shown);
});

Deno.test("versionOf hashes the content, not the order or the spelling", async () => {
  // The version of an empty layer that Codex reports.
  const empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
  assert.equal(await versionOf({}), empty);
  const one = await viewOf(`model = "a"\nprofile = ""`);
  const other = await viewOf(`# a comment\nprofile = ''\nmodel = 'a'`);
  assert.equal(one.layers[0]?.version, other.layers[0]?.version);
});
