import assert from "node:assert/strict";
import { probeLauncher } from "../../../src/exec/sandbox/launcher.ts";

/** A process namespace whose first process never waits for anybody, with a `/proc` of its own. */
const UNSHARE = ["--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"];
const ALONE = ["unshare", ...UNSHARE, "sh", "-c"];

async function isPossible(): Promise<boolean> {
  if ((await probeLauncher()).type === "unusable") return false;
  try {
    const [program = "", ...args] = [...ALONE, "true"];
    return (await new Deno.Command(program, { args, stderr: "null" }).output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

Deno.test({
  name: "a terminated sandbox leaves nothing behind that process 1 would have to collect",
  ignore: !await isPossible(),
  async fn() {
    const probe = new URL("./orphan_probe.ts", import.meta.url).pathname;
    const script = '"$0" run -A --no-check "$1" & exec sleep 1000';
    const [program = "", ...args] = [...ALONE, script, Deno.execPath(), probe];
    await using child = new Deno.Command(program, { args, stdin: "null", stdout: "piped" }).spawn();
    let text = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (text.endsWith("\n")) break;
    }
    child.kill("SIGKILL");
    assert.deepEqual(JSON.parse(text), { left: [] });
  },
});
