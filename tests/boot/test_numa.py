"""-numa, as Linux sees the nodes by ACPI and by device tree; memory back ends with files."""
import os
import re
import subprocess

from guest import EMULATOR, Failed, alone, arch_args, linux, need_file
from test_arm import power_off

NODES = ["-object", "memory-backend-ram,id=a,size=192M", "-object", "memory-backend-memfd,id=b,size=320M", "-smp", "4",
         "-numa", "node,memdev=a,cpus=0-1", "-numa", "node,memdev=b,cpus=2", "-numa", "cpu,node-id=1,core-id=3",
         "-numa", "dist,src=0,dst=1,val=15", "-numa", "dist,src=1,dst=0,val=30"]


def harts_of(g, cpus):
    """RISC-V's CPU 0 is whichever hart began: the harts of a list such as 0,2-3."""
    harts = [int(n) for n in re.findall(r"^hart\s*: (\d+)", g.run("cat /proc/cpuinfo"), re.M)] or range(4)
    ends = [[int(n) for n in part.split("-")] for part in cpus.strip().split(",")]
    return sorted(harts[n] for first_last in ends for n in range(first_last[0], first_last[-1] + 1))


def check_nodes(arch, machine):
    with linux(NODES, arch=arch, machine=machine, memory="512M", append="quiet", initrd="initrd-small.cpio.gz") as g:
        g.shell()
        g.run("ln -s /sys/devices/system/node /n") # short commands: the shell wraps their echo
        said = g.run("cat /n/node?/cpulist /n/node?/distance").split("\n")
        if [harts_of(g, line) for line in said[:2]] != [[0, 1], [2, 3]] or [line.strip() for line in said[2:4]] != ["10 15", "30 10"]:
            g.fail("the kernel sees %s" % said)
        sizes = [int(s) for s in g.run("awk '/MemTotal/ {print $4}' /n/node?/meminfo").split()]
        if len(sizes) != 2 or not 128 << 10 < sizes[0] < 192 << 10 < sizes[1] < 320 << 10:
            g.fail("the nodes have %s kB" % sizes)
        power_off(g)


def test_nodes_of_a_pc():
    need_file("/usr/share/seabios/bios-256k.bin")
    check_nodes("amd64", "q35")


@alone
def test_nodes_of_a_device_tree():
    check_nodes("riscv64", "virt")


# What is loaded into memory is in the file with share=on, and not without.
def test_memory_in_a_file():
    with open("kernel", "wb") as f:
        f.write(b"\x6f\x00\x00\x00".ljust(4096, b"\x5a"))
    for share, size in (("on", 64), ("off", 64)):
        path = os.path.abspath("ram-" + share)
        args = [EMULATOR] + arch_args() + ["-M", "virt,memory-backend=m", "-m", "64M", "-bios", "none", "-kernel", "kernel", "-S", "-display", "none",
                "-monitor", "stdio", "-object", "memory-backend-file,id=m,size=%dM,share=%s,mem-path=%s" % (size, share, path)]
        r = subprocess.run(args, input="info memdev\nquit\n", capture_output=True, text=True, timeout=30)
        if r.returncode or ("share: " + ("true" if share == "on" else "false")) not in r.stdout:
            raise Failed("status %d: %s%s" % (r.returncode, r.stdout, r.stderr))
        with open(path, "rb") as f:
            data = f.read()
        if len(data) != size << 20 or (b"\x5a" * 4092 in data) != (share == "on"):
            raise Failed("share=%s: the file has %d bytes, and not what it should" % (share, len(data)))
