/** Starts a confined command that would run for ever, and waits: `launcher_command_test.ts` kills this. */
import { launcher, PATH, specOf } from "./launcher_support.ts";

const [folder = "/"] = Deno.args;
const confined = launcher().confine(
  { argv: ["/bin/sh", "-c", "setsid sleep 1000 & echo up; wait"], cwd: folder, env: { PATH } },
  specOf({ cwd: folder }),
);
if ("type" in confined) throw new Error(confined.reason);
const [program = "", ...args] = confined.argv;
await new Deno.Command(program, { args, stdout: "inherit" }).spawn().status;
