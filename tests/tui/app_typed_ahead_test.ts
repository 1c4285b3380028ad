/** What is typed before the interface has the terminal. */
import { join } from "node:path";
import { makeFifo } from "../server/fifo.ts";
import { say } from "../support/mock_model.ts";
import { makeWorld } from "./app_world.ts";
import { startFixture } from "./screen_support.ts";

Deno.test("a prompt that is typed while the program starts is sent, as it would be later", async () => {
  await using world = await makeWorld({ responses: [say("At once")] });
  await using screen = await world.start();
  screen.type("first thing\n");
  await screen.until(/^› first thing\n\n• At once$/m);
});

Deno.test("Enter is Enter where it was pressed while somebody else had the terminal, however late it is read", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const gate = await makeFifo(join(folder, "gate"));
    await using screen = await startFixture("alternate");
    screen.type(`/busy echo yours; read -r _ < ${gate}\n`);
    await screen.until(/^yours$/m);
    screen.type("a\nb");
    await screen.until(/^a\nb$/m);
    await Deno.writeTextFile(gate, "\n");
    await screen.until(/^key "a"\nkey "\\r"\nkey "b"$/m);
    // What is no line end any more is what it says.
    screen.press("ctrl+j");
    await screen.until(/^key "\\n"$/m);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
