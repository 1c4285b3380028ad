import assert from "node:assert/strict";
import { contextWindowOf, listModels, reasoningDefaults } from "../../src/agent/model/catalog.ts";

const EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh"];

Deno.test("model list has one default, the configured model, and only efforts that 0.120 accepts", () => {
  const cases = [
    ["gpt-5.2-codex", true],
    ["gpt-oss-20b", true],
    ["my-model", true],
    ["my-model", false],
    ["demo", false],
  ] as const;
  for (const [model, requiresOpenaiAuth] of cases) {
    const models = listModels({ requiresOpenaiAuth }, model);
    const defaults = models.filter((entry) => entry.isDefault);
    assert.deepEqual(defaults.map((entry) => [entry.model, entry.hidden]), [[model, false]]);
    assert.equal(new Set(models.map((entry) => entry.id)).size, models.length);
    assert.equal(models.length > 1, requiresOpenaiAuth);
    for (const entry of models) {
      assert.deepEqual([entry.upgrade, entry.upgradeInfo, entry.availabilityNux], [
        null,
        null,
        null,
      ]);
      assert.ok(EFFORTS.includes(entry.defaultReasoningEffort));
      for (const effort of entry.supportedReasoningEfforts) {
        assert.ok(EFFORTS.includes(effort.reasoningEffort));
      }
    }
  }
});

Deno.test("context windows and defaults are known by name, with a vendor or a date too", () => {
  assert.equal(contextWindowOf("gpt-5.2-codex"), 258_400);
  assert.equal(contextWindowOf("openai/gpt-5.2"), 258_400);
  assert.equal(contextWindowOf("gpt-5.2-2026-01-01"), 258_400);
  assert.equal(contextWindowOf("demo"), 258_400);
  for (const unknown of ["llama3", "constructor", "__proto__", ""]) {
    assert.equal(contextWindowOf(unknown), null);
    assert.equal(reasoningDefaults(unknown), null);
  }
});
