"""What stands between firmware and a PC's kernel: a hypervisor, boot loaders on disks and over a network, secure boot."""
import gzip
import os
import shutil
import struct
import subprocess

from guest import Failed, Guest, arch_args, debian, debian_package, need_file, need_tool
from test_arm import power_off, use_shell
from test_x86_disk import OVMF, flash

SECTOR, FAT_AT = 512, 63  # of a disk whose one partition begins where DOS has it
MENU = "SERIAL 0\nPROMPT 0\nTIMEOUT 10\nUI menu.c32\nMENU TITLE Loaders\nLABEL debian\n LINUX /kernel\n INITRD /initrd\n APPEND console=ttyS0 quiet\n"


def syslinux(name):
    return "%s/usr/lib/syslinux/%s" % (debian_package("syslinux-common", "bookworm"), name)


def fat(size, files, label="SYS"):
    """fat.img, a file system of so many MiB with files: {path in it: path here}."""
    with open("fat.img", "wb") as f:
        f.truncate(size << 20)
    subprocess.run([need_tool("mkfs.vfat"), "-h", str(FAT_AT), "-n", label, "fat.img"], check=True, stdout=subprocess.DEVNULL)
    made = set()
    for to, path in files.items():
        parts = to.split("/")[:-1]
        for d in ("/".join(parts[:n + 1]) for n in range(len(parts))):
            if d not in made:
                subprocess.run([need_tool("mmd"), "-i", "fat.img", "::" + d], check=True)
                made.add(d)
        subprocess.run([need_tool("mcopy"), "-i", "fat.img", path, "::" + to], check=True)


def write(name, text):
    with open(name, "w") as f:
        f.write(text)
    return name


# Xen is multiboot and wants its modules; its first guest, a kernel that knows it, runs in ring 3 beside it and gets all of
# its interrupts, page tables and segments from it.
def test_xen_runs_debian():
    d = debian("amd64")
    with gzip.open(debian_package("xen-hypervisor-4.17-amd64", "bookworm") + "/boot/xen-4.17-amd64.gz") as packed, open("xen", "wb") as f:
        shutil.copyfileobj(packed, f)
    need_file("/usr/share/seabios/bios-256k.bin")
    args = ["-M", "q35", "-m", "768", "-smp", "2", "-nographic", "-net", "none", "-kernel", "xen", "-append", "console=com1 com1=115200,8n1 dom0_mem=384M noreboot",
            "-initrd", "%s/kernel console=hvc0 quiet,%s/initrd-small.cpio.gz" % (d, d)]
    with Guest(arch_args("amd64") + args) as g:
        g.expect("Xen version 4", 60)
        use_shell(g, "x86_64", 2, 200)
        if g.run("cat /sys/hypervisor/type").strip() != "xen":
            raise Failed("the kernel does not run on Xen")


test_xen_runs_debian.limit = 300


# The BIOS' disk services in real mode, from the boot sector on, and protected mode between their calls.
def test_syslinux_boots_from_ide():
    need_file("/usr/share/seabios/bios-256k.bin")
    d = debian("amd64")
    fat(48, {"kernel": d + "/kernel", "initrd": d + "/initrd-small.cpio.gz", "syslinux.cfg": write("menu", MENU),
             "menu.c32": syslinux("modules/bios/menu.c32"), "libutil.c32": syslinux("modules/bios/libutil.c32")})
    subprocess.run([debian_package("syslinux", "bookworm") + "/usr/bin/syslinux", "--install", "fat.img"], check=True)
    with open("fat.img", "rb") as f, open(syslinux("mbr/mbr.bin"), "rb") as code:
        volume, boot = f.read(), code.read()
    partition = struct.pack("<B3sB3sII", 0x80, b"\x01\x01\x00", 0x0c, b"\xfe\xff\xff", FAT_AT, len(volume) // SECTOR)
    with open("disk.img", "wb") as f:
        f.write((boot.ljust(446, b"\0") + partition).ljust(510, b"\0") + b"\x55\xaa" + bytes((FAT_AT - 1) * SECTOR) + volume)
    with Guest(arch_args("amd64") + ["-M", "pc", "-m", "512", "-nographic", "-net", "none", "-drive", "file=disk.img,format=raw"]) as g:
        g.expect("Loaders", 60)
        use_shell(g, "x86_64", 1, 100)
        power_off(g)


# A card's ROM in the BIOS' hands: DHCP, TFTP, and a loader that calls back into the ROM for its files.
def test_pxelinux_boots_over_tftp():
    need_file("/usr/lib/ipxe/qemu/pxe-e1000.rom")
    os.makedirs("tftp/pxelinux.cfg")
    write("tftp/pxelinux.cfg/default", MENU)
    shutil.copy(debian_package("pxelinux", "bookworm") + "/usr/lib/PXELINUX/pxelinux.0", "tftp")
    for name in ("ldlinux", "libutil", "menu"):
        shutil.copy(syslinux("modules/bios/%s.c32" % name), "tftp")
    os.symlink(debian("amd64") + "/kernel", "tftp/kernel")
    os.symlink(debian("amd64") + "/initrd-small.cpio.gz", "tftp/initrd")
    args = ["-M", "pc", "-m", "512", "-nographic", "-boot", "n", "-nic", "user,model=e1000,tftp=tftp,bootfile=pxelinux.0"]
    with Guest(arch_args("amd64") + args) as g:
        g.expect("Loaders", 60)
        use_shell(g, "x86_64", 1, 100)
        power_off(g)


# Each loader proves the next one: OVMF by Microsoft's key, shim by Debian's; the kernel is told and locks itself down.
def test_secure_boot_by_shim_and_grub():
    d = debian("amd64")
    grub = write("grub.cfg", "serial\nterminal_output serial\nsearch --no-floppy --label SB --set=root\nset timeout=0\n"
                 "menuentry Debian {\n linux /kernel console=ttyS0 quiet\n initrd /initrd\n}\n")
    fat(48, {"EFI/BOOT/BOOTX64.EFI": debian_package("shim-signed", "bookworm") + "/usr/lib/shim/shimx64.efi.signed",
             "EFI/BOOT/grubx64.efi": debian_package("grub-efi-amd64-signed", "bookworm") + "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed",
             "EFI/debian/grub.cfg": grub, "kernel": d + "/kernel", "initrd": d + "/initrd-small.cpio.gz"}, "SB")
    need_file(OVMF + "OVMF_VARS_4M.ms.fd")
    args = ["-M", "q35,smm=on", "-m", "512", "-nographic", "-net", "none", "-global", "driver=cfi.pflash01,property=secure,value=on",
            "-drive", "file=fat.img,format=raw,if=virtio"]
    with Guest(arch_args("amd64") + args + flash("OVMF_CODE_4M.secboot.fd", "OVMF_VARS_4M.ms.fd")) as g:
        use_shell(g, "x86_64", 1, 150)
        if "secureboot: Secure boot enabled" not in g.run("dmesg"):
            raise Failed("the kernel was not told of secure boot")
        power_off(g)


test_secure_boot_by_shim_and_grub.limit = 250
