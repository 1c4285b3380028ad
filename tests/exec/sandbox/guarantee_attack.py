"""Tries what one guarantee excludes; prints a line for each attempt that worked. Started confined, by name."""
import os
import shutil
import socket
import sys
import time

guarantee, root, port, server = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
outside, work = root + "/outside", root + "/work"
victim = outside + "/victim"


def attempt(name, action):
    try:
        result = action()
    except OSError:
        return
    if result is not False:
        print("worked:", name)


def write(path, mode="w"):
    with open(path, mode) as file:
        file.write("x")


def through_link():
    os.symlink(victim, work + "/to_victim")
    write(work + "/to_victim")


def through_hard_link():
    os.link(victim, work + "/hard")
    write(work + "/hard")


def through_proc():
    write("/proc/self/root" + victim)


def connect(family, address, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as client:
        client.settimeout(5)
        client.connect(address)
        if kind == socket.SOCK_DGRAM:
            client.send(b"x")


def read(path):
    with open(path) as file:
        return file.read() != ""


def replace(path):
    os.rename(path, path + ".old")
    shutil.copytree(path + ".old", path)
    write(path + "/config")


def after_replacement(path):
    """Outside, hidden files are replaced and made while we run, as whoever renews a credential does."""
    print("ready", flush=True)
    while not os.path.exists(work + "/go"):
        time.sleep(0.005)
    return read(path)


ATTEMPTS = {
    "writesConfined": {
        "write": lambda: write(victim),
        "append": lambda: write(victim, "a"),
        "truncate": lambda: os.truncate(victim, 0),
        "create": lambda: write(outside + "/new"),
        "remove": lambda: os.unlink(outside + "/other"),
        "rename": lambda: os.rename(outside + "/other", outside + "/renamed"),
        "move in": lambda: os.rename(outside + "/other", work + "/other"),
        "move out": lambda: os.rename(work + "/file", outside + "/file"),
        "folder": lambda: os.mkdir(outside + "/folder"),
        "link": lambda: os.symlink("/", outside + "/link"),
        "through a link": through_link,
        "through a hard link": through_hard_link,
        "through /proc": through_proc,
        "with ..": lambda: write(work + "/../outside/victim"),
        "the folder itself": lambda: os.rename(outside, root + "/gone"),
        # Opened only: whoever can write the first has programs started as root, by the kernel.
        "how core dumps are made": lambda: os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY),
        "the kernel": lambda: os.open("/proc/sysrq-trigger", os.O_WRONLY),
    },
    "metadataConfined": {
        "mode": lambda: os.chmod(victim, 0o666),
        "time": lambda: os.utime(victim, (1, 1)),
        "attribute": lambda: os.setxattr(victim, "user.test", b"x"),
    },
    "carvesOut": {
        "write": lambda: write(work + "/.git/config"),
        "create": lambda: write(work + "/.git/hooks/pre-commit"),
        "remove": lambda: os.unlink(work + "/.git/config"),
        "mode": lambda: os.chmod(work + "/.git/config", 0o600),
        "replace": lambda: replace(work + "/.git"),
        "replace the folder around it": lambda: os.rename(work + "/deep", work + "/moved"),
    },
    "carvesOutMissing": {
        "folder": lambda: write(work + "/.codex/config.toml"),
        "make it": lambda: (os.mkdir(work + "/.codex"), write(work + "/.codex/config.toml")),
        "link": lambda: os.symlink("/tmp", work + "/.codex"),
        "in a missing folder": lambda: (os.makedirs(work + "/none/yet"), write(work + "/none/yet/x")),
    },
    "hides": {
        "read": lambda: read(root + "/secret"),
        "read through /proc": lambda: read("/proc/self/root" + root + "/secret"),
        "hard link": lambda: (os.link(root + "/secret", work + "/stolen"), read(work + "/stolen")),
        "rename": lambda: (os.rename(root + "/secret", work + "/taken"), read(work + "/taken")),
        "folder": lambda: read(root + "/vault/inside"),
        "connect": lambda: connect(socket.AF_UNIX, root + "/control.sock"),
        "read in the home folder": lambda: read(root + "/home/auth.json"),
        "read what replaced it": lambda: after_replacement(root + "/home/auth.json"),
        "read what was made since": lambda: read(root + "/home/later.json"),
        "read what is about to replace it": lambda: read(root + "/home/auth.json.tmp"),
    },
    "limitsReading": {
        "read": lambda: read(victim),
        "list": lambda: os.listdir(outside),
        "read /etc": lambda: read("/etc/passwd"),
    },
    "networkOff": {
        "TCP": lambda: connect(socket.AF_INET, ("127.0.0.1", port)),
        "UDP": lambda: connect(socket.AF_INET, ("127.0.0.1", port), socket.SOCK_DGRAM),
        "IPv6": lambda: connect(socket.AF_INET6, ("::1", port)),
        "raw": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),
        "abstract unix socket": lambda: connect(socket.AF_UNIX, "\0codex-guarantee-%d" % server),
    },
    "networkProxy": {
        "TCP": lambda: connect(socket.AF_INET, ("127.0.0.1", port)),
        "UDP to the world": lambda: connect(socket.AF_INET, ("192.0.2.1", 9), socket.SOCK_DGRAM),
        "the proxy": lambda: connect(socket.AF_UNIX, root + "/proxy.sock"),
    },
    "processesApart": {
        "see": lambda: os.stat("/proc/%d" % server),
        "environment": lambda: read("/proc/%d/environ" % server),
        "signal": lambda: os.kill(server, 0),
    },
}

for name, action in ATTEMPTS[guarantee].items():
    attempt(name, action)
if guarantee == "hides" and not read(root + "/home/other"):
    print("worked: hiding too much")
# What must work all the same, or nothing is shown by what does not.
if guarantee not in ("networkProxy", "limitsReading"):
    write(work + "/control")
print("done")
