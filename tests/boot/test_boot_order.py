"""Which of several disks firmware starts: bootindex, -boot order, once and strict.  A disk says its number by isa-debug-exit."""
from guest import Failed, Guest, arch_args, need_file

EXIT_PORT = 0xf4


def make_disk(number, resets=False):
    """A boot sector that ends the emulator with status 2 * number + 1, or resets the machine by port 0xcf9."""
    port, value = (0xcf9, 6) if resets else (EXIT_PORT, number)
    code = bytes([0xba, port & 255, port >> 8, 0xb0, value, 0xee, 0xf4, 0xeb, 0xfd])
    with open("disk%d.img" % number, "wb") as f:
        f.write((code.ljust(510, b"\0") + b"\x55\xaa").ljust(1440 << 10, b"\0"))


def check(machine, args, want):
    need_file("/usr/share/seabios/bios-256k.bin")
    args = ["-M", machine, "-m", "32", "-display", "none", "-net", "none", "-device", "isa-debug-exit,iobase=0xf4,iosize=4"] + args
    with Guest(arch_args("amd64") + args) as g:
        status = g.process.wait(30)
    if status != 2 * want + 1:
        raise Failed("status %d instead of that of disk %d with %s" % (status, want, args))


def drives(*numbers):
    return [a for n in numbers for a in ("-drive", "if=none,id=d%d,format=raw,file=disk%d.img" % (n, n))]


def test_the_lowest_bootindex_is_started():
    for n in range(1, 5):
        make_disk(n)
    disks = [["-device", "virtio-blk-pci,drive=d1"], ["-device", "virtio-scsi-pci", "-device", "scsi-hd,scsi-id=5,lun=3,drive=d2"],
             ["-device", "ahci,id=sata", "-device", "ide-hd,bus=sata.2,drive=d3"],
             ["-device", "pcie-root-port,id=port", "-device", "virtio-blk-pci,bus=port,drive=d4"]]
    for first in range(4):
        args = drives(1, 2, 3, 4)
        for i, disk in enumerate(disks):
            args += disk[:-1] + [disk[-1] + ",bootindex=%d" % (3 if i == first else 10 + i)]
        check("q35", args, first + 1)


def test_channels_floppies_and_their_order():
    for n in range(1, 4):
        make_disk(n)
    ide = drives(1, 2) + ["-device", "ide-hd,bus=ide.0,unit=1,drive=d1,bootindex=8", "-device", "ide-hd,bus=ide.1,unit=0,drive=d2,bootindex=%d"]
    floppy = ["-drive", "if=floppy,format=raw,file=disk3.img"]
    check("pc", ide[:-1] + [ide[-1] % 5], 2)
    check("pc", ide[:-1] + [ide[-1] % 9] + floppy, 1)
    check("pc", ide[:-1] + [ide[-1] % 9] + floppy + ["-global", "isa-fdc.bootindexA=1"], 3)
    check("isapc", floppy + ["-hda", "disk1.img", "-global", "isa-fdc.bootindexA=2", "-global", "ide-hd.bootindex=1"], 1)


def test_once_counts_until_the_reset():
    make_disk(1)
    make_disk(2, resets=True)
    args = ["-drive", "if=floppy,format=raw,file=disk2.img", "-drive", "if=ide,format=raw,file=disk1.img", "-boot"]
    check("pc", args + ["once=a,order=c"], 1)


def test_strict_order_ends_with_the_list():
    """Without it, SeaBIOS goes on to the floppy, which has no bootindex; with it, the machine starts again, here by a reset."""
    make_disk(1)
    with open("disk2.img", "wb") as f:
        f.write(bytes(1 << 20))
    args = drives(2) + ["-device", "virtio-blk-pci,drive=d2,bootindex=1", "-drive", "if=floppy,format=raw,file=disk1.img"]
    check("pc", args, 1)
    with Guest(arch_args("amd64") + ["-M", "pc", "-m", "32", "-display", "none", "-net", "none", "-no-reboot", "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
                                     "-boot", "strict=on,reboot-timeout=100"] + args) as g:
        g.wait_exit(0)
