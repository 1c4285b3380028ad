/**
 * The last resort, for machines on which nobody may make namespaces: the command gives up rights by Landlock
 * and a filter of system calls alone; must not know which policies there are.
 *
 * What the command does before it becomes the program, in this order: it gives up every capability and the
 * way to gain any, lets Landlock take hold (writing below the writable folders only, reading everywhere but
 * at the hidden files), and lets the filter take hold.
 *
 * What this cannot do: Landlock knows no modes, owners, times and attributes, so those of files elsewhere can
 * change; it only ever allows more below a folder, so nothing inside a writable folder can be kept read-only,
 * `.git` and this program's own files included; and processes outside can be seen.
 * Since it does not know connections to unix sockets either, the filter refuses to open any.
 */
import { basename, dirname, join } from "node:path";
import { messageOf } from "../../lib/errors.ts";
import { findProgram } from "../session_leader.ts";
import type { Backend, Command, ConfinedCommand, Guarantees, Probe, Refused } from "./backend.ts";
import { landlockAbi } from "./landlock_abi.ts";
import {
  followLink,
  listFolder,
  lookAt,
  mountedNamesFinder,
  resolvePath,
} from "./launcher/disk.ts";
import { explainOperations } from "./launcher/explain.ts";
import { flags, landlockRuleset as scopeRuleset } from "./launcher/flags.ts";
import { openPath } from "./launcher/mounts.ts";
import { planLaunch } from "./launcher/plan.ts";
import { type Argument, call, type Operation } from "./launcher/script.ts";
import { socketFilter } from "./launcher/seccomp.ts";
import type { Architecture } from "./launcher/syscalls.ts";
import { isBelow } from "./links.ts";
import { type SandboxSpec, STRICTEST } from "./spec.ts";
import { FIRST_DESCRIPTOR, Starter } from "./starter.ts";

/** Versions before cannot keep files elsewhere from being truncated. */
const ABI_MIN = 3;
const ABI_WITH_DEVICES = 5;
const ABI_WITH_SCOPES = 6;
const CAPABILITIES_MAX = 64;
const CAPABILITY_CLEAR_ALL = 4;
const SECCOMP_SET_MODE_FILTER = 1;
const RULE_PATH_BENEATH = 1;
const RULE_BYTES = 12;
/** Each takes three system calls at every start. */
const RULES_MAX = 4000;

/** `LANDLOCK_ACCESS_FS_*`. */
const EXECUTE = 0x1;
const WRITE_FILE = 0x2;
const READ_FILE = 0x4;
const READ_DIR = 0x8;
const TRUNCATE = 0x4000;
const IOCTL_DEV = 0x8000;
/** Making, removing, moving and writing of every kind: bits 1 and 4 to 14. */
const WRITE = 0x7ff2;
const READ = EXECUTE | READ_FILE | READ_DIR;
/** What a rule about something that is no folder may name. */
const OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV;

/** Devices that programs write to; `/dev/tty` is the terminal of the command, if it has one. */
const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"].map((name) => `/dev/${name}`);
/** Folders of `/dev` with nothing of the machine in them. */
const DEVICE_FOLDERS = ["/dev/pts", "/dev/shm"];
/** Each of these must fail, and with them the trial. `:` writes nothing, but has the file made. */
const TRIAL_SCRIPT = "! (: > /codex-sandbox-self-test) 2>/dev/null && : > /dev/null";

/** What it can hold a command to. */
export const GUARANTEES: Guarantees = {
  writesConfined: true,
  metadataConfined: false,
  carvesOut: false,
  carvesOutMissing: false,
  hides: true,
  limitsReading: true,
  networkOff: true,
  networkProxy: false,
  processesApart: false,
};

/** Tries Landlock on this machine. */
export async function probeLandlock(): Promise<Probe> {
  const unusable = (reason: string): Probe => ({ type: "unusable", name: "landlock", reason });
  const architecture = Starter.architecture();
  if (architecture === null) return unusable("It is for Linux on x86-64 and arm64");
  try {
    const abi = landlockAbi();
    if (abi === 0) return unusable("The kernel does not offer it");
    if (abi < ABI_MIN) {
      return unusable(`Version ${abi} of it cannot keep files from being truncated`);
    }
    const backend = new Landlock(abi, architecture);
    const trouble = await backend.test();
    return trouble === null ? { type: "works", backend } : unusable(trouble);
  } catch (error) {
    return unusable(messageOf(error));
  }
}

class Refusal extends Error {}

/** Rights below one path. */
interface Rule {
  readonly path: string;
  readonly access: number;
  /** It may be gone when the command starts: then there is nothing to be allowed. */
  readonly mayBeGone: boolean;
}

class Landlock implements Backend {
  readonly name = "landlock";
  readonly guarantees = GUARANTEES;
  readonly #abi: number;
  readonly #architecture: Architecture;
  readonly #starter: Starter;

  constructor(abi: number, architecture: Architecture) {
    this.#abi = abi;
    this.#architecture = architecture;
    this.#starter = new Starter(architecture);
  }

  confine(command: Command, spec: SandboxSpec): ConfinedCommand | Refused {
    const program = findProgram(command.argv[0] ?? "", command);
    if (program === null) {
      const reason = "No such file or directory (os error 2)";
      return { type: "refused", reason, isProgramMissing: true };
    }
    try {
      return this.#starter.start(command, {
        start: { program, argv: command.argv, env: command.env },
        operations: this.#operations(spec),
        release: () => {},
      });
    } catch (error) {
      if (error instanceof Refusal) return { type: "refused", reason: error.message };
      throw error;
    }
  }

  explain(spec: SandboxSpec): string {
    try {
      const operations = this.#operations(spec);
      return explainOperations([...operations, { type: "execute", name: "start the program" }]);
    } catch (error) {
      if (error instanceof Refusal) return `${error.message}\n`;
      throw error;
    }
  }

  /** Why it does not work here, or null when it does. */
  async test(): Promise<string | null> {
    const argv = ["/bin/sh", "-c", TRIAL_SCRIPT];
    const confined = this.confine({ argv, cwd: "/", env: {} }, STRICTEST);
    if ("type" in confined) return confined.reason;
    try {
      const [program = "", ...args] = confined.argv;
      const { code } = await new Deno.Command(program, {
        args,
        cwd: confined.cwd,
        clearEnv: true,
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).output();
      if (code === 0) return null;
      return confined.failure?.()?.message ?? "A command could write where it must not";
    } finally {
      confined.release();
    }
  }

  #operations(spec: SandboxSpec): Operation[] {
    if (spec.network.type === "proxy") {
      throw new Refusal("Landlock cannot limit the network to allowed domains");
    }
    const rules = landlockRules(spec, this.#abi);
    if (rules.length > RULES_MAX) throw new Refusal(`${rules.length} folders are too many rules`);
    const rule = spec.network.type === "none" ? "nothing" : "internet";
    const filter = socketFilter(rule, this.#architecture);
    return [
      ...gainNothingMore(),
      ...this.#restrict(rules, { limitsReading: rules.some(({ access }) => access & READ_FILE) }),
      call("filter system calls", "seccomp", {
        args: [
          SECCOMP_SET_MODE_FILTER,
          0,
          { text: `{${filter.count} instructions}`, words: [filter.count, filter.bytes] },
        ],
      }),
    ];
  }

  #restrict(
    rules: readonly Rule[],
    { limitsReading }: { readonly limitsReading: boolean },
  ): Operation[] {
    const [ruleset, opened] = [FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + 1];
    const isScoped = this.#abi >= ABI_WITH_SCOPES;
    const handled = handledAccess(this.#abi, limitsReading);
    // `struct landlock_ruleset_attr`: files, network ports, scopes. Older kernels know less of it.
    const scope = scopeRuleset({ reading: false, scoped: isScoped, abi: this.#abi });
    const scopes = isScoped ? SCOPES : 0;
    const attributes: Argument = {
      text: `{files 0x${handled.toString(16)}, scope 0x${scopes.toString(16)}}`,
      words: [handled, 0, scopes],
    };
    return [
      call("make Landlock rules", "landlock_create_ruleset", {
        args: [attributes, scope.size, 0],
        expected: ruleset,
      }),
      // Where the first of the three fails, so do the others.
      ...rules.flatMap(({ path, access, mayBeGone: mayFail }) => [
        { ...openPath(path, { expected: opened }), mayFail },
        call(`allow 0x${access.toString(16)} at ${path}`, "landlock_add_rule", {
          args: [ruleset, RULE_PATH_BENEATH, ruleArgument(access, opened), 0],
          mayFail,
        }),
        call(`close ${path}`, "close", { args: [opened], mayFail }),
      ]),
      call("let Landlock take hold", "landlock_restrict_self", { args: [ruleset, 0] }),
      call("close the Landlock rules", "close", { args: [ruleset] }),
    ];
  }
}

/** Connections to abstract unix sockets, and signals. */
const SCOPES = flags("LANDLOCK_SCOPE", ["ABSTRACT_UNIX_SOCKET", "SIGNAL"]).value;

function gainNothingMore(): Operation[] {
  return [
    call("gain no privileges", "prctl", {
      args: [flags("PR", ["SET_NO_NEW_PRIVS"]), 1, 0, 0, 0],
    }),
    call("clear ambient capabilities", "prctl", {
      args: [flags("PR", ["CAP_AMBIENT"]), CAPABILITY_CLEAR_ALL, 0, 0, 0],
    }),
    // Not everybody may, and older kernels have fewer; nobody gains any without privileges to gain.
    ...Array.from(
      { length: CAPABILITIES_MAX },
      (_, capability) =>
        call(`never hold capability ${capability}`, "prctl", {
          args: [flags("PR", ["CAPBSET_DROP"]), capability],
          mayFail: true,
        }),
    ),
    call("drop all capabilities", "capset", {
      args: [
        { text: "{version 3, this process}", words: [0x20080522] },
        { text: "{none}", words: [0, 0, 0] },
      ],
    }),
  ];
}

/** What is denied unless a rule allows it. */
function handledAccess(abi: number, limitsReading: boolean): number {
  return WRITE | (limitsReading ? READ : 0) | (abi >= ABI_WITH_DEVICES ? IOCTL_DEV : 0);
}

/** The rules of a specification. With the rights to read in any of them, reading is limited. */
export function landlockRules(spec: SandboxSpec, abi: number): Rule[] {
  const hidden = hiddenFiles(spec);
  const limitsReading = spec.readable !== null || hidden.length > 0;
  const handled = handledAccess(abi, limitsReading);
  const rules: Rule[] = [];
  const add = (path: string, access: number, mayBeGone = false) => {
    const { kind } = lookAt(path);
    if (kind === "link") throw new Refusal(`${path} is a symbolic link: name what it leads to`);
    if (kind === "missing") return;
    const possible = handled & (kind === "folder" ? ~0 : OF_FILES);
    rules.push({ path, access: access & possible, mayBeGone });
  };
  if (spec.writable.includes("/")) {
    throw new Refusal(
      "Landlock cannot make / writable and keep the devices and the kernel's files",
    );
  }
  const readsAll = hidden.length === 0 ? READ : 0;
  for (const path of spec.writable) add(path, WRITE | readsAll | IOCTL_DEV);
  for (const path of DEVICES) add(path, WRITE_FILE | READ_FILE | IOCTL_DEV);
  if (!limitsReading) return rules;
  // Names are no secret, contents are.
  if (spec.readable === null) add("/", READ_DIR);
  const readable = spec.readable === null ? ["/"] : [...spec.readable, ...spec.writable];
  // Raw disks and memory hold the hidden files as well.
  for (const path of aroundHidden(readable, [...hidden, "/dev"])) add(path, READ, true);
  if (spec.readable === null) { for (const path of DEVICE_FOLDERS) add(path, READ); }
  if (spec.readable !== null) add("/proc", READ);
  return rules;
}

/** The hidden paths with secrets in them, by all their names. Sockets are shut off for all. */
function hiddenFiles(spec: SandboxSpec): string[] {
  const secret = spec.hidden.filter((path) => !spec.sockets?.includes(path));
  const planned = planLaunch({ ...spec, readOnly: [], readable: null, hidden: secret }, {
    disk: {
      look: lookAt,
      resolve: resolvePath,
      follow: followLink,
      otherNames: mountedNamesFinder(),
      list: listFolder,
      isPlaceholder: () => false,
    },
    input: null,
  });
  if (planned.type === "refused") throw new Refusal(planned.reason);
  const hidden = planned.plan.places.flatMap(({ path, as }) =>
    as === "hiddenFile" || as === "hiddenFolder" ? [path] : []
  );
  for (const path of hidden) {
    const root = spec.writable.find((writable) => isBelow(path, writable));
    if (root === undefined) continue;
    throw new Refusal(`Landlock cannot hide ${path} inside the writable folder ${root}`);
  }
  // What is not there yet is not allowed either when it comes.
  const missing = secret.filter((path) =>
    lookAt(path).kind === "missing" && !spec.writable.some((root) => isBelow(path, root))
  );
  return [...hidden, ...missing];
}

/** Everything in the folders but the hidden paths: what lies beside the way to them, entry by entry. */
function aroundHidden(folders: readonly string[], hidden: readonly string[]): string[] {
  return folders.flatMap((folder) => {
    if (hidden.some((path) => isBelow(folder, path))) return [];
    if (!hidden.some((path) => isBelow(path, folder))) return [folder];
    const secrets = hidden.filter((path) => dirname(path) === folder).map((path) => basename(path));
    // New versions of a secret have names like `auth.json.tmp` before they take its place.
    const entries = entriesOf(folder).filter((path) =>
      !secrets.some((secret) => basename(path).includes(secret))
    );
    return aroundHidden(entries, hidden);
  });
}

function entriesOf(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].flatMap(({ name, isSymlink }) =>
      isSymlink ? [] : [join(folder, name)]
    );
  } catch {
    // Not ours to look into, and so not to be read by the command either.
    return [];
  }
}

/** `struct landlock_path_beneath_attr`: 8 bytes of rights and a descriptor, packed. */
function ruleArgument(access: number, descriptor: number): Argument {
  const bytes = new Uint8Array(RULE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(access), true);
  view.setInt32(8, descriptor, true);
  return { text: `{allow 0x${access.toString(16)} below ${descriptor}}`, bytes };
}
