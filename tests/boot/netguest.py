"""What tests of networks need: a guest with drivers and a DHCP client's script, servers on the host, free ports."""
import fcntl
import glob
import gzip
import http.server
import os
import socket
import stat
import subprocess
import threading

from guest import Skipped, debian, linux, need_tool

DHCP_SCRIPT = """#!/bin/sh
case $1 in
bound|renew)
    ip addr add $ip/${mask:-24} dev $interface
    [ -z "$router" ] || ip route add default via $router
    mkdir -p /etc
    for s in $dns; do echo nameserver $s; done >/etc/resolv.conf
    set >/tmp/lease;;
esac
"""


def archive(files):
    """A cpio archive ("newc") of {path: (mode, bytes)}, compressed, to be appended to an initial RAM disk."""
    out = bytearray()

    def entry(name, mode, data):
        name = name.encode() + b"\0"
        fields = [0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0]
        out.extend(b"070701" + b"".join(b"%08X" % f for f in fields) + name)
        out.extend(b"\0" * (-len(out) % 4))
        out.extend(data)
        out.extend(b"\0" * (-len(out) % 4))

    done = set()
    for path, (mode, data) in files.items():
        parts = path.split("/")
        for i in range(1, len(parts)):
            top = "/".join(parts[:i])
            if top not in done:
                entry(top, stat.S_IFDIR | 0o755, b"")
            done.add(top)
        entry(path, stat.S_IFREG | mode, data)
    entry("TRAILER!!!", 0, b"")
    return gzip.compress(bytes(out), 1)


def driver_files(names, arch):
    """{path in the guest: module} of drivers and what they need, in the order to load them in."""
    base = debian(arch) + "/tree/usr"
    version = os.path.basename(glob.glob(base + "/lib/modules/*")[0])
    with open(debian(arch) + "/lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another test may be at it
        if not os.path.exists("%s/lib/modules/%s/modules.dep" % (base, version)):
            subprocess.run([need_tool("depmod"), "-b", base, version], check=True, stderr=subprocess.DEVNULL)
    files = {}
    for name in names:
        r = subprocess.run([need_tool("modprobe"), "-d", base, "-S", version, "--show-depends", name], capture_output=True, text=True)
        if r.returncode:
            raise Skipped("the guest's kernel has no module %s" % name)
        for line in r.stdout.split("\n"):
            if not line.startswith("insmod"):
                continue
            path = line.split()[1]
            data = subprocess.run(["xz", "-dc", path], capture_output=True, check=True).stdout if path.endswith(".xz") else open(path, "rb").read()
            files.setdefault("lib/extra/" + os.path.basename(path).replace(".xz", ""), (0o644, data))
    return files


def net_guest(more, drivers=(), arch="riscv64", **kwargs):
    """linux() with the network drivers and a DHCP script."""
    files = {"lib/dhcp": (0o755, DHCP_SCRIPT.encode())}
    modules = driver_files(drivers, arch) if drivers else {}
    files.update(modules)
    with open(debian(arch) + "/initrd.cpio.gz", "rb") as f, open("net.cpio.gz", "wb") as out:
        out.write(f.read() + archive(files))
    g = linux(more, initrd=os.path.abspath("net.cpio.gz"), arch=arch, **kwargs)
    g.modules = ["/" + m for m in modules]
    return g


def bring_up(g, card="eth0", timeout=60):
    """The shell, drivers, a lease; the address."""
    g.shell()
    for m in g.modules:
        g.run("insmod %s 2>/dev/null; true" % m) # some are loaded already
    g.run("for i in 1 2 3 4 5 6 7 8 9 10; do [ -e /sys/class/net/%s ] && break; sleep 0.2; done; ip link set lo up" % card)
    g.run("ip link set %s up && udhcpc -i %s -n -q -t 8 -s /lib/dhcp" % (card, card), timeout)
    return g.run("ip addr show %s | sed -n 's/.*inet \\([0-9.]*\\).*/\\1/p'" % card).split()[-1]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def serve_http(directory, host="127.0.0.1"):
    """A web server on the host; its port."""
    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, directory=directory, **kwargs)

        def log_message(self, *unused):
            pass

    server = http.server.ThreadingHTTPServer((host, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def receive_all(port_file=None):
    """Listen on the loopback, count what one connection sends; (port, thread, [bytes])."""
    s = socket.create_server(("127.0.0.1", 0))
    total = [0]

    def run():
        c, _ = s.accept()
        with c:
            while True:
                data = c.recv(1 << 20)
                if not data:
                    return
                total[0] += len(data)

    t = threading.Thread(target=run, daemon=True)
    t.start()
    return s.getsockname()[1], t, total


def connect(port, timeout=10):
    s = socket.create_connection(("127.0.0.1", port), timeout)
    s.settimeout(timeout)
    return s


def fail_unless(cond, g, why):
    if not cond:
        g.fail(why)
