"""PCs that start from a Debian disk by SeaBIOS and GRUB and by OVMF and GRUB; OVMF with system management mode, and with -kernel."""
import shutil

from guest import PROMPT, Failed, Guest, arch_args, debian, debian_disk, need_file
from test_arm import power_off, use_shell

OVMF = "/usr/share/OVMF/"


def flash(code, variables):
    """-drive for the two chips; the variables are this test's own."""
    shutil.copy(need_file(OVMF + variables), "vars.fd")
    return ["-drive", "if=pflash,unit=0,format=raw,readonly=on,file=" + need_file(OVMF + code),
            "-drive", "if=pflash,unit=1,format=raw,file=vars.fd"]


def boot_disk(machine, more=()):
    args = ["-M", machine, "-m", "1G", "-smp", "2", "-nographic", "-snapshot", "-drive",
            "file=%s/disk.img,format=raw,if=virtio" % debian_disk("amd64")]
    with Guest(arch_args("amd64") + args + list(more)) as g:
        g.expect("debian login: ", 200)
        g.send("root\n")
        g.expect(PROMPT, 100)
        if g.run("systemctl is-system-running --wait", 100).strip() != "running":
            raise Failed("systemd: " + g.run("systemctl --no-pager --failed"))
        has_efi = g.run("ls /sys/firmware").split().count("efi")
        g.send("poweroff\n")
        g.wait_exit(0, 100)
    if has_efi != bool(more):
        raise Failed("/sys/firmware/efi is %sthere" % ("" if has_efi else "not "))


def test_disk_by_seabios_and_grub():
    need_file("/usr/share/seabios/bios-256k.bin")
    boot_disk("pc")


def test_disk_by_ovmf_and_grub():
    boot_disk("q35", flash("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd"))


test_disk_by_seabios_and_grub.limit = test_disk_by_ovmf_and_grub.limit = 400


# The secure boot builds keep their variables in system management mode, in flash that only that sees.
def test_ovmf_with_smm_comes_to_its_shell():
    for bits, arch in (("", "amd64"), ("32", "i386")):
        variables = "OVMF%s_VARS_4M.fd" % bits
        args = ["-M", "q35,smm=on", "-m", "256", "-smp", "4" if arch == "amd64" else "1", "-nographic", "-net", "none", "-global", "driver=cfi.pflash01,property=secure,value=on"]
        with Guest(arch_args(arch) + args + flash("OVMF%s_CODE_4M.secboot.fd" % bits, variables)) as g:
            g.expect("Shell> ", 100)
            g.send("reset -s\r")
            g.wait_exit(0)
        with open("vars.fd", "rb") as now, open(OVMF + variables, "rb") as before:
            if now.read() == before.read():
                raise Failed("%s: no variable was written" % arch)


def test_ovmf_starts_the_kernel_of_the_command_line():
    d = debian("amd64")
    args = ["-M", "pc", "-m", "512", "-nographic", "-net", "none", "-bios", need_file("/usr/share/ovmf/OVMF.fd"), "-kernel", d + "/kernel",
            "-initrd", d + "/initrd-small.cpio.gz", "-append", "console=ttyS0 quiet"]
    with Guest(arch_args("amd64") + args) as g:
        use_shell(g, "x86_64", 1, 100)
        if "efi" not in g.run("ls /sys/firmware"):
            raise Failed("the kernel was not started by UEFI")
        power_off(g)
