/** A program for tests: runs the file operations of its first argument under rules, and prints what became of each. */
import { type FileRules, FileSystem } from "../../src/exec/filesystem.ts";
import { realClock } from "./real_clock.ts";

/** What the program does. */
export interface ChildPlan {
  readonly rules: FileRules | null;
  readonly steps: readonly ChildStep[];
}

/** One operation; `size` bytes are written. */
export type ChildStep =
  | { readonly write: string; readonly size: number }
  | { readonly read: string }
  | { readonly make: string }
  | { readonly remove: string }
  | { readonly copy: string; readonly to: string };

async function run(plan: ChildPlan): Promise<string[]> {
  using fileSystem = new FileSystem({ clock: realClock });
  const files = fileSystem.under(plan.rules);
  const outcomes: string[] = [(await files.confinement())?.landlock.type ?? "free"];
  for (const step of plan.steps) {
    outcomes.push(await perform(step).then(() => "ok", (error: Error) => error.message));
  }
  return outcomes;

  function perform(step: ChildStep): Promise<unknown> {
    if ("write" in step) {
      const bytes = new Uint8Array(step.size).fill(120);
      return files.writeFile({ path: step.write, bytes, offset: null });
    }
    if ("read" in step) {
      return files.readFile({ path: step.read, offset: null, length: null, bytesMax: Infinity });
    }
    if ("make" in step) return files.createDirectory({ path: step.make, recursive: true });
    if ("remove" in step) {
      return files.remove({ path: step.remove, recursive: true, force: false });
    }
    return files.copy({ source: step.copy, destination: step.to, recursive: true });
  }
}

if (import.meta.main) console.log(JSON.stringify(await run(JSON.parse(Deno.args[0] ?? "{}"))));
