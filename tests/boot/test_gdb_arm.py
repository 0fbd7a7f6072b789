"""The gdb server with Arm guests: gdb on a program of our own, in both states, and on Debian's arm64 kernel."""
import os
import re
import sys
import time

import guest
from guest import Failed, need_tinamou

sys.path.insert(0, os.path.join(guest.ROOT, "tests", "gdb"))
import client  # noqa: E402
from client import Gdb, Remote  # noqa: E402


def equal(g, what, got, want):
    if got != want:
        g.fail("%s is %r, not %r" % (what, got, want))


def walk_through(g, gdb):
    """Break, backtrace, step, finish, watch of each kind, memory: what is the same in both states."""
    gdb.run("break leaf", "Breakpoint 1 at")
    gdb.run("continue", r"Breakpoint 1, leaf \(n=0\) at .*guest\.c")
    gdb.run("backtrace", r"(?s)#0 +leaf.*#1 .*middle.*#2 .*main")
    gdb.run("step", r"return n \* 2")
    gdb.run("finish", r"Value returned is \$1 = 0")
    gdb.run("next", r"return twice \+ 1")
    gdb.run("continue", r"leaf \(n=1\)")
    gdb.run("hbreak middle", "Hardware assisted breakpoint 2")
    gdb.run("continue", r"Breakpoint 2, middle \(n=2\)")
    gdb.run("delete")
    gdb.run("watch counter", "Hardware watchpoint 3: counter")
    gdb.run("continue", r"(?s)watchpoint 3: counter.*Old value = 1.*New value = 3")
    gdb.run("delete")
    gdb.run("rwatch total", "read")
    gdb.run("continue", r"(?s)read watchpoint.*Value = ")
    gdb.run("delete")
    gdb.run("awatch bytes[7]", "access")
    gdb.run("continue", r"(?s)access \(read/write\) watchpoint.*New value = 7")
    gdb.run("delete")
    gdb.run("set var counter = 40")
    gdb.run("p counter", "= 40")
    gdb.run("p ratio", "= 0.5")
    gdb.run("info threads", r"(?s)1 +Thread 1\.1 .*2 +Thread 1\.2 ")
    gdb.run("thread 2", "second")
    spins = gdb.value("spins")
    gdb.run("stepi 9")
    if not gdb.value("spins") > spins:
        gdb.fail("the other processor does not count")
    gdb.run("thread 1")


def end(g, gdb):
    gdb.run("break middle")
    gdb.run("continue", "middle")
    gdb.run("up", "main")
    gdb.run("set var go_on = 0")
    gdb.run("delete")
    gdb.run("continue", "exited normally" if guest.is_tinamou() else "closed")
    g.wait_exit(0)


def test_walk_through_an_aarch64_program():
    elf = client.program("arm64")
    with client.bare(elf, "arm64") as g, Gdb(g, elf) as gdb:
        walk_through(g, gdb)
        gdb.run("set $x0 = -2")
        gdb.run("p $w0" if guest.is_tinamou() else "p (int)$x0", "= -2|= 4294967294")
        equal(g, "EL1h", gdb.value("$cpsr") & 31, 5)
        gdb.run("p $v0.d.f[0] = 1.5", "= 1.5")
        gdb.run("p $d0", "f = 1.5")
        gdb.run("p $v7.b.u[15] = 200")
        gdb.run("p/x $v7.d.u[1]", "= 0xc800000000000000")
        gdb.run("p/x $fpsr = 0x08000001")
        equal(g, "fpsr", gdb.value("$fpsr"), 0x08000001)
        gdb.run("p/x $fpcr = 0x00c00000")
        equal(g, "fpcr", gdb.value("$fpcr"), 0x00c00000)
        equal(g, "CPACR_EL1", gdb.value("$CPACR_EL1"), 3 << 20)
        equal(g, "MPIDR_EL1", gdb.value("$MPIDR_EL1"), 0x80000000)
        gdb.run("set $TTBR0_EL1 = 0x41234000")
        equal(g, "TTBR0_EL1", gdb.value("$TTBR0_EL1"), 0x41234000)
        gdb.run("info registers cp_regs", "CPACR_EL1 ")
        gdb.run("info all-registers", r"(?s)x0 .*v31 .*fpcr .*VBAR_EL1 ")
        end(g, gdb)


def test_walk_through_an_aarch32_program():
    elf = client.program("armhf")
    with client.bare(elf, "armhf") as g, Gdb(g, elf) as gdb:
        walk_through(g, gdb)
        gdb.run("set $r0 = -2")
        gdb.run("p (int)$r0", "= -2")
        equal(g, "mode", gdb.value("$cpsr") & 31, 0x13)
        gdb.run("p $d3.f64 = 2.25")
        gdb.run("p $q1.u32[3]", "= 1073872896")
        equal(g, "MIDR", gdb.value("$MIDR") & 0xfff0, 0xc0f0)
        gdb.run("set $TPIDRURO = 0x1234")
        equal(g, "TPIDRURO", gdb.value("$TPIDRURO"), 0x1234)
        end(g, gdb)


def target_xml(r):
    text, at = "", 0
    while True:
        piece = r.ask("qXfer:features:read:target.xml:%x,1000" % at)
        text, at = text + piece[1:], at + len(piece) - 1
        if piece[0] == "l":
            return text


def test_target_description():
    """Every register is there once, with numbers in order; reading them all changes nothing."""
    need_tinamou()
    more = ["-cpu", "max", "-M", "virt,gic-version=3,virtualization=on,secure=on"]
    for arch, options, wanted in (
            ("arm64", more, ("x0", "sp", "v31", "fpcr", "pauth_cmask_high", "TTBR1_EL1", "HCR_EL2", "SCR_EL3", "CNTV_CTL_EL0",
                             "DBGBVR5_EL1", "ICC_PMR_EL1", "ID_AA64MMFR2_EL1")),
            ("armhf", [], ("r0", "lr", "d31", "fpscr", "SCTLR", "TTBR0", "VBAR", "DBGDIDR"))):
        elf = client.program(arch)
        with client.bare(elf, arch, smp=1, more=options) as g, Remote(g) as r:
            names = re.findall(r'<reg name="([^"]+)" bitsize="(\d+)" regnum="(\d+)"', target_xml(r))
            found = {n[0]: int(n[1]) for n in names}
            equal(g, "numbers", [int(n[2]) for n in names], list(range(len(names))))
            equal(g, "names that come twice", len(found), len(names))
            equal(g, "registers that are missing", [n for n in wanted if n not in found], [])
            before = [r.ask("p%x" % n) for n in range(len(names))]
            after = [r.ask("p%x" % n) for n in range(len(names))]
            equal(g, "registers that cannot be read", [n[0] for n, v in zip(names, before) if "x" in v or "E" in v], [])
            changed = [n[0] for n, a, b in zip(names, before, after) if a != b and not re.match("CNT|PM", n[0])]
            equal(g, "registers that change by themselves", changed, [])


def kernel_symbols(g, *names):
    found = {}
    pattern = "|".join(names)
    for address, name in re.findall(r"([0-9a-f]{16}) \w (%s)\n" % pattern,
                                    g.run("grep -E ' (%s)$' /proc/kallsyms" % pattern)):
        found[name] = int(address, 16)
    if names[0] not in found:
        raise Failed("no address of %s in /proc/kallsyms" % names[0])
    return found


def frame_chain(gdb):
    """Return addresses by the chain of frame records: the kernel has no symbols here."""
    frames, fp = [], gdb.value("$x29")
    while fp >> 48 == 0xffff and len(frames) < 20:
        frames.append(gdb.value("*(unsigned long long *)%#x" % (fp + 8)))
        fp = gdb.value("*(unsigned long long *)%#x" % fp)
    return [f for f in frames if f]


def test_debians_arm64_kernel():
    """Break on a system call, look at frames and system registers, step, watch, change memory, let go."""
    with guest.linux(client.gdb_args(), smp=2, arch="arm64") as g:
        g.shell()
        names = kernel_symbols(g, "do_sys_openat2", "jiffies_64", "vectors", "swapper_pg_dir")
        with Gdb(g, arch="arm64") as gdb:
            gdb.run("info threads", r"(?s)Thread 1\.1.*Thread 1\.2")
            gdb.run("hbreak *%#x" % names["do_sys_openat2"])
            gdb.start("continue")
            g.send("cat /proc/version\n")
            if "Breakpoint 1" not in gdb.read_prompt(60):
                gdb.fail("no stop at the system call")
            equal(g, "pc", gdb.value("$pc"), names["do_sys_openat2"])
            gdb.run("x/s $x1", r"/|lib|version") # the path, in user memory
            equal(g, "EL1h", gdb.value("$cpsr") & 31, 5)
            if "vectors" in names:
                equal(g, "VBAR_EL1", gdb.value("$VBAR_EL1"), names["vectors"])
            equal(g, "class of the exception (SVC)", gdb.value("$ESR_EL1") >> 26, 0x15)
            sp = gdb.value("$sp")
            gdb.run("stepi 20")
            if not 0 < sp - gdb.value("$sp") < 4096:
                gdb.fail("no stack frame after 20 instructions")
            frames = frame_chain(gdb)
            if len(frames) < 4 or not all(f >> 48 == 0xffff for f in frames):
                gdb.fail("frames of the kernel: %s" % [hex(f) for f in frames])
            gdb.run("delete")
            gdb.run("set {int}($sp - 64) = 0x1234567")
            equal(g, "memory that was changed", gdb.value("*(int *)($sp - 64)"), 0x1234567)
            if "jiffies_64" in names:
                gdb.run("watch *(long *)%#x" % names["jiffies_64"])
                out = gdb.run("continue", "New value = ")
                old, new = (int(v) for v in re.findall(r"(?:Old|New) value = (\d+)", out))
                if new <= old:
                    gdb.fail("time runs backwards")
                gdb.run("delete")
            gdb.run("detach", "detached")
        g.expect("Linux version", 60)
        g.run("true")


test_debians_arm64_kernel.limit = 240


def test_start_kernel():
    """From the first instruction of the kernel to start_kernel, which runs at an address that is not yet mapped at first."""
    with guest.linux(client.gdb_args(), arch="arm64", append="nokaslr") as g:
        g.shell()
        start = kernel_symbols(g, "start_kernel")["start_kernel"]
    os.unlink(client.SOCKET)
    with guest.linux(client.gdb_args() + ["-S"], arch="arm64", append="nokaslr") as g, Gdb(g, arch="arm64") as gdb:
        equal(g, "first instruction", gdb.value("$pc") >> 28, 4)
        gdb.run("hbreak *%#x" % start, "breakpoint")
        gdb.run("continue", "Breakpoint 1")
        equal(g, "pc", gdb.value("$pc"), start)
        if not gdb.value("$SCTLR_EL1") & 1:
            gdb.fail("the MMU is off in start_kernel")
        gdb.run("delete")
        gdb.run("detach", "detached")
        g.shell()


test_start_kernel.limit = 240
