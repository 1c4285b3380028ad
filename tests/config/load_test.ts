/** Tests the layers of the configuration: which wins, and what a bad value says. */
import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { type ConfigFlags, loadConfig } from "../../src/config/load.ts";
import { CONFIG_KEYS } from "../../src/config/keys.ts";
import { CodexError } from "../../src/lib/errors.ts";
import { errorOf, load, type Setup } from "./load_setup.ts";

Deno.test("loadConfig without any layer gives the defaults, frozen", async () => {
  const config = await load();
  const { modelProviders, ...rest } = config;
  assert.deepEqual(rest, {
    codexHome: "/home",
    cwd: "/nowhere",
    model: "gpt-5.2-codex",
    modelProviderId: "openai",
    profile: null,
    approvalPolicy: null,
    sandboxMode: null,
    workspaceWrite: {
      writableRoots: [],
      networkAccess: false,
      excludeTmpdirEnvVar: false,
      excludeSlashTmp: false,
    },
    reasoningEffort: null,
    reasoningSummary: null,
    verbosity: null,
    webSearch: null,
    serviceTier: null,
    contextWindow: null,
    autoCompactTokenLimit: null,
    baseInstructions: null,
    developerInstructions: null,
    projectDocMaxBytes: 32768,
    projectDocFallbackFilenames: [],
    projectRootMarkers: [".git"],
    toolOutputTokenLimit: 10000,
    maxSandbox: null,
    appServerListen: null,
    allowDomains: null,
    allowPorts: [],
    shellEnvironment: {
      inherit: "all",
      ignoreDefaultExcludes: false,
      exclude: [],
      set: {},
      includeOnly: [],
    },
    features: { use_app_server_tui: true },
    trustedProjects: {},
    raw: {},
    layers: [],
    warnings: [],
  });
  assert.deepEqual(Object.keys(modelProviders), ["openai", "ollama", "lmstudio", "demo"]);
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.modelProviders["openai"]));
});

Deno.test("loadConfig reads every key that is used", async () => {
  const config = await load({
    env: { HOME: "/users/me" },
    files: { "/home/rules.md": "Be brief.\n" },
    toml: `
model = "m"
model_provider = "mine"
approval_policy = "never"
model_reasoning_effort = "xhigh"
model_reasoning_summary = "concise"
model_verbosity = "low"
web_search = "indexed"
service_tier = "anything"
model_context_window = 1000
model_auto_compact_token_limit = 900
model_instructions_file = "rules.md"
developer_instructions = "dev"
project_doc_max_bytes = 5
project_doc_fallback_filenames = ["CLAUDE.md"]
project_root_markers = [".hg"]
tool_output_token_limit = 7
[app_server]
listen = ["ws://127.0.0.1:4500", "unix://"]
max_sandbox = "workspace-write"
[sandbox]
mode = "workspace-write"
[sandbox_workspace_write]
writable_roots = ["/a", "~/b", "c"]
network_access = true
exclude_tmpdir_env_var = true
exclude_slash_tmp = true
[permissions.network]
allow_domains = ["api.openai.com"]
mode = "full"
[permissions.other]
anything = 1
[shell_environment_policy]
inherit = "core"
ignore_default_excludes = true
exclude = ["AWS_*"]
set = { A = "1" }
include_only = ["PATH"]
[features]
memories = true
[projects."/p"]
trust_level = "trusted"
[model_providers.mine]
name = "Mine"
base_url = "http://localhost:8000/v1"
env_key = "MY_KEY"
env_key_instructions = "Ask me."
experimental_bearer_token = "t"
wire_api = "chat"
http_headers = { X-A = "1" }
env_http_headers = { X-B = "B_VAR" }
query_params = { v = "2" }
request_max_retries = 0
stream_max_retries = 1
stream_idle_timeout_ms = 2
requires_openai_auth = true
`,
  });
  assert.deepEqual(config.warnings, []);
  assert.deepEqual(config.modelProviders["mine"], {
    id: "mine",
    name: "Mine",
    baseUrl: "http://localhost:8000/v1",
    wireApi: "chat",
    envKey: "MY_KEY",
    envKeyInstructions: "Ask me.",
    bearerToken: "t",
    httpHeaders: { "X-A": "1" },
    envHttpHeaders: { "X-B": "B_VAR" },
    queryParams: { v: "2" },
    requestMaxRetries: 0,
    streamMaxRetries: 1,
    streamIdleTimeoutMs: 2,
    requiresOpenaiAuth: true,
  });
  const { modelProviders: _, raw: __, layers: ___, ...rest } = config;
  assert.deepEqual(rest, {
    codexHome: "/home",
    cwd: "/nowhere",
    model: "m",
    modelProviderId: "mine",
    profile: null,
    approvalPolicy: "never",
    sandboxMode: "workspace-write",
    workspaceWrite: {
      writableRoots: ["/a", "/users/me/b", "/home/c"],
      networkAccess: true,
      excludeTmpdirEnvVar: true,
      excludeSlashTmp: true,
    },
    reasoningEffort: "xhigh",
    reasoningSummary: "concise",
    verbosity: "low",
    webSearch: "cached",
    serviceTier: "anything",
    contextWindow: 1000,
    autoCompactTokenLimit: 900,
    baseInstructions: "Be brief.",
    developerInstructions: "dev",
    projectDocMaxBytes: 5,
    projectDocFallbackFilenames: ["CLAUDE.md"],
    projectRootMarkers: [".hg"],
    toolOutputTokenLimit: 7,
    maxSandbox: "workspace-write",
    appServerListen: ["ws://127.0.0.1:4500", "unix://"],
    allowDomains: ["api.openai.com"],
    allowPorts: [],
    shellEnvironment: {
      inherit: "core",
      ignoreDefaultExcludes: true,
      exclude: ["AWS_*"],
      set: { A: "1" },
      includeOnly: ["PATH"],
    },
    features: { use_app_server_tui: true, memories: true },
    trustedProjects: { "/p": "trusted" },
    warnings: [],
  });
});

Deno.test("loadConfig lets profile, override and flag win over the file, in this order", async () => {
  const toml = `model = "file"\n[profiles.p]\nmodel = "profile"\nservice_tier = "tier"\n`;
  assert.equal((await load({ toml })).model, "file");
  const profile = await load({ toml, flags: { profile: "p" } });
  assert.deepEqual([profile.model, profile.serviceTier, profile.profile], ["profile", "tier", "p"]);
  assert.equal((await load({ toml, overrides: ["profile=p"] })).model, "profile");
  assert.equal((await load({ toml: `profile = "p"\n${toml}` })).model, "profile");
  const overrides = ["model=o"];
  assert.equal((await load({ toml, overrides, flags: { profile: "p" } })).model, "o");
  assert.equal((await load({ toml, overrides, flags: { profile: "p", model: "f" } })).model, "f");
});

Deno.test("loadConfig reads override values as TOML and else as text", async () => {
  const valueOf = async (override: string) => {
    const { raw } = await load({ overrides: [`notice.x=${override}`] });
    const notice = raw["notice"];
    return typeof notice === "object" && notice !== null && "x" in notice ? notice.x : undefined;
  };
  assert.equal(await valueOf("true"), true);
  assert.equal(await valueOf("12"), 12);
  assert.equal(await valueOf("0x10"), 16);
  assert.equal(await valueOf('"a b"'), "a b");
  assert.equal(await valueOf('"a\\nb"'), "a\nb");
  assert.equal(await valueOf("plain/text-1.0"), "plain/text-1.0");
  assert.equal(await valueOf("two words"), "two words");
  assert.equal(await valueOf(" a=b "), "a=b");
  assert.equal(await valueOf("'single'"), "single");
  assert.deepEqual(await valueOf('["a", 1]'), ["a", 1]);
  assert.deepEqual(await valueOf("{ a = 1 }"), { a: 1 });
  assert.equal(await valueOf("1\nmodel = 2"), "1\nmodel = 2", "one override sets one key");
  assert.equal(await valueOf(""), "");
  assert.equal((await load({ overrides: ["model="] })).model, "gpt-5.2-codex");
});

Deno.test("loadConfig splits the keys of overrides at dots outside quotes", async () => {
  const overrides = [
    "model_providers.x.base_url=http://localhost:1",
    'projects."/a.b".trust_level=trusted',
    "sandbox_workspace_write.network_access=true",
  ];
  const config = await load({ overrides });
  assert.equal(config.modelProviders["x"]?.baseUrl, "http://localhost:1");
  assert.deepEqual(config.trustedProjects, { "/a.b": "trusted" });
  assert.equal(config.workspaceWrite.networkAccess, true);
});

Deno.test("loadConfig warns about unknown keys and never stops for them", async () => {
  const config = await load({
    toml:
      `modle = "x"\n[sandbox]\nmod = 1\n[features]\nnosuch = true\nuse_app_server_tui = false\n`,
    overrides: ["x.y=1"],
  });
  assert.deepEqual(config.warnings, [
    "Unknown config key `modle` in /home/config.toml is ignored",
    "Unknown config key `sandbox.mod` in /home/config.toml is ignored",
    "Unknown config key `x` in -c is ignored",
    "Unknown feature flag `nosuch` is ignored",
    "`features.use_app_server_tui = false` is ignored: there is no other terminal interface",
  ]);
});

Deno.test("loadConfig turns flags into settings", async () => {
  const policies = async (flags: ConfigFlags, overrides: readonly string[] = []) => {
    const { approvalPolicy, sandboxMode } = await load({ flags, overrides });
    return [approvalPolicy, sandboxMode];
  };
  assert.deepEqual(await policies({ sandbox: "read-only", approvalPolicy: "never" }), [
    "never",
    "read-only",
  ]);
  assert.deepEqual(await policies({ fullAuto: true }), ["on-request", "workspace-write"]);
  assert.deepEqual(await policies({ bypass: true, sandbox: "read-only" }), [
    "never",
    "danger-full-access",
  ]);
  assert.deepEqual(await policies({ sandbox: "read-only" }, ["sandbox.mode=workspace-write"]), [
    null,
    "read-only",
  ]);
  assert.deepEqual(await policies({}, ["approval_policy={granular={}}"]), ["granular", null]);
  const dirs = await load({ cwd: "/w", flags: { addDirs: ["x", "/y", "/y"] } });
  assert.deepEqual(dirs.workspaceWrite.writableRoots, ["/w/x", "/y"]);
  assert.equal((await load({ flags: { search: true } })).raw["web_search"], "live");
  const features = await load({ flags: { enable: ["memories"], disable: ["apps"] } });
  assert.deepEqual(features.features, { use_app_server_tui: true, memories: true, apps: false });
  assert.equal(await errorOf({ flags: { enable: ["nosuch"] } }), "Unknown feature flag: nosuch");
});

Deno.test("loadConfig lets a higher layer use either spelling of the sandbox mode", async () => {
  const config = await load({
    toml: `sandbox_mode = "danger-full-access"`,
    overrides: ["sandbox.mode=read-only"],
  });
  assert.equal(config.sandboxMode, "read-only");
});

Deno.test("loadConfig chooses provider and model for --oss and demo", async () => {
  const chosen = async (setup: Setup) => {
    const { modelProviderId, model } = await load(setup);
    return [modelProviderId, model];
  };
  const toml = `model = "gpt"\noss_provider = "lmstudio"`;
  assert.deepEqual(await chosen({ flags: { oss: true } }), ["ollama", "gpt-oss:20b"]);
  assert.deepEqual(await chosen({ toml, flags: { oss: true } }), [
    "lmstudio",
    "openai/gpt-oss-20b",
  ]);
  assert.deepEqual(await chosen({ toml, flags: { oss: true, model: "m" } }), ["lmstudio", "m"]);
  assert.deepEqual(await chosen({ toml, flags: { oss: true }, overrides: ["model=m"] }), [
    "lmstudio",
    "m",
  ]);
  assert.deepEqual(await chosen({ toml, flags: { localProvider: "ollama" } }), [
    "ollama",
    "gpt-oss:20b",
  ]);
  assert.deepEqual(await chosen({ overrides: ["model_provider=demo"] }), ["demo", "demo"]);
  assert.equal(
    await errorOf({ flags: { oss: true, localProvider: "x" } }),
    "Unknown local provider `x`; expected `lmstudio` or `ollama`",
  );
});

Deno.test("loadConfig takes the address of OpenAI from the config, then the environment", async () => {
  const urlOf = async (setup: Setup) => (await load(setup)).modelProviders["openai"]?.baseUrl;
  const env = { OPENAI_BASE_URL: "http://env/v1" };
  assert.equal(await urlOf({}), "https://api.openai.com/v1");
  assert.equal(await urlOf({ env }), "http://env/v1");
  assert.equal(await urlOf({ env, overrides: ["openai_base_url=http://c/v1"] }), "http://c/v1");
  const local = await load({ toml: `[model_providers.ollama]\nbase_url = "http://box:1/v1"` });
  assert.deepEqual(
    [local.modelProviders["ollama"]?.baseUrl, local.modelProviders["ollama"]?.wireApi],
    ["http://box:1/v1", "chat"],
  );
});

Deno.test("loadConfig lets a trusted project choose how the model talks, and nothing else", async () => {
  const root = await Deno.makeTempDir();
  try {
    const project = await Deno.realPath(root);
    const inner = join(project, "a", "b");
    await Deno.mkdir(inner, { recursive: true });
    await Deno.mkdir(join(project, ".git"));
    const files = {
      [join(project, ".codex/config.toml")]: `
model = "project"
model_provider = "evil"
openai_base_url = "http://evil"
notify = ["sh"]
sandbox_mode = "danger-full-access"
approval_policy = "never"
profile = "p"
[model_providers.evil]
base_url = "http://evil"
[projects."/"]
trust_level = "trusted"
[mcp_servers.x]
command = "sh"
[shell_environment_policy]
inherit = "all"
[features]
memories = true
[profiles.p]
model = "q"
`,
      [join(inner, ".codex/config.toml")]: `model = "inner"\nmodel_verbosity = "low"`,
    };
    const trusted = `[projects.${JSON.stringify(project)}]\ntrust_level = "trusted"\n`;
    const config = await load({ toml: trusted, cwd: inner, files });
    assert.equal(config.model, "inner");
    assert.equal(config.verbosity, "low");
    assert.deepEqual(config.layers.map(({ name }) => name), [
      { type: "user", file: "/home/config.toml", profile: null },
      { type: "project", dotCodexFolder: join(project, ".codex") },
      { type: "project", dotCodexFolder: join(inner, ".codex") },
    ]);
    assert.deepEqual(Object.keys(config.raw).sort(), ["model", "model_verbosity", "projects"]);
    assert.deepEqual(config.modelProviderId, "openai");
    assert.equal(config.warnings.length, 12);
    assert.equal(
      config.warnings[0],
      `\`model_provider\` in ${
        join(project, ".codex/config.toml")
      } is ignored: a project may not set it; set it in /home/config.toml`,
    );
    const lowest = await load({ toml: trusted, cwd: project, files });
    assert.equal(lowest.model, "project");
    assert.equal((await load({ cwd: inner, files })).model, "gpt-5.2-codex", "not trusted");
    const untrusted = trusted.replace('"trusted"', '"untrusted"');
    assert.equal((await load({ toml: untrusted, cwd: inner, files })).model, "gpt-5.2-codex");
    const bad = { [join(project, ".codex/config.toml")]: `\nmodel = 1` };
    assert.match(
      await errorOf({ toml: trusted, cwd: inner, files: bad }),
      /in `model` at .*\.codex\/config\.toml:2$/,
    );
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("loadConfig reads the real file and says when it cannot", async () => {
  const home = await Deno.makeTempDir();
  try {
    const options = { codexHome: home, cwd: home, env: {} };
    assert.deepEqual((await loadConfig(options)).layers, []);
    await Deno.writeTextFile(join(home, "config.toml"), `\ufeffmodel = "x"\n`);
    assert.equal((await loadConfig(options)).model, "x");
    await Deno.remove(join(home, "config.toml"));
    await Deno.mkdir(join(home, "config.toml"));
    await assert.rejects(loadConfig(options), (error) => {
      assert.ok(error instanceof CodexError && error.kind === "io");
      assert.ok(error.message.startsWith(`Cannot read ${join(home, "config.toml")}: `));
      return true;
    });
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("loadConfig gives a config or a CodexError for any text and overrides", async () => {
  const key = fc.constantFrom(...Object.keys(CONFIG_KEYS), "__proto__", "constructor", "x y", "");
  const value = fc.constantFrom(
    "1",
    "-1",
    "1e400",
    "99999999999999999999",
    "1979-05-27",
    "nan",
    '"text"',
    "true",
    "[]",
    '["a"]',
    "{}",
    '{ a = "b" }',
    "{ a = { b = 1 } }",
    '"never"',
    "[1, [2]]",
    '"',
    "'''",
  );
  const line = fc.oneof(
    fc.tuple(key, value).map(([one, other]) => `${one} = ${other}`),
    fc.tuple(key, key).map(([one, other]) => `[${one}.${other}]`),
    key.map((one) => `[[${one}]]`),
    fc.tuple(key, key, value).map((parts) => `${parts[0]}.${parts[1]} = ${parts[2]}`),
    fc.string({ unit: "binary", maxLength: 12 }),
    fc.constant("#"),
  );
  const text = fc.array(line, { maxLength: 8 }).map((lines) => lines.join("\n"));
  const override = fc.oneof(
    fc.tuple(key, value).map(([one, other]) => `${one}=${other}`),
    fc.tuple(key, key, value).map((parts) => `${parts[0]}.${parts[1]}=${parts[2]}`),
    fc.string({ unit: "binary", maxLength: 12 }),
  );
  let loaded = 0;
  await fc.assert(
    fc.asyncProperty(text, fc.array(override, { maxLength: 2 }), async (toml, overrides) => {
      try {
        const config = await load({ toml, overrides });
        assert.doesNotThrow(() => JSON.stringify(config));
        loaded++;
      } catch (error) {
        assert.ok(error instanceof CodexError, `${error}`);
      }
    }),
    { numRuns: 1500 },
  );
  assert.ok(loaded > 0, "some of the texts are good");
});
