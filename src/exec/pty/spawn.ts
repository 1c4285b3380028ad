/** Starts a program as leader of a session whose terminal it controls; must not know how the terminal is read. */
import { cString } from "../c_library.ts";
import { errorText } from "../sandbox/launcher/errno.ts";
import { terminalSystem } from "./libc.ts";

const READ_WRITE = 2;
/** Larger than the structures of any of the libraries. */
const ATTRIBUTES_BYTES = 512;
const ACTIONS_BYTES = 256;
const SIGNAL_SET_BYTES = 128;
const EPERM = 1;
const ENOENT = 2;
const EACCES = 13;
const ENOTDIR = 20;

/** What to start, and on which terminal. */
export interface TerminalSpawn {
  /** The device of the terminal. */
  readonly terminal: string;
  /** The program itself; `argv[0]` is only its name. */
  readonly path: string;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Starts it and returns its process id; throws one of `Deno.errors`.
 *
 * The child becomes leader of a new session first and then opens the terminal as its standard input: on Linux
 * and macOS alike, the first terminal that such a leader opens is the one that it controls.
 */
export function spawnOnTerminal(spawn: TerminalSpawn): number {
  if (!isFolder(spawn.cwd)) throw new Deno.errors.NotFound(`No such cwd '${spawn.cwd}'`);
  const { libc, spawnFlags } = terminalSystem();
  const actions = new Uint8Array(ACTIONS_BYTES);
  const attributes = new Uint8Array(ATTRIBUTES_BYTES);
  libc.posix_spawn_file_actions_init(actions);
  libc.posix_spawnattr_init(attributes);
  try {
    libc.posix_spawn_file_actions_addopen(actions, 0, cString(spawn.terminal), READ_WRITE, 0);
    libc.posix_spawn_file_actions_adddup2(actions, 0, 1);
    libc.posix_spawn_file_actions_adddup2(actions, 0, 2);
    libc.posix_spawn_file_actions_addchdir_np(actions, cString(spawn.cwd));
    libc.posix_spawnattr_setflags(attributes, spawnFlags);
    // The runtime ignores SIGPIPE, and what is ignored would stay so in the child.
    const allSignals = new Uint8Array(SIGNAL_SET_BYTES).fill(0xff);
    libc.posix_spawnattr_setsigdefault(attributes, allSignals);
    const argv = new StringVector(spawn.argv);
    const env = new StringVector(
      Object.entries(spawn.env).map(([name, value]) => `${name}=${value}`),
    );
    const pid = new Int32Array(1);
    const error = libc.posix_spawn(
      new Uint8Array(pid.buffer),
      cString(spawn.path),
      actions,
      attributes,
      argv.pointers,
      env.pointers,
    );
    if (error !== 0) throw systemError(error);
    return pid[0] ?? 0;
  } finally {
    libc.posix_spawn_file_actions_destroy(actions);
    libc.posix_spawnattr_destroy(attributes);
  }
}

/** A null-terminated array of C strings, which live as long as it does. */
class StringVector {
  readonly pointers: Uint8Array<ArrayBuffer>;
  readonly strings: readonly Uint8Array<ArrayBuffer>[];

  constructor(texts: readonly string[]) {
    this.strings = texts.map(cString);
    const addresses = this.strings.map((text) =>
      Deno.UnsafePointer.value(Deno.UnsafePointer.of(text))
    );
    this.pointers = new Uint8Array(new BigUint64Array([...addresses.map(BigInt), 0n]).buffer);
  }
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    // Whatever the reason, nothing can be started in it.
    return false;
  }
}

function systemError(code: number): Error {
  switch (code) {
    case ENOENT:
    case ENOTDIR:
      return new Deno.errors.NotFound("No such file or directory");
    case EACCES:
    case EPERM:
      return new Deno.errors.PermissionDenied("Permission denied");
    default:
      return new Error(errorText(code));
  }
}
