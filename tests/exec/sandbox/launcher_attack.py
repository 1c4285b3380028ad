"""Tries to get out of a sandbox in every way known to us. Prints one line per attempt: "held" or "ESCAPED".

Arguments: a JSON object with the places to attack, all owned by the user who runs this.
"""

import ctypes
import errno
import fcntl
import json
import mmap
import os
import platform
import signal
import socket
import stat
import struct
import subprocess
import sys

# The fourth is the listing itself.
INHERITED = sorted(int(name) for name in os.listdir("/proc/self/fd"))
PLACES = json.loads(sys.argv[1])
ROOT, WS = PLACES["root"], PLACES["workspace"]
VICTIM = f"{ROOT}/outside/victim"
SECRET = f"{ROOT}/secret"
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
# The numbers of this machine: x86-64, arm64.
X86 = platform.machine() == "x86_64"


def number(x86, arm):
    return x86 if X86 else arm


def syscall(nr, *args):
    result = LIBC.syscall(ctypes.c_long(nr), *[
        ctypes.c_long(arg) if isinstance(arg, int) else arg for arg in args
    ])
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


def attempt(name, action, allowed=()):
    """An attempt is held when it raises an OSError; `allowed` are results that are harmless."""
    try:
        result = action()
    except OSError as error:
        print(f"held {name}: {errno.errorcode.get(error.errno, error)}")
        return
    if result in allowed:
        print(f"held {name}: {result!r}")
    else:
        print(f"ESCAPED {name}: {result!r}")


def write(path, flags=os.O_WRONLY):
    fd = os.open(path, flags, 0o600)
    os.write(fd, b"ESCAPED")
    os.close(fd)


def read(path):
    with open(path, "rb") as file:
        return file.read(100)


def below(folder, name, flags):
    fd = os.open(folder, os.O_RDONLY)
    os.open(name, flags, 0o600, dir_fd=fd)


def map_shared():
    fd = os.open(VICTIM, os.O_RDONLY)
    mmap.mmap(fd, 4, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)[0] = 0x45


def by_descriptor(path, change):
    fd = os.open(path, os.O_PATH)
    change(f"/proc/self/fd/{fd}")


# 1. What is outside.
attempt("write outside", lambda: write(VICTIM))
attempt("create outside", lambda: write(f"{ROOT}/outside/new", os.O_WRONLY | os.O_CREAT))
attempt("temporary file outside", lambda: write(f"{ROOT}/outside", os.O_WRONLY | os.O_TMPFILE))
attempt("truncate outside", lambda: os.truncate(VICTIM, 0))
attempt("chmod outside", lambda: os.chmod(VICTIM, 0o777))
attempt("chmod of a folder outside", lambda: os.chmod(f"{ROOT}/outside", 0o777))
attempt("chmod by descriptor", lambda: by_descriptor(VICTIM, lambda it: os.chmod(it, 0o777)))
attempt("chown outside", lambda: os.chown(VICTIM, os.getuid(), os.getgid()))
attempt("utimes outside", lambda: os.utime(VICTIM, (0, 0)))
attempt("xattr outside", lambda: os.setxattr(VICTIM, "user.escaped", b"1"))
attempt("unlink outside", lambda: os.unlink(VICTIM))
attempt("rename outside", lambda: os.rename(VICTIM, VICTIM + "2"))
attempt("rename into the workspace", lambda: os.rename(VICTIM, f"{WS}/victim"))
attempt("link into the workspace", lambda: os.link(VICTIM, f"{WS}/victim"))
attempt("link out of the workspace", lambda: os.link(f"{WS}/file", f"{ROOT}/outside/file"))
attempt("mkdir outside", lambda: os.mkdir(f"{ROOT}/outside/folder"))
attempt("symlink outside", lambda: os.symlink("/", f"{ROOT}/outside/link"))
attempt("fifo outside", lambda: os.mkfifo(f"{ROOT}/outside/fifo"))
attempt("shared mapping", map_shared)
attempt("write through a symlink", lambda: write(f"{WS}/link/victim"))
attempt("write through a new symlink",
        lambda: (os.symlink(f"{ROOT}/outside", f"{WS}/new_link"), write(f"{WS}/new_link/victim")))
attempt("write through ..", lambda: write(f"{WS}/../outside/victim"))
attempt("write below an open folder",
        lambda: below(f"{ROOT}/outside", "victim", os.O_WRONLY))
for base in ["/proc/self/root", "/proc/1/root", f"/proc/{os.getpid()}/root", "/proc/self/cwd/.."]:
    path = base + ("/outside/victim" if base.endswith("..") else VICTIM)
    attempt(f"write through {base.replace(str(os.getpid()), 'PID')}", lambda: write(path))
attempt("rename the workspace", lambda: os.rename(WS, WS + "2"))
attempt("remove the workspace", lambda: os.rmdir(WS))
attempt("chmod of a device", lambda: os.chmod("/dev/null", 0o666))
attempt("chmod of the input", lambda: os.chmod("/proc/self/fd/0", 0o666))
attempt("fchmod of the input", lambda: os.fchmod(0, 0o666))

# 2. What is read-only inside the workspace.
GIT = f"{WS}/.git"
attempt("write .git", lambda: write(f"{GIT}/config"))
attempt("create in .git", lambda: write(f"{GIT}/hook", os.O_WRONLY | os.O_CREAT))
attempt("mkdir in .git", lambda: os.mkdir(f"{GIT}/hooks"))
attempt("rename .git", lambda: os.rename(GIT, f"{WS}/git"))
attempt("rename onto .git", lambda: os.rename(f"{WS}/folder", GIT))
attempt("exchange .git", lambda: syscall(number(316, 276), -100, GIT.encode(), -100,
                                         f"{WS}/folder".encode(), 2))
attempt("chmod .git", lambda: os.chmod(GIT, 0o777))
attempt("unlink in .git", lambda: os.unlink(f"{GIT}/config"))
attempt("link out of .git", lambda: os.link(f"{GIT}/config", f"{WS}/config"))
attempt("rename out of .git", lambda: os.rename(f"{GIT}/config", f"{WS}/config"))
attempt("write .git through /proc", lambda: write(f"/proc/self/root{GIT}/config"))
attempt("make the missing .codex", lambda: os.mkdir(f"{WS}/.codex"))
attempt("fill the missing .codex", lambda: write(f"{WS}/.codex/config", os.O_WRONLY | os.O_CREAT))
attempt("remove the placeholder", lambda: os.rmdir(f"{WS}/.codex"))
attempt("rename the placeholder", lambda: os.rename(f"{WS}/.codex", f"{WS}/codex"))
attempt("rename a folder above a read-only one", lambda: os.rename(f"{WS}/deep", f"{WS}/deep2"))
attempt("rename one in the middle", lambda: os.rename(f"{WS}/deep/er", f"{WS}/deep/er2"))
attempt("write the read-only one", lambda: write(f"{WS}/deep/er/kept/file"))
attempt("make the missing deep one", lambda: os.mkdir(f"{WS}/deep/none"))
attempt("unlink a protected link", lambda: os.unlink(f"{WS}/.agents"))
attempt("rename a protected link", lambda: os.rename(f"{WS}/.agents", f"{WS}/agents"))
attempt("write through a protected link",
        lambda: write(f"{WS}/.agents/new", os.O_WRONLY | os.O_CREAT))
attempt("rename what a protected link leads to",
        lambda: os.rename(f"{WS}/real_agents", f"{WS}/real2"))
attempt("lock the placeholder", lambda: fcntl.flock(os.open(f"{WS}/.codex", os.O_RDONLY),
                                                    fcntl.LOCK_EX | fcntl.LOCK_NB))

# 3. Mounts and namespaces.
NEWNS, NEWUSER = 0x20000, 0x10000000
attempt("mount", lambda: syscall(number(165, 40), b"none", b"/mnt", b"tmpfs", 0, None))
attempt("bind", lambda: syscall(number(165, 40), f"{ROOT}/outside".encode(), WS.encode(), None,
                                0x1000, None))
attempt("remount", lambda: syscall(number(165, 40), b"none", b"/", None, 0x1000 | 32, None))
for path in [GIT, SECRET, "/proc", "/dev/null", WS]:
    attempt(f"umount {os.path.basename(path)}", lambda: syscall(number(166, 39), path.encode(), 2))
attempt("mount_setattr", lambda: syscall(442, -100, b"/", 0, struct.pack("QQQQ", 0, 1, 0, 0), 32))
attempt("open_tree", lambda: syscall(428, -100, b"/", 1))
attempt("fsopen", lambda: syscall(430, b"tmpfs", 0))
attempt("move_mount", lambda: syscall(429, -100, GIT.encode(), -100, b"/mnt", 0))
attempt("unshare user", lambda: syscall(number(272, 97), NEWUSER))
attempt("unshare user and mounts", lambda: syscall(number(272, 97), NEWUSER | NEWNS))
attempt("unshare mounts", lambda: syscall(number(272, 97), NEWNS))
attempt("unshare time", lambda: syscall(number(272, 97), 0x80))
attempt("clone user", lambda: syscall(number(56, 220), NEWUSER | 17, 0, 0, 0, 0))
attempt("clone3", lambda: syscall(435, struct.pack("Q" * 8, NEWUSER, 0, 0, 0, 17, 0, 0, 0), 64))
attempt("setns", lambda: syscall(number(308, 268), os.open("/proc/self/ns/mnt", os.O_RDONLY), 0))
attempt("chroot", lambda: os.chroot(WS))
attempt("pivot_root", lambda: syscall(number(155, 41), WS.encode(), WS.encode()))
attempt("open_by_handle_at", lambda: syscall(number(304, 265), -100, b"\0" * 16, 0))

# 4. Other processes.
SERVER = PLACES["server"]
attempt("signal the server", lambda: os.kill(SERVER, 0))
attempt("signal the group of the server", lambda: os.kill(-SERVER, 0))
attempt("trace the server", lambda: syscall(number(101, 117), 16, SERVER, 0, 0))
attempt("see the server", lambda: os.stat(f"/proc/{SERVER}"))
attempt("trace the init", lambda: syscall(number(101, 117), 16, 1, 0, 0))
attempt("memory of the init", lambda: os.open("/proc/1/mem", os.O_RDONLY))
attempt("environment of the init", lambda: read("/proc/1/environ"))
attempt("pipe of the init", lambda: os.open("/proc/1/fd/4", os.O_RDONLY | os.O_NONBLOCK))
attempt("read memory", lambda: syscall(number(310, 270), 1, 0, 0, 0, 0, 0))
attempt("descriptors of others", lambda: syscall(438, os.open("/dev/null", os.O_RDONLY), 0, 0))
# Without Landlock it may be sent, and is ignored.
attempt("terminate the init", lambda: os.kill(1, signal.SIGTERM), allowed=(None,))
attempt("kill the init", lambda: os.kill(1, signal.SIGKILL), allowed=(None,))

# 5. What is hidden.
attempt("read the secret", lambda: read(SECRET), allowed=(b"",))
attempt("read it through /proc", lambda: read(f"/proc/self/root{SECRET}"), allowed=(b"",))
attempt("read it through the init", lambda: read(f"/proc/1/root{SECRET}"), allowed=(b"",))
attempt("read it through a link", lambda: read(f"{WS}/secret_link"), allowed=(b"",))
attempt("read one in the workspace", lambda: read(f"{WS}/hidden_file"), allowed=(b"",))
attempt("link the secret", lambda: os.link(SECRET, f"{WS}/copy"))
attempt("rename the secret", lambda: os.rename(SECRET, f"{WS}/copy"))
attempt("list a hidden folder", lambda: os.listdir(f"{ROOT}/hidden"), allowed=([],))
attempt("read in a hidden folder", lambda: read(f"{ROOT}/hidden/inside"))
attempt("write in a hidden folder", lambda: write(f"{WS}/hidden_folder/x", os.O_WRONLY | os.O_CREAT))
attempt("rename a hidden folder", lambda: os.rename(f"{WS}/hidden_folder", f"{WS}/x"))


def connect(family, kind, address):
    client = socket.socket(family, kind)
    client.settimeout(2)
    client.connect(address)


attempt("connect to a hidden socket",
        lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, f"{ROOT}/control.sock"))
attempt("connect to an abstract socket",
        lambda: connect(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + PLACES["abstract"]))

# 6. The network.
if PLACES["network"] == "none":
    attempt("TCP", lambda: connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", PLACES["port"])))
    attempt("UDP", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    attempt("IPv6", lambda: socket.socket(socket.AF_INET6, socket.SOCK_STREAM))
    attempt("netlink", lambda: socket.socket(16, socket.SOCK_RAW))
    attempt("pair of IPv4", lambda: syscall(number(53, 199), 2, 1, 0, bytes(8)))
    # The upper half of the argument does not count for the kernel, nor may it for the filter.
    attempt("IPv4 with dirt above", lambda: syscall(number(41, 198), 2 | 1 << 40, 1, 0))
attempt("packets", lambda: socket.socket(17, socket.SOCK_RAW))
attempt("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
attempt("vsock", lambda: socket.socket(40, socket.SOCK_STREAM))
attempt("io_uring", lambda: syscall(425, 8, bytes(120)))

# 7. Devices and descriptors.
attempt("block device", lambda: os.mknod(f"{WS}/disk", stat.S_IFBLK | 0o600, os.makedev(254, 0)))
attempt("character device", lambda: os.mknod(f"{WS}/mem", stat.S_IFCHR | 0o600, os.makedev(1, 1)))
for name in sorted(os.listdir("/dev")):
    path = f"/dev/{name}"
    mode = os.stat(path, follow_symlinks=False).st_mode
    harmless = ["null", "zero", "full", "random", "urandom", "tty", "ptmx"]
    if (stat.S_ISBLK(mode) or stat.S_ISCHR(mode)) and name not in harmless:
        try:
            os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            print(f"ESCAPED open {path}")
        except OSError:
            pass
print("held open the devices of the machine: none")
print("held inherited descriptors: none" if INHERITED == [0, 1, 2, 3] else f"ESCAPED {INHERITED}")
attempt("push into a terminal", lambda: syscall(number(16, 29), 0, 0x5412, b"x"))

# 8. Privileges.
status = {name: value.strip() for name, _, value in
          (line.partition(":") for line in open("/proc/self/status"))}
for field in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]:
    if int(status[field], 16) == 0:
        print(f"held {field}: none")
    else:
        print(f"ESCAPED {field}: {status[field]}")
print("held privileges: no new" if status["NoNewPrivs"] == "1" else "ESCAPED privileges")
attempt("setuid", lambda: os.setuid(0 if os.getuid() != 0 else 1))
attempt("setgroups", lambda: os.setgroups([0]))
attempt("hostname", lambda: socket.sethostname("escaped"))
attempt("keys", lambda: syscall(number(250, 219), 0, -3, 0))
attempt("add a key", lambda: syscall(number(248, 217), b"user", b"a", b"b", 1, -3))
attempt("bpf", lambda: syscall(number(321, 280), 0, bytes(128), 128))
attempt("perf", lambda: syscall(number(298, 241), bytes(128), 0, -1, -1, 0))
attempt("userfaultfd", lambda: syscall(number(323, 282), 1))
attempt("module", lambda: syscall(number(313, 273), 0, b"", 0))
attempt("kexec", lambda: syscall(number(246, 104), 0, 0, 0, 0))
attempt("kernel log", lambda: syscall(number(103, 116), 3, bytes(100), 100))
attempt("clock", lambda: syscall(number(227, 112), 0, bytes(16)))
attempt("reboot", lambda: syscall(number(169, 142), 0, 0, 0, 0))
# Opened only: writing would change the machine.
for path in ["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/sys/power/state"]:
    attempt(f"write {path}", lambda: os.open(path, os.O_WRONLY))
for program in ["/bin/su", "/bin/mount", "/usr/bin/sudo"]:
    if os.path.exists(program):
        args = {"mount": ["-t", "tmpfs", "none", "/mnt"]}.get(os.path.basename(program), ["-c", "id"])
        done = subprocess.run([program, *args], stdin=subprocess.DEVNULL, capture_output=True)
        is_root = os.getuid() == 0 and program == "/bin/su"
        held = done.returncode != 0 or is_root
        print(f"{'held' if held else 'ESCAPED'} run {program}: {done.returncode}")
if X86:
    attempt("x32 call", lambda: syscall(0x40000000 | 41, 2, 1, 0))
    child = os.fork()
    if child == 0:
        # mov eax, 20 (getpid of the 32-bit convention); int 0x80; ret
        code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
        code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
        entry = ctypes.addressof(ctypes.c_char.from_buffer(code))
        ctypes.CFUNCTYPE(ctypes.c_int)(entry)()
        os._exit(0)
    _, ended = os.waitpid(child, 0)
    print(f"{'held' if os.WIFSIGNALED(ended) else 'ESCAPED'} 32-bit call: {ended}")
print("done")
