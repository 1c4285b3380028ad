/** The filter of system calls that a command runs under; must not know how it is installed. */
import { CLONE_NAMESPACES, CLONE_NEWTIME } from "./flags.ts";
import {
  type Architecture,
  auditArchitecture,
  type SyscallName,
  syscallNumber,
} from "./syscalls.ts";
import { invariant } from "../../../lib/errors.ts";

/** Which sockets a command may open. `nothing` and `internet` leave out AF_UNIX, which is reached by path. */
export type SocketRule = "unix" | "proxy" | "network" | "nothing" | "internet";

/**
 * What no command needs and what has let programs out of sandboxes before. Refused with EPERM.
 * Most of it needs privileges that a command does not have anyway; this holds also where one is found.
 */
export const REFUSED_CALLS = [
  // Other processes: their memory, their descriptors.
  "ptrace",
  "process_vm_readv",
  "process_vm_writev",
  "process_madvise",
  "pidfd_getfd",
  "kcmp",
  // Mounts and roots.
  "mount",
  "umount2",
  "pivot_root",
  "chroot",
  "move_mount",
  "open_tree",
  "open_tree_attr",
  "fsopen",
  "fsconfig",
  "fsmount",
  "fspick",
  "mount_setattr",
  "setns",
  "open_by_handle_at",
  "quotactl",
  "quotactl_fd",
  "fanotify_init",
  // Calls that are made past this filter.
  "io_uring_setup",
  "io_uring_enter",
  "io_uring_register",
  // Keys of the user, and large parts of the kernel that are rarely needed.
  "add_key",
  "request_key",
  "keyctl",
  "bpf",
  "perf_event_open",
  "userfaultfd",
  "lookup_dcookie",
  "syslog",
  "uselib",
  // The machine itself.
  "init_module",
  "finit_module",
  "delete_module",
  "kexec_load",
  "kexec_file_load",
  "reboot",
  "swapon",
  "swapoff",
  "acct",
  "settimeofday",
  "clock_settime",
  "vhangup",
  "iopl",
  "ioperm",
] as const satisfies readonly SyscallName[];

/** Ioctls that put words into the mouth of a terminal: TIOCSTI and TIOCLINUX. */
export const REFUSED_IOCTLS = [0x5412, 0x541c] as const;

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const AF_NETLINK = 16;
const NETLINK_ROUTE = 0;

const EPERM = 1;
const ENOSYS = 38;
const ALLOW = 0x7fff0000;
const KILL_PROCESS = 0x80000000;
const REFUSE = 0x00050000 | EPERM;
/** Makes a C library use `clone` instead, whose flags can be looked at. */
const ABSENT = 0x00050000 | ENOSYS;

/** `struct seccomp_data`: number, architecture, then the arguments from 16 on, 8 bytes each. */
const NUMBER_OFFSET = 0;
const ARCHITECTURE_OFFSET = 4;
const argumentOffset = { 0: 16, 1: 24, 2: 32 } as const;

/** Calls of the x32 convention on x86-64 have this bit in their number; the filter's numbers would not match. */
const X32_BIT = 0x40000000;

/** Classic BPF: opcode, jump if true, jump if false, constant. */
type Instruction = readonly [number, number, number, number];
const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_AT_LEAST = 0x35;
const JUMP_ANY_BIT = 0x45;
const RETURN = 0x06;

/** What happens to one call, by its number; `then` ends with a return. */
interface Rule {
  readonly number: number;
  readonly then: readonly Instruction[];
}

/** So few rules are tried one after the other. */
const RULES_PER_LEAF = 4;

/**
 * The filter as the kernel reads it: 8 bytes per instruction. The rule of a call is searched for by halves. That
 * is for the kernel, which at every start tries all numbers that there are, to remember what is always allowed:
 * rule after rule that takes 0.2 ms.
 */
export function socketFilter(
  rule: SocketRule,
  architecture: Architecture,
): { readonly bytes: Uint8Array; readonly count: number } {
  const program: Instruction[] = [
    [LOAD, 0, 0, ARCHITECTURE_OFFSET],
    [JUMP_EQUAL, 1, 0, auditArchitecture(architecture)],
    [RETURN, 0, 0, KILL_PROCESS],
    [LOAD, 0, 0, NUMBER_OFFSET],
    [JUMP_AT_LEAST, 0, 1, X32_BIT],
    [RETURN, 0, 0, REFUSE],
    ...search(rulesOf(rule, architecture)),
  ];
  return { bytes: encode(program), count: program.length };
}

function rulesOf(sockets: SocketRule, architecture: Architecture): Rule[] {
  const refuse: readonly Instruction[] = [[RETURN, 0, 0, REFUSE]];
  return [
    ...REFUSED_CALLS.flatMap((name) => when(name, architecture, refuse)),
    ...when("clone3", architecture, [[RETURN, 0, 0, ABSENT]]),
    ...when("clone", architecture, refuseBits(0, CLONE_NAMESPACES)),
    ...when("unshare", architecture, refuseBits(0, CLONE_NAMESPACES | CLONE_NEWTIME)),
    ...when("ioctl", architecture, refuseValues(1, REFUSED_IOCTLS)),
    ...when("socket", architecture, SOCKET_RULES[sockets]),
    ...when("socketpair", architecture, SOCKET_RULES.unix),
  ].sort((one, other) => one.number - other.number);
}

/** Does what the rule of the loaded number says, and allows a number without one; `rules` in the order of numbers. */
function search(rules: readonly Rule[]): Instruction[] {
  const middle = rules[Math.ceil(rules.length / 2)];
  if (rules.length <= RULES_PER_LEAF || middle === undefined) {
    return [
      ...rules.flatMap(({ number, then }): Instruction[] => [
        [JUMP_EQUAL, 0, then.length, number],
        ...then,
      ]),
      [RETURN, 0, 0, ALLOW],
    ];
  }
  const below = search(rules.filter(({ number }) => number < middle.number));
  const rest = search(rules.filter(({ number }) => number >= middle.number));
  return [[JUMP_AT_LEAST, below.length, 0, middle.number], ...below, ...rest];
}

const SOCKET_RULES: Readonly<Record<SocketRule, readonly Instruction[]>> = {
  unix: allowFamilies([AF_UNIX]),
  // Programs ask for the addresses of the machine through NETLINK_ROUTE, here those of their own namespace.
  proxy: [
    ...allowValues(0, [AF_UNIX, AF_INET, AF_INET6]),
    [JUMP_EQUAL, 1, 0, AF_NETLINK],
    [RETURN, 0, 0, REFUSE],
    [LOAD, 0, 0, argumentOffset[2]],
    [JUMP_EQUAL, 0, 1, NETLINK_ROUTE],
    [RETURN, 0, 0, ALLOW],
    [RETURN, 0, 0, REFUSE],
  ],
  network: allowFamilies([AF_UNIX, AF_INET, AF_INET6, AF_NETLINK]),
  nothing: [[RETURN, 0, 0, REFUSE]],
  internet: allowFamilies([AF_INET, AF_INET6, AF_NETLINK]),
};

/** Nothing on an architecture without the call. */
function when(
  name: SyscallName,
  architecture: Architecture,
  then: readonly Instruction[],
): Rule[] {
  const number = syscallNumber(name, architecture);
  return number === null ? [] : [{ number, then }];
}

function allowFamilies(families: readonly number[]): Instruction[] {
  return [...allowValues(0, families), [RETURN, 0, 0, REFUSE]];
}

/** Allows if the argument is one of the values; goes on otherwise. The kernel ignores its upper half too. */
function allowValues(
  argument: keyof typeof argumentOffset,
  values: readonly number[],
): Instruction[] {
  return [
    [LOAD, 0, 0, argumentOffset[argument]],
    ...values.flatMap((value): Instruction[] => [
      [JUMP_EQUAL, 0, 1, value],
      [RETURN, 0, 0, ALLOW],
    ]),
  ];
}

function refuseValues(
  argument: keyof typeof argumentOffset,
  values: readonly number[],
): Instruction[] {
  return [
    [LOAD, 0, 0, argumentOffset[argument]],
    ...values.flatMap((value): Instruction[] => [
      [JUMP_EQUAL, 0, 1, value],
      [RETURN, 0, 0, REFUSE],
    ]),
    [RETURN, 0, 0, ALLOW],
  ];
}

function refuseBits(argument: keyof typeof argumentOffset, bits: number): Instruction[] {
  return [
    [LOAD, 0, 0, argumentOffset[argument]],
    [JUMP_ANY_BIT, 0, 1, bits],
    [RETURN, 0, 0, REFUSE],
    [RETURN, 0, 0, ALLOW],
  ];
}

function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  program.forEach(([opcode, ifTrue, ifFalse, constant], index) => {
    invariant(ifTrue < 256 && ifFalse < 256, "A jump of the filter is too far");
    view.setUint16(index * 8, opcode, true);
    bytes[index * 8 + 2] = ifTrue;
    bytes[index * 8 + 3] = ifFalse;
    view.setUint32(index * 8 + 4, constant >>> 0, true);
  });
  return bytes;
}
