"""What Debian's kernels make of the tables, disks and network cards of pc and q35, and that they can reset the machine."""
import re

from guest import linux, need_file
from test_arm import power_off

# What Linux says about tables and interrupts that do not fit together, but for what it says of any PC, or when the host is busy.
COMPLAINTS = re.compile(r"(ACPI|PCI|APIC|TIMER|hpet|BIOS|DMI)[^\n]*(\berror|exception|warning|\bbug\b|invalid|fail)", re.IGNORECASE)
EXPECTED = ("use \"pci=nocrs\" and report a bug", "fail to add MMCONFIG", "PM-Timer running at invalid rate")


def start(arch, machine, more=(), **kw):
    need_file("/usr/share/seabios/bios-256k.bin")
    return linux(more, arch=arch, machine=machine, memory="256M", append="panic=-1", **kw)


def check_tables(g):
    bad = [line for line in g.run("dmesg").splitlines() if COMPLAINTS.search(line) and not any(e in line for e in EXPECTED)]
    if bad:
        g.fail("the kernel complains: %s" % bad)
    if not re.search(r"^ *4: .*IO-APIC +4-edge +ttyS0", g.run("cat /proc/interrupts"), re.MULTILINE):
        g.fail("the serial line's interrupt is not at the I/O APIC")


def check_devices(machine, driver):
    more = ["-no-reboot", "-drive", "file=disk.img,format=raw"]
    with start("i386", machine, more, initrd="initrd.cpio.gz") as g:
        g.shell()
        check_tables(g)
        if "what the disk says" not in g.run("head -c 18 /dev/sda; echo"):
            g.fail("the disk says something else")
        g.run("dd if=/dev/zero of=/dev/sda bs=4096 seek=1 count=16 conv=fsync")
        if driver not in g.run("cat /proc/interrupts"):
            g.fail("no interrupt of " + driver)
        g.run("ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0; sleep 0.2")
        if " 0% packet loss" not in g.run("ping -c 2 -W 5 10.0.2.2"):
            g.fail("the router does not answer")
        power_off(g)


def test_disks_and_network_of_the_chip_sets():
    with open("disk.img", "wb") as f:
        f.write(b"what the disk says".ljust(1 << 20, b"\0"))
    check_devices("pc", "ata_piix")
    check_devices("q35", "ahci")


def test_a_reboot_starts_again():
    with start("amd64", "q35") as g:
        g.shell()
        check_tables(g)
        g.run("touch /tmp/gone")
        g.send("reboot -f\n")
        g.shell()
        g.run("! test -e /tmp/gone")
        power_off(g)
