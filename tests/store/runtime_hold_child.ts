/** Holds an unpacked runtime until its standard input ends, as a program that runs from it does. */
import { holdRuntime } from "../../src/store/runtime_hold.ts";

const [dir = ""] = Deno.args;
console.log(holdRuntime(dir) === null ? "refused" : "held");
for await (const _ of Deno.stdin.readable) {
  // Only the end counts.
}
