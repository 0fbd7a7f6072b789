"""Firmware other than the default: U-Boot, and programs that start in machine mode."""
import subprocess

from guest import Failed, Guest, arch_args, need_file, need_tinamou, need_tool

# Stores a value to the test device: ends the emulator.
END_ASM = """
    .globl _start
_start:
    li t0, 0x100000
    li t1, {value}
    sw t1, 0(t0)
1:  wfi
    j 1b
"""
UART_ASM = """
    .globl _start
_start:
    li t0, 0x10000000
    la t1, text
1:  lbu t2, 0(t1)
    beqz t2, 2f
    sb t2, 0(t0)
    addi t1, t1, 1
    j 1b
2:  li t0, 0x100000
    li t1, 0x5555
    sw t1, 0(t0)
3:  j 3b
text: .asciz "bare metal speaks\\n"
"""


def build(source, name="prog.elf", link="-Wl,-n"):
    cc = need_tool("riscv64-linux-gnu-gcc")
    with open("prog.S", "w") as f:
        f.write(source)
    r = subprocess.run([cc, "-nostdlib", "-static", "-march=rv64imac_zicsr", "-mabi=lp64", "-mcmodel=medany",
                        link, "-Wl,-Ttext=0x80000000,--build-id=none", "-o", name, "prog.S"], capture_output=True, text=True)
    if r.returncode:
        raise Failed(r.stderr)
    return name


def end_with(value, status, more=()):
    elf = build(END_ASM.format(value=value))
    with Guest(arch_args() + ["-M", "virt", "-bios", "none", "-nographic", "-kernel", elf] + list(more)) as g:
        g.wait_exit(status, 20)


def test_pass_exits_0():
    end_with("0x5555", 0)


def test_fail_code_is_the_exit_status():
    end_with("0x2a3333", 42)


def test_fail_code_1():
    end_with("0x13333", 1)


def test_reset_exits_under_no_reboot():
    end_with("0x7777", 0, ["-no-reboot"])


def test_reset_exits_under_action():
    end_with("0x7777", 0, ["-action", "reboot=shutdown"])


def test_bare_metal_program_as_bios():
    elf = build(UART_ASM)
    with Guest(arch_args() + ["-M", "virt", "-bios", elf, "-nographic"]) as g:
        g.expect("bare metal speaks")
        g.wait_exit(0, 20)


def test_program_with_headers_below_memory():
    """A plain -Ttext link puts the ELF headers on the page below the text, where the board has nothing."""
    elf = build(UART_ASM, link="-Wl,-z,noseparate-code")
    with Guest(arch_args() + ["-M", "virt", "-bios", elf, "-nographic"]) as g:
        g.expect("bare metal speaks")
        g.wait_exit(0, 20)


def test_interpreter_runs_it_too():
    need_tinamou()
    elf = build(UART_ASM)
    with Guest(arch_args() + ["-M", "virt", "-accel", "tcg,engine=interp", "-bios", elf, "-nographic"]) as g:
        g.expect("bare metal speaks")
        g.wait_exit(0, 20)


def boot_uboot(more):
    with Guest(arch_args() + ["-M", "virt", "-m", "256M", "-nographic"] + more) as g:
        g.expect("Hit any key to stop autoboot", 60)
        g.send("\n")
        g.expect("=> ", 60)
        g.send("version\n")
        g.expect("U-Boot 20", 20)
        g.expect("=> ", 20)
        g.send("echo sum $? ; setexpr x 7 * 6 ; echo answer $x\n")
        g.expect("answer 2a", 20)
        g.send("poweroff\n")
        g.wait_exit(0, 30)


def test_uboot_in_supervisor_mode():
    boot_uboot(["-kernel", need_file("/usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin")])


def test_uboot_in_machine_mode():
    boot_uboot(["-bios", need_file("/usr/lib/u-boot/qemu-riscv64/u-boot.bin")])
