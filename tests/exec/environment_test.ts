import assert from "node:assert/strict";
import { commandEnvironment, type EnvironmentPolicy } from "../../src/exec/environment.ts";

const ALL: EnvironmentPolicy = {
  inherit: "all",
  ignoreDefaultExcludes: true,
  exclude: [],
  set: {},
  includeOnly: [],
};
const ENV = { PATH: "/bin", HOME: "/h", LANG: "C", MY_TOKEN: "t", EDITOR: "vi" };

function names(env: Record<string, string>): string[] {
  const ours = ["NO_COLOR", "TERM", "COLORTERM", "PAGER", "GIT_PAGER", "GH_PAGER"];
  return Object.keys(env).filter((name) => !ours.includes(name)).sort();
}

function environment(env: Record<string, string>, policy: Partial<EnvironmentPolicy> = {}) {
  return commandEnvironment({ env, policy: { ...ALL, ...policy }, secretNames: ["MOCK_AUTH"] });
}

Deno.test("commandEnvironment applies inherit, excludes, set and include-only in upstream's order", () => {
  const cases: [Partial<EnvironmentPolicy>, string[]][] = [
    [{}, ["EDITOR", "HOME", "LANG", "MY_TOKEN", "PATH"]],
    [{ inherit: "core" }, ["HOME", "PATH"]],
    [{ inherit: "none" }, []],
    [{ ignoreDefaultExcludes: false }, ["EDITOR", "HOME", "LANG", "PATH"]],
    [{ exclude: ["ed*", "?ANG"] }, ["HOME", "MY_TOKEN", "PATH"]],
    [{ exclude: ["EDITOR"], set: { EDITOR: "ed" } }, [
      "EDITOR",
      "HOME",
      "LANG",
      "MY_TOKEN",
      "PATH",
    ]],
    [{ inherit: "none", set: { A: "1", B: "2" }, includeOnly: ["a"] }, ["A"]],
    [{ exclude: ["["], includeOnly: ["PATH", "H*"] }, ["HOME", "PATH"]],
  ];
  for (const [policy, expected] of cases) {
    assert.deepEqual(names(environment(ENV, policy)), expected, JSON.stringify(policy));
  }
});

Deno.test("commandEnvironment never passes on keys, tokens or variables that carry them", () => {
  const env = {
    PATH: "/bin",
    OPENAI_API_KEY: "sk-openai-secret",
    CODEX_API_KEY: "sk-codex-secret",
    CODEX_ACCESS_TOKEN: "access-secret",
    MOCK_AUTH: "provider-secret",
    mock_auth: "lower",
    PROXY: "http://user:provider-secret@proxy",
    CODEX_HOME: "/h/.codex",
    SHORT: "1",
  };
  const kept = environment(env, { set: { OPENAI_API_KEY: "again", COPY: "x sk-openai-secret" } });
  assert.deepEqual(names(kept), ["CODEX_HOME", "PATH", "SHORT"]);
  assert.deepEqual(names(environment({ OPENAI_API_KEY: "1", A: "1" })), ["A"]);
});

Deno.test("commandEnvironment turns pagers and colours off unless the user sets them", () => {
  const env = environment({ PAGER: "less", TERM: "xterm" }, { set: { TERM: "vt100" } });
  assert.equal(env["PAGER"], "cat");
  assert.equal(env["TERM"], "vt100");
  assert.equal(env["NO_COLOR"], "1");
});

Deno.test("commandEnvironment leaves out what no process can have", () => {
  assert.deepEqual(names(environment({ "A=B": "1", C: "x\0y", "": "z", D: "ok" })), ["D"]);
});

Deno.test("commands of a client get no advice for models, and no secrets either", () => {
  const options = { env: { ...ENV, MOCK_AUTH: "secret-value" }, policy: ALL };
  const plain = commandEnvironment({ ...options, secretNames: ["MOCK_AUTH"], isForModel: false });
  assert.deepEqual(plain, ENV);
});
