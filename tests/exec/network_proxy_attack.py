"""Runs inside a sandbox with network for allowed.test only; prints what worked, one line each."""
import socket
import struct
import subprocess
import sys
import threading

OUTSIDE_PORT, SOCKET, ABSTRACT = int(sys.argv[1]), sys.argv[2], sys.argv[3]
RELAY = ("127.0.0.1", 61128)


def attempt(name, action):
    try:
        action()
    except Exception as error:
        print("failed:", name, type(error).__name__, file=sys.stderr)
    else:
        print("worked:", name)


def tcp(host, port):
    socket.create_connection((host, port), 2).close()


def udp(host, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(1)
    s.sendto(b"x" * 12, (host, port))
    s.recv(1)


def unix(path):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)


def through(request, expected=b" 200 "):
    s = socket.create_connection(RELAY, 5)
    s.sendall(request)
    answer = b""
    while b"\r\n\r\n" not in answer:
        part = s.recv(4096)
        if not part:
            break
        answer += part
    s.close()
    if expected not in answer.split(b"\r\n")[0]:
        raise OSError(answer[:80])


def connect_request(authority):
    return f"CONNECT {authority} HTTP/1.1\r\n\r\n".encode()


attempt("tcp to this machine", lambda: tcp("127.0.0.1", OUTSIDE_PORT))
attempt("tcp to the internet", lambda: tcp("93.184.216.34", 80))
attempt("tcp to metadata", lambda: tcp("169.254.169.254", 80))
attempt("tcp6", lambda: tcp("2606:2800:220:1::1", 80))
attempt("udp", lambda: udp("1.1.1.1", 53))
attempt("dns", lambda: socket.getaddrinfo("allowed.test", 80))
attempt("raw", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))
attempt("packet", lambda: socket.socket(17, socket.SOCK_RAW))
attempt("vsock", lambda: socket.socket(40, socket.SOCK_STREAM))
attempt("socket of the proxy", lambda: unix(SOCKET))
attempt("abstract socket", lambda: unix("\0" + ABSTRACT))
attempt("cwd of the relay", lambda: unix("/proc/1/cwd/proxy"))
attempt("parent of the relay", lambda: __import__("os").listdir("/proc/1/cwd/.."))
attempt("memory of the relay", lambda: open("/proc/1/mem", "rb"))
for port in (1, 22, 80, 443, 3128, 8080, 61127, 61129):
    attempt(f"port {port} of the namespace", lambda: tcp("127.0.0.1", port))
for authority in (
    "evil.test:443", "127.0.0.1:%d" % OUTSIDE_PORT, "localhost:%d" % OUTSIDE_PORT, "[::1]:443",
    "private.test:443", "allowed.test:%d" % OUTSIDE_PORT, "allowed.test:443@evil.test",
    "93.184.216.34:443", "169.254.169.254:80",
):
    attempt("tunnel to " + authority, lambda: through(connect_request(authority)))
attempt("smuggled host", lambda: through(b"GET http://allowed.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n"))
attempt("allowed tunnel", lambda: through(connect_request("allowed.test:443")))
attempt("allowed request", lambda: through(
    b"GET http://allowed.test/ HTTP/1.1\r\nHost: allowed.test\r\nConnection: close\r\n\r\n"))


def flood():
    """More connections than the relay has room for: later ones wait, and none is lost."""
    results = []

    def one():
        try:
            through(b"GET http://allowed.test/ HTTP/1.1\r\nHost: allowed.test\r\nConnection: close\r\n\r\n")
            results.append(True)
        except Exception as error:
            results.append(error)

    threads = [threading.Thread(target=one) for _ in range(150)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(result is True for result in results), [r for r in results if r is not True][:3]


attempt("150 at once", flood)


def aborted():
    """Connections that end with a reset give their place back."""
    for _ in range(100):
        s = socket.create_connection(RELAY, 5)
        s.sendall(connect_request("allowed.test:443"))
        s.recv(100)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    through(connect_request("allowed.test:443"))


attempt("100 resets", aborted)
print("done")
