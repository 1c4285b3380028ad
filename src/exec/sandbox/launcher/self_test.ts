/** What the probe lets run in a sandbox in the place of a command: it checks from inside what is enforced. */
import { AT_FDCWD, flags } from "./flags.ts";
import type { Plan } from "./plan.ts";
import { call, type Operation } from "./script.ts";

/** The strictest sandbox. */
export const SELF_TEST_PLAN: Plan = {
  writesEverywhere: false,
  places: [],
  readable: null,
  network: "none",
  input: null,
};

const EPERM = 1;
const EROFS = 30;
const AF_INET = 2;
const SOCK_STREAM = 1;

/** Each call must fail with the very error that the sandbox causes, and the process must be its second. */
export const SELF_TEST: readonly Operation[] = [
  call("check that processes are apart", "getpid", { expected: 2 }),
  // Of what is not there: nothing is left behind where it may be written, and nothing stands in the way.
  call("check that nothing can be written", "unlinkat", {
    args: [AT_FDCWD, "/codex-sandbox-self-test", flags("AT", ["REMOVEDIR"])],
    expected: -EROFS,
  }),
  call("check that there is no network", "socket", {
    args: [AF_INET, SOCK_STREAM, 0],
    expected: -EPERM,
  }),
  call("check that mounts stay", "umount2", { args: ["/proc", 0], expected: -EPERM }),
  call("check that no namespace can be made", "unshare", {
    args: [flags("CLONE", ["NEWUSER"])],
    expected: -EPERM,
  }),
  call("end", "exit_group", { args: [0] }),
];
