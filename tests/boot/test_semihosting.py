"""Semihosting: every operation, from a program that checks the answers."""
import os
import re
import subprocess

import guest
from guest import Failed, need_tinamou

HERE = os.path.join(guest.ROOT, "tests", "semihosting")
WIDTH = {"riscv64": ("rv64gc", "lp64d"), "riscv32": ("rv32gc", "ilp32d")}


def program(arch, name="guest", sources=("guest.S", "guest.c")):
    cc = guest.need_tool("riscv64-linux-gnu-gcc")
    march, mabi = WIDTH[arch]
    out = os.path.abspath("%s-%s.elf" % (name, arch))
    subprocess.run([cc, "-O1", "-march=" + march, "-mabi=" + mabi, "-mcmodel=medany", "-ffreestanding", "-fno-pic", "-nostdlib",
                    "-static", "-fno-builtin", "-Wl,--build-id=none", "-Wl,--no-warn-rwx-segments",
                    "-T", os.path.join(guest.ROOT, "tests", "gdb", "guest.ld"), "-o", out] +
                   [s if os.path.isabs(s) else os.path.join(HERE, s) for s in sources], check=True)
    return out


def args(arch, elf, *more):
    return guest.arch_args(arch) + ["-M", "virt", "-m", "32M", "-bios", "none", "-kernel", elf, "-display", "none", "-serial", "none",
                                    "-monitor", "none"] + list(more)


def run(arch, elf, status, *more):
    r = subprocess.run([guest.EMULATOR] + guest.OPTIONS + args(arch, elf, *more), stdin=subprocess.DEVNULL,
                       capture_output=True, text=True, timeout=60)
    if r.returncode != status:
        raise Failed("%s: status %d, not %d: %s%s" % (arch, r.returncode, status, r.stdout[-500:], r.stderr[-500:]))
    return r


def test_every_operation():
    """Files, console, time, arguments, and the exit status, for 32 and 64 bit."""
    need_tinamou() # others do not append to a file that is opened for it
    for arch in WIDTH:
        elf = program(arch)
        r = run(arch, elf, 42, "-semihosting-config", "enable=on,target=native,arg=one,arg=two words")
        both = r.stdout + r.stderr
        for text in ("ok", "to stdout", "to stderr", "arguments: one two words"):
            if text not in both:
                raise Failed("%s: no %r in %r" % (arch, text, both))
        r = run(arch, elf, 42, "-semihosting", "-append", "more words")
        if not re.search(r"arguments: \S+\.elf more words", r.stdout + r.stderr):
            raise Failed("%s: no arguments in %r" % (arch, r.stdout + r.stderr))


def test_console_on_a_chardev():
    need_tinamou()
    elf = program("riscv64")
    with guest.Guest(args("riscv64", elf, "-chardev", "stdio,id=c", "-semihosting-config", "enable=on,chardev=c")) as g:
        g.expect("to stderr")
        g.send("typed\n")
        g.send("z")
        g.expect("ok")
        g.wait_exit(42)


def test_without_the_option_it_is_a_breakpoint():
    """A plain EBREAK traps with the option, too; user mode may not call unless it is allowed to."""
    need_tinamou()
    source = os.path.abspath("plain.S")
    with open(source, "w") as f:
        f.write("""
        .option norvc
        .section .text.start, "ax"
        .globl _start
_start: la t0, trap
        csrw mtvec, t0
        li t0, -1
        csrw pmpaddr0, t0
        li t0, 31
        csrw pmpcfg0, t0
        li t0, 0x1800
        csrc mstatus, t0
        la t0, user
        csrw mepc, t0
        mret
        .balign 16
user:   li a0, 3
        la a1, text
        slli x0, x0, 0x1f
        ebreak
        srai x0, x0, 7
        ebreak
        .balign 4
trap:   csrr t1, mcause
        li t2, 0x100000
        li t3, 0x5555
        li t4, 3
        csrr t5, mepc
        la t6, user + 24
        bltu t5, t6, 1f
        li t3, 0x00073333
1:      beq t1, t4, 2f
        li t3, 0x00093333
2:      sw t3, 0(t2)
        j 2b
text:   .ascii "U"
        """)
    elf = program("riscv64", "plain", (source,))
    for options, status, text in (([], 0, ""), (["-semihosting"], 0, ""),
                                  (["-semihosting-config", "enable=on,userspace=on"], 7, "U")):
        r = run("riscv64", elf, status, *options)
        if r.stdout != text:
            raise Failed("%r: output is %r, not %r" % (options, r.stdout, text))
