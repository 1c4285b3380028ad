import { deepEqual, equal } from "node:assert/strict";
import { join } from "node:path";
import { declaredMessages, seenMessages } from "../../scripts/check_wire_seen.ts";

const SCRIPT = new URL("../../scripts/check_wire_seen.ts", import.meta.url).pathname;

async function run(folder: string): Promise<{ code: number; stderr: string }> {
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", SCRIPT],
    env: { CODEX_WIRE_SEEN: folder, NO_COLOR: "1" },
  }).output();
  return { code: output.code, stderr: new TextDecoder().decode(output.stderr) };
}

Deno.test("check_wire_seen passes when every message was seen, and names those that were not", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const declared = await declaredMessages();
    const half = declared.slice(0, -1);
    await Deno.writeTextFile(join(folder, "a.txt"), half.slice(0, 3).join("\n") + "\n");
    await Deno.writeTextFile(join(folder, "b.txt"), half.slice(3).join("\n") + "\n");
    deepEqual(await seenMessages(folder), new Set(half));
    const failed = await run(folder);
    equal(failed.code, 1);
    equal(
      failed.stderr,
      `No test exercises 1 of ${declared.length} messages:\n  ${declared.at(-1)}\n`,
    );
    await Deno.writeTextFile(join(folder, "c.txt"), `${declared.at(-1)}\n`);
    equal((await run(folder)).code, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
