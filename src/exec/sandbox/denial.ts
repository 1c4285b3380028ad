/** Tells a command that its sandbox has stopped from one that failed by itself; must not know sandboxes. */

/** Words of the C library, of shells and of runtimes for what a sandbox refuses. */
const REFUSALS =
  /operation not permitted|permission denied|read-only file system|not permitted by|eperm\b|erofs\b|eacces\b|seccomp|landlock|sandbox|failed to write file/i;
/** Looking for a host is the first that fails without a network. */
const NETWORK =
  /could not resolve host|temporary failure in name resolution|network is unreachable|name or service not known|getaddrinfo/i;
/** Wrong usage, and programs that are not there: no sandbox says so. */
const OWN_FAILURES: ReadonlySet<number> = new Set([2, 127]);
/** 128 and the number of SIGSYS, by which a filter of system calls may end a process. */
const KILLED_BY_FILTER = 159;

/**
 * Whether a confined command was probably stopped by the sandbox (as upstream guesses it). A wrong guess
 * costs a question or a line for the model, nothing more.
 */
export function isSandboxDenial(exitCode: number, output: string): boolean {
  if (exitCode === 0) return false;
  if (exitCode === KILLED_BY_FILTER) return true;
  if (REFUSALS.test(output)) return true;
  return !OWN_FAILURES.has(exitCode) && NETWORK.test(output);
}
