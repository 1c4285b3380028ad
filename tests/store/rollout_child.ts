/** A process that appends to a rollout until it is killed, and says on stdout what was acknowledged. */
import { RolloutWriter } from "../../src/store/rollout.ts";

const [path = "", task = ""] = Deno.args;
const encoder = new TextEncoder();

function say(text: string): void {
  Deno.stdout.writeSync(encoder.encode(`${text}\n`));
}

const writer = RolloutWriter.open(path);
say("open");
if (task === "hold") await new Promise((resolve) => setTimeout(resolve, 60_000));
for (let count = 0; count < 1_000_000; count++) {
  try {
    writer.append([
      { type: "event_msg", payload: { count } },
      { type: "response_item", payload: { count, text: "x".repeat(count % 3000) } },
    ], count);
  } catch (error) {
    const kind = error !== null && typeof error === "object" && "kind" in error
      ? error.kind
      : error;
    say(`failed ${kind}`);
    break;
  }
  say(`${count}`);
}
