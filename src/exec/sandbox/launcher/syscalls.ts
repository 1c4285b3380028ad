/** Numbers of system calls and of the few flags that differ between architectures; knows no operation. */

/** The architectures that launchers can be generated for. */
export type Architecture = "x86_64" | "aarch64";

/** What a system call is called in the manual; the numbers are x86-64's and arm64's, null where there is none. */
const NUMBERS = {
  // What the launcher calls.
  read: [0, 63],
  write: [1, 64],
  close: [3, 57],
  rt_sigaction: [13, 134],
  rt_sigprocmask: [14, 135],
  ioctl: [16, 29],
  getpid: [39, 172],
  socket: [41, 198],
  connect: [42, 203],
  shutdown: [48, 210],
  bind: [49, 200],
  listen: [50, 201],
  clone: [56, 220],
  execve: [59, 221],
  wait4: [61, 260],
  kill: [62, 129],
  getcwd: [79, 17],
  chdir: [80, 49],
  setsid: [112, 157],
  capset: [126, 91],
  rt_sigtimedwait: [128, 137],
  prctl: [157, 167],
  mount: [165, 40],
  exit_group: [231, 94],
  openat: [257, 56],
  mkdirat: [258, 34],
  unlinkat: [263, 35],
  mknodat: [259, 33],
  symlinkat: [266, 36],
  unshare: [272, 97],
  accept4: [288, 242],
  dup3: [292, 24],
  pipe2: [293, 59],
  seccomp: [317, 277],
  open_tree: [428, 428],
  move_mount: [429, 429],
  close_range: [436, 436],
  openat2: [437, 437],
  mount_setattr: [442, 442],
  landlock_create_ruleset: [444, 444],
  landlock_add_rule: [445, 445],
  landlock_restrict_self: [446, 446],

  // What only the filter names.
  socketpair: [53, 199],
  ptrace: [101, 117],
  syslog: [103, 116],
  uselib: [134, null],
  vhangup: [153, 58],
  pivot_root: [155, 41],
  chroot: [161, 51],
  acct: [163, 89],
  settimeofday: [164, 170],
  umount2: [166, 39],
  swapon: [167, 224],
  swapoff: [168, 225],
  reboot: [169, 142],
  iopl: [172, null],
  ioperm: [173, null],
  init_module: [175, 105],
  delete_module: [176, 106],
  quotactl: [179, 60],
  lookup_dcookie: [212, 18],
  clock_settime: [227, 112],
  kexec_load: [246, 104],
  add_key: [248, 217],
  request_key: [249, 218],
  keyctl: [250, 219],
  perf_event_open: [298, 241],
  fanotify_init: [300, 262],
  open_by_handle_at: [304, 265],
  setns: [308, 268],
  process_vm_readv: [310, 270],
  process_vm_writev: [311, 271],
  kcmp: [312, 272],
  finit_module: [313, 273],
  kexec_file_load: [320, 294],
  bpf: [321, 280],
  userfaultfd: [323, 282],
  io_uring_setup: [425, 425],
  io_uring_enter: [426, 426],
  io_uring_register: [427, 427],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  fspick: [433, 433],
  clone3: [435, 435],
  pidfd_getfd: [438, 438],
  process_madvise: [440, 440],
  quotactl_fd: [443, 443],
  open_tree_attr: [467, 467],
} as const satisfies Record<string, readonly [number, number | null]>;

/** A system call by name. */
export type SyscallName = keyof typeof NUMBERS;

/** The number of a call, or null where the architecture has none. */
export function syscallNumber(name: SyscallName, architecture: Architecture): number | null {
  return NUMBERS[name][architecture === "x86_64" ? 0 : 1];
}

/** `O_NOFOLLOW`, one of the few flags that are not the same everywhere. */
export function noFollowFlag(architecture: Architecture): number {
  return architecture === "x86_64" ? 0x20000 : 0x8000;
}

/** `AUDIT_ARCH_*`, by which a filter tells the calling convention of a call. */
export function auditArchitecture(architecture: Architecture): number {
  return architecture === "x86_64" ? 0xc000003e : 0xc00000b7;
}
