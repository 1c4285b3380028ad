/** Runs a program that has this process's terminal to itself until it ends; must not know what it is for. */
import { messageOf } from "../lib/errors.ts";

/** What the terminal sends to everybody in front of it: meant for the program, not for us. */
const FOR_THE_PROGRAM = ["SIGINT", "SIGQUIT"] as const;

/** Resolves with the exit code; rejects with a sentence for people when the program cannot be started. */
export async function runInForeground({ argv, cwd, env }: {
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}): Promise<number> {
  const [program = "", ...args] = argv;
  const ignore = () => {};
  for (const signal of FOR_THE_PROGRAM) Deno.addSignalListener(signal, ignore);
  try {
    const streams = { stdin: "inherit", stdout: "inherit", stderr: "inherit" } as const;
    const child = new Deno.Command(program, { args, cwd, clearEnv: true, env, ...streams }).spawn();
    return (await child.status).code;
  } catch (error) {
    throw new Error(`Cannot start ${program}: ${messageOf(error)}`, { cause: error });
  } finally {
    for (const signal of FOR_THE_PROGRAM) Deno.removeSignalListener(signal, ignore);
  }
}
