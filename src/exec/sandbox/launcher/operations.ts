/**
 * What the launcher does, as a list of system calls; the one file to review for what a sandbox enforces.
 *
 * The launcher is started in place of the command, by the same user. It turns into three processes, or four
 * if the network is allowed for named domains only:
 *
 *     launcher   makes the namespaces and mounts, then waits: it passes signals on and ends as the command did
 *     init       process 1 of the new process namespace: reaps orphans; its end ends everything in there
 *     relay      listens on the loopback of the new network namespace and leads to our proxy (`relay.ts`)
 *     command    gives up its rights for good and becomes the program that was asked for
 *
 * In words:
 *
 * 1. The launcher becomes leader of a session of its own, keeps signals for later, closes every descriptor
 *    but the standard ones, and opens the journal in which a failure of any step is reported.
 * 2. It enters new mount, process and message (IPC) namespaces and, unless the network is allowed, a network
 *    namespace in which there is nothing. An ordinary user needs a user namespace for that, in which nobody but
 *    that very user exists. These two are new for each command, or shared by all: see `namespaces.ts`.
 * 3. It takes aside what stays writable, makes everything else read-only, without devices and without
 *    set-user-ID, and puts back in its place what it took aside: the writable folders, the few devices that
 *    programs need. Then come, parents before children, the read-only and the hidden places. Paths are
 *    opened without following any symbolic link, and mounts are attached to what was opened: a link that
 *    is put in the way makes the start fail and never moves a mount elsewhere.
 * 4. From here on no process of it can gain rights by executing a program.
 * 5. The init keeps nothing open but the end of a pipe whose other end the launcher holds. However the
 *    launcher ends, the init notices, ends, and with it every process of the namespace.
 * 6. The command mounts a `/proc` that shows its own namespace alone, becomes leader of a session (of the
 *    terminal, if there is one), goes to its working directory again, through the new mounts, drops every
 *    capability, lets Landlock and the filter of system calls take hold, and executes the program.
 *
 * Descriptors have fixed numbers, since the kernel always hands out the lowest: a call that returns another
 * one fails. `explain.ts` prints the list for a given plan.
 */
import * as flag from "./flags.ts";
import { JOURNAL_DESCRIPTOR } from "./interpreter.ts";
import { mountOperations, openPath } from "./mounts.ts";
import { mapOwnUser } from "./namespaces.ts";
import { type Plan, terminalOf } from "./plan.ts";
import { listenOperations, relayOperations, socketFolder } from "./relay.ts";
import { type Argument, call, type Operation, SLOTS } from "./script.ts";
import { socketFilter } from "./seccomp.ts";
import type { Traits } from "./traits.ts";

const SIGCHLD = 17;
const SIGKILL = 9;
const SIG_SETMASK = 2;
const SIGNAL_SET_BYTES = 8;
const ALL_SIGNALS: Argument = { text: "{all}", bytes: new Uint8Array(8).fill(0xff) };
/** `struct sigaction`, whose first word is the handler: 0 is the default, 1 ignores. */
const DEFAULT_ACTION: Argument = { text: "{SIG_DFL}", words: [0, 0, 0, 0] };
const IGNORE_ACTION: Argument = { text: "{SIG_IGN}", words: [1, 0, 0, 0] };

const TIOCSCTTY = { text: "TIOCSCTTY", value: 0x540e } as const;
const CAPABILITY_CLEAR_ALL = 4;
const SECCOMP_SET_MODE_FILTER = 1;
const LANDLOCK_RULE_PATH_BENEATH = 1;
const LAST_DESCRIPTOR = 0xffffffff;
/** The first free descriptor; those below are the standard ones and the journal. */
const FREE = JOURNAL_DESCRIPTOR + 1;
/** What the init waits on, and what keeps it waiting. */
const PIPE = { read: FREE, write: FREE + 1 } as const;
/** Where the relay listens. It does before the command starts. */
const LISTENER = FREE + 2;

/** `finale` is what the command does in the end: it becomes the program that was asked for. */
export function launchOperations(
  plan: Plan,
  traits: Traits,
  { finale = [{ type: "execute", name: "start the program" }] }: {
    readonly finale?: readonly Operation[];
  } = {},
): readonly Operation[] {
  const terminal = terminalOf(plan);
  return [
    ...standApart(traits),
    ...terminal === null ? [] : openTerminal(terminal),
    ...goToProxy(plan),
    ...enterNamespaces(plan, traits),
    ...mountOperations(plan, traits),
    ...gainNothingMore(traits),
    ...splitUp(plan, { traits, command: [...confineCommand(plan, traits), ...finale] }),
  ];
}

/** Step 1. */
function standApart({ journal }: Traits): Operation[] {
  return [
    // Fails if the caller made it the leader already.
    call("become leader of a session", "setsid", { mayFail: true }),
    // Commands start with the default anyway; if it were ignored, ends could not be waited for.
    call("be told when the command ends", "rt_sigaction", {
      args: [SIGCHLD, DEFAULT_ACTION, 0, SIGNAL_SET_BYTES],
    }),
    call("keep signals for the command", "rt_sigprocmask", {
      args: [SIG_SETMASK, ALL_SIGNALS, { slot: "signals" }, SIGNAL_SET_BYTES],
    }),
    call("close what was left open", "close_range", {
      args: [JOURNAL_DESCRIPTOR, LAST_DESCRIPTOR, 0],
    }),
    call("open the journal", "openat", {
      args: [flag.AT_FDCWD, journal, flag.flags("O", ["WRONLY", "APPEND", "CLOEXEC"])],
      expected: JOURNAL_DESCRIPTOR,
    }),
    call("find out the working directory", "getcwd", {
      args: [{ slot: "cwd" }, SLOTS.cwd.bytes],
    }),
  ];
}

/** The terminal takes the place of the standard descriptors while its path still leads to it. */
function openTerminal(path: string): Operation[] {
  return [
    call("open the terminal", "openat", {
      args: [flag.AT_FDCWD, path, flag.flags("O", ["RDWR", "NOCTTY"])],
      expected: FREE,
    }),
    ...[0, 1, 2].map((descriptor) =>
      call("use the terminal", "dup3", { args: [FREE, descriptor, 0], expected: descriptor })
    ),
    call("use the terminal", "close", { args: [FREE] }),
  ];
}

/** The `/dev/null` of the sandbox, which cannot be changed, instead of that of the caller. */
function openNull(): Operation[] {
  return [
    call("open an empty input", "openat", {
      args: [flag.AT_FDCWD, "/dev/null", flag.flags("O", ["CLOEXEC"])],
      expected: FREE,
    }),
    call("use the empty input", "dup3", { args: [FREE, 0, 0], expected: 0 }),
    call("use the empty input", "close", { args: [FREE] }),
  ];
}

/**
 * The relay finds the proxy from here by its name alone, also when the folder is out of sight for the command.
 * Nobody can go where it is through `/proc`: it cannot be traced. The command leaves again in step 6.
 */
function goToProxy({ proxySocket }: Plan): Operation[] {
  return proxySocket === undefined
    ? []
    : [call("go to the folder of the proxy", "chdir", { args: [socketFolder(proxySocket)] })];
}

/** Step 2. */
function enterNamespaces(plan: Plan, traits: Traits): Operation[] {
  const { shared } = traits;
  const needsUser = traits.needsUserNamespace && shared === null;
  const needsNetwork = plan.network === "proxy" || (plan.network === "none" && shared === null);
  const kinds = flag.flags("CLONE", [
    "NEWNS",
    "NEWPID",
    "NEWIPC",
    ...needsNetwork ? ["NEWNET"] as const : [],
    ...needsUser ? ["NEWUSER"] as const : [],
  ]);
  return [
    ...shared === null ? [] : joinNamespaces(plan, shared),
    call("make namespaces", "unshare", { args: [kinds] }),
    ...needsUser ? mapOwnUser(traits) : [],
    // After the namespace, which forgets it. A server that is killed takes its commands along.
    call("end with the caller", "prctl", {
      args: [flag.flags("PR", ["SET_PDEATHSIG"]), SIGKILL],
    }),
  ];
}

/** Both are opened first: from within the user namespace nothing of the caller can be opened. */
function joinNamespaces(
  { network }: Plan,
  shared: NonNullable<Traits["shared"]>,
): Operation[] {
  const all = [
    ...shared.user === null ? [] : [{ kind: "NEWUSER", path: shared.user }] as const,
    ...network === "none" ? [{ kind: "NEWNET", path: shared.network }] as const : [],
  ];
  const opened = all.map((each, index) => ({ ...each, descriptor: FREE + index }));
  return [
    ...opened.map(({ path, descriptor }) =>
      call(`open ${path}`, "openat", {
        args: [flag.AT_FDCWD, path, flag.flags("O", ["RDONLY", "CLOEXEC"])],
        expected: descriptor,
      })
    ),
    ...opened.flatMap(({ kind, descriptor }) => [
      call("join a shared namespace", "setns", {
        args: [descriptor, flag.flags("CLONE", [kind])],
      }),
      call("close the namespace", "close", { args: [descriptor] }),
    ]),
  ];
}

/** Step 4. */
function gainNothingMore({ lastCapability }: Traits): Operation[] {
  return [
    call("gain no privileges", "prctl", {
      args: [flag.flags("PR", ["SET_NO_NEW_PRIVS"]), 1, 0, 0, 0],
    }),
    // Neither init nor launcher can be traced or read by a process of the same user.
    call("keep memory private", "prctl", { args: [flag.flags("PR", ["SET_DUMPABLE"]), 0] }),
    call("clear ambient capabilities", "prctl", {
      args: [flag.flags("PR", ["CAP_AMBIENT"]), CAPABILITY_CLEAR_ALL, 0, 0, 0],
    }),
    // A root without the right to do this has `no new privileges` to hold it all the same.
    ...Array.from(
      { length: lastCapability + 1 },
      (_, capability) =>
        call(`never hold capability ${capability}`, "prctl", {
          args: [flag.flags("PR", ["CAPBSET_DROP"]), capability],
          mayFail: true,
        }),
    ),
  ];
}

/** Step 5. */
function splitUp(
  plan: Plan,
  { traits, command }: { readonly traits: Traits; readonly command: readonly Operation[] },
): Operation[] {
  const listens = plan.proxySocket !== undefined;
  return [
    call("close what was used so far", "close_range", { args: [FREE, LAST_DESCRIPTOR, 0] }),
    call("make a pipe", "pipe2", { args: [{ slot: "pipe" }, flag.flags("O", ["CLOEXEC"])] }),
    ...listens ? listenOperations(LISTENER) : [],
    { type: "fork", name: "start the init", keep: "init", child: reapAndWait(plan, traits) },
    ...listens ? [call("leave listening to the relay", "close", { args: [LISTENER] })] : [],
    { type: "fork", name: "start the command", keep: "command", child: command },
    call("leave input and output to the command", "close_range", { args: [0, PIPE.read, 0] }),
    dropCapabilities(),
    { type: "supervise", name: "wait for the command" },
  ];
}

/** A child of the init, which alone can reap it when the namespace ends. */
function startRelay({ proxySocket }: Plan, traits: Traits): Operation[] {
  if (proxySocket === undefined) return [];
  const confine = [dropCapabilities(), filterCalls("proxy", traits)];
  return [{
    type: "fork",
    name: "start the relay",
    title: "relay",
    keep: "nowhere",
    child: relayOperations({ listener: LISTENER, confine, socket: proxySocket }),
  }];
}

function reapAndWait(plan: Plan, traits: Traits): Operation[] {
  return [
    // Orphans of the namespace then vanish by themselves.
    call("reap orphans", "rt_sigaction", { args: [SIGCHLD, IGNORE_ACTION, 0, SIGNAL_SET_BYTES] }),
    ...startRelay(plan, traits),
    call("close input and output", "close_range", { args: [0, PIPE.read - 1, 0] }),
    call("close the end of the launcher", "close_range", {
      args: [PIPE.write, LAST_DESCRIPTOR, 0],
    }),
    dropCapabilities(),
    // Nobody writes: it returns when the launcher is gone.
    call("wait for the launcher", "read", { args: [PIPE.read, { slot: "nowhere" }, 1] }),
    call("end", "exit_group", { args: [0] }),
  ];
}

/** Step 6. */
function confineCommand(plan: Plan, traits: Traits): Operation[] {
  return [
    call("close the pipe of the init", "close_range", { args: [FREE, LAST_DESCRIPTOR, 0] }),
    call("mount a /proc of its own", "mount", {
      // Read-only, because root without any capability may still write to much of /proc/sys.
      args: ["proc", "/proc", "proc", flag.flags("MS", ["RDONLY", "NOSUID", "NODEV", "NOEXEC"]), 0],
    }),
    call("become leader of a session", "setsid"),
    ...terminalOf(plan) === null
      ? []
      : [call("control the terminal", "ioctl", { args: [0, TIOCSCTTY, 0] })],
    ...plan.input === "empty" ? openNull() : [],
    call("go to the working directory", "chdir", { args: [{ slot: "cwd" }] }),
    dropCapabilities(),
    ...restrictWithLandlock(plan, traits),
    call("take signals again", "rt_sigprocmask", {
      args: [SIG_SETMASK, { slot: "signals" }, 0, SIGNAL_SET_BYTES],
    }),
    filterCalls(plan.network, traits),
  ];
}

function filterCalls(network: Plan["network"], { architecture }: Traits): Operation {
  const { bytes, count } = socketFilter(SOCKETS[network], architecture);
  return call("filter system calls", "seccomp", {
    args: [SECCOMP_SET_MODE_FILTER, 0, { text: `{${count} instructions}`, words: [count, bytes] }],
  });
}

const SOCKETS = { none: "unix", proxy: "proxy", full: "network" } as const;

function dropCapabilities(): Operation {
  return call("drop all capabilities", "capset", {
    args: [
      { text: "{version 3, this process}", words: [0x20080522] },
      { text: "{none}", words: [0, 0, 0] },
    ],
  });
}

/**
 * Landlock keeps signals and connections to abstract sockets inside where it can (version 6 on): with the
 * network shared, nothing else would. And it limits reading, if that is asked for.
 */
function restrictWithLandlock(plan: Plan, traits: Traits): Operation[] {
  const abi = traits.landlockAbi;
  const scoped = abi >= 6;
  const reading = plan.readable !== null;
  if (!scoped && !reading) return [];
  const { attributes, size } = flag.landlockRuleset({ reading, scoped, abi });
  const [ruleset, opened] = [FREE, FREE + 1];
  const rules = plan.readable === null ? [] : readingRules(plan.readable, abi);
  return [
    call("make Landlock rules", "landlock_create_ruleset", {
      args: [attributes, size, 0],
      expected: ruleset,
    }),
    ...rules.flatMap(({ path, access }) => [
      openPath(path, { expected: opened }),
      call(`allow reading ${path}`, "landlock_add_rule", {
        args: [ruleset, LANDLOCK_RULE_PATH_BENEATH, flag.landlockRule(access, opened), 0],
      }),
      call(`close ${path}`, "close", { args: [opened] }),
    ]),
    call("let Landlock take hold", "landlock_restrict_self", { args: [ruleset, 0] }),
    call("close the Landlock rules", "close", { args: [ruleset] }),
  ];
}

type Rule = {
  readonly path: string;
  readonly access: readonly ("EXECUTE" | "READ_FILE" | "READ_DIR" | "REFER")[];
};

function readingRules(readable: NonNullable<Plan["readable"]>, abi: number): Rule[] {
  // What may be moved where is decided by the mounts.
  const moving: Rule[] = abi >= 2 ? [{ path: "/", access: ["REFER"] }] : [];
  const pseudo = ["/dev", "/proc"].map((path) => ({ path, isFolder: true }));
  return [
    ...moving,
    ...[...pseudo, ...readable].map(({ path, isFolder }): Rule => ({
      path,
      access: isFolder ? ["EXECUTE", "READ_FILE", "READ_DIR"] : ["EXECUTE", "READ_FILE"],
    })),
  ];
}
