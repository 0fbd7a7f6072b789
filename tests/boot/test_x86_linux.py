"""PCs with Debian's kernels: amd64 and 686-pae, by SeaBIOS and our option ROM, and on microvm without firmware."""
from guest import linux, need_file
from test_arm import power_off, same_work, use_shell

UNAME = {"amd64": "x86_64", "i386": "i686"}


def boot(arch, machine, smp, more=()):
    need_file("/usr/share/seabios/bios-256k.bin")
    with linux(more, arch=arch, machine=machine, smp=smp) as g:
        use_shell(g, UNAME[arch], smp, 100)
        if smp > 1:
            same_work(g, smp)
        power_off(g)


def test_amd64_on_pc_one_cpu():
    boot("amd64", "pc", 1)


def test_amd64_on_pc_four_cpus():
    boot("amd64", "pc", 4)


def test_amd64_on_q35_one_cpu():
    boot("amd64", "q35", 1)


def test_amd64_on_q35_four_cpus():
    boot("amd64", "q35", 4, ["-cpu", "max"])


def test_i386_on_pc_one_cpu():
    boot("i386", "pc", 1)


def test_i386_on_pc_four_cpus():
    boot("i386", "pc", 4)


def test_i386_on_q35_one_cpu():
    boot("i386", "q35", 1, ["-cpu", "pentium3"])


def test_i386_on_q35_four_cpus():
    boot("i386", "q35", 4, ["-cpu", "max"])


def test_microvm():
    boot("amd64", "microvm", 1)
    boot("i386", "microvm", 2)


def test_microvm_without_acpi():
    with linux(["-no-reboot"], arch="i386", machine="microvm,acpi=off", smp=2) as g:
        use_shell(g, UNAME["i386"], 2, 100)
        g.send("reboot -f\n") # nothing could power it off
        g.wait_exit(0)
