/**
 * Namespaces that are made once and joined by every command, since making them takes longer than all the rest of
 * a sandbox; must not know what else confines a command.
 *
 * What commands could do to each other there is left to what each has of its own: no command has a capability in
 * them, sees processes of others, or may open a socket but unix sockets. Only names of abstract unix sockets are
 * in common, and Landlock keeps connections to those of others from being made. So nothing is shared where
 * Landlock cannot do that.
 */
import { cString } from "../../c_library.ts";
import { errno, libc } from "../../ffi_libc.ts";
import { buildExecutable } from "./elf.ts";
import { errorText } from "./errno.ts";
import * as flag from "./flags.ts";
import { JOURNAL_DESCRIPTOR } from "./interpreter.ts";
import { sealedMemoryFile } from "./memory_file.ts";
import { call, type Operation } from "./script.ts";
import type { Traits } from "./traits.ts";

/** Paths under which launchers of this process open namespaces. */
export interface SharedNamespaces {
  /** Null where none is needed. */
  readonly user: string | null;
  /** There is nothing in it, not even a loopback that is up. */
  readonly network: string;
}

/** The version of Landlock that can keep connections to abstract unix sockets inside. */
const ABI_WITH_SCOPES = 6;
const FREE = JOURNAL_DESCRIPTOR + 1;
const LAST_DESCRIPTOR = 0xffffffff;
const [INPUT, OUTPUT] = [0, 1];
const NO_MARK = "00000000";
const READY = "r";
/** `O_RDONLY|O_CLOEXEC`. */
const CLOSE_ON_EXEC = 0x80000;

/** The namespaces, held open; null where commands must not share any. Throws when they cannot be made. */
export async function shareNamespaces(
  traits: Traits,
): Promise<{ readonly shared: SharedNamespaces; close(): void } | null> {
  if (traits.landlockAbi < ABI_WITH_SCOPES) return null;
  const image = sealedMemoryFile(
    "codex-namespaces",
    buildExecutable(holderOperations(traits), traits.architecture),
  );
  const opened: number[] = [];
  const close = () => opened.splice(0).forEach((descriptor) => libc().close(descriptor));
  try {
    await using holder = await startHolder(`/proc/${Deno.pid}/fd/${image}`);
    const open = (kind: string): string => {
      const path = `/proc/${holder.pid}/ns/${kind}`;
      const descriptor = libc().open(cString(path), CLOSE_ON_EXEC, 0);
      if (descriptor < 0) throw new Error(`Cannot open ${path}: ${errorText(errno())}`);
      opened.push(descriptor);
      return `/proc/${Deno.pid}/fd/${descriptor}`;
    };
    const user = traits.needsUserNamespace ? open("user") : null;
    return { shared: { user, network: open("net") }, close };
  } catch (error) {
    close();
    throw error;
  } finally {
    libc().close(image);
  }
}

/** A process in the namespaces, which ends when it is disposed of. */
async function startHolder(image: string): Promise<AsyncDisposable & { readonly pid: number }> {
  const child = new Deno.Command(image, {
    args: [NO_MARK],
    cwd: "/",
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const output = child.stdout.getReader();
  const end = async () => {
    await output.cancel();
    await child.stdin.close();
    await child.status;
  };
  const { done } = await output.read();
  if (!done) return { pid: child.pid, [Symbol.asyncDispose]: end };
  await end();
  throw new Error("Namespaces cannot be made");
}

/** Makes them, says so, and waits. */
function holderOperations(traits: Traits): Operation[] {
  const kinds = ["NEWNET", ...traits.needsUserNamespace ? ["NEWUSER"] as const : []] as const;
  return [
    call("make namespaces", "unshare", { args: [flag.flags("CLONE", kinds)] }),
    // Descriptors are then numbered as in a command.
    call("close what was left open", "close_range", {
      args: [JOURNAL_DESCRIPTOR, LAST_DESCRIPTOR, 0],
    }),
    call("take the number of the journal", "dup3", { args: [INPUT, JOURNAL_DESCRIPTOR, 0] }),
    ...traits.needsUserNamespace ? mapOwnUser(traits) : [],
    call("say that they are there", "write", { args: [OUTPUT, READY, READY.length] }),
    // Nobody writes: it returns when the caller closes the other end, or is gone.
    call("wait", "read", { args: [INPUT, { slot: "nowhere" }, 1] }),
    call("end", "exit_group", { args: [0] }),
  ];
}

/** In a new user namespace: the very user and group that made it, and nobody else. */
export function mapOwnUser({ uid, gid }: Pick<Traits, "uid" | "gid">): Operation[] {
  return [
    ...writeFile("/proc/self/setgroups", "deny"),
    ...writeFile("/proc/self/uid_map", `${uid} ${uid} 1`),
    ...writeFile("/proc/self/gid_map", `${gid} ${gid} 1`),
  ];
}

/** An open file of `/proc` would keep its mount from becoming read-only, so it is closed at once. */
function writeFile(path: string, text: string): Operation[] {
  return [
    call(`open ${path}`, "openat", {
      args: [flag.AT_FDCWD, path, flag.flags("O", ["WRONLY", "CLOEXEC"])],
      expected: FREE,
    }),
    call(`write ${path}`, "write", { args: [FREE, text, text.length], expected: text.length }),
    call(`close ${path}`, "close", { args: [FREE] }),
  ];
}
