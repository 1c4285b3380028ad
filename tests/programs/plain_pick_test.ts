/** Tests the list of threads on a terminal that can show nothing else. */
import assert from "node:assert/strict";
import { leave, withMachine } from "./first_machine.ts";

const DEMO = ["-c", "model_provider=demo"] as const;
const PLAIN = { env: { TERM: "dumb" }, columns: 120 };

Deno.test("a terminal that cannot move its cursor lists the threads, and says how one goes on", () =>
  withMachine(async ({ start }) => {
    {
      await using empty = await start(["resume", ...DEMO, "--yolo"], PLAIN);
      await leave(empty, 1);
      assert.match(empty.scrollback(), /^Error: There are no threads of .*folder; see --all$/);
    }
    {
      await using run = await start(["exec", "--skip-git-repo-check", ...DEMO, "hello there"]);
      await leave(run, 0);
    }
    const words = ["resume", "--include-non-interactive", ...DEMO, "--yolo"];
    await using screen = await start(words, PLAIN);
    await screen.until(/Continue which thread\?\n {2}1\. .* hello there \(.*\)\n1-1 \[1\]:$/);
    screen.press("enter");
    await leave(screen, 0);
    assert.match(
      screen.scrollback(),
      /\nTo continue it without the terminal interface, run codex exec resume [\da-f-]{36} PROMPT$/,
    );
    assert.ok(!screen.raw.includes("\u001b"));
  }));
