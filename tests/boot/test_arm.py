"""Arm guests: Debian's arm64 kernel, firmware, U-Boot and bare-metal programs on the virt board."""
import os
import subprocess

from guest import PROMPT, Failed, Guest, arch_args, debian, debian_disk, emulator, linux, need_file, need_tinamou, need_tool
from migrate import Qmp


def use_shell(g, machine, cpus, timeout=60):
    g.shell(timeout)
    if g.run("uname -m", timeout).strip() != machine:
        g.fail("uname -m is not %s" % machine)
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


def same_work(g, cpus):
    work = " ".join(str(c) for c in range(cpus))
    g.run("for c in %s; do (seq 1 60000 | md5sum >/tmp/$c) & done; wait" % work, 120)
    if len(set(g.run("cd /tmp; cat %s; cd /" % work).strip().split("\n"))) != 1:
        g.fail("the same work gave different results on %d CPUs" % cpus)


def test_arm64_gicv2_one_cpu():
    with linux(arch="arm64") as g:
        use_shell(g, "aarch64", 1)
        if "GIC-0" not in g.run("cat /proc/interrupts"):
            g.fail("the interrupt controller is not a GICv2")
        power_off(g)


def test_arm64_gicv2_four_cpus():
    with linux(arch="arm64", smp=4) as g:
        use_shell(g, "aarch64", 4)
        same_work(g, 4)
        power_off(g)


def test_arm64_gicv3_one_cpu():
    with linux(arch="arm64", machine="virt,gic-version=3") as g:
        use_shell(g, "aarch64", 1)
        if "GICv3" not in g.run("cat /proc/interrupts"):
            g.fail("the interrupt controller is not a GICv3")
        power_off(g)


def test_arm64_gicv3_four_cpus():
    with linux(arch="arm64", smp=4, machine="virt,gic-version=3") as g:
        use_shell(g, "aarch64", 4)
        same_work(g, 4)
        power_off(g)


def test_arm64_reboot_leaves_under_no_reboot():
    with linux(["-no-reboot"], arch="arm64") as g:
        g.shell()
        g.send("reboot -f\n")
        g.wait_exit(0)


def test_arm64_reboot_comes_back():
    with linux(arch="arm64") as g:
        g.shell()
        g.send("reboot -f\n")
        g.shell()
        power_off(g)


def test_arm64_power_button():
    """system_powerdown presses a key that Linux hears of through the PL061 and gpio-keys."""
    with linux(["-qmp", "unix:qmp.sock,server=on,wait=off"], arch="arm64", initrd="initrd.cpio.gz") as g:
        g.shell()
        g.run("ls /dev/input/event0")
        g.send("timeout 20 head -c 24 /dev/input/event0 | od -An -tx2 & sleep 1; echo rea''dy\n")
        g.expect("ready")
        Qmp("qmp.sock").run("system_powerdown")
        g.expect(r"0001 0074 0001 0000", 30) # EV_KEY, KEY_POWER, pressed
        power_off(g)


DISKS = ["-drive", "file=disk.img,format=raw,if=none,id=d0", "-device", "virtio-blk-pci,drive=d0",
         "-drive", "file=disk2.img,format=raw,if=none,id=d1", "-device", "virtio-blk-device,drive=d1",
         "-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0"]


def use_devices(machine):
    for name, text in (("disk.img", b"over PCI"), ("disk2.img", b"over MMIO")):
        with open(name, "wb") as f:
            f.write(text.ljust(1 << 20, b"\0"))
    with linux(DISKS, arch="arm64", initrd="initrd.cpio.gz", machine=machine) as g:
        g.shell()
        text = g.run("for d in /dev/vda /dev/vdb; do head -c 9 $d | tr -d '\\0'; echo; done")
        if "over PCI" not in text or "over MMIO" not in text:
            g.fail("wrong contents: %r" % text)
        g.run("echo changed | dd of=/dev/vda conv=fsync; echo changed | dd of=/dev/vdb conv=fsync")
        g.run("ip link set eth0 up; udhcpc -n -q -i eth0 -s /bin/true 2>&1 | grep obtained", 60)
        irqs = g.run("cat /proc/interrupts")
        power_off(g)
    for name in ("disk.img", "disk2.img"):
        with open(name, "rb") as f:
            if f.read(7) != b"changed":
                raise Failed("what the guest wrote is not in %s" % name)
    return irqs


def test_arm64_disks_and_network_with_gicv2m():
    if "MSI" not in use_devices("virt"):
        raise Failed("the PCI functions do not use messages")


def test_arm64_disks_and_network_with_its():
    if "ITS" not in use_devices("virt,gic-version=3"):
        raise Failed("the PCI functions do not use messages through the ITS")


def test_arm64_hypervisor_and_secure_world():
    """With EL2 and EL3 the kernel begins in EL2, and calls PSCI by SMC."""
    for options in (",virtualization=on", ",secure=on", ",secure=on,virtualization=on"):
        with linux(arch="arm64", smp=2, machine="virt,gic-version=3" + options) as g:
            use_shell(g, "aarch64", 2)
            power_off(g)


def test_arm64_cpu_names():
    """The kernel comes up on each kind of processor that we have, also on the newest with everything."""
    for cpu in ("cortex-a53", "cortex-a76", "neoverse-n1", "max"):
        with linux(["-cpu", cpu], arch="arm64") as g:
            g.shell()
            power_off(g)


test_arm64_cpu_names.limit = 300


def boot_uboot(where, arch, more=()):
    with Guest(arch_args(arch) + ["-M", "virt", "-m", "256M", "-nographic", "-bios", need_file(where)] + list(more)) as g:
        g.expect("Hit any key to stop autoboot", 60)
        g.send("\n")
        g.expect("=> ", 60)
        g.send("echo sum $? ; setexpr x 7 * 6 ; echo answer $x\n")
        g.expect("answer 2a", 20)
        g.send("poweroff\n")
        g.wait_exit(0, 30)


def test_uboot_arm64():
    boot_uboot("/usr/lib/u-boot/qemu_arm64/u-boot.bin", "arm64", ["-cpu", "cortex-a57"])


def firmware(more, arch="arm64", memory="512M"):
    cpu = "cortex-a57" if arch == "arm64" else "cortex-a15"
    return Guest(arch_args(arch) + ["-M", "virt", "-cpu", cpu, "-m", memory, "-nographic"] + list(more))


def test_uefi_starts_a_kernel_from_fw_cfg():
    """EDK2 as -bios; its ACPI tables, not the device tree, describe the machine to Linux."""
    d = debian("arm64")
    with firmware(["-bios", need_file("/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"), "-kernel", d + "/kernel", "-initrd",
                   d + "/initrd-small.cpio.gz", "-append", "console=ttyAMA0 quiet", "-smbios",
                   "type=1,product=Proof,serial=ds=nocloud;s=http://10.0.2.2/", "-smbios", "type=11,value=one"]) as g:
        use_shell(g, "aarch64", 1, 100)
        for name, want in (("name", "Proof"), ("serial", "ds=nocloud;s=http://10.0.2.2/")):
            if g.run("cat /sys/class/dmi/id/product_" + name).strip() != want:
                g.fail("the system does not show what -smbios says")
        tables = g.run("ls /sys/firmware/acpi/tables")
        for name in ("APIC", "DBG2", "DSDT", "FACP", "GTDT", "MCFG", "PPTT", "SPCR"):
            if name not in tables:
                g.fail("no ACPI table %s in %r" % (name, tables))
        power_off(g)


test_uefi_starts_a_kernel_from_fw_cfg.limit = 240


def uefi_shell_from_flash(arch, name):
    """Both flash banks as drives: code, and variables that are kept."""
    with open(need_file("/usr/share/AAVMF/%s_VARS.fd" % name), "rb") as f, open("vars.fd", "wb") as out:
        out.write(f.read())
    more = ["-drive", "if=pflash,format=raw,readonly=on,file=" + need_file("/usr/share/AAVMF/%s_CODE.fd" % name),
            "-drive", "if=pflash,format=raw,file=vars.fd", "-net", "none"]
    before = os.stat("vars.fd").st_mtime_ns
    with firmware(more, arch) as g:
        g.expect(r"Shell>|UEFI Interactive Shell", 100)
    if os.stat("vars.fd").st_mtime_ns == before:
        raise Failed("the firmware wrote no variables")


def test_uefi_shell_from_flash():
    uefi_shell_from_flash("arm64", "AAVMF")


test_uefi_shell_from_flash.limit = 240


def test_uefi_of_32_bit_shell_from_flash():
    uefi_shell_from_flash("armhf", "AAVMF32")


test_uefi_of_32_bit_shell_from_flash.limit = 240


def test_uefi_of_32_bit_starts_a_kernel_from_fw_cfg():
    d = debian("armhf")
    with firmware(["-bios", need_file("/usr/share/AAVMF/AAVMF32_CODE.fd"), "-kernel", d + "/kernel", "-initrd",
                   d + "/initrd-small.cpio.gz", "-append", "console=ttyAMA0 quiet", "-net", "none"], "armhf") as g:
        use_shell(g, "armv7l", 1, 100)
        if g.run("cat /sys/firmware/efi/fw_platform_size").strip() != "32":
            g.fail("the kernel does not know of UEFI of 32 bits")
        power_off(g)


test_uefi_of_32_bit_starts_a_kernel_from_fw_cfg.limit = 240


def test_uefi_and_grub_boot_a_debian_disk():
    """From the disk's own boot loader to a login, and down again by the power button, of which ACPI tells."""
    disk = debian_disk("arm64") + "/disk.img"
    with firmware(["-bios", need_file("/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"), "-drive", "if=virtio,format=raw,file=" + disk,
                   "-snapshot", "-smp", "2", "-qmp", "unix:qmp.sock,server=on,wait=off"], memory="1G") as g:
        g.expect(r"debian login: ", 250)
        g.send("root\n")
        g.expect(PROMPT, 100)
        if "/dev/vda2 on / type ext4" not in g.run("mount", 100):
            g.fail("another root file system than was meant")
        Qmp("qmp.sock").run("system_powerdown")
        g.wait_exit(0, 100)


test_uefi_and_grub_boot_a_debian_disk.limit = 500

HELLO_ASM = """
    .globl _start
_start:
    adr x1, text
    mov x2, #0x09000000
1:  ldrb w0, [x1], #1
    cbz w0, 2f
    str w0, [x2]
    b 1b
2:  adr x1, block
    mov w0, #0x18
    hlt #0xf000
3:  b 3b
    .balign 8
block: .quad 0x20026, {status}
text: .asciz "bare metal speaks\\n"
"""


def build(source, name):
    cc = need_tool("aarch64-linux-gnu-gcc")
    with open("prog.S", "w") as f:
        f.write(source)
    subprocess.run([cc, "-nostdlib", "-static", "-march=armv8-a", "-Wl,-n,-Ttext=0x40100000,--build-id=none", "-o", name, "prog.S"], check=True)
    return name


def test_bare_metal_exit_status():
    for options in ("virt", "virt,virtualization=on", "virt,secure=on"):
        elf = build(HELLO_ASM.format(status=7), "prog.elf")
        with Guest(arch_args("arm64") + ["-M", options, "-cpu", "cortex-a53", "-nographic", "-semihosting", "-kernel", elf]) as g:
            g.expect("bare metal speaks", 20)
            g.wait_exit(7, 20)


# Firmware in EL3: uses what only the secure world has, lets EL1 see that it is not there, and powers off by the secure PL061.
SECURE_ASM = """
    .globl _start
_start:
    adr x0, el3_vectors
    msr vbar_el3, x0
    mrs x1, currentel
    cmp x1, #0xc
    b.ne fail
    mov x2, #0x0e000000         // secure RAM
    movz x3, #0x1234
    str x3, [x2]
    ldr x4, [x2]
    cmp x3, x4
    b.ne fail
    mov w0, #'S'
    movz x2, #0x0904, lsl #16   // secure UART
    str w0, [x2]
    mov x0, #0x501              // NS, RW, HCE
    msr scr_el3, x0
    mov x0, #0x3c5
    msr spsr_el3, x0
    adr x0, el1
    movz x1, #0x400, lsl #16
    add x0, x0, x1              // the same code in bank 1, which both worlds see
    msr elr_el3, x0
    eret
fail:
    mov w0, #'F'
    movz x2, #0x0900, lsl #16
    str w0, [x2]
    b .
el1:
    adr x0, el1_vectors
    msr vbar_el1, x0
    mov x2, #0x0e000000
    ldr x4, [x2]                // aborts
    b fail
    .balign 2048
el1_vectors:
    .skip 0x200
    mrs x0, esr_el1
    lsr x0, x0, #26
    cmp x0, #0x25               // a data abort in EL1
    b.ne 1f
    mov w0, #'N'
    movz x2, #0x0900, lsl #16
    str w0, [x2]
1:  smc #0
    .balign 2048
el3_vectors:
    .skip 0x400
    movz x2, #0x090b, lsl #16
    mov w0, #1
    str w0, [x2, #0x400]        // DIR
    str w0, [x2, #4]            // pin 0
    b .
"""


def test_secure_world():
    build(SECURE_ASM, "prog.elf")
    subprocess.run([need_tool("aarch64-linux-gnu-objcopy"), "-O", "binary", "prog.elf", "prog.bin"], check=True)
    with open("prog.bin", "rb") as f:
        code = f.read()
    for name in ("bank0", "bank1"):
        with open(name, "wb") as f:
            f.write(code.ljust(64 << 20, b"\0"))
    for gic in ("2", "3"):
        with Guest(arch_args("arm64") + ["-M", "virt,secure=on,gic-version=" + gic, "-cpu", "cortex-a57", "-display", "none",
                                         "-monitor", "none", "-serial", "stdio", "-serial", "file:secure.txt", "-drive",
                                         "if=pflash,format=raw,file=bank0", "-drive", "if=pflash,format=raw,file=bank1"]) as g:
            g.expect("N", 20)
            g.wait_exit(0, 20)
        with open("secure.txt") as f:
            if f.read() != "S":
                raise Failed("nothing came out of the secure UART")


# Firmware in EL3 keeps Group 0 of a GICv3 for itself, where it comes as FIQ; EL1 has Group 1, as IRQ.
SECURE_GIC_ASM = """
    .macro say letter
    movz x10, #0x0900, lsl #16
    mov w11, #\\letter
    str w11, [x10]
    .endm
    .globl _start
_start:
    adr x0, el3_vectors
    msr vbar_el3, x0
    movz x2, #0x080a, lsl #16
    str wzr, [x2, #0x14]        // GICR_WAKER
    movz x2, #0x0800, lsl #16
    mov w0, #0x37
    str w0, [x2]                // GICD_CTLR
    movz x2, #0x080b, lsl #16
    mov w0, #-2
    str w0, [x2, #0x80]         // all but SGI 0 are Group 1, non-secure
    mov w0, #0xffff
    str w0, [x2, #0x100]
    mov x0, #0xff
    msr S3_0_C4_C6_0, x0        // ICC_PMR
    mov x0, #1
    msr S3_0_C12_C12_6, x0      // ICC_IGRPEN0
    msr S3_6_C12_C12_7, x0      // ICC_IGRPEN1_EL3: the non-secure one
    mov x0, #0x505              // NS, FIQ, RW, HCE
    msr scr_el3, x0
    mov x0, #0x305
    msr spsr_el3, x0
    adr x0, el1
    movz x1, #0x400, lsl #16
    add x0, x0, x1              // the same code in bank 1, which both worlds see
    msr elr_el3, x0
    eret
el1:
    adr x0, el1_vectors
    msr vbar_el1, x0
    movz x0, #0x0100, lsl #16
    orr x0, x0, #1
    msr S3_0_C12_C11_5, x0      // ICC_SGI1R: SGI 1 to itself
    isb
1:  cbz x20, 1b
    smc #0
2:  b 2b
    .balign 2048
el1_vectors:
    .skip 0x280
    mrs x0, S3_0_C12_C12_0      // ICC_IAR1
    cmp x0, #1
    b.ne 3f
    msr S3_0_C12_C12_1, x0
    mov x20, #1
    say 'I'
    eret
3:  b 3b
    .balign 2048
el3_vectors:
    .skip 0x400
    mov x0, #1
    msr S3_0_C12_C11_7, x0      // ICC_SGI0R: SGI 0
    say 'S'
    eret
    .balign 128
    .skip 128
    mrs x0, S3_0_C12_C8_0       // ICC_IAR0
    cbnz x0, 4f
    msr S3_0_C12_C8_1, x0
    say 'F'
    movz x2, #0x090b, lsl #16
    mov w0, #1
    str w0, [x2, #0x400]
    str w0, [x2, #4]            // off
4:  b 4b
"""


def test_secure_interrupts_with_gicv3():
    build(SECURE_GIC_ASM, "prog.elf")
    subprocess.run([need_tool("aarch64-linux-gnu-objcopy"), "-O", "binary", "prog.elf", "prog.bin"], check=True)
    with open("prog.bin", "rb") as f:
        code = f.read()
    for name in ("bank0", "bank1"):
        with open(name, "wb") as f:
            f.write(code.ljust(64 << 20, b"\0"))
    with Guest(arch_args("arm64") + ["-M", "virt,secure=on,gic-version=3", "-cpu", "cortex-a57", "-display", "none", "-monitor",
                                     "none", "-serial", "stdio", "-drive", "if=pflash,format=raw,file=bank0", "-drive",
                                     "if=pflash,format=raw,file=bank1"]) as g:
        g.expect("ISF", 20)
        g.wait_exit(0, 20)


def test_versioned_machine_names():
    need_tinamou()
    for name in ("virt-7.2", "virt-10.0"):
        emulator(arch_args("arm64") + ["-M", name + ",dumpdtb=tree.dtb"], check=0)
    status, out, _ = emulator(arch_args("arm64") + ["-M", "help"])
    if status or "virt-7.2" not in out:
        raise Failed("-M help does not list versioned names")


def test_uboot_arm():
    boot_uboot("/usr/lib/u-boot/qemu_arm/u-boot.bin", "armhf")


def test_armhf_one_cpu():
    with linux(arch="armhf") as g:
        use_shell(g, "armv7l", 1)
        power_off(g)


def test_armhf_four_cpus():
    with linux(arch="armhf", smp=4) as g:
        use_shell(g, "armv7l", 4, 120)
        same_work(g, 4)
        power_off(g)


def test_armhf_gicv3_four_cpus():
    with linux(["-cpu", "cortex-a15"], arch="armhf", smp=4, machine="virt,gic-version=3") as g:
        use_shell(g, "armv7l", 4)
        power_off(g)


def test_32_bit_program_under_64_bit_kernel():
    """The static BusyBox of armhf, from a raw disk; who asks as linux32 asks is told of a 32-bit machine."""
    tree = debian("armhf") + "/tree"
    program = next(p for p in (tree + "/usr/bin/busybox", tree + "/bin/busybox") if os.path.exists(p))
    size = os.path.getsize(program)
    with open(program, "rb") as f, open("disk.img", "wb") as out:
        out.write(f.read().ljust((size + 511) // 512 * 512, b"\0"))
    with linux(["-drive", "file=disk.img,format=raw,if=virtio"], arch="arm64", initrd="initrd.cpio.gz") as g:
        g.shell()
        g.run("head -c %d /dev/vda >/tmp/busybox; chmod +x /tmp/busybox" % size)
        if g.run("/tmp/busybox linux32 /tmp/busybox uname -m").strip() != "armv8l":
            g.fail("not a 32-bit program")
        if "a948904f2f0f479b8f8197694b30184b" not in g.run("echo hello world | /tmp/busybox sha256sum"):
            g.fail("wrong SHA-256")
        power_off(g)
