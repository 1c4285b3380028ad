/** Checks that Git is there and runs; must not look at any repository. */
import { type Check, type CheckContext, type Finding, ok, warning } from "./check.ts";
import { runCommand } from "./command.ts";

const LIMIT_MS = 5000;
const INSTALL = "Install Git: the agent uses it to see and undo its own changes";

/** The `git` that commands of the agent would find. */
export const gitCheck: Check = { name: "git", run: gitFinding };

async function gitFinding(context: CheckContext): Promise<Finding> {
  const outcome = await runCommand(["git", "--version"], { context, limitMs: LIMIT_MS });
  switch (outcome.type) {
    case "notFound":
      return warning("There is no git in PATH", INSTALL);
    case "notStarted":
      return warning(`git cannot be started: ${outcome.message}`, INSTALL);
    case "endless":
      return warning("`git --version` does not end", "Look at what `git` is: command -v git");
    case "ended": {
      const version = gitVersion(outcome.stdout);
      if (outcome.code === 0 && version !== null) return ok(`Version ${version}`);
      const said = (outcome.stderr || outcome.stdout).trim().split("\n").at(-1) || "nothing";
      return warning(
        `\`git --version\` fails (exit code ${outcome.code}) and says: ${said}`,
        INSTALL,
      );
    }
  }
}

/** The number in `git version 2.39.5 (Apple Git-154)`, or null. */
export function gitVersion(text: string): string | null {
  return /^git version (\d+(?:\.\w+)*)/.exec(text)?.[1] ?? null;
}
