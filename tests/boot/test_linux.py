"""Debian's riscv64 kernel boots to a shell, works, and powers off."""
import gzip
import os
import subprocess
import time

from guest import Failed, Guest, alone, arch_args, debian, linux, need_tinamou, need_tool
from migrate import Qmp


def use_shell(g, cpus, timeout=60):
    g.shell(timeout)
    if g.run("uname -m", timeout).strip() != "riscv64":
        g.fail("uname -m is not riscv64")
    if g.run("nproc", timeout).strip() != str(cpus):
        g.fail("nproc is not %d" % cpus)
    # Known answers: integer, 64-bit multiply, hashing, pipes and fork.
    if g.run("echo $((123456789 * 987654321 % 1000003))", timeout).strip() != str(123456789 * 987654321 % 1000003):
        g.fail("wrong product")
    want = "a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447"
    if want not in g.run("echo hello world | sha256sum", timeout):
        g.fail("wrong SHA-256")
    if g.run("seq 1 2000 | awk '{ s += $1 * 0.5 } END { print s }'", timeout).strip() != "1000500":
        g.fail("wrong floating-point sum")


def power_off(g, timeout=30):
    g.send("exit\n")
    g.wait_exit(0, timeout)


def test_debian_one_cpu():
    with linux() as g:
        use_shell(g, 1)
        power_off(g)


@alone
def test_debian_four_cpus():
    with linux(smp=4) as g:
        use_shell(g, 4)
        g.run("for c in 1 2 3 4; do (seq 1 60000 | md5sum >/tmp/$c) & done; wait", 120)
        sums = set(g.run("cat /tmp/1 /tmp/2 /tmp/3 /tmp/4").split("\n")[:4])
        if len(sums) != 1:
            g.fail("the same work gave different results on four CPUs")
        irqs = g.run("grep -c . /proc/interrupts; cat /proc/cpuinfo | grep -c ^processor").split()
        if irqs[-1] != "4":
            g.fail("/proc/cpuinfo does not list four CPUs")
        power_off(g)


def test_debian_interpreter():
    need_tinamou()
    with linux(["-accel", "tcg,engine=interp"]) as g:
        use_shell(g, 1, 500)
        power_off(g, 120)


test_debian_interpreter.limit = 600


@alone
def test_debian_thread_single_is_accepted():
    with linux(["-accel", "tcg,thread=single"], smp=2) as g:
        use_shell(g, 2, 120)
        power_off(g)


test_debian_thread_single_is_accepted.limit = 240


def test_gzipped_kernel_boots():
    need_tinamou()
    with open(debian() + "/kernel", "rb") as f:
        data = f.read()
    with gzip.open("Image.gz", "wb", compresslevel=1) as f:
        f.write(data)
    d = debian()
    with Guest(["-M", "virt", "-nographic", "-m", "512M", "-kernel", "Image.gz", "-initrd", d + "/initrd-small.cpio.gz",
                "-append", "console=ttyS0 quiet"]) as g:
        g.expect("is for riscv64") # plain "tinamou" found the architecture inside the packed kernel
        g.shell()
        power_off(g)


def test_reboot_resets_the_machine():
    with linux() as g:
        g.shell()
        g.run("touch /tmp/gone")
        g.send("reboot -f\n")
        g.shell()
        g.run("! test -e /tmp/gone")
        power_off(g)


def test_no_reboot_exits():
    with linux(["-no-reboot"]) as g:
        g.shell()
        g.send("reboot -f\n")
        g.wait_exit(0)


@alone
def test_idle_guest_leaves_the_host_alone():
    with linux(smp=2) as g:
        g.shell()
        time.sleep(3) # let the kernel finish what it put off
        before = g.cpu_seconds()
        time.sleep(5)
        used = g.cpu_seconds() - before
        if used > 0.5:
            raise Failed("an idle guest used %.2f s of host CPU time in 5 s" % used)
        g.send("exit\n")
        g.wait_exit(0)


@alone
def test_time_passes_as_on_the_host():
    with linux() as g:
        g.shell()
        start = time.monotonic()
        g.run("sleep 3")
        took = time.monotonic() - start
        if not 2.8 < took < 6:
            g.fail("'sleep 3' in the guest took %.1f s" % took)
        a = float(g.run("cut -d' ' -f1 /proc/uptime"))
        host = time.monotonic()
        time.sleep(2)
        b = float(g.run("cut -d' ' -f1 /proc/uptime"))
        host = time.monotonic() - host
        if abs((b - a) - host) > 0.7:
            g.fail("%.2f s passed on the host, %.2f s in the guest" % (host, b - a))
        power_off(g)


def test_large_memory():
    with linux(memory="3G") as g:
        g.shell()
        kib = int(g.run("awk '/MemTotal/ { print $2 }' /proc/meminfo"))
        if not 2800000 < kib < 3146000:
            g.fail("MemTotal is %d KiB with -m 3G" % kib)
        g.run("mount -t tmpfs -o size=1g none /mnt && dd if=/dev/zero of=/mnt/x bs=1M count=100 2>/dev/null")
        power_off(g)


def test_device_tree_names_the_board():
    with linux(append="foo=bar") as g:
        g.shell()
        if "riscv-virtio" not in g.run("tr '\\0' '\\n' </proc/device-tree/compatible"):
            g.fail("the root node's compatible has no riscv-virtio")
        if "foo=bar" not in g.run("cat /proc/cmdline"):
            g.fail("-append did not arrive")
        power_off(g)


def test_options_of_kernel_test_tools():
    """Options that scripts of continuous-integration systems pass are taken together."""
    d = debian()
    with Guest(arch_args() + ["-nodefaults", "-m", "1024", "-kernel", d + "/kernel", "-append", "console=ttyS0 quiet",
                              "-initrd", d + "/initrd-small.cpio.gz", "-no-reboot", "-nographic", "-accel", "kvm", "-accel",
                              "hvf", "-accel", "tcg", "-serial", "stdio", "-machine", "virt", "-cpu", "rv64", "-bios",
                              "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin"]) as g:
        g.shell()
        power_off(g)


@alone
def test_sandbox_denies_what_a_guest_does_not_need():
    need_tinamou()
    deny = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"
    with linux(["-sandbox", deny, "-qmp", "unix:qmp,server=on,wait=off"], smp=2) as g:
        g.shell()
        pid = g.process.pid
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/status" % (pid, task)) as f:
                if "Seccomp:\t2" not in f.read():
                    g.fail("thread %s has no filter" % task)
        said = Qmp("qmp").call("migrate", uri="exec:cat >/dev/null")
        if "Operation not permitted" not in said.get("error", {}).get("desc", ""):
            g.fail("a program could be started: %s" % said)
        power_off(g)


@alone
def test_options_of_libvirt():
    """The shape of what libvirt starts: JSON everywhere, a root port, a memory back end, the sandbox."""
    d = debian()
    with open("key", "wb") as f:
        f.write(os.urandom(32))
    subprocess.run([need_tool("qemu-img"), "create", "-q", "-f", "qcow2", "disk.qcow2", "64M"], check=True)
    args = arch_args() + [
        "-name", "guest=G,debug-threads=on", "-object", '{"qom-type":"secret","id":"masterKey0","format":"raw","file":"key"}',
        "-machine", "virt,usb=off,dump-guest-core=off,memory-backend=riscv.ram,acpi=off", "-accel", "tcg", "-m", "size=524288k",
        "-object", '{"qom-type":"memory-backend-ram","id":"riscv.ram","size":536870912}', "-overcommit", "mem-lock=off",
        "-smp", "2,sockets=2,cores=1,threads=1", "-uuid", "2fbe3b0c-8b28-4b3a-b7c6-8b9b8f1c0b5b", "-display", "none",
        "-no-user-config", "-nodefaults", "-chardev", "socket,id=charmonitor,path=monitor,server=on,wait=off",
        "-mon", "chardev=charmonitor,id=monitor,mode=control", "-rtc", "base=utc", "-no-shutdown", "-boot", "strict=on",
        "-device", '{"driver":"pcie-root-port","port":8,"chassis":1,"id":"pci.1","bus":"pcie.0","multifunction":true,"addr":"0x1"}',
        "-blockdev", '{"driver":"file","filename":"disk.qcow2","node-name":"storage","auto-read-only":true,"discard":"unmap"}',
        "-blockdev", '{"node-name":"format","read-only":false,"driver":"qcow2","file":"storage"}',
        "-device", '{"driver":"virtio-blk-pci","bus":"pci.1","addr":"0x0","drive":"format","id":"virtio-disk0","bootindex":1}',
        "-netdev", '{"type":"user","id":"hostnet0"}',
        "-device", '{"driver":"virtio-net-pci","netdev":"hostnet0","id":"net0","mac":"52:54:00:aa:bb:cc","bus":"pcie.0","addr":"0x2"}',
        "-chardev", "stdio,id=charserial0", "-serial", "chardev:charserial0", "-audiodev", '{"id":"audio1","driver":"none"}',
        "-kernel", d + "/kernel", "-initrd", d + "/initrd-small.cpio.gz", "-append", "console=ttyS0 quiet",
        "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny", "-msg", "timestamp=on", "-S"]
    with Guest(args) as g:
        q = Qmp("monitor")
        if q.run("query-status")["status"] != "prelaunch":
            g.fail("not waiting for cont")
        q.run("cont")
        g.shell()
        if g.run("ls /sys/bus/pci/devices | wc -l").strip() < "4":
            g.fail("devices are missing: " + g.run("ls /sys/bus/pci/devices"))
        g.send("exit\n")
        g.expect("reboot: Power down")
        while q.run("query-status")["status"] != "shutdown":
            time.sleep(0.1)
        q.run("quit")
        g.wait_exit(0)
