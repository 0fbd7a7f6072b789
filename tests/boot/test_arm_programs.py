"""Linux programs of our own under Debian's arm64 and armhf kernels: the processor's debug registers by ptrace, a guest under KVM."""
import gzip
import os
import subprocess

from guest import ROOT, debian, linux, need_tool

SOURCES = os.path.join(ROOT, "tests", "boot", "arm64")


def compile_kvm():
    cc, objcopy = need_tool("aarch64-linux-gnu-gcc"), need_tool("aarch64-linux-gnu-objcopy")
    subprocess.run([cc, "-nostdlib", "-static", "-Wl,-Ttext=0x40000000,-N,--build-id=none,--no-warn-rwx-segments", "-o", "kvm_guest.elf",
                    SOURCES + "/kvm_guest.S"], check=True)
    subprocess.run([objcopy, "-O", "binary", "kvm_guest.elf", "kvm_guest.bin"], check=True)
    compile_program("aarch64-linux-gnu-gcc", "kvm")


def compile_program(cc, name):
    os.makedirs("root", exist_ok=True)
    subprocess.run([need_tool(cc), "-O1", "-static", "-o", "root/" + name, "%s/%s.c" % (SOURCES, name)], check=True)


def initrd_with_programs(arch):
    """The small initial RAM disk with our programs in its root."""
    names = "\n".join(os.listdir("root")) + "\n"
    archive = subprocess.run([need_tool("cpio"), "-o", "-H", "newc", "--quiet"], input=names.encode(), cwd="root", check=True,
                             stdout=subprocess.PIPE).stdout
    with open(debian(arch) + "/initrd-small.cpio.gz", "rb") as f, open("initrd.gz", "wb") as out:
        out.write(f.read() + gzip.compress(archive))
    return os.path.abspath("initrd.gz")


def check_hwdebug32(g):
    """Breakpoints of A32 and Thumb code and a watchpoint, all through CP14 or the same registers of AArch64."""
    want = ["break: signal 5, code 4, the function", "break: signal 5, code 4, the function in Thumb",
            "watch: signal 5, code 4, the variable", "before it: 0, 3", "end: exit 7"]
    got = g.run("/hwdebug32").replace("\r", "").strip().split("\n")
    if got != want:
        g.fail("the debugged program in AArch32 state: %s" % got)


def test_debug_registers_and_kvm():
    """Breakpoint, watchpoint and step of a child, of 64 and 32 bits; then stage 2, the virtual GIC and the virtual timer."""
    compile_kvm()
    compile_program("aarch64-linux-gnu-gcc", "hwdebug")
    compile_program("arm-linux-gnueabihf-gcc", "hwdebug32")
    with linux(arch="arm64", initrd=initrd_with_programs("arm64"), machine="virt,gic-version=3,virtualization=on") as g:
        g.shell()
        want = ["break: signal 5, code 4, the function", "step: signal 5, code 2, elsewhere", "a step of 4",
                "watch: signal 5, code 4, the variable", "before it: 0, 3", "end: exit 7"]
        got = g.run("/hwdebug").split("\n")
        if [line for line in want if line not in got]:
            g.fail("the debugged program: %s" % got)
        check_hwdebug32(g)
        text = g.run("/kvm")
        if "hello from the guest: A" not in text or "exit 24, event 1" not in text:
            g.fail("the guest of the guest: %r" % text)


def test_armhf_debug_registers_with_gicv3():
    compile_program("arm-linux-gnueabihf-gcc", "hwdebug32")
    with linux(["-cpu", "cortex-a15"], arch="armhf", initrd=initrd_with_programs("armhf"), machine="virt,gic-version=3") as g:
        g.shell()
        if g.run("uname -m").strip() != "armv7l":
            g.fail("uname -m is not armv7l")
        check_hwdebug32(g)
