/** What a configuration that cannot be read says. */
import assert from "node:assert/strict";
import { errorOf } from "./load_setup.ts";

Deno.test("loadConfig refuses bad overrides in upstream's words", async () => {
  assert.equal(
    await errorOf({ overrides: ["foo"] }),
    "error parsing -c overrides: Invalid override (missing '='): foo",
  );
  assert.equal(
    await errorOf({ overrides: ["=secret"] }),
    "error parsing -c overrides: Empty key in override: =",
  );
  assert.match(await errorOf({ overrides: [`${"a.".repeat(100_000)}b=1`] }), /Too many dots/);
});

Deno.test("loadConfig names file, line, key, value and what is allowed", async () => {
  const cases: readonly (readonly [toml: string, message: string])[] = [
    [
      `model = "m"\n\napproval_policy = "bogus"\n`,
      "unknown variant `bogus`, expected one of `untrusted`, `on-failure`, `on-request`, `granular`, `never`\nin `approval_policy` at /home/config.toml:3",
    ],
    [
      `[projects."/a"]\ntrust_level = "yes"\n`,
      "unknown variant `yes`, expected `trusted` or `untrusted`\nin `projects./a.trust_level` at /home/config.toml:2",
    ],
    [`model = 3`, "invalid type: number `3`, expected a string\nin `model` at /home/config.toml:1"],
    [
      `model_context_window = "q"`,
      'invalid type: string "q", expected a whole number, 0 or more\nin `model_context_window` at /home/config.toml:1',
    ],
    [
      `tool_output_token_limit = -1`,
      "invalid type: number `-1`, expected a whole number, 0 or more\nin `tool_output_token_limit` at /home/config.toml:1",
    ],
    [
      `a = 1\n[sandbox]\nmode = "off"\n`,
      "unknown variant `off`, expected one of `read-only`, `workspace-write`, `danger-full-access`\nin `sandbox.mode` at /home/config.toml:3",
    ],
    [
      `sandbox_workspace_write = { writable_roots = "x" }`,
      'invalid type: string "x", expected a list of strings\nin `sandbox_workspace_write.writable_roots` at /home/config.toml:1',
    ],
    [
      `[model_providers.x]\nwire_api = "grpc"`,
      "unknown variant `grpc`, expected `responses` or `chat`\nin `model_providers.x.wire_api` at /home/config.toml:2",
    ],
    [
      `[features]\nmemories = "on"`,
      'invalid type: string "on", expected true or false\nin `features.memories` at /home/config.toml:2',
    ],
    [
      `[permissions.network]\nallow_domains = "x"`,
      'invalid type: string "x", expected a list of strings\nin `permissions.network.allow_domains` at /home/config.toml:2',
    ],
    [
      `profiles = 1`,
      "invalid type: number `1`, expected a table\nin `profiles` at /home/config.toml:1",
    ],
    [
      `model = "m"\nmodel = "n"\n`,
      "/home/config.toml:2:7: Invalid TOML document: trying to redefine an already defined value",
    ],
    [
      `profile = "gone"`,
      "config profile `gone` not found; add [profiles.gone] to /home/config.toml, or make /home/gone.config.toml",
    ],
    [`model_provider = "nope"`, "Model provider `nope` not found"],
    [
      `model_provider = "constructor"`,
      "Model provider `constructor` not found",
    ],
    [
      `model_provider = "x"\n[model_providers.x]\nname = "X"`,
      "`model_providers.x.base_url` must be the address of the API, such as http://127.0.0.1:8000/v1",
    ],
    [
      `model_instructions_file = "gone.md"`,
      "`model_instructions_file` names /home/gone.md, which is not there",
    ],
  ];
  for (const [toml, message] of cases) {
    const actual = await errorOf({ toml });
    if (message.includes("redefine")) assert.match(actual, /^\/home\/config\.toml:2:\d+: Invalid/);
    else assert.equal(actual, message);
  }
  assert.equal(
    await errorOf({ overrides: ["approval_policy=bogus"] }),
    "unknown variant `bogus`, expected one of `untrusted`, `on-failure`, `on-request`, `granular`, `never`\nin `approval_policy` of -c",
  );
});

Deno.test("loadConfig never shows a secret in an error", async () => {
  const secret = "sk-very-secret";
  const cases = [
    `[model_providers.x]\nexperimental_bearer_token = ["${secret}"`,
    `[model_providers.x]\nexperimental_bearer_token = 12${secret}`,
    `[model_providers.x]\nhttp_headers = "${secret}"`,
  ];
  for (const toml of cases) assert.ok(!(await errorOf({ toml })).includes(secret), toml);
});
