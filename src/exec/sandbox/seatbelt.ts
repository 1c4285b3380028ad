/**
 * The backend of macOS: `sandbox-exec` with a profile; must not know which policies there are.
 *
 * The profile denies everything and then allows what ordinary programs need; later rules win over earlier
 * ones, so what is read-only or hidden comes last. Rules go by path, so they hold for what does not exist yet.
 */
import { dirname } from "node:path";
import { messageOf } from "../../lib/errors.ts";
import { findProgram } from "../session_leader.ts";
import type { Backend, Command, ConfinedCommand, Guarantees, Probe, Refused } from "./backend.ts";
import { type SandboxSpec, STRICTEST } from "./spec.ts";

/** Never looked up in the PATH: the program that confines must be that of the system. */
const PROGRAM = "/usr/bin/sandbox-exec";
const TRIAL_SCRIPT = "! (: > /private/tmp/codex-sandbox-self-test) 2>/dev/null && : > /dev/null";

/** What it can hold a command to. */
export const GUARANTEES: Guarantees = {
  writesConfined: true,
  metadataConfined: true,
  carvesOut: true,
  carvesOutMissing: true,
  hides: true,
  limitsReading: true,
  networkOff: true,
  networkProxy: false,
  processesApart: false,
};

/** What every program needs to start and run, whatever it may write. */
const BASE = [
  "(version 1)",
  "(deny default)",
  // What Apple allows to all programs: libraries, time zones, the services behind the C library.
  '(import "system.sb")',
  "(allow process-exec)",
  "(allow process-fork)",
  "(allow process-info* (target same-sandbox))",
  "(allow signal (target same-sandbox))",
  "(allow sysctl-read)",
  "(allow ipc-posix-sem)",
  "(allow ipc-posix-shm)",
  "(allow pseudo-tty)",
  '(allow file-ioctl (literal "/dev/tty") (regex #"^/dev/ttys[0-9]+$"))',
  '(allow file-read* file-write* (literal "/dev/ptmx") (literal "/dev/tty"))',
  '(allow file-read* file-write* (regex #"^/dev/ttys[0-9]+$"))',
  '(allow file-write-data (literal "/dev/null") (literal "/dev/zero"))',
  // User and group names, and whether a certificate is trusted.
  '(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))',
  '(allow mach-lookup (global-name "com.apple.trustd.agent"))',
];

/** Programs look at the folders above anything that they open. */
const NAMES_EVERYWHERE = "(allow file-read-metadata)";
/** Without these no program starts, wherever reading is limited to. */
const SYSTEM_FOLDERS = [
  "/System",
  "/Library",
  "/usr",
  "/bin",
  "/sbin",
  "/opt/homebrew",
  "/private/etc",
  "/private/var/db",
  "/dev",
];

/** Tries `sandbox-exec` on this machine. */
export async function probeSeatbelt(): Promise<Probe> {
  const unusable = (reason: string): Probe => ({ type: "unusable", name: "seatbelt", reason });
  if (Deno.build.os !== "darwin") return unusable("It is for macOS");
  try {
    const backend = new Seatbelt();
    const trouble = await backend.test();
    return trouble === null ? { type: "works", backend } : unusable(trouble);
  } catch (error) {
    return unusable(messageOf(error));
  }
}

class Seatbelt implements Backend {
  readonly name = "seatbelt";
  readonly guarantees = GUARANTEES;

  confine(command: Command, spec: SandboxSpec): ConfinedCommand | Refused {
    const [name = "", ...args] = command.argv;
    const program = findProgram(name, command);
    if (program === null) {
      const reason = "No such file or directory (os error 2)";
      return { type: "refused", reason, isProgramMissing: true };
    }
    if (command.terminal !== undefined) {
      return { type: "refused", reason: "Terminals for sandboxed commands are not available here" };
    }
    const profile = seatbeltProfile(spec);
    if (profile.type === "refused") return profile;
    return {
      argv: [PROGRAM, "-p", profile.text, "--", program, ...args],
      cwd: command.cwd,
      // As upstream, so that programs can tell.
      env: { ...command.env, CODEX_SANDBOX: "seatbelt" },
      release: () => {},
    };
  }

  explain(spec: SandboxSpec): string {
    const profile = seatbeltProfile(spec);
    return profile.type === "refused" ? `${profile.reason}\n` : profile.text;
  }

  async test(): Promise<string | null> {
    const confined = this.confine(
      { argv: ["/bin/sh", "-c", TRIAL_SCRIPT], cwd: "/", env: {} },
      STRICTEST,
    );
    if ("type" in confined) return confined.reason;
    const [program = "", ...args] = confined.argv;
    const { code, stderr } = await new Deno.Command(program, {
      args,
      cwd: confined.cwd,
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).output();
    if (code === 0) return null;
    return new TextDecoder().decode(stderr).trim() || `It ended with code ${code}`;
  }
}

/** The profile of a specification, or why there can be none. */
export function seatbeltProfile(
  spec: SandboxSpec,
): { readonly type: "profile"; readonly text: string } | Refused {
  if (spec.network.type === "proxy") {
    return { type: "refused", reason: "The network cannot be limited to allowed domains here" };
  }
  const readable = spec.readable === null
    ? null
    : [...spec.readable, ...spec.writable, ...SYSTEM_FOLDERS];
  const rules = [
    ...BASE,
    NAMES_EVERYWHERE,
    readable === null ? "(allow file-read*)" : `(allow file-read* ${subpaths(readable)})`,
    ...spec.writable.length > 0 ? [`(allow file-write* ${subpaths(spec.writable)})`] : [],
    ...spec.network.type === "full" ? NETWORK : [UNIX_SOCKETS],
    ...spec.readOnly.flatMap((path) => keepRules(path, spec.writable)),
    ...spec.hidden.flatMap((path) => hideRules(path, spec.writable)),
  ];
  return { type: "profile", text: `${rules.join("\n")}\n` };
}

const UNIX_SOCKETS = "(allow network* (local unix-socket) (remote unix-socket))";
const NETWORK = [
  "(allow network*)",
  "(allow system-socket)",
  '(allow mach-lookup (global-name "com.apple.SystemConfiguration.configd"))',
  '(allow mach-lookup (global-name "com.apple.networkd"))',
  '(allow mach-lookup (global-name "com.apple.dnssd.service"))',
];

/** Nothing at or below the path changes, and no folder above it can be put out of the way. */
function keepRules(path: string, writable: readonly string[]): string[] {
  return [`(deny file-write* ${subpaths([path])})`, ...pinRules(path, writable)];
}

function hideRules(path: string, writable: readonly string[]): string[] {
  return [
    `(deny file-read-data file-read-xattr file-write* ${subpaths([path])})`,
    `(deny network-outbound (remote unix-socket ${subpaths([path])}))`,
    ...pinRules(path, writable),
  ];
}

function pinRules(path: string, writable: readonly string[]): string[] {
  const folders: string[] = [];
  const isInside = (folder: string) =>
    writable.some((root) => folder === root || folder.startsWith(root === "/" ? "/" : `${root}/`));
  for (let folder = dirname(path); folder !== "/" && isInside(folder); folder = dirname(folder)) {
    folders.push(folder);
  }
  return folders.length === 0
    ? []
    : [`(deny file-write-unlink ${folders.map((each) => `(literal ${quoted(each)})`).join(" ")})`];
}

function subpaths(paths: readonly string[]): string {
  return paths.map((path) => `(subpath ${quoted(path)})`).join(" ");
}

/** A string of the profile language. Nothing in it can end it early. */
function quoted(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}
