/** Tests profiles that are files of their own, and keys that are refused when they are not known. */
import assert from "node:assert/strict";
import { type ConfigFlags, loadConfig } from "../../src/config/load.ts";
import { CodexError } from "../../src/lib/errors.ts";

/** Loads from a home folder of these files. */
function load(files: Readonly<Record<string, string>>, flags: ConfigFlags) {
  return loadConfig({
    codexHome: "/home",
    cwd: "/nowhere",
    env: {},
    flags,
    readFile: (path) => Promise.resolve(files[path.replace("/home/", "")] ?? null),
  });
}

async function messageOf(loaded: Promise<unknown>): Promise<string> {
  const error = await loaded.then(() => null, (error: unknown) => error);
  assert.ok(error instanceof CodexError && error.kind === "invalidConfig");
  return error.message;
}

Deno.test("loadConfig puts the file of a profile above the table of that name", async () => {
  const table = '[profiles.p]\nmodel = "table"\nservice_tier = "tier"\n';
  const file = 'model = "file"\nmodel_reasoning_effort = "low"\n';
  const both = await load({ "config.toml": table, "p.config.toml": file }, { profile: "p" });
  assert.deepEqual([both.model, both.serviceTier, both.reasoningEffort], ["file", "tier", "low"]);
  const alone = await load({ "p.config.toml": file }, { profile: "p", model: "flag" });
  assert.deepEqual([alone.model, alone.reasoningEffort], ["flag", "low"]);
  const named = await load({ "config.toml": 'profile = "p"\n', "p.config.toml": file }, {});
  assert.equal(named.model, "file");
  const unused = await load({ "p.config.toml": file }, {});
  assert.equal(unused.reasoningEffort, null);
});

Deno.test("loadConfig says where a profile may stand, and reads no file elsewhere", async () => {
  assert.equal(
    await messageOf(load({}, { profile: "p" })),
    "config profile `p` not found; add [profiles.p] to /home/config.toml, or make /home/p.config.toml",
  );
  for (const profile of ["../p", "/p", "a/b", "..", ""]) {
    const files = { [`${profile}.config.toml`]: 'model = "elsewhere"\n', "../p.config.toml": "" };
    if (profile === "") assert.equal((await load(files, { profile })).profile, null);
    else assert.match(await messageOf(load(files, { profile })), /not found; add [^,]*$/);
  }
  assert.match(
    await messageOf(load({ "p.config.toml": "model = 3\n" }, { profile: "p" })),
    /in `model` at \/home\/p\.config\.toml:1$/,
  );
});

Deno.test("loadConfig warns of unknown keys, and refuses them when asked to be strict", async () => {
  const files = { "config.toml": "nonsense = 1\n" };
  assert.equal((await load(files, {})).warnings.length, 1);
  assert.equal(
    await messageOf(load(files, { strictConfig: true })),
    "Unknown config key `nonsense` in /home/config.toml (--strict-config); correct or remove it",
  );
  const profile = { "p.config.toml": "nonsense = 1\n" };
  assert.equal((await load(profile, { profile: "p" })).warnings.length, 1);
  assert.match(
    await messageOf(load(profile, { profile: "p", strictConfig: true })),
    /p\.config\.toml/,
  );
  await load({ "config.toml": 'model = "m"\n' }, { strictConfig: true });
});
