"""M-profile boards: a bare-metal program of our own on each, and what the command line says of them."""
import os
import subprocess

import guest
from guest import Failed, Guest, need_tinamou, need_tool

HERE = os.path.join(guest.ROOT, "tests", "boot", "arm_m")
# board: processor, address of its code, of its RAM, further options
BOARDS = {
    "lm3s6965evb": ("cortex-m3", 0, 0x20000000, ["-DLM3S", "-DBITBAND"]),
    "mps2-an385": ("cortex-m3", 0, 0x20000000, ["-DBITBAND"]),
    "mps2-an386": ("cortex-m4", 0, 0x20000000, ["-DBITBAND"]),
    "mps2-an500": ("cortex-m7", 0, 0x20000000, ["-DAN500"]),
    "mps2-an505": ("cortex-m33", 0x10000000, 0x30000000, ["-DAN505"]),
    "mps2-an521": ("cortex-m33", 0x10000000, 0x30000000, ["-DAN505"]),
}
LINES = ["first start", "reset by SYSRESETREQ", "reset by the watchdog", "identity", "HEAPINFO", "SysTick", "timer", "network interrupt",
         "answer of 10.0.2.2"]


def build(board, form="elf"):
    cc = need_tool("arm-none-eabi-gcc")
    cpu, flash, ram, more = BOARDS[board]
    driver = "stellaris_enet.c" if board == "lm3s6965evb" else "lan9118.c"
    out = os.path.abspath(board + ".elf")
    subprocess.run([cc, "-mcpu=" + cpu, "-mthumb", "-mfloat-abi=soft", "-O1", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-nostdlib",
                    "-fno-builtin", "-I", guest.ROOT, "-DKEPT=%#x" % (ram + 0x7000)] + more +
                   ["-Wl,--build-id=none", "-Wl,--no-warn-rwx-segments", "-Wl,--defsym=FLASH=%#x,--defsym=RAM=%#x" % (flash, ram),
                    "-T", os.path.join(HERE, "board.ld"), "-o", out, os.path.join(HERE, "board.c"), os.path.join(HERE, driver)],
                   check=True)
    if form == "elf":
        return out
    other = os.path.abspath(board + "." + form)
    subprocess.run([need_tool("arm-none-eabi-objcopy"), "-O", {"bin": "binary", "hex": "ihex"}[form], out, other], check=True)
    return other


def start(board, *program):
    return Guest(guest.arch_args("arm") + ["-M", board, "-nic", "user", "-display", "none", "-monitor", "none", "-serial", "stdio",
                                           "-semihosting-config", "enable=on,target=native"] + list(program))


def run_board(board, form="elf"):
    with start(board, "-kernel", build(board, form)) as g:
        for line in LINES:
            g.expect("ok " + line, 20)
        g.wait_exit(42)


def test_lm3s6965evb():
    """Elsewhere the watchdog's reset has no cause in RESC."""
    need_tinamou()
    run_board("lm3s6965evb")


def test_mps2_an385():
    run_board("mps2-an385")


def test_mps2_an386_flat():
    run_board("mps2-an386", "bin")


def test_mps2_an500_hex():
    need_tinamou()
    run_board("mps2-an500", "hex")


def test_mps2_an505():
    run_board("mps2-an505")


def test_mps2_an521():
    run_board("mps2-an521")


def test_loader_instead_of_kernel():
    with start("mps2-an385", "-device", "loader,file=" + build("mps2-an385")) as g:
        g.expect("ok answer", 30)
        g.wait_exit(42)


def test_counted_time():
    """With -icount, as Zephyr's boards use it, an instruction takes 64 ns, and every run is the same one."""
    subprocess.run([need_tool("arm-none-eabi-gcc"), "-mcpu=cortex-m3", "-mthumb", "-O1", "-Wall", "-Wextra", "-Werror", "-ffreestanding",
                    "-nostdlib", "-Wl,--build-id=none,--section-start=.vectors=0,-Ttext=0x100,-Tbss=0x20000000,-e,start",
                    "-o", "icount.elf", os.path.join(HERE, "icount.c")], check=True)
    first = None
    for icount in ["shift=6,align=off,sleep=off", "6,sleep=off"]:
        _, out, err = guest.emulator(guest.arch_args("arm") + [
            "-M", "lm3s6965evb", "-display", "none", "-monitor", "none", "-serial", "null", "-semihosting", "-icount", icount,
            "-rtc", "clock=vm", "-kernel", "icount.elf"], check=0)
        if first and out + err != first:
            raise Failed("-icount %s: %s, before: %s" % (icount, out + err, first))
        first = out + err
    rounds = int(first.split()[0], 16)
    expected = 10 * 25000 / 12e6 / (5 * 64e-9)  # at 12 MHz, five instructions a round
    if abs(rounds / expected - 1) > 0.05:
        raise Failed("%d rounds of five instructions in ten ticks, expected about %d" % (rounds, expected))


def test_wrong_programs():
    """One line says what is wrong and where the machine begins."""
    need_tinamou()
    for board, other, words in (("mps2-an385", "mps2-an505", "no memory at 0x10"), ("mps2-an505", None, "is for")):
        path = build(other) if other else "/bin/sh"
        r = subprocess.run([guest.EMULATOR] + guest.arch_args("arm") + ["-M", board, "-display", "none", "-kernel", path],
                           capture_output=True, text=True, timeout=20)
        if r.returncode != 1 or words not in r.stderr or "begins at" not in r.stderr or r.stderr.count("\n") != 1:
            raise Failed("%s with %s: status %d, %r" % (board, path, r.returncode, r.stderr))
