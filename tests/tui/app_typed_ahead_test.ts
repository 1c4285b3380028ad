/** What is typed before the interface has the terminal. */
import { say } from "../support/mock_model.ts";
import { makeWorld } from "./app_world.ts";

Deno.test("a prompt that is typed while the program starts is sent, as it would be later", async () => {
  await using world = await makeWorld({ responses: [say("At once")] });
  await using screen = await world.start();
  screen.type("first thing\n");
  await screen.until(/^› first thing\n\n• At once$/m);
});
