"""gdb, and a client of its remote protocol, for tests of the gdb server."""
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "boot"))
import guest  # noqa: E402

SOCKET = "gdb.sock" # in the test's own directory
# architecture: prefix of the tools, options, start-up code, what gdb calls it, its processor here
TOOLS = {
    "riscv64": ("riscv64-linux-gnu-", ["-march=rv64gc", "-mabi=lp64d", "-mcmodel=medany"], "guest", "riscv:rv64", None),
    "riscv32": ("riscv64-linux-gnu-", ["-march=rv32gc", "-mabi=ilp32d", "-mcmodel=medany"], "guest", "riscv:rv32", None),
    "arm64": ("aarch64-linux-gnu-", ["-mcpu=cortex-a53"], "guest_arm", "aarch64", "cortex-a53"),
    "armhf": ("arm-linux-gnueabihf-", ["-mcpu=cortex-a15", "-marm"], "guest_arm", "arm", "cortex-a15"),
}


def program(arch="riscv64"):
    """The bare-metal program of this directory, compiled with symbols; its path."""
    tools, options, start, _, _ = TOOLS[arch]
    cc = guest.need_tool(tools + "gcc")
    out = os.path.abspath("guest-%s.elf" % arch)
    subprocess.run([cc, "-g", "-O0"] + options + ["-ffreestanding", "-fno-pic", "-nostdlib", "-static", "-Wl,--build-id=none",
                    "-Wl,--no-warn-rwx-segments", "-T", "%s/%s.ld" % (HERE, start),
                    "-o", out, "%s/%s.S" % (HERE, start), HERE + "/guest.c"], check=True)
    return out


def bare(elf, arch="riscv64", smp=2, paused=True, more=()):
    """A Guest that runs the program, with a gdb server at SOCKET."""
    if os.path.exists(SOCKET):
        os.unlink(SOCKET)
    cpu = TOOLS[arch][4]
    args = guest.arch_args(arch) + ["-M", "virt", "-m", "32M", "-smp", str(smp), "-kernel", elf,
                                    "-display", "none", "-serial", "none", "-monitor", "none"]
    args += ["-cpu", cpu] if cpu else ["-bios", "none"]
    return guest.Guest(args + gdb_args() + (["-S"] if paused else []) + list(more))


def gdb_args():
    if guest.is_tinamou():
        return ["-gdb", "unix:" + SOCKET]
    return ["-chardev", "socket,id=gdb,path=%s,server=on,wait=off" % SOCKET, "-gdb", "chardev:gdb"]


def sockets(pid):
    """The inodes of a process's sockets."""
    inodes = set()
    try:
        for fd in os.scandir("/proc/%d/fd" % pid):
            inodes.update(re.findall(r"socket:\[(\d+)\]", os.readlink(fd.path)))
    except OSError:
        pass # it has closed that one, or ended: the caller asks again
    return inodes


def listens(pid, path):
    """Whether the process listens there: the file is there a moment before that (flag ACCEPTCON, unix(7) and proc(5)).
    The same path may be another test's, in its directory."""
    with open("/proc/net/unix") as f:
        rows = [line.split() for line in f]
    own = sockets(pid)
    return any(row[7:] == [path] and row[6] in own and int(row[3], 16) & 0x10000 for row in rows[1:])


def wait_socket(g, timeout=30):
    deadline = time.monotonic() + timeout
    while not listens(g.process.pid, SOCKET):
        if time.monotonic() > deadline or g.process.poll() is not None:
            g.fail("no gdb server at " + SOCKET)
        time.sleep(0.02)


class Gdb:
    """gdb at its prompt.  Use as a context manager."""

    def __init__(self, g, elf=None, connect="target remote " + SOCKET, arch="riscv64"):
        wait_socket(g)
        self.guest, self.text = g, ""
        self.process = subprocess.Popen([guest.need_tool("gdb-multiarch"), "-q", "-nx"] + ([elf] if elf else []),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0)
        self.read_prompt(60)
        for command in ("set pagination off", "set confirm off", "set width 0", "set debuginfod enabled off"):
            self.run(command)
        if not elf:
            self.run("set architecture " + TOOLS[arch][3])
        self.run(connect)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def fail(self, why):
        self.guest.fail("%s\n  gdb: %s\n" % (why, self.text[-1500:]))

    def read_prompt(self, timeout):
        """Output up to the next prompt."""
        deadline, out = time.monotonic() + timeout, ""
        while not out.endswith("(gdb) "):
            ready, _, _ = select.select([self.process.stdout], [], [], max(deadline - time.monotonic(), 0))
            data = os.read(self.process.stdout.fileno(), 65536).decode("utf-8", "replace") if ready else ""
            self.text += data
            if not data:
                self.fail("gdb said nothing more within %d s" % timeout)
            out += data
        return out[:-6]

    def read_until(self, pattern, timeout):
        """Output that comes without a prompt."""
        deadline, out = time.monotonic() + timeout, ""
        while not re.search(pattern, out):
            ready, _, _ = select.select([self.process.stdout], [], [], max(deadline - time.monotonic(), 0))
            data = os.read(self.process.stdout.fileno(), 65536).decode("utf-8", "replace") if ready else ""
            self.text += data
            if not data:
                self.fail("no %r within %d s" % (pattern, timeout))
            out += data

    def start(self, command):
        """Begin what does not end by itself: interrupt() ends it."""
        self.text += command + "\n"
        self.process.stdin.write(command.encode() + b"\n")
        time.sleep(0.3)

    def interrupt(self, timeout=60):
        self.process.send_signal(signal.SIGINT)
        return self.read_prompt(timeout)

    def run(self, command, want=None, timeout=60):
        """A command's output, which must have the pattern."""
        self.text += command + "\n"
        self.process.stdin.write(command.encode() + b"\n")
        out = self.read_prompt(timeout)
        if want and not re.search(want, out):
            self.fail("no %r after %r" % (want, command))
        return out

    def value(self, expression):
        """An integer."""
        m = re.search(r"= (0x[0-9a-f]+|-?\d+)", self.run("p/x " + expression))
        if not m:
            self.fail("no value of " + expression)
        return int(m.group(1), 0)


class Remote:
    """The protocol, packet by packet."""

    def __init__(self, g):
        wait_socket(g)
        self.guest, self.ack, self.data = g, True, b""
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(SOCKET)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.socket.close()

    def fail(self, why):
        self.guest.fail(why)

    def raw(self, data):
        self.socket.sendall(data)

    def byte(self):
        if not self.data:
            self.data = self.socket.recv(65536)
        if not self.data:
            self.fail("the gdb server closed the connection")
        b, self.data = self.data[:1], self.data[1:]
        return b

    def send(self, text):
        data = text if isinstance(text, bytes) else text.encode()
        self.raw(b"$" + data + b"#%02x" % (sum(data) & 255))

    def receive(self, start=b"$"):
        """The next packet's contents, unescaped."""
        while True:
            b = self.byte()
            if b == start:
                break
            if b not in (b"+", b"-"):
                self.fail("found %r, wanted a packet that starts with %r" % (b, start))
        body = b""
        while True:
            b = self.byte()
            if b == b"#":
                break
            body += bytes([self.byte()[0] ^ 0x20]) if b == b"}" else b
        self.byte()
        self.byte()
        if self.ack and start == b"$":
            self.raw(b"+")
        return body

    def ask(self, text, want=None):
        """Send, and the reply as text; it must match the pattern from end to end."""
        self.send(text)
        reply = self.receive().decode("latin-1")
        if want is not None and not re.fullmatch(want, reply, re.S):
            self.fail("reply to %r is %r, not %r" % (text, reply[:300], want))
        return reply

    def register(self, n):
        return int.from_bytes(bytes.fromhex(self.ask("p%x" % n)), "little")
