"""The gdb server: with gdb on a program of our own and on Debian's kernel, and packet by packet."""
import os
import re
import sys
import time

import guest
from guest import Failed, alone, need_tinamou

sys.path.insert(0, os.path.join(guest.ROOT, "tests", "gdb"))
import client  # noqa: E402
from client import Gdb, Remote  # noqa: E402


def equal(g, what, got, want):
    if got != want:
        g.fail("%s is %r, not %r" % (what, got, want))


def walk_through(arch):
    """Break, backtrace, step, next, finish, watch, registers, memory, and the program's end."""
    elf = client.program(arch)
    with client.bare(elf, arch) as g, Gdb(g, elf) as gdb:
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
        gdb.run("set var counter = 40", None)
        gdb.run("p counter", "= 40")
        gdb.run("delete")
        gdb.run("p $sp = $sp", "= ")
        gdb.run("set $a0 = -2")
        gdb.run("p (int)$a0", "= -2")
        equal(g, "x/zero", gdb.value("$zero"), 0)
        gdb.run("info registers mstatus", "mstatus")
        gdb.run("p $priv", r"= 3|prv:3")
        gdb.run("set $mscratch = 0x1234567")
        equal(g, "mscratch", gdb.value("$mscratch"), 0x1234567)
        gdb.run("p $ft0.float = 1.5", "= 1.5")
        gdb.run("p ratio", "= 0.5")
        gdb.run("break middle")
        gdb.run("continue", "middle")
        gdb.run("up", "main")
        gdb.run("set var go_on = 0")
        gdb.run("delete")
        gdb.run("continue", "exited normally" if guest.is_tinamou() else "closed")
        g.wait_exit(0)


def test_walk_through_a_64_bit_program():
    walk_through("riscv64")


def test_walk_through_a_32_bit_program():
    walk_through("riscv32")


def test_watchpoints_of_each_kind():
    """Any length and alignment; the access is seen whichever instruction does it."""
    elf = client.program()
    with client.bare(elf) as g, Gdb(g, elf) as gdb:
        gdb.run("break main")
        gdb.run("continue", "Breakpoint 1")
        gdb.run("delete")
        gdb.run("rwatch counter", "read")
        gdb.run("continue", r"(?s)read watchpoint.*Value = 0.*leaf")
        gdb.run("delete")
        gdb.run("awatch total", "access")
        gdb.run("continue", r"(?s)access \(read/write\) watchpoint.*Value = 0.*main")
        gdb.run("continue", r"(?s)access \(read/write\) watchpoint.*Old value = 0.*New value = 1")
        gdb.run("delete")
        gdb.run("watch bytes[5]", "watchpoint")
        gdb.run("continue", r"(?s)Old value = 0.*New value = 5")
        equal(g, "bytes[6]", gdb.value("bytes[6]"), 0)
        gdb.run("delete")
        gdb.run("watch bytes", "watchpoint")
        gdb.run("continue", r"New value = .*\\006")
        gdb.run("delete")
        gdb.run("watch counter if counter > 100", "watchpoint")
        gdb.run("continue", r"New value = 10[1-9]")


def test_interrupt_threads_detach_and_attach_again():
    elf = client.program()
    with client.bare(elf) as g:
        with Gdb(g, elf) as gdb:
            gdb.start("continue")
            gdb_out = gdb.interrupt()
            if "SIGINT" not in gdb_out:
                gdb.fail("no SIGINT")
            gdb.run("info threads", r"(?s)1 +Thread 1\.1 .*2 +Thread 1\.2 ")
            gdb.run("thread 2", "second")
            spins = gdb.value("spins")
            gdb.run("break second", "Breakpoint")
            gdb.run("delete")
            gdb.run("stepi 8")
            pc = gdb.value("$pc")
            gdb.run("thread 1")
            if gdb.value("$pc") == pc:
                gdb.fail("both threads are at %#x" % pc)
            gdb.run("detach", "detached")
        time.sleep(0.5)
        with Gdb(g, elf) as gdb:
            if gdb.value("spins") <= spins:
                gdb.fail("the machine did not run while nobody was attached")
            gdb.run("break leaf")
            gdb.run("continue", "Breakpoint 1, leaf")
            gdb.run("disconnect")
        with Gdb(g, elf) as gdb: # it waited, and has forgotten the breakpoint
            total = gdb.value("total")
            equal(g, "total", gdb.value("total"), total)
            gdb.start("continue")
            gdb.interrupt()
            if gdb.value("total") <= total:
                gdb.fail("the machine did not go on")
            gdb.run("kill", "killed")
            g.wait_exit(0)


def test_breakpoints_in_a_loop_that_is_hot():
    """In code that the region tier has made a loop of; patched code runs at once."""
    elf = client.program()
    with client.bare(elf, paused=False) as g:
        time.sleep(1.5)
        with Gdb(g, elf) as gdb:
            gdb.run("thread 2", "second")
            gdb.run("set scheduler-locking on")
            load = re.findall(r"(0x[0-9a-f]+) <", gdb.run("x/5i second"))
            add, store = load[-2], load[-1]
            gdb.run("tbreak *" + store)
            gdb.run("continue", "breakpoint")
            was = gdb.value("$a0")
            gdb.run("tbreak *" + store)
            gdb.run("continue", "breakpoint")
            equal(g, "a0", gdb.value("$a0"), was + 1)
            gdb.run("set *(unsigned short*)%s = 0x0509" % add) # c.addi a0, 2
            gdb.run("tbreak *" + store)
            gdb.run("continue", "breakpoint")
            equal(g, "a0", gdb.value("$a0"), was + 3)
            gdb.run("watch *(long *)$s1")
            gdb.run("continue", r"(?s)Old value = %d.*New value = %d" % (was + 1, was + 3))


def test_interrupt_while_a_condition_is_evaluated():
    """gdb is busy at a breakpoint whose condition never holds: it stops by our signal, or takes the key itself."""
    elf = client.program()
    with client.bare(elf) as g, Gdb(g, elf) as gdb:
        gdb.run("break leaf if n == 17", "Breakpoint 1")
        for _ in range(3):
            gdb.start("continue")
            said = gdb.interrupt()
            if "SIGINT" not in said and "Quit" not in said:
                gdb.fail("no SIGINT")
        gdb.run("delete")
        gdb.run("stepi 3")


def test_monitor_commands_by_gdb():
    need_tinamou()
    elf = client.program()
    with client.bare(elf) as g, Gdb(g, elf) as gdb:
        gdb.run("monitor info status", "VM status: paused")
        gdb.run("monitor info nonsense", "unknown|no such|not")
        gdb.run("maintenance packet qqemu.PhyMemMode", 'received: "0"')
        gdb.run("maintenance packet Qqemu.PhyMemMode:1", 'received: "OK"')
        equal(g, "first instruction", gdb.value("*(unsigned char *)0x80000000") & 3, 3)


def test_packets():
    """Acknowledgement, errors, unknown packets, objects, registers."""
    need_tinamou()
    elf = client.program()
    with client.bare(elf) as g, Remote(g) as r:
        r.raw(b"+")
        supported = r.ask("qSupported:multiprocess+;swbreak+;hwbreak+;xmlRegisters=i386")
        for feature in ("PacketSize=20000", "qXfer:features:read+", "qXfer:memory-map:read+", "qXfer:threads:read+", "swbreak+",
                        "hwbreak+", "vContSupported+", "multiprocess+", "QStartNoAckMode+", "QNonStop+", "binary-upload+"):
            if feature not in supported.split(";"):
                r.fail("qSupported lacks " + feature)
        r.raw(b"$?#00") # a wrong checksum
        equal(g, "answer to a wrong checksum", r.byte(), b"-")
        r.raw(b"$?#3") # cut short, then a new one
        r.raw(b"$g")
        r.ask("?", "T05thread:p1.1;core:0;")
        r.raw(b"-")
        equal(g, "what was sent again", r.receive(), b"T05thread:p1.1;core:0;")
        r.ask("QStartNoAckMode", "OK")
        r.ack = False
        r.ask("vMustReplyEmpty", "")
        r.ask("vFile:open:2f,0,0", "")
        r.ask("", "")
        r.ask("$".replace("$", "i"), "")
        r.ask("qC", r"QCp1\.1")
        r.ask("qfThreadInfo", r"mp1\.1,p1\.2")
        r.ask("qsThreadInfo", "l")
        equal(g, "extra", bytes.fromhex(r.ask("qThreadExtraInfo,p1.2")), b"CPU#1 [running]")
        r.ask("Tp1.2", "OK")
        r.ask("Tp1.3", "E22")
        r.ask("Tp2.1", "E22")
        r.ask("T-5", "E22")
        r.ask("Hgp1.2", "OK")
        equal(g, "a hart's number", r.register(register_number(r, "mhartid")), 1)
        r.ask("Hgp0.0", "OK")
        r.ask("Hgp1.77777777777777777777", "E22")
        r.ask("qAttached:1", "1")
        r.ask("qSymbol::", "OK")
        r.ask("vCont?", "vCont;c;C;s;S;t;r")
        r.ask("vCont;q", "E22")
        r.ask("vCont;c:p1.9", "E22")
        r.ask("vCont", "E22")
        r.ask("qqemu.sstepbits", "ENABLE=1,NOIRQ=2,NOTIMER=4")
        r.ask("qqemu.sstep", "0x7")
        r.ask("Qqemu.sstep=0x5", "OK")
        r.ask("qqemu.sstep", "0x5")
        r.ask("Qqemu.sstep=9", "E22")
        equal(g, "g", len(r.ask("g")), 33 * 16)
        r.ask("p5555", "E22")
        r.ask("P1=xx", "OK")
        r.ask("P1=12", "E22")
        r.ask("G" + "00" * 8 * 31 + "0100000000000000", "OK")
        equal(g, "t6", r.register(31), 1)
        r.ask("m80100000,4", "00000000")
        r.ask("M80100000,4:01020304", "OK")
        r.ask(b"X80100004,4:\x7d\x03}\x04\x7d\x0a$".replace(b"$", b"e"), "OK")
        r.ask("m80100000,8", "01020304232" + "42a65")
        equal(g, "x", r.ask("x80100000,4"), "b\x01\x02\x03\x04")
        r.ask("m0,4", "E14")
        r.ask("M0,1:00", "E14")
        r.ask("M80100000,8:00", "E22")
        r.ask("m80100000", "E22")
        r.ask("mffffffffffffffff1,4", "E22")
        equal(g, "a read up to the end of memory", len(r.ask("m81fffffe,10")), 4)
        r.ask("qCRC:80100000,4", "C[0-9a-f]{8}")
        r.ask("Z9,0,1", "")
        r.ask("Z0,80000000", "E22")
        r.ask("qXfer:features:read:none.xml:0,10", "E00")
        r.ask("qXfer:features:read:target.xml:fffffff,10", "E22")
        whole = r.ask("qXfer:threads:read::0,1000")
        pieces = "".join(r.ask("qXfer:threads:read::%x,10" % at)[1:] for at in range(0, len(whole), 16))
        equal(g, "the list of threads in pieces", pieces, whole[1:])
        r.ask("qXfer:memory-map:read::0,4000", r"l<\?xml.*<memory-map>.*start=\"0x0\" length=\"0xffffffffffffffff\".*</memory-map>\n")
        r.raw(b"$" + b"m" * 200000 + b"#%02x" % (0x6d * 200000 & 255))
        equal(g, "reply to a huge packet", r.receive(), b"E22")
        r.ask("D;2", "E22")
        r.ask("D;1", "OK")


def target_xml(r):
    text, at = "", 0
    while True:
        piece = r.ask("qXfer:features:read:target.xml:%x,1000" % at)
        text, at = text + piece[1:], at + len(piece) - 1
        if piece[0] == "l":
            return text


def register_number(r, name):
    return int(re.search(r'<reg name="%s"[^>]* regnum="(\d+)"' % name, target_xml(r)).group(1))


def test_target_description():
    """Every CSR that software can read is there, once, and reading them all changes nothing."""
    need_tinamou()
    for arch, bits in (("riscv64", 64), ("riscv32", 32)):
        elf = client.program(arch)
        with client.bare(elf, arch, smp=1) as g, Remote(g) as r:
            xml = target_xml(r)
            names = re.findall(r'<reg name="([^"]+)" bitsize="(\d+)" regnum="(\d+)"', xml)
            equal(g, "numbers", [int(n[2]) for n in names], list(range(len(names))))
            equal(g, "names that come twice", len(set(n[0] for n in names)), len(names))
            found = {n[0]: int(n[1]) for n in names}
            for name in ("zero", "fp", "pc", "mstatus", "satp", "mhpmevent31", "pmpaddr15", "pmpcfg0", "sstateen0", "cycle",
                         "stimecmp", "mhartid", "priv", "tselect"):
                if name in ("sstateen0",):
                    continue # only with Smstateen
                equal(g, "width of " + name, found.get(name), bits)
            equal(g, "width of ft0", found.get("ft0"), 64)
            equal(g, "mstatush", "mstatush" in found, bits == 32)
            before = [r.ask("p%x" % n) for n in range(len(names))]
            after = [r.ask("p%x" % n) for n in range(len(names))]
            equal(g, "registers that cannot be read", [n[0] for n, v in zip(names, before) if "x" in v or "E" in v], [])
            changed = [n[0] for n, a, b in zip(names, before, after) if a != b and not re.match("m?(cycle|instret|hpm)", n[0])]
            equal(g, "registers that change by themselves", changed, [])


def test_range_steps_and_scheduling():
    """vCont: one hart steps while the other is held or runs; ranges; stops by the other hart."""
    need_tinamou()
    elf = client.program()
    with client.bare(elf) as g, Remote(g) as r:
        r.ask("qSupported:multiprocess+;swbreak+;hwbreak+", "PacketSize.*")
        pc = register_number(r, "pc")
        r.ask("vCont;s:p1.2", r"T05thread:p1\.2;core:1;")
        r.ask("Hgp1.1", "OK")
        equal(g, "pc of the hart that was held", r.register(pc), 0x1000)
        r.ask("Hgp1.2", "OK")
        equal(g, "pc of the one that stepped", r.register(pc), 0x1004)
        r.ask("vCont;r1000,1018:p1.1", r"T05thread:p1\.1;core:0;")
        equal(g, "pc after the range", r.register(pc), 0x80000000)
        r.ask("Z0,80000004,4", "OK")
        r.ask("Z1,80000004,4", "OK")
        r.ask("vCont;c:p1.1", r"T05thread:p1\.1;core:0;swbreak:;")
        r.ask("z0,80000004,4", "OK")
        r.ask("vCont;c:p1.1", r"T05thread:p1\.1;core:0;hwbreak:;")
        r.ask("vCont;s:p1.1", r"T05thread:p1\.1;core:0;") # a step goes over it
        equal(g, "pc", r.register(pc) > 0x80000004, True)
        r.ask("vCont;c:p1.2;t", r"T05thread:p1\.2;core:1;hwbreak:;")
        r.ask("z1,80000004,4", "OK")
        spins = symbol(elf, "spins")
        r.ask("Z2,%x,1" % (spins + 7), "OK")
        r.ask("c", r"T05thread:p1\.2;core:1;watch:%x;" % (spins + 7))
        old = r.ask("m%x,8" % spins)
        r.ask("vCont;c", r"T05thread:p1\.2;core:1;watch:%x;" % (spins + 7)) # without a step between
        if r.ask("m%x,8" % spins) == old:
            r.fail("the store that the watchpoint stopped was not done")
        r.ask("z2,%x,1" % (spins + 7), "OK")
        r.send("vCont;c")
        time.sleep(0.2)
        r.raw(b"\x03")
        equal(g, "reply to an interrupt", re.match(rb"T02thread:p1\.", r.receive()) is not None, True)
        r.ask("QStartNoAckMode", "OK")
        r.ack = False
        r.ask("vKill;1", "OK")
        g.wait_exit(0)


def symbol(elf, name):
    import subprocess
    out = subprocess.run([guest.need_tool("riscv64-linux-gnu-nm"), elf], capture_output=True, text=True, check=True).stdout
    return int(re.search(r"^([0-9a-f]+) \w %s$" % name, out, re.M).group(1), 16)


def test_non_stop_mode():
    """One hart stops while the other runs on."""
    need_tinamou()
    elf = client.program()
    with client.bare(elf) as g, Remote(g) as r:
        r.ask("qSupported:multiprocess+", "PacketSize.*")
        r.ask("QNonStop:1", "OK")
        r.ask("?", r"T00thread:p1\.1;core:0;")
        r.ask("vStopped", r"T00thread:p1\.2;core:1;")
        r.ask("vStopped", "OK")
        leaf, spins = symbol(elf, "leaf"), symbol(elf, "spins")
        r.ask("Z0,%x,2" % leaf, "OK")
        r.ask("vCont;c", "OK")
        equal(g, "notification", r.receive(b"%"), b"Stop:T05thread:p1.1;core:0;")
        r.ask("vStopped", "OK")
        before = r.ask("m%x,8" % spins)
        time.sleep(0.2)
        if r.ask("m%x,8" % spins) == before:
            r.fail("the other hart stopped, too")
        r.ask("vCont;t:p1.2", "OK")
        equal(g, "notification", r.receive(b"%"), b"Stop:T00thread:p1.2;core:1;")
        r.ask("vStopped", "OK")
        before = r.ask("m%x,8" % spins)
        time.sleep(0.2)
        equal(g, "spins", r.ask("m%x,8" % spins), before)
        r.ask("vCont;s:p1.2", "OK")
        equal(g, "notification", r.receive(b"%"), b"Stop:T05thread:p1.2;core:1;")
        r.ask("vStopped", "OK")
        r.ask("QNonStop:0", "OK")
        r.ask("D", "OK")

def test_gdb_in_non_stop_mode():
    """The machine runs on while gdb looks at one hart."""
    need_tinamou()
    elf = client.program()
    with client.bare(elf, paused=False) as g:
        time.sleep(0.3)
        with Gdb(g, elf, connect="set non-stop on") as gdb:
            gdb.run("target remote " + client.SOCKET)
            gdb.run("info threads", r"(?s)1 +Thread 1\.1 .*\(running\).*2 +Thread 1\.2 .*\(running\)")
            gdb.run("thread 1")
            gdb.run("interrupt")
            gdb.read_until("stopped", 30)
            gdb.run("info threads", r"(?s)1 +Thread 1\.1 .*2 +Thread 1\.2 .*\(running\)")
            gdb.run("break leaf")
            gdb.run("continue", r"hit Breakpoint 1, .*leaf")
            gdb.run("info threads", r"(?s)1 +Thread 1\.1 .*leaf.*2 +Thread 1\.2 .*\(running\)")
            gdb.run("next", r"return n \* 2")


@alone
def test_debians_kernel():
    """Break on a system call, look at its registers, watch a variable, step, let go."""
    with guest.linux(client.gdb_args(), smp=2) as g:
        g.shell()
        names = {}
        for address, name in re.findall(r"([0-9a-f]{16}) \w (do_sys_openat2|jiffies_64)\n",
                                        g.run("grep -E ' (do_sys_openat2|jiffies_64)$' /proc/kallsyms")):
            names[name] = int(address, 16)
        if "do_sys_openat2" not in names:
            raise Failed("no address of do_sys_openat2 in /proc/kallsyms")
        with Gdb(g) as gdb:
            gdb.run("info threads", r"(?s)Thread 1\.1.*Thread 1\.2")
            gdb.run("hbreak *%#x" % names["do_sys_openat2"])
            gdb.start("continue")
            g.send("cat /proc/version\n")
            out = gdb.read_prompt(60)
            if "Breakpoint 1" not in out:
                gdb.fail("no stop at the system call")
            equal(g, "pc", gdb.value("$pc"), names["do_sys_openat2"])
            gdb.run("x/s $a1", r"/|lib|version") # the path, in user memory
            equal(g, "privilege", gdb.value("$priv"), 1)
            sp = gdb.value("$sp")
            gdb.run("stepi 20")
            if not 0 < sp - gdb.value("$sp") < 4096:
                gdb.fail("no stack frame after 20 instructions")
            gdb.run("delete")
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


test_debians_kernel.limit = 240
