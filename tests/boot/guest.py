"""Starting a guest and talking to its serial line, with the Python standard library only."""
import codecs
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EMULATOR = os.environ.get("TINAMOU") or os.path.join(ROOT, "build", "tinamou")
OPTIONS = os.environ.get("TINAMOU_OPTIONS", "").split() # for every guest, e.g. "-accel tcg,engine=interp"
PROMPT = r"[~/] # "


class Failed(Exception):
    """The guest or the emulator did something else than the test wants."""


class Skipped(Exception):
    """The test cannot run here; the text says what is missing."""


def alone(test):
    """A test that runs while no other does: it starts a RISC-V guest of several harts, whose firmware (Debian 12's OpenSBI)
    lets a hart go before it has stored where to, which goes wrong on a host without a core to spare, or it looks at time."""
    test.alone = True
    return test


def need_tool(name):
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if not path:
        raise Skipped("%s is not installed" % name)
    return path


def need_file(path):
    if not os.path.exists(path):
        raise Skipped("%s does not exist" % path)
    return path


def is_tinamou():
    return "system" not in os.path.basename(EMULATOR)


def need_tinamou():
    if not is_tinamou():
        raise Skipped("only Tinamou has this option")


# Debian's name of an architecture: what the emulator calls it, and the console of its virt board, or of PCs
ARCHES = {"riscv64": ("riscv64", "ttyS0"), "arm64": ("aarch64", "ttyAMA0"), "armhf": ("arm", "ttyAMA0"), "amd64": ("x86_64", "ttyS0"),
          "i386": ("i386", "ttyS0")}


def arch_args(arch="riscv64"):
    return ["-arch", ARCHES[arch][0] if arch in ARCHES else arch] if is_tinamou() else []


def debian(arch="riscv64"):
    """The directory of Debian's kernel and our initial RAM disks (tools/get_guest)."""
    r = subprocess.run([os.path.join(ROOT, "tools", "get_guest"), arch], stdout=subprocess.PIPE, text=True)
    if r.returncode:
        raise Skipped("tools/get_guest %s could not fetch a guest" % arch)
    return r.stdout.strip().split("\n")[-1]


def debian_system(arch="riscv64"):
    """The directory that also has rootfs.ext4, a Debian with systemd (tools/get_rootfs).  Boot it with -snapshot."""
    r = subprocess.run([os.path.join(ROOT, "tools", "get_rootfs"), arch], stdout=subprocess.PIPE, text=True)
    if r.returncode:
        raise Skipped("tools/get_rootfs %s could not build a system" % arch)
    return r.stdout.strip().split("\n")[-1]


def debian_disk(arch):
    """The directory that also has disk.img, the same with a partition table, GRUB and the kernel (tools/get_disk)."""
    r = subprocess.run([os.path.join(ROOT, "tools", "get_disk"), arch], stdout=subprocess.PIPE, text=True)
    if r.returncode:
        raise Skipped("tools/get_disk %s could not build a disk" % arch)
    return r.stdout.strip().split("\n")[-1]


def debian_package(name, suite="trixie"):
    """The directory of the files of one of Debian's packages for PCs (tools/get_package)."""
    r = subprocess.run([os.path.join(ROOT, "tools", "get_package"), name, suite], stdout=subprocess.PIPE, text=True)
    if r.returncode:
        raise Skipped("tools/get_package %s %s could not fetch the package" % (name, suite))
    return r.stdout.strip().split("\n")[-1]


class Guest:
    """A running emulator.  Use as a context manager: it is killed at the end whatever happens."""

    def __init__(self, args, stdin=subprocess.PIPE, stdout=subprocess.PIPE):
        self.args = [EMULATOR] + OPTIONS + args
        self.text, self.pos = "", 0
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a read may end inside a character
        self.process = subprocess.Popen(self.args, stdin=stdin, stdout=stdout, stderr=subprocess.STDOUT, bufsize=0)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for f in (self.process.stdin, self.process.stdout):
            if f:
                f.close()

    def fail(self, why):
        tail = self.text[-1500:].replace("\r", "")
        raise Failed("%s\n  command: %s\n  last output:\n%s" % (why, " ".join(self.args), tail))

    def read_more(self, deadline):
        """Add output to self.text; False at its end."""
        left = deadline - time.monotonic()
        ready, _, _ = select.select([self.process.stdout], [], [], max(left, 0))
        if not ready:
            return True
        data = os.read(self.process.stdout.fileno(), 65536)
        self.text += self.decoder.decode(data)
        return bool(data)

    def expect(self, pattern, timeout=60):
        """Wait until output after the last match has the pattern; the match."""
        deadline = time.monotonic() + timeout
        while True:
            m = re.compile(pattern).search(self.text, self.pos)
            if m:
                self.pos = m.end()
                return m
            if time.monotonic() > deadline:
                self.fail("no %r within %d s" % (pattern, timeout))
            if not self.read_more(deadline):
                self.fail("the emulator ended (status %s) before %r" % (self.process.wait(), pattern))

    def send(self, text):
        os.write(self.process.stdin.fileno(), text.encode())

    def run(self, command, timeout=60):
        """Run a shell command in the guest; its output.  Fails when its status is not 0."""
        self.send(command + '; echo "<""status $?>"\n')
        start = self.pos
        m = self.expect(r"<status (\d+)>\r*\n", timeout)
        output = self.text[start:m.start()].replace("\r", "")
        output = output.partition("\n")[2] # without the echo of the command
        if m.group(1) != "0":
            self.fail("in the guest: status %s of %r" % (m.group(1), command))
        self.expect(PROMPT, timeout) # so that the next command's echo comes once, after the prompt
        return output

    def shell(self, timeout=120):
        """Wait for the prompt of tools/guest_init's shell."""
        self.expect(PROMPT, timeout)
        self.run("echo 1 >/proc/sys/kernel/printk")

    def wait_exit(self, status=0, timeout=60):
        """The emulator must end by itself with this status."""
        deadline = time.monotonic() + timeout
        while self.process.stdout and self.read_more(deadline):
            if time.monotonic() > deadline:
                self.fail("still running after %d s" % timeout)
        try:
            got = self.process.wait(max(deadline - time.monotonic(), 1))
        except subprocess.TimeoutExpired:
            self.fail("still running after %d s" % timeout)
        if got != status:
            self.fail("exit status %d, not %d" % (got, status))

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def cpu_seconds(self):
        """Host CPU time the emulator has used."""
        with open("/proc/%d/stat" % self.process.pid) as f:
            fields = f.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def await_listener(path, process=None, timeout=30):
    """Wait until somebody accepts on the UNIX socket at path: a file alone may be a socket that was left, or one that
    does not listen yet."""
    deadline = time.monotonic() + timeout
    while True:
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(path)
                return
            except (FileNotFoundError, ConnectionRefusedError):
                pass
        if process and process.poll() is not None:
            raise Failed("the server of %s ended with status %d" % (path, process.returncode))
        if time.monotonic() > deadline:
            raise Failed("nobody listens on %s" % path)
        time.sleep(0.02)


def linux(more=(), initrd="initrd-small.cpio.gz", append="", smp=1, memory="512M", arch="riscv64", machine="virt"):
    """A Guest with Debian's kernel and a shell as its first process."""
    d = debian(arch)
    append = "console=%s quiet %s" % (ARCHES[arch][1], append)
    args = arch_args(arch) + ["-M", machine, "-m", memory, "-smp", str(smp), "-nographic", "-kernel", d + "/kernel",
                              "-initrd", os.path.join(d, initrd), "-append", append.strip()]
    return Guest(args + list(more))


def emulator(args, timeout=30, check=None):
    """Run the emulator to its end; (status, stdout, stderr)."""
    r = subprocess.run([EMULATOR] + args, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
    if check is not None and r.returncode != check:
        raise Failed("%s: status %d, not %d: %s" % (" ".join(args), r.returncode, check, r.stderr[-500:]))
    return r.returncode, r.stdout, r.stderr
