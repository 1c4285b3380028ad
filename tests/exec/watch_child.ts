/** A program for tests: watches the folders it is given until it may not, and prints why. */
import { Watches } from "../../src/exec/watch.ts";
import { realClock } from "./real_clock.ts";

if (import.meta.main) {
  await using watches = new Watches({ clock: realClock });
  try {
    for (const folder of Deno.args) watches.watch(`${folder}/f`, () => true);
    console.log("no limit");
  } catch (error) {
    console.log(error instanceof Error ? error.message : String(error));
  }
}
