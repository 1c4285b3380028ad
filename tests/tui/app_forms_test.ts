/** The interface in each form in which the program comes: from source, packed and compiled. */
import assert from "node:assert/strict";
import { testEachForm } from "../support/forms.ts";
import { call, say } from "../support/mock_model.ts";
import { startScreen } from "../support/screen.ts";
import { ended, enter, makeWorld, READY } from "./app_world.ts";

testEachForm(
  "the interface begins, takes a turn with a command, and leaves the terminal as it was",
  async (form) => {
    const command = call("exec_command", { cmd: "echo hello", login: false });
    await using world = await makeWorld({ responses: [command, say("Hello **you**")] });
    const { HOME = "", CODEX_HOME = "", MOCK_KEY = "" } = world.env;
    await using screen = await startScreen(form.command, ["-a", "never"], {
      cwd: world.project,
      env: { HOME, CODEX_HOME, MOCK_KEY, ...form.env },
    });
    await screen.until((text) => text.includes(READY) && text.includes("mock-model"), {
      why: "the first screen",
    });
    enter(screen, "say hello");
    await screen.until(/^• Ran echo hello\n {2}└ hello\n\n• Hello you$/m);
    enter(screen, "/quit");
    assert.deepEqual(await ended(screen), { code: 0, signal: null });
    assert.deepEqual(screen.leftovers(), []);
    assert.match(screen.scrollback(), /^To continue this session, run codex resume [\da-f-]{36}$/m);
  },
);
