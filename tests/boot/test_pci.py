"""PCI Express as Debian's kernel and U-Boot see it."""
import re

from guest import Guest, alone, arch_args, linux, need_file
from modules import devtool, with_modules
from test_devices import MODULES, check_image, host_sum, make_disk, use_disk
from test_snapshot import save_and_load

SYS = "/sys/bus/pci/devices/"


def functions(g):
    """What the kernel found: {address: (vendor, device, class, driver)}."""
    out = g.run("for d in %s*; do echo ${d##*/} $(cat $d/vendor $d/device $d/class) $(basename $(readlink $d/driver) .); done" % SYS)
    found = {}
    for line in out.splitlines():
        words = line.split()
        found[words[0]] = tuple(words[1:4]) + (words[4].rstrip("."),)
    return found


def want_functions(g, want):
    found = functions(g)
    for address, row in want.items():
        if found.get("0000:" + address) != row:
            g.fail("%s is %r, not %r (all: %r)" % (address, found.get("0000:" + address), row, found))


def random_bytes(g):
    if len(set(g.run("for i in 1 2 3; do dd if=/dev/hwrng bs=32 count=1 2>/dev/null | md5sum; done").split("\n")[:3])) != 3:
        g.fail("/dev/hwrng gives the same bytes again")


def test_kernel_enumerates_functions():
    make_disk("disk.img")
    with linux(["-device", "virtio-rng-pci,addr=7", "-drive", "file=disk.img,format=raw,if=none,id=d", "-device",
                "virtio-blk-pci,drive=d,addr=05.0", "-device", "virtio-serial-pci-non-transitional,id=ser", "-device",
                "virtserialport,bus=ser.0,chardev=c,name=org.example", "-chardev", "file,id=c,path=port.txt"], MODULES) as g:
        g.shell()
        want_functions(g, {"00:00.0": ("0x1b36", "0x0008", "0x060000", ""),
                           "00:01.0": ("0x1af4", "0x1043", "0x078000", "virtio-pci"),
                           "00:05.0": ("0x1af4", "0x1001", "0x010000", "virtio-pci"),
                           "00:07.0": ("0x1af4", "0x1005", "0x00ff00", "virtio-pci")})
        random_bytes(g)
        g.run("echo through the port >/dev/$(ls /sys/class/virtio-ports | head -1)")
        if not re.search(r"PLIC +\d+ +\S+ +virtio", g.run("cat /proc/interrupts")):
            g.fail("no interrupt of a virtio function comes by the PLIC")
        g.send("exit\n")
        g.wait_exit(0)
    if open("port.txt").read() != "through the port\n":
        g.fail("the port carried %r" % open("port.txt").read())


def test_ext4_on_virtio_blk_pci():
    make_disk("disk.img")
    with linux(["-drive", "file=disk.img,format=raw,if=none,id=d", "-device", "virtio-blk-pci-non-transitional,drive=d"],
               MODULES) as g:
        use_disk(g)


def test_ext4_on_packed_rings():
    make_disk("disk.img")
    with linux(["-drive", "file=disk.img,format=raw,if=none,id=d", "-device", "virtio-blk-pci,drive=d,packed=on"], MODULES) as g:
        g.shell()
        if g.run("cat /sys/block/vda/device/features")[34] != "1":
            g.fail("packed rings were not negotiated")
        use_disk(g, shell=False)


@alone
def test_ext4_by_a_thread_of_the_device():
    make_disk("disk.img")
    with linux(["-drive", "file=disk.img,format=raw,if=none,id=d", "-device", "virtio-blk-pci,drive=d,ioeventfd=on"], MODULES,
               smp=2) as g:
        use_disk(g)


@alone
def test_a_queue_for_each_cpu_and_rings_that_change_size():
    make_disk("disk.img")
    net = ["-netdev", "user,id=n", "-device", "virtio-net-pci,netdev=n"] # bit 40: queues can be reset
    with linux(["-drive", "file=disk.img,format=raw,if=none,id=d", "-device", "virtio-blk-pci,drive=d"] + net,
               with_modules([], files=[devtool()]), smp=2) as g:
        g.shell()
        if g.run("ls /sys/block/vda/mq").split() != ["0", "1"]:
            g.fail("two CPUs, and not two queues")
        g.run("ifconfig eth0 10.0.2.15 up; ping -c1 -W9 10.0.2.2")
        if g.run("cat /sys/class/net/eth0/device/features")[40] != "1":
            g.fail("resets of queues were not negotiated")
        for entries in (32, 64, 256):
            if "rings: %d %d" % (entries, entries) not in g.run("/extra/devtool rings eth0 %d" % entries):
                g.fail("the rings have another size")
            g.run("ping -c3 -i0.1 -W9 10.0.2.2")
        g.send("exit\n")
        g.wait_exit(0)


def test_legacy_interface_alone():
    make_disk("disk.img")
    with linux(["-drive", "file=disk.img,format=raw,if=none,id=d", "-device", "virtio-blk-pci,drive=d,disable-modern=on"],
               MODULES) as g:
        use_disk(g)


def test_drive_of_the_board_is_on_pci():
    make_disk("disk.img")
    with linux(["-drive", "file=disk.img,format=raw,if=virtio"], MODULES) as g:
        g.shell()
        if "/pci0000:00/" not in g.run("readlink /sys/block/vda"):
            g.fail("if=virtio is not on PCI")
        if host_sum("disk.img") not in g.run("sha256sum /dev/vda"):
            g.fail("the disk reads otherwise in the guest")
        g.send("exit\n")
        g.wait_exit(0)


def test_devices_by_json():
    with linux(["-device", '{"driver": "virtio-rng-pci", "id": "rng0", "bus": "pcie.0", "addr": "0x9"}'], MODULES) as g:
        g.shell()
        want_functions(g, {"00:09.0": ("0x1af4", "0x1005", "0x00ff00", "virtio-pci")})
        g.send("exit\n")
        g.wait_exit(0)


def test_disks_behind_ports_switches_and_bridges():
    make_disk("disk.img")
    disks = []
    for n in range(4):
        disks += ["-drive", "file=disk.img,format=raw,if=none,snapshot=on,id=d%d" % n]
    fabric = ["pcie-root-port,id=rp1,chassis=1", "pcie-root-port,id=rp2,chassis=2", "virtio-blk-pci,drive=d0,bus=rp1",
              "x3130-upstream,id=up,bus=rp2", "xio3130-downstream,id=dn1,bus=up", "xio3130-downstream,id=dn2,bus=up,chassis=3",
              "virtio-blk-pci,drive=d1,bus=dn2", "pcie-pci-bridge,id=br,bus=pcie.0", "virtio-blk-pci,bus=br,drive=d2,addr=5",
              "pci-bridge,id=pb,bus=br,chassis_nr=9,addr=6", "virtio-blk-pci,bus=pb,drive=d3,addr=2"]
    with linux(disks + [w for f in fabric for w in ("-device", f)], MODULES, append="modules=no") as g:
        g.shell()
        g.run("modprobe virtio_pci; modprobe virtio_blk")
        want_functions(g, {"00:01.0": ("0x1b36", "0x000c", "0x060400", "pcieport"),
                           "01:00.0": ("0x1af4", "0x1042", "0x010000", "virtio-pci"),
                           "02:00.0": ("0x104c", "0x8232", "0x060400", "pcieport"),
                           "05:00.0": ("0x1af4", "0x1042", "0x010000", "virtio-pci"),
                           "06:05.0": ("0x1af4", "0x1001", "0x010000", "virtio-pci"),
                           "07:02.0": ("0x1af4", "0x1001", "0x010000", "virtio-pci")})
        want = host_sum("disk.img")
        if g.run("sha256sum /dev/vda /dev/vdb /dev/vdc /dev/vdd").count(want) != 4:
            g.fail("a disk reads otherwise in the guest")
        g.send("exit\n")
        g.wait_exit(0)


def test_functions_unbind_and_come_back():
    """The driver lets go (reset, vectors freed), takes hold again; memory decoding goes off and on."""
    with linux(["-device", "virtio-rng-pci"], MODULES) as g:
        g.shell()
        for file in "unbind", "bind":
            g.run("echo 0000:00:01.0 >/sys/bus/pci/drivers/virtio-pci/" + file)
        random_bytes(g)
        g.run("echo 1 >%s0000:00:01.0/remove && echo 1 >/sys/bus/pci/rescan" % SYS)
        random_bytes(g)
        g.send("exit\n")
        g.wait_exit(0)


def test_uboot_reads_the_disk():
    with open("disk.img", "wb") as f:
        f.write(b"sixteen bytes ok" + bytes(1 << 20))
    bios = need_file("/usr/lib/u-boot/qemu-riscv64/u-boot.bin")
    with Guest(arch_args() + ["-M", "virt", "-m", "256M", "-nographic", "-bios", bios, "-drive",
                              "file=disk.img,format=raw,if=none,id=d", "-device", "virtio-blk-pci,drive=d"]) as g:
        g.expect("Hit any key to stop autoboot", 60)
        g.send("\n")
        g.expect("=> ", 60)
        g.send("pci enum\npci\n")
        g.expect(r"00.01.00 +0x1af4 +0x1001", 20)
        g.send("virtio scan\nvirtio read 0x84000000 0 1\nmd.b 0x84000000 10\n")
        g.expect("1 blocks read: OK", 20)
        g.expect("sixteen bytes ok", 20)
        g.expect("=> ", 20)
        g.send("poweroff\n")
        g.wait_exit(0, 30)


def test_functions_go_on_in_another_process():
    """BARs behind a root port, a packed ring served by a thread, lines: saved in use, loaded, used on."""
    make_disk("disk.img")
    save_and_load("exec:cat >state", 2,
                  ["-drive", "file=disk.img,if=none,format=raw,id=d0", "-device", "pcie-root-port,id=rp", "-device",
                   "virtio-blk-pci,drive=d0,bus=rp,packed=on,ioeventfd=on", "-device", "virtio-rng-pci"],
                  "mount -t ext4 /dev/vda /mnt; "
                  "(while :; do dd if=/dev/urandom of=/mnt/data/big bs=64k count=16 2>/dev/null; sync; done) & sleep 1",
                  "echo hello from the guest >/mnt/data/reply; kill $(jobs -p); sleep 1; umount /mnt || (killall dd sh; sleep 1; umount /mnt); "
                  "dd if=/dev/hwrng of=/dev/null bs=32 count=4 2>/dev/null")
    check_image("disk.img")
