/** What has changed in the repository of the thread, read on the server; must not know how it is shown. */
import type { ReconnectingClient } from "../../client/reconnect.ts";

/** What has changed. */
export interface RepositoryDiff {
  /** In the form of git, untracked files included. */
  readonly text: string;
  /** What is missing in it. */
  readonly omitted: string | null;
}

export interface DiffOptions {
  readonly client: Pick<ReconnectingClient, "request">;
  /** On the server. */
  readonly cwd: string;
}

/** Each of them is a command of its own. */
const UNTRACKED_MAX = 50;
/** Their answers together stay far below what a server keeps for a connection. */
const AT_ONCE = 8;
/** What the server keeps of the output of a command. */
const OUTPUT_BYTES_MAX = 1024 * 1024;
const TIMEOUT_MS = 30_000;
/** `git diff` says so when files differ that are not in the repository. */
const DIFFERENT = 1;
/** Nothing that the repository itself names is run for a look at it. */
const SAFE = ["--no-ext-diff", "--no-textconv", "--no-color"];
const SAFE_CONFIG = [
  ...["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"],
  ...["-c", "core.quotePath=false", "-c", "diff.noprefix=false"],
];
/** The exit code of a shell for a program that is not there. */
const MISSING = 127;
const NO_REPOSITORY = /not a git repository/i;

/** Null when the folder is in no repository; rejects with a sentence for people. */
export async function readDiff({ client, cwd }: DiffOptions): Promise<RepositoryDiff | null> {
  const top = await git(["rev-parse", "--show-toplevel"], { client, cwd });
  if (top.exitCode === MISSING) throw new Error("There is no git on the server");
  const root = top.stdout.replace(/\n$/, "");
  if (top.exitCode !== 0 && !NO_REPOSITORY.test(top.stderr)) {
    throw new Error(`Git failed: ${top.stderr.trim()}`);
  }
  if (top.exitCode !== 0 || root === "") return null;
  const options = { client, cwd: root };
  const head = await git(["rev-parse", "--verify", "--quiet", "HEAD"], options);
  const base = head.exitCode === 0 ? "HEAD" : await emptyTree(options);
  const [tracked, untracked] = await Promise.all([
    git(["diff", ...SAFE, base, "--"], options),
    git(["ls-files", "--others", "--exclude-standard", "-z"], options),
  ]);
  if (tracked.exitCode !== 0) throw new Error(`Git diff failed: ${tracked.stderr.trim()}`);
  const files = untracked.stdout.split("\0").filter((file) => file !== "");
  const texts = [tracked.stdout];
  const shown = files.slice(0, UNTRACKED_MAX);
  for (let at = 0; at < shown.length; at += AT_ONCE) {
    const added = shown.slice(at, at + AT_ONCE).map((file) =>
      git(["diff", ...SAFE, "--no-index", "--", "/dev/null", file], options)
    );
    for (const { exitCode, stdout, stderr } of await Promise.all(added)) {
      if (exitCode > DIFFERENT) throw new Error(`Git diff failed: ${stderr.trim()}`);
      texts.push(stdout);
    }
  }
  const isCut = texts.some((text) => text.length >= OUTPUT_BYTES_MAX);
  const unseen = files.length - UNTRACKED_MAX;
  const omitted = [
    ...isCut ? ["changes of more than 1 MiB are cut"] : [],
    ...unseen > 0 ? [`${unseen} more files that git does not track`] : [],
  ];
  return { text: texts.join(""), omitted: omitted.length === 0 ? null : omitted.join("; ") };
}

/** The name of the tree without files: before the first commit, everything is compared with it. */
async function emptyTree(options: DiffOptions): Promise<string> {
  return (await git(["hash-object", "-t", "tree", "/dev/null"], options)).stdout.trim();
}

function git(args: readonly string[], { client, cwd }: DiffOptions) {
  return client.request("command/exec", {
    command: ["git", "--no-pager", ...SAFE_CONFIG, ...args],
    cwd,
    env: { GIT_OPTIONAL_LOCKS: "0", LC_ALL: "C", GIT_PAGER: "cat" },
    outputBytesCap: OUTPUT_BYTES_MAX,
    timeoutMs: TIMEOUT_MS,
    sandboxPolicy: { type: "readOnly", networkAccess: false },
  });
}
