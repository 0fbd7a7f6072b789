"""Test-runner mode: what the options see, say and return."""
import json
import os
import re
import signal
import subprocess
import time
import xml.etree.ElementTree

from guest import EMULATOR, Failed, alone, arch_args, debian, need_tinamou, need_tool

# Prints the text, then does the rest.
PRINT_ASM = """
    .globl _start
_start:
    li t0, 0x10000000
    la t1, text
1:  lbu t2, 0(t1)
    beqz t2, 2f
    sb t2, 0(t0)
    addi t1, t1, 1
    j 1b
2:  {then}
text: .asciz "{text}"
"""
OFF = "li t0, 0x100000\nli t1, 0x5555\nsw t1, 0(t0)\n3: j 3b\n"
FAIL_3 = "li t0, 0x100000\nli t1, 0x33333\nsw t1, 0(t0)\n3: j 3b\n"
RESET = "li t0, 0x100000\nli t1, 0x7777\nsw t1, 0(t0)\n3: j 3b\n"
SPIN = "3: j 3b\n"
# Sends back what comes, each byte plus one.
ECHO = """li t0, 0x10000000
3:  lbu t1, 5(t0)
    andi t1, t1, 1
    beqz t1, 3b
    lbu t1, 0(t0)
    addi t1, t1, 1
    sb t1, 0(t0)
    j 3b
"""
CALLS_C = """
volatile int forever = 1;
__attribute__((noinline)) void inner(void) { while (forever) ; }
__attribute__((noinline)) int middle(int n) { inner(); return n + forever; }
__attribute__((noinline)) int outer(int n) { return middle(n) + forever; }
"""
CALLS_ASM = """
    .globl _start
_start:
    la sp, stack
    li s0, 0
    call outer
1:  j 1b
    .bss
    .balign 16
    .space 4096
stack: .space 64
"""


def build(source, c="", name="prog.elf", flags=()):
    cc = need_tool("riscv64-linux-gnu-gcc")
    with open("prog.S", "w") as f:
        f.write(source)
    with open("prog2.c", "w") as f:
        f.write(c)
    r = subprocess.run([cc, "-nostdlib", "-static", "-O1", "-ffreestanding", "-march=rv64imac_zicsr", "-mabi=lp64", "-mcmodel=medany",
                        "-Wl,-n", "-Wl,-Ttext=0x80000000,--build-id=none", "-fno-pic", *flags, "-o", name, "prog.S", "prog2.c"],
                       capture_output=True, text=True)
    if r.returncode:
        raise Failed(r.stderr)
    return name


def program(text, then=SPIN):
    return build(PRINT_ASM.format(text=text, then=then))


def command(elf, *options):
    return [EMULATOR] + arch_args() + ["-M", "virt", "-bios", "none", "-nographic", "-kernel", elf] + list(options)


def run(elf, *options, status=0, says=".", timeout=60):
    """Run to the end; (stdout, stderr).  stderr must have the status and the pattern."""
    need_tinamou()
    r = subprocess.run(command(elf, *options), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
    if r.returncode != status or not re.search(says, r.stderr):
        raise Failed("%s: status %d, wanted %d and %r:\n%s%s" % (options, r.returncode, status, says, r.stdout, r.stderr))
    return r.stdout, r.stderr


def check(ok, what):
    if not ok:
        raise Failed("wrong: %s" % (what,))


def test_expectations_are_met_in_order():
    elf = program("one two three\\n")
    out, _ = run(elf, "-expect", "o.e", "-expect", "two", "-expect", "th(r)ee$", "-timeout", "30", says="test passed.*3 of 3")
    check("one two three" in out, out)
    run(elf, "-expect", "two", "-expect", "one", "-timeout", "1", status=124, says=r"waited 1 s for -expect 'one' \(2 of 2\)")


def test_control_sequences_and_carriage_returns_do_not_hide_text():
    run(program("lo\\033[1mgin\\033[0m: ok\\r\\n"), "-expect", "^login: ok$", "-timeout", "30", says="test passed")


def test_failure_patterns_win_only_when_they_come_first():
    elf = program("good\\nKernel panic - not syncing: no init\\nthe rest of the story\\n")
    run(elf, "-expect", "good", "-fail", "@linux", "-timeout", "30", says="test passed")
    out, _ = run(elf, "-expect", "better", "-fail", "@linux", "-timeout", "30", status=1,
                 says=r"test failed.*'Kernel panic - not syncing' \(-fail @linux\) while waiting for -expect 'better' \(1 of 1\)")
    check("rest of the story" in out, out) # what follows a panic is still shown
    run(elf, "-fail", "go+d", "-timeout", "30", status=1, says="while waiting for the guest to power off")


def test_names_of_failures_match_what_programs_print():
    for name, lines in {
        "@linux": ["[    1.2] Kernel panic - not syncing: Attempted to kill init!", "[    3.4] Oops [#1]", "[ 5.6] Oops: 0000 [#1] SMP",
                   "watchdog: BUG: soft lockup - CPU#0 stuck for 22s!", "kernel BUG at mm/slub.c:304!", "Kernel BUG [#1]",
                   "Unable to handle kernel NULL pointer dereference at virtual address 0000000000000000",
                   "Internal error: synchronous external abort: 96000410 [#1] SMP", "rcu: INFO: rcu_sched self-detected stall on CPU",
                   "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:", "INFO: task init:1 blocked for more than 120 seconds."],
        "@systemd": ["You are in emergency mode. After logging in", "systemd[1]: Freezing execution.",
                     "[DEPEND] Dependency failed for local-fs.target - Local File Systems."],
        "@sanitizer": ["BUG: KASAN: slab-out-of-bounds in f+0x1/0x2", "UBSAN: shift-out-of-bounds in a.c:1:2",
                       "==1==ERROR: AddressSanitizer: heap-use-after-free", "a.c:1:2: runtime error: signed integer overflow"],
        "@firmware": ["sbi_trap_error: hart0: trap handler failed", "### ERROR ### Please RESET the board ###"],
        "@rust": ["thread 'main' panicked at src/main.rs:2:5:"],
        "@zephyr": [">>> ZEPHYR FATAL ERROR 0: CPU exception on CPU 0", "ASSERTION FAIL [0] @ a.c:1"],
    }.items():
        for line in lines:
            run(program(line + "\\n", OFF), "-fail", name, "-timeout", "60", status=1, says="-fail " + name)
    harmless = "oops, a typo; debug: on; panic=-1; Internal error: none; Started Local File Systems"
    run(program(harmless + "\\n", OFF), "-fail", "@linux", "-fail", "@systemd", "-fail", "@sanitizer", "-timeout", "60", says="test passed")


def test_power_off_too_early_fails():
    run(program("booting\\n", OFF), "-expect", "booting", "-expect", "login:", "-timeout", "30", status=1,
        says=r"the guest powered off before -expect 'login:' \(2 of 2\)\n.*last line of the console: booting")


def test_text_just_before_power_off_counts():
    elf = program("x" * 3000 + " done", OFF)
    for _ in range(5):
        run(elf, "-expect", "x done", "-timeout", "30", says="test passed")


def test_power_off_can_be_expected():
    run(program("bye\\n", OFF), "-expect", "bye", "-expect", "@off", "-timeout", "30", says="2 of 2")
    run(program("bye\\n", OFF), "-expect", "@off", "-no-shutdown", "-timeout", "30", says="1 of 1")
    run(program("bye\\n", FAIL_3), "-expect", "@off", "-timeout", "30", status=1, says="reported a failure, status 3")
    run(program("bye\\n", FAIL_3), "-fail", "hello", status=3, says="reported a failure, status 3")
    run(program("bye\\n", OFF), "-timeout", "30", says="test passed")


def test_resets():
    elf = program("again\\n", RESET)
    run(elf, "-expect", "again", "-expect", "@reset", "-expect", "again", "-expect", "@reset", "-timeout", "30", says="4 of 4")
    run(elf, "-expect", "login", "-fail", "@reset", "-timeout", "30", status=1, says="the guest reset .-fail @reset")
    run(elf, "-expect", "@reset", "-no-reboot", "-timeout", "30", says="1 of 1")
    run(elf, "-expect", "login", "-no-reboot", "-timeout", "30", status=1, says="the guest reset before -expect 'login'")


def test_text_is_typed_with_escapes():
    elf = program("ready\\n", ECHO)
    run(elf, "-expect", "ready", "-send", "HAL\\x40\\101\\\\", "-expect", "IBMAB]", "-send", "xyz", "-expect", "yz{", "-timeout", "30",
        says="3 of 3")
    long = "-" * 5000
    run(elf, "-expect", "ready", "-send", long + "A", "-expect", r"\.B", "-timeout", "30", says="2 of 2")


def test_time_limits():
    elf = program("ready\\n")
    run(elf, "-timeout", "300ms", status=124, says="waited 0.3 s for the guest to power off")
    run(elf, "-step-timeout", "30", "-expect", "ready", "-step-timeout", "0.4", "-expect", "set", "-timeout", "1m", status=124,
        says=r"waited 0.4 s in this step for -expect 'set' \(2 of 2\)")
    run(elf, "-expect", "set", "-timeout", "1", "-accel", "tcg,engine=interp", "-smp", "2", status=124, says="vCPU 1")


def test_a_stopped_machine_has_time():
    """-S: nothing runs, so nothing is late."""
    need_tinamou()
    p = subprocess.Popen(command(program("ready\\n"), "-S", "-expect", "ready", "-timeout", "0.3"), stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        time.sleep(1)
        check(p.poll() is None, "it ended though stopped")
        p.send_signal(signal.SIGTERM)
        _, err = p.communicate(timeout=20)
    finally:
        p.kill()
        p.wait()
    check(p.returncode == 1 and re.search("test aborted after 0.0 s: ended from outside", err), err)


def test_backtrace_by_frame_pointers():
    elf = build(CALLS_ASM, CALLS_C, flags=["-fno-omit-frame-pointer", "-fno-optimize-sibling-calls"])
    _, err = run(elf, "-timeout", "1", status=124, says="vCPU 0:")
    check(re.search(r"#0 .* inner\+0x.*\n.*#1 .* middle\+0x[^?\n]*\n.*#2 .* outer\+0x[^?\n]*\n.*#3 .* _start\+0x", err), err)


def test_backtrace_by_searching_the_stack():
    elf = build(CALLS_ASM, CALLS_C, flags=["-fomit-frame-pointer", "-fno-optimize-sibling-calls"])
    _, err = run(elf, "-timeout", "1", status=124, says="vCPU 0:")
    names = re.findall(r"#\d+ +0x\w+ (\w+)\+0x\w+( \?)?", err)
    check(("inner", "") in names and ("middle", " ?") in names and ("outer", " ?") in names, err)


def test_symbols_come_from_a_map_too():
    elf = build(CALLS_ASM, CALLS_C, flags=["-fno-omit-frame-pointer", "-fno-optimize-sibling-calls"])
    nm = need_tool("riscv64-linux-gnu-nm")
    with open("names", "w") as f:
        f.write(subprocess.run([nm, elf], stdout=subprocess.PIPE, text=True, check=True).stdout)
    subprocess.run([need_tool("riscv64-linux-gnu-strip"), "-o", "bare.elf", elf], check=True)
    _, err = run("bare.elf", "-timeout", "1", status=124, says="vCPU 0:")
    check("inner" not in err, err)
    run("bare.elf", "-timeout", "1", "-symbols", "names", status=124, says=r"#0 .* inner\+")
    os.rename("names", "System.map")
    run("bare.elf", "-timeout", "1", status=124, says=r"#0 .* inner\+")


def test_reports():
    elf = program("ready\\007 <&>\\n")
    run(elf, "-expect", "ready", "-send", "a\\n", "-expect", "<set>", "-expect", "@off", "-timeout", "1", "-result", "r.json", "-result",
        "r.xml", status=124)
    with open("r.json") as f:
        r = json.load(f)
    check(r["result"] == "timeout" and "<set>" in r["reason"] and "ready" in r["console"], r)
    check([s["result"] for s in r["steps"]] == ["met", "sent", "unmet", "not reached"], r)
    check(r["steps"][0]["matched"] == "ready" and r["cpus"][0]["index"] == 0 and "#0" in r["cpus"][0]["backtrace"], r)
    suite = xml.etree.ElementTree.parse("r.xml").getroot().find("testsuite")
    check(suite.get("tests") == "4" and suite.get("failures") == "1" and suite.get("skipped") == "1", suite.attrib)
    cases = suite.findall("testcase")
    check(cases[2].find("failure") is not None and "vCPU 0" in cases[2].find("failure").text, "failure")
    check("ready\ufffd <&>" in suite.find("system-out").text, "output")


def test_a_report_tells_of_a_machine_that_did_not_start():
    run("missing.elf", "-expect", "x", "-result", "r.json", "-result", "r.xml", status=1, says="could not open 'missing.elf'")
    with open("r.json") as f:
        r = json.load(f)
    check(r["result"] == "aborted" and "missing.elf" in r["reason"], r)
    suite = xml.etree.ElementTree.parse("r.xml").getroot().find("testsuite")
    check(suite.get("errors") == "1" and suite.find(".//error") is not None, suite.attrib)


def test_any_chardev_can_be_watched():
    elf = program("to the file\\n")
    run(elf, "-serial", "file:out", "-expect", "to the file", "-timeout", "30", says="test passed")
    with open("out") as f:
        check(f.read() == "to the file\n", "file")
    run(elf, "-chardev", "null,id=n", "-serial", "chardev:n", "-expect-on", "n", "-expect", "file", "-timeout", "30", says="test passed")
    run(elf, "-serial", "none", "-expect", "x", status=1, says="no serial line to watch")
    run(elf, "-expect-on", "nope", "-expect", "x", status=1, says="-expect-on nope: there is no such chardev")


@alone
def test_debian_kernel():
    """A real kernel: its shell takes what is typed, and a panic is noticed."""
    need_tinamou()
    d = debian()
    args = [EMULATOR] + arch_args() + ["-M", "virt", "-m", "512M", "-smp", "2", "-nographic", "-kernel", d + "/kernel", "-initrd",
                                       d + "/initrd-small.cpio.gz", "-fail", "@linux", "-timeout", "100", "-append"]
    r = subprocess.run(args + ["console=ttyS0 quiet", "-expect", "~ # ", "-send", "echo a$((1+1))b\\n", "-expect", "a2b", "-send",
                               "poweroff -f\\n", "-expect", "@off"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    check(r.returncode == 0, r.stdout[-1000:] + r.stderr)
    r = subprocess.run(args + ["console=ttyS0 quiet", "-expect", "~ # ", "-step-timeout", "1", "-expect", "nothing"],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True)
    check(r.returncode == 124 and re.search(r"vCPU 1(.*\n)+?.* do_idle\+0x", r.stderr), r.stderr)
    r = subprocess.run(args + ["console=ttyS0 rdinit=/nonexistent", "-expect", "~ # "], stdin=subprocess.DEVNULL, capture_output=True,
                       text=True)
    check(r.returncode == 1 and re.search("test failed.*-fail @linux", r.stderr), r.stderr)
    check("end Kernel panic" in r.stdout, r.stdout[-1000:])
