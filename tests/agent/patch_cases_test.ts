import assert from "node:assert/strict";
import { planPatch } from "../../src/agent/tools/patch_apply.ts";
import { commitFiles } from "../../src/agent/tools/patch_files.ts";
import { parsePatch } from "../../src/agent/tools/patch_parse.ts";
import cases from "./patch_cases.json" with { type: "json" };
import { Scratch } from "./patch_scratch.ts";

/** What the patch does to a folder, in one message for the model. */
async function applyIn(scratch: Scratch, patch: string): Promise<string> {
  const parsed = parsePatch(patch);
  const plan = parsed.ok ? await planPatch(parsed.value, { cwd: scratch.dir }) : parsed;
  if (!plan.ok) return plan.message;
  return await commitFiles(plan.value.files) ?? plan.value.summary;
}

// Recorded from the real program 0.120.0; `ours` says where and why we differ on purpose.
for (const { name, files, patch, upstream, ours } of cases) {
  Deno.test(`patch: ${name}`, async () => {
    await using scratch = new Scratch();
    await scratch.write(named(files));
    const message = await applyIn(scratch, patch);
    assert.equal(
      message.replaceAll(scratch.dir, "$CWD"),
      ours && "message" in ours ? ours.message : upstream.message,
    );
    assert.deepEqual(
      await scratch.files(),
      named(ours && "files" in ours ? ours.files : upstream.files),
    );
  });
}

Deno.test("patch: every difference from upstream has a reason", () => {
  for (const { name, upstream, ours } of cases) {
    if (!ours) continue;
    assert.ok(ours.because, name);
    const isOther = ("message" in ours && ours.message !== upstream.message) ||
      ("files" in ours && JSON.stringify(ours.files) !== JSON.stringify(upstream.files));
    assert.ok(isOther, `${name} does not differ`);
  }
});

/** The compiler gives each case a type of its own names. */
function named(files: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files).flatMap(([name, text]) => text === undefined ? [] : [[name, text]]),
  );
}
