"""A PC from the reset vector: SeaBIOS, and boot sectors that use it."""
import re
import subprocess
import time

from migrate import Qmp
from guest import Failed, Guest, emulator, need_file, need_tinamou, need_tool

# Reads the second sector by INT 13h and writes it to COM1 by INT 14h.
SECTOR = """
    .code16
    .globl _start
_start:
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %es
    mov %ax, %ss
    mov $0x7c00, %sp
    mov $0x0201, %ax
    mov $2, %cx
    xor %dh, %dh
    mov $0x8000, %bx
    int $0x13
    jc end
    mov $0x00e3, %ax
    xor %dx, %dx
    int $0x14
    mov $0x8000, %si
1:  lodsb
    test %al, %al
    jz end
    mov $1, %ah
    xor %dx, %dx
    int $0x14
    jmp 1b
end:
{end}
2:  hlt
    jmp 2b
    .org 510
    .word 0xaa55
    .asciz "the second sector speaks"
    .org 65536
"""
EXIT = "mov $0, %al; out %al, $0xf4"
RESETS = {
    "the keyboard controller": "mov $0xfe, %al; out %al, $0x64",
    "port 0x92": "mov $1, %al; out %al, $0x92",
    "port 0xcf9": "mov $0xcf9, %dx; mov $6, %al; out %al, %dx",
    "a triple fault": "lidt zero; int $3; zero: .word 0; .long 0",
}


def assemble(name, text, address, more=()):
    cc = need_tool("gcc")
    with open(name + ".S", "w") as f:
        f.write(text)
    r = subprocess.run([cc, "-m32", "-nostdlib", "-static", "-ffreestanding", "-fno-pic", "-no-pie", "-Wl,-Ttext=%#x" % address,
                        "-Wl,--oformat=binary,--build-id=none", "-o", name + ".img", name + ".S"] + list(more),
                       capture_output=True, text=True)
    if r.returncode:
        raise Failed(r.stderr)


def build(end):
    assemble("sector", SECTOR.format(end=end), 0x7c00)


DISK = ["-drive", "if=none,id=disk,format=raw,file=sector.img", "-device", "ide-hd,drive=disk"]


def run(more, arch="x86_64", disk=DISK, machine="isapc"):
    need_tinamou()
    need_file("/usr/share/seabios/bios.bin")
    args = ["-arch", arch, "-M", machine, "-m", "16", "-display", "none", "-monitor", "none", "-serial", "stdio"]
    return emulator(args + disk + more, timeout=60)


def test_a_boot_sector_reads_the_disk_through_the_bios():
    build(EXIT)
    for arch in ("x86_64", "i386"):
        status, out, err = run(["-device", "isa-debug-exit,iobase=0xf4,iosize=1"], arch)
        if status != 1 or "the second sector speaks" not in out:
            raise Failed("%s: status %d: %r %r" % (arch, status, out[-200:], err[-400:]))


def test_short_options_name_disk_and_floppy():
    build(EXIT)
    with open("sector.img", "r+b") as f:
        f.truncate(1440 << 10)
    for disk in (["-hda", "sector.img"], ["-fda", "sector.img"]):
        status, out, err = run(["-device", "isa-debug-exit,iobase=0xf4,iosize=1"], disk=disk)
        if status != 1 or "the second sector speaks" not in out:
            raise Failed("%s: status %d: %r %r" % (disk[0], status, out[-200:], err[-400:]))


def test_pc_and_q35_boot_from_their_disks():
    build(EXIT)
    with open("sector.img", "r+b") as f:
        f.truncate(16 << 20)
    log = ["-debugcon", "file:bios.log", "-global", "isa-debugcon.iobase=0x402", "-boot", "menu=on,splash-time=100"]
    for arch in ("x86_64", "i386"):
        for machine, chip in (("pc", "id=8086:7113"), ("q35", "id=8086:2922"), ("pc-i440fx-9.2", "id=8086:1237")):
            status, out, err = run(["-device", "isa-debug-exit,iobase=0xf4,iosize=1"] + log, arch, ["-hda", "sector.img"], machine)
            with open("bios.log") as f:
                text = f.read()
            if status != 1 or "the second sector speaks" not in out or chip not in text:
                raise Failed("%s %s: status %d: %r %r %s" % (arch, machine, status, out[-200:], err[-400:], text[-2000:]))


def test_ports_of_old_options():
    build("mov $0x50, %al; xor %ah, %ah; xor %dx, %dx; int $0x17; " + EXIT)
    with open("sector.img", "r+b") as f:
        f.truncate(16 << 20)
    more = ["-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-parallel", "file:paper", "-debugcon", "file:bios.log",
            "-global", "isa-debugcon.iobase=0x402"]
    for machine, options, tables in (("pc", [], True), ("q35", ["-no-acpi", "-no-hpet"], False), ("isapc", [], False)):
        status, out, err = run(more + options, disk=["-hda", "sector.img"], machine=machine)
        with open("paper") as paper, open("bios.log") as log:
            printed, text = paper.read(), log.read()
        if status != 1 or printed != "P" or ("parse DSDT" in text) != tables:
            raise Failed("%s: status %d, printed %r: %s %r" % (machine, status, printed, text, err[-400:]))


def test_network_cards_and_their_roms():
    need_file("/usr/lib/ipxe/qemu/efi-virtio.rom")
    build(EXIT)
    with open("sector.img", "r+b") as f:
        f.truncate(16 << 20)
    more = ["-device", "isa-debug-exit,iobase=0xf4,iosize=1", "-debugcon", "file:bios.log", "-global", "isa-debugcon.iobase=0x402"]
    has_rom = r"bootorder for: /pci@i0cf8/\*@[23]\n"
    card = "id=8086:100e"
    for options, wanted, absent in (([], card, None), (["-nic", "user,model=virtio"], has_rom, card), (["-nic", "none"], "id=8086:7000", card),
                                    (["-nodefaults"], "id=8086:7000", card), (["-nodefaults", "-device", "e1000,romfile="], card, has_rom)):
        status, out, err = run(more + options, disk=["-hda", "sector.img"], machine="pc")
        with open("bios.log") as log:
            text = log.read()
        if status != 1 or not re.search(wanted, text) or (absent and re.search(absent, text)):
            raise Failed("%s: status %d: %s %r" % (options, status, text, err[-400:]))


def test_every_way_to_reset():
    for name, code in RESETS.items():
        build(code)
        with open("sector.img", "r+b") as f:
            f.truncate(16 << 20)
        for machine in ("isapc", "pc", "q35") if "keyboard" in name else ("pc", "q35"):
            status, out, err = run(["-no-reboot"], disk=["-hda", "sector.img"], machine=machine)
            if status != 0 or out.count("the second sector speaks") != 1:
                raise Failed("%s, %s: status %d: %r %r" % (machine, name, status, out[-200:], err[-400:]))


def test_power_off_by_acpi():
    build("mov $0x604, %dx; mov $0x2000, %ax; out %ax, %dx")
    with open("sector.img", "r+b") as f:
        f.truncate(16 << 20)
    for machine in ("pc", "q35"):
        status, out, err = run([], disk=["-hda", "sector.img"], machine=machine)
        if status != 0 or out.count("the second sector speaks") != 1:
            raise Failed("%s: status %d: %r %r" % (machine, status, out[-200:], err[-400:]))


# A BIOS that sleeps with memory powered (S3), and is woken: 's', then 'w' if memory is what it was, then 'W' if the
# status register says that it has slept.
SLEEPER = """
    .code16
    .globl _start
_start:
    mov $0x402, %dx
    mov $0x0f, %al
    out %al, $0x70
    in $0x71, %al
    cmp $0xfe, %al
    je resumed
    xor %ax, %ax
    mov %ax, %ds
    movw $0x1234, 0x500
    mov $'s', %al
    out %al, %dx
    call ports
    mov $0x604, %dx
    mov $0x2400, %ax
    out %ax, %dx
1:  hlt
    jmp 1b
resumed:
    xor %ax, %ax
    mov %ax, %ds
    mov $'?', %al
    cmpw $0x1234, 0x500
    jne 2f
    mov $'w', %al
2:  out %al, %dx
    call ports
    mov $0x600, %dx
    in %dx, %ax
    test $0x8000, %ax
    mov $'?', %al
    jz 3f
    mov $'W', %al
3:  mov $0x402, %dx
    out %al, %dx
    mov $0x604, %dx
    mov $0x2000, %ax
    out %ax, %dx
4:  hlt
    jmp 4b
ports:
    mov $BASE, %eax
    mov $0x601, %ebx
    call config
    mov $ENABLE, %eax
    mov $VALUE, %ebx
config:
    push %dx
    mov $0xcf8, %dx
    out %eax, %dx
    mov $0xcfc, %dx
    mov %ebx, %eax
    out %eax, %dx
    pop %dx
    ret
    .org 0xfff0
    jmp _start
    .org 0x10000
"""
PM_REGISTERS = {"pc": (0x80000b40, 0x80000b80, 1), "q35": (0x8000f840, 0x8000f844, 0x80)}


def test_sleep_with_memory_powered():
    for machine, registers in PM_REGISTERS.items():
        assemble("sleeper", SLEEPER, 0, ["-D%s=%#x" % d for d in zip(("BASE", "ENABLE", "VALUE"), registers)])
        args = ["-arch", "x86_64", "-M", machine, "-m", "16", "-display", "none", "-monitor", "none", "-serial", "none",
                "-bios", "sleeper.img", "-chardev", "file,id=log,path=log", "-device", "isa-debugcon,iobase=0x402,chardev=log",
                "-qmp", "unix:%s,server=on,wait=off" % machine]
        with Guest(args) as g:
            q = Qmp(machine)
            deadline = time.monotonic() + 20
            while q.run("query-status")["status"] != "suspended":
                if time.monotonic() > deadline:
                    raise Failed("%s does not sleep: %s" % (machine, q.run("query-status")))
                time.sleep(0.02)
            q.run("system_wakeup")
            g.wait_exit(0, timeout=20)
        with open("log") as f:
            text = f.read()
        if text != "swW":
            raise Failed("%s: %r" % (machine, text))


def test_monitors_show_interrupt_controllers():
    build("")
    with open("sector.img", "r+b") as f:
        f.truncate(16 << 20)
    args = ["-arch", "x86_64", "-M", "pc", "-smp", "2", "-m", "16", "-display", "none", "-monitor", "none", "-serial", "stdio",
            "-hda", "sector.img", "-qmp", "unix:qmp,server=on,wait=off"]
    with Guest(args) as g:
        g.expect("the second sector speaks")
        q = Qmp("qmp")
        for command, wanted in (("info pic", "(?s)pin 23 .*pic0: .* irq_base=08.*pic1: .* irq_base=70"), ("info lapic", "local APIC 0: .*SPIV 0x1"),
                                ("info lapic 1", "local APIC 1: "), ("info lapic 2", "no local APIC has the ID 2"),
                                ("info irq", r"(?s)for ioapic:.*for isa-i8259:\s+0: [1-9]")):
            text = q.hmp(command)
            if not re.search(wanted, text):
                raise Failed("%s: wanted %r, found %r" % (command, wanted, text))


# Firmware of 64 KiB: from the reset vector to 32-bit mode, where it finds the status of the flash below itself cleared, as
# OVMF does, and writes a byte there.
FLASHER = """
    .code16
    .org 0x8000
real:
    mov %cs, %ax
    mov %ax, %ds
    lgdtl gdt_at
    mov $1, %eax
    mov %eax, %cr0
    ljmpl $8, $0xffff0000 + flat
gdt_at:
    .word 23
    .long 0xffff0000 + gdt
gdt:
    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
    .code32
flat:
    mov $16, %ax
    mov %ax, %ds
    mov $0xffff0000 - 4096, %ebx
    movb $0x50, (%ebx)
    movb $0x70, (%ebx)
    mov (%ebx), %cl
    movb $0x10, (%ebx)
    movb $0x42, (%ebx)
    movb $0xff, (%ebx)
    mov (%ebx), %al
    or %cl, %al
    out %al, $0xf4
    hlt
    .org 0xfff0
    .code16
    jmp real
    .org 0x10000
"""


def test_firmware_in_flash_writes_its_variables():
    cc = need_tool("gcc")
    need_tinamou()
    with open("flash.S", "w") as f:
        f.write(FLASHER)
    r = subprocess.run([cc, "-m32", "-nostdlib", "-static", "-fno-pic", "-no-pie", "-Wl,-Ttext=0,--oformat=binary,--build-id=none,-e0",
                        "-o", "code.fd", "flash.S"], capture_output=True, text=True)
    if r.returncode:
        raise Failed(r.stderr)
    flash = ["-drive", "if=pflash,unit=0,format=raw,readonly=on,file=code.fd", "-drive", "if=pflash,unit=1,format=raw,file=vars.fd"]
    secure = ["-global", "driver=cfi.pflash01,property=secure,value=on"]
    for more, want in (([], 0x42), (secure, 0xff)):
        with open("vars.fd", "wb") as f:
            f.write(b"\xff" * 4096)
        status, out, err = run(["-device", "isa-debug-exit,iobase=0xf4,iosize=1"] + flash + more, disk=[], machine="q35")
        with open("vars.fd", "rb") as f:
            byte = f.read(1)[0]
        if status != (2 * want + 1) % 256 or byte != want:
            raise Failed("%s: status %d, byte %#x: %r" % (more, status, byte, err[-400:]))
    for more, want in ((flash + ["-bios", "code.fd"], "only one of them"), (flash[2:], "there is no pflash0"),
                       (flash + secure + ["-machine", "smm=off"], "has smm=off")):
        status, out, err = run(more, disk=[], machine="q35")
        if status != 1 or want not in err:
            raise Failed("%s: status %d, wanted '%s', found %r" % (more, status, want, err))

# Counts on the x87's stack and in memory; two constants lie below, rounded by a control word of its own.  What comes in on
# COM1 is answered: whether all of that still fits together.
COUNTER = """
    .code16
    .globl _start
_start:
    xor %ax, %ax
    mov %ax, %ds
    mov %ax, %ss
    mov $0x7c00, %sp
    fninit
    fldcw control
    fldpi
    fldl2e
    fldz
    mov $'s', %al
    call say
count:
    mov $5000, %cx
1:  incl number
    fld1
    faddp
    fxch %st(2)
    fxch %st(2)
    loop 1b
    mov $0x3fd, %dx
    in %dx, %al
    test $1, %al
    jz count
    mov $0x3f8, %dx
    in %dx, %al
    mov $'x', %bl
    fildl number
    fucomip %st(1), %st
    jne 2f
    fldpi
    fucomip %st(3), %st
    jne 2f
    fldl2e
    fucomip %st(2), %st
    jne 2f
    fnstcw stored
    mov stored, %ax
    cmp control, %ax
    jne 2f
    fnstsw %ax
    and $0x3800, %ax
    cmp $0x2800, %ax
    jne 2f
    mov $'k', %bl
2:  mov %bl, %al
    call say
    jmp count
say:
    mov $0x3f8, %dx
    out %al, %dx
    mov $10, %al
    out %al, %dx
    ret
control: .word 0x0a7f
stored: .word 0
    .align 4
number: .long 0
    .org 510
    .word 0xaa55
    .org 65536
"""


def test_snapshots_hold_the_x87_in_the_midst_of_its_work():
    need_tinamou()
    assemble("counter", COUNTER, 0x7c00)
    subprocess.run([need_tool("qemu-img"), "convert", "-f", "raw", "-O", "qcow2", "counter.img", "counter.qcow2"], check=True)
    args = ["-arch", "i386", "-M", "pc", "-m", "16", "-display", "none", "-monitor", "none", "-serial", "stdio",
            "-drive", "file=counter.qcow2,format=qcow2,if=ide", "-qmp", "unix:qmp,server=on,wait=off"]
    with Guest(args) as g:
        q = Qmp("qmp")
        g.expect("s\n")
        for command in ("savevm one", None, "loadvm one", "savevm two", None, "loadvm one", "loadvm two"):
            said = q.hmp(command) if command else ""
            if said:
                raise Failed("%s: %s" % (command, said))
            g.send("?")
            if "k" not in g.expect("[kx]\r?\n").group(0):
                raise Failed("after %s: the x87 has another state" % command)
