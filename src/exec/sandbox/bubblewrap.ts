/**
 * The backend for machines on which only `bwrap` may make namespaces: AppArmor names it, or it is set-user-ID.
 *
 * What is mounted where is decided by the same plan as for the launcher, and the same filter of system calls
 * holds; must not know which policies there are. `bwrap` starts with an empty environment, since it runs
 * unconfined: a variable such as LD_PRELOAD is for the command alone.
 *
 * With the network shared, abstract unix sockets are out of reach where Landlock can do that (version 6) and `bwrap`
 * is not set-user-ID.
 *
 * Root alone could change the modes of the few devices in there (`/dev/null`), which are those of the machine:
 * `bwrap` has no device that is read-only. The launcher, which works for nearly every root, has.
 */
import { findProgram } from "../session_leader.ts";
import { messageOf } from "../../lib/errors.ts";
import type {
  Backend,
  Command,
  ConfinedCommand,
  Guarantees,
  Probe,
  Refused,
  StartTrouble,
} from "./backend.ts";
import { libc } from "../ffi_libc.ts";
import { landlockAbi } from "./landlock_abi.ts";
import {
  followLink,
  listFolder,
  lookAt,
  mountedNamesFinder,
  resolvePath,
} from "./launcher/disk.ts";
import { AT_FDCWD, flags, landlockRuleset } from "./launcher/flags.ts";
import { createMemoryFile, sealedMemoryFile } from "./launcher/memory_file.ts";
import { Placeholders } from "./launcher/placeholders.ts";
import { type Disk, type Place, type Plan, planLaunch, type Planned } from "./launcher/plan.ts";
import { call, type Operation } from "./launcher/script.ts";
import { socketFilter } from "./launcher/seccomp.ts";
import { type SandboxSpec, STRICTEST } from "./spec.ts";
import { FIRST_DESCRIPTOR, Starter } from "./starter.ts";

const PATHS = ["/usr/bin/bwrap", "/bin/bwrap", "/usr/local/bin/bwrap"];
/** `bwrap` takes the filter and the file for the status as open files. */
const FILTER_DESCRIPTOR = FIRST_DESCRIPTOR;
const STATUS_DESCRIPTOR = FIRST_DESCRIPTOR + 1;
const RULES_DESCRIPTOR = FIRST_DESCRIPTOR + 2;
const STATUS_BYTES_MAX = 4096;
const SET_USER_ID = 0o4000;
/** The version of Landlock that can keep connections to abstract unix sockets, and signals, inside. */
const ABI_WITH_SCOPES = 6;
const TRIAL_SCRIPT = "test $$ -lt 9 && ! mkdir /codex-sandbox-self-test 2>/dev/null";

/** What it can hold a command to. */
export const GUARANTEES: Guarantees = {
  writesConfined: true,
  metadataConfined: true,
  carvesOut: true,
  carvesOutMissing: true,
  hides: true,
  limitsReading: false,
  networkOff: true,
  // Nobody is there to start the relay between `bwrap` and the command.
  networkProxy: false,
  processesApart: true,
};

/** Tries `bwrap` on this machine. */
export async function probeBubblewrap(
  { paths = PATHS }: { readonly paths?: readonly string[] } = {},
): Promise<Probe> {
  const unusable = (reason: string): Probe => ({ type: "unusable", name: "bubblewrap", reason });
  const arch = Starter.architecture();
  if (arch === null) return unusable("It is for Linux on x86-64 and arm64");
  const program = paths.find((path) => lookAt(path).kind === "file");
  if (program === undefined) return unusable("It is not installed");
  try {
    const backend = new Bubblewrap(program, new Starter(arch));
    const trouble = await backend.test();
    return trouble === null ? { type: "works", backend } : unusable(trouble);
  } catch (error) {
    return unusable(messageOf(error));
  }
}

class Bubblewrap implements Backend {
  readonly name = "bubblewrap";
  readonly guarantees = GUARANTEES;
  readonly #program: string;
  readonly #starter: Starter;
  /** A set-user-ID `bwrap` could not gain what it needs under Landlock. */
  readonly #keepsInside: boolean;
  readonly #placeholders = new Placeholders();
  /** Open files with filters, by the kind of network; few, so they stay. */
  readonly #filters = new Map<string, number>();

  constructor(program: string, starter: Starter) {
    this.#program = program;
    this.#starter = starter;
    const isPrivileged = ((Deno.statSync(program).mode ?? 0) & SET_USER_ID) !== 0;
    this.#keepsInside = !isPrivileged && landlockAbi() >= ABI_WITH_SCOPES;
  }

  confine(command: Command, spec: SandboxSpec): ConfinedCommand | Refused {
    const [name = "", ...args] = command.argv;
    const program = findProgram(name, command);
    if (program === null) {
      const reason = "No such file or directory (os error 2)";
      return { type: "refused", reason, isProgramMissing: true };
    }
    const planned = this.#plan(spec);
    if (planned.type === "refused") return planned;
    const releases: (() => void)[] = [];
    const release = () => releases.splice(0).forEach((each) => each());
    for (const path of planned.placeholders) {
      const kept = this.#placeholders.keep(path);
      if (kept.type === "refused") {
        release();
        return kept;
      }
      releases.push(kept.release);
    }
    const status = createMemoryFile("codex-sandbox-status");
    releases.push(() => libc().close(status));
    const filter = this.#filter(planned.plan.network);
    const words = bubblewrapWords(planned.plan, command);
    const started = this.#starter.start(command, {
      start: {
        program: this.#program,
        argv: ["bwrap", ...words, "--", program, ...args],
        env: {},
      },
      operations: [
        ...openOperations({ filter: pathOf(filter), status: pathOf(status) }),
        // Afterwards: it would keep those files, which are of another process, from being opened.
        ...this.#keepsInside ? keepInside() : [],
      ],
      release,
    });
    if ("type" in started) return started;
    const failure = (exit?: { readonly signal: string | null }) =>
      started.failure?.() ?? troubleOf(status, exit?.signal ?? null);
    return { ...started, failure };
  }

  explain(spec: SandboxSpec): string {
    const planned = this.#plan(spec);
    if (planned.type === "refused") return `${planned.reason}\n`;
    const words = bubblewrapWords(planned.plan, { cwd: spec.cwd, env: {} });
    const text = words.map((word) => word.startsWith("--") ? `\n  ${word}` : ` ${word}`).join("");
    return `${this.#program}${text}\n`;
  }

  /** Why it does not work here, or null when it does. */
  async test(): Promise<string | null> {
    const command = { argv: ["/bin/sh", "-c", TRIAL_SCRIPT], cwd: "/", env: {} };
    const confined = this.confine(command, STRICTEST);
    if ("type" in confined) return confined.reason;
    try {
      const [program = "", ...args] = confined.argv;
      const { code, stderr } = await new Deno.Command(program, {
        args,
        cwd: confined.cwd,
        clearEnv: true,
        stdin: "null",
        stdout: "null",
        stderr: "piped",
      }).output();
      const trouble = confined.failure?.() ?? null;
      if (code === 0 && trouble === null) return null;
      const said = new TextDecoder().decode(stderr).trim().split("\n").at(-1);
      return trouble === null
        ? "A command could write where it must not, or see processes that it must not"
        : said || trouble.message;
    } finally {
      confined.release();
    }
  }

  #plan(spec: SandboxSpec): Planned {
    if (spec.network.type === "proxy") {
      return { type: "refused", reason: "bubblewrap cannot limit the network to allowed domains" };
    }
    if (spec.readable !== null) {
      return { type: "refused", reason: "bubblewrap cannot limit reading to some folders" };
    }
    const disk: Disk = {
      look: lookAt,
      resolve: resolvePath,
      follow: followLink,
      otherNames: mountedNamesFinder(),
      list: listFolder,
      isPlaceholder: (path) => this.#placeholders.isPlaceholder(path),
    };
    const planned = planLaunch(spec, { disk, input: null });
    if (planned.type === "refused") return planned;
    const link = planned.plan.places.find(({ as }) => as === "readOnlyLink");
    return link === undefined ? planned : {
      type: "refused",
      reason: `${link.path} is a symbolic link, which bubblewrap cannot keep from being replaced`,
    };
  }

  #filter(network: Plan["network"]): number {
    let descriptor = this.#filters.get(network);
    if (descriptor === undefined) {
      const { bytes } = socketFilter(SOCKETS[network], Deno.build.arch);
      descriptor = sealedMemoryFile("codex-sandbox-filter", new Uint8Array(bytes));
      this.#filters.set(network, descriptor);
    }
    return descriptor;
  }
}

const SOCKETS = { none: "unix", proxy: "proxy", full: "network" } as const;

/**
 * With the network shared, abstract unix sockets are shared as well; nothing else keeps a command from them.
 * Mounts are not affected: Landlock forbids them only where it limits files.
 */
function keepInside(): Operation[] {
  const { attributes, size } = landlockRuleset({
    reading: false,
    scoped: true,
    abi: ABI_WITH_SCOPES,
  });
  return [
    call("gain no privileges", "prctl", {
      args: [flags("PR", ["SET_NO_NEW_PRIVS"]), 1, 0, 0, 0],
    }),
    call("make Landlock rules", "landlock_create_ruleset", {
      args: [attributes, size, 0],
      expected: RULES_DESCRIPTOR,
    }),
    call("let Landlock take hold", "landlock_restrict_self", { args: [RULES_DESCRIPTOR, 0] }),
    call("close the Landlock rules", "close", { args: [RULES_DESCRIPTOR] }),
  ];
}

function openOperations(
  { filter, status }: { readonly filter: string; readonly status: string },
): Operation[] {
  return [
    call("open the filter of system calls", "openat", {
      args: [AT_FDCWD, filter, flags("O", ["RDONLY"])],
      expected: FILTER_DESCRIPTOR,
    }),
    call("open the file for the status", "openat", {
      args: [AT_FDCWD, status, flags("O", ["WRONLY", "APPEND"])],
      expected: STATUS_DESCRIPTOR,
    }),
  ];
}

/** The options of `bwrap` for a plan. */
export function bubblewrapWords(plan: Plan, command: Pick<Command, "cwd" | "env">): string[] {
  return [
    "--die-with-parent",
    "--unshare-pid",
    "--unshare-ipc",
    ...plan.network === "full" ? [] : ["--unshare-net"],
    ...["--cap-drop", "ALL"],
    ...[plan.writesEverywhere ? "--bind" : "--ro-bind", "/", "/"],
    ...["--dev", "/dev"],
    // Parents come before children, so that none hides what lies in it.
    ...plan.places.filter(({ path }) => path !== "/dev").flatMap(mountWords),
    // Read-only, because root without any capability may still write to much of /proc/sys.
    ...["--proc", "/proc", "--remount-ro", "/proc"],
    ...["--chdir", command.cwd],
    "--clearenv",
    ...Object.entries(command.env).flatMap(([name, value]) => ["--setenv", name, value]),
    ...["--json-status-fd", String(STATUS_DESCRIPTOR), "--seccomp", String(FILTER_DESCRIPTOR)],
  ];
}

function mountWords({ path, as, entries = [] }: Place): string[] {
  switch (as) {
    case "writable":
    case "pinned":
      return ["--bind", path, path];
    case "readOnly":
    // A plan with one of these was refused.
    case "readOnlyLink":
      return ["--ro-bind", path, path];
    case "hiddenFile":
      return ["--ro-bind", "/dev/null", path];
    case "hiddenFolder":
      return ["--perms", "0555", "--tmpfs", path, "--remount-ro", path];
    case "veiled":
      return [
        ...["--tmpfs", path],
        ...entries.flatMap(({ name, target }) => {
          const what = `${path}/${name}`;
          return target === null ? ["--ro-bind-try", what, what] : ["--symlink", target, what];
        }),
        ...["--remount-ro", path],
      ];
  }
}

/** Not `/proc/self`: it is opened by another process. */
function pathOf(descriptor: number): string {
  return `/proc/${Deno.pid}/fd/${descriptor}`;
}

/** `bwrap` writes the exit code there if, and only if, it got as far as executing the command. */
function troubleOf(status: number, signal: string | null): StartTrouble | null {
  // Whoever kills it keeps it from writing.
  if (signal !== null) return null;
  const buffer = new Uint8Array(STATUS_BYTES_MAX);
  const count = Number(libc().pread(status, buffer, BigInt(buffer.length), 0n));
  const text = new TextDecoder().decode(buffer.subarray(0, Math.max(0, count)));
  if (/"exit-code"/.test(text)) return null;
  const message = "The sandbox could not be set up: bubblewrap says why in the output";
  return { at: "sandbox", message, errno: 0 };
}
