/** Commands as people see them. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { shellJoin } from "../../src/lib/shell_join.ts";
import { shownCommand } from "../../src/tui/render/shown_command.ts";

Deno.test("the shell around a command is not shown, whatever the command is", () => {
  fc.assert(fc.property(fc.string({ minLength: 1, unit: "binary" }), (script) => {
    assert.equal(shownCommand(shellJoin(["/bin/bash", "-lc", script])), script);
  }));
  assert.equal(shownCommand(`bash -c "echo \\"hi\\" \\$HOME"`), 'echo "hi" $HOME');
});

Deno.test("a command that does more than the quoted word says is shown whole", () => {
  const commands = [
    "bash -lc 'ls' extra",
    "bash -lc 'ls'; rm -rf /",
    "bash -lc 'ls' && x",
    'bash -lc "$(evil)"',
    'bash -lc "`evil`"',
    "bash -lc $X",
    "bash -lc 'open",
    "bash -lc ''",
    "rbash -lc 'ls'",
    "git log",
  ];
  for (const command of commands) assert.equal(shownCommand(command), command);
});
