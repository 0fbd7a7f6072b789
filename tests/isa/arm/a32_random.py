#!/usr/bin/env python3
"""Random A32 and T32 instructions: what Tinamou makes of them against another emulator's user mode.

  a32_random.py --emulator build/tinamou [--reference qemu-arm] [--seed S] [--count N] [--rows WORD] [SET ...]

A set is a32, t16, t32, vfp, neon (by default all), optionally with -t for its T32 encoding: vfp-t, neon-t.  N words of each
row of the decode tables are run one by one from random registers; afterwards all registers, flags and the memory that
they may have touched are compared.  An instruction that is undefined leaves its mark in the result as well.
"""
import argparse
import os
import random
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "tools"))
import decodegen  # noqa: E402

TABLES = ["a32.decode", "t16.decode", "t32.decode", "vfp.decode", "neon.decode"]
REGS = ["rd", "rn", "rm", "ra", "rs", "rt", "rt2", "hi", "lo"]
# What leaves the stream, depends on the mode, or has no one right result.
SKIP = re.compile(r"^(b|bl|bx|blx.*|b_.*|bl_.*|cbz|tb|it|svc|bkpt|hlt|hvc|smc|udf|eret|subs_pc|rfe|srs|cps|setend|setpan|hint|"
                  r"mrs_b|msr.*|mrs|mcr|mrc|mcrr|mrrc|clrex|isb|dsb|dmb|sb|nop|pld|strex.*|stl|lda|ldrex.*)$")
MEMORY = re.compile(r"^(ldr|str|ldm|stm|vldm|vstm|vldr|vstr|vld|vst)")
VALUES = [0, 1, 0xffffffff, 0x7fffffff, 0x80000000, 0x80008000, 0x7fff7fff, 0xff00ff00, 0x00800080, 32, 0x20, 0x1f, 33]
FLOATS = [0, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0x00000001, 0x807fffff,
          0x7f7fffff, 0x4f000000, 0xcf000000, 0x3f000000, 0x00800000, 0xffc12345, 0x40490fdb, 0x3c003c00, 0x7e007c00, 0x0001fc01]


def load_tables():
    tables = decodegen.Tables()
    for t in TABLES:
        tables.read(os.path.join(ROOT, "target", "arm", t))
    return {d.name: d for d in tables.decoders}


def value(rng):
    return rng.choice(VALUES) if rng.random() < 0.4 else rng.getrandbits(32)


def lane(rng, kind):
    r = rng.random()
    if r < 0.5:
        return rng.choice(FLOATS)
    if r < 0.6:
        return value(rng)
    if r < 0.8:
        return (rng.getrandbits(1) << 31) | (rng.randrange(110, 145) << 23) | rng.getrandbits(23)
    return rng.getrandbits(32)


class Test:
    """One word, its row, and the registers it starts from."""

    def __init__(self, rng, row, word, width, thumb, fp):
        self.row, self.word, self.width, self.thumb, self.fp = row, word, width, thumb, fp
        self.memory = bool(MEMORY.match(row.name))
        self.regs = [value(rng) for _ in range(14)]
        self.flags = rng.getrandbits(5) << 27 | rng.getrandbits(4) << 16
        self.fpscr = rng.choice([0, 0, 0x01000000, 0x02000000, 0x03000000, 0x00400000, 0x00800000, 0x00c00000, 0x04000000])
        self.v = [lane(rng, fp) for _ in range(64)] if fp else []
        self.pointers = {}
        if self.memory:
            field = row.field("rn")
            if field:
                n = field.value(word)
                self.pointers[n] = rng.randrange(-64, 64) * 8
            m = row.field("rm")
            if m:
                n2 = m.value(word)
                if n2 not in self.pointers and n2 < 15:
                    self.regs[n2 if n2 < 13 else 13] = rng.randrange(0, 64) * 8 if row.name.startswith("v") else rng.randrange(0, 8) * 8


def usable(row, word):
    """No register 13 or 15, and what the reference takes as we do."""
    values = {}
    for f in row.fields:
        values[f.name] = f.value(word)
    for name in REGS:
        if name in values and row.field(name).const is None:
            v = values[name]
            if v in (13, 15) and not (name in ("rm",) and row.name.startswith(("vld", "vst"))):
                return False
            if v > 15:
                return False
    for name in ("rt", "rt2", "rm", "rd"):
        wb = values.get("w") or values.get("p") == 0
        if row.name.startswith(("ldr", "str")) and name in values and wb and values.get(name) == values.get("rn"):
            return False
    if row.name in ("rev", "rev16", "rbit", "revsh", "clz") and word >> 28 == 15 and (word >> 16 ^ word) & 15:
        return False
    if row.name.startswith("dp_"):  # fields that should be zero
        if values["op"] in (8, 9, 10, 11) and values["rd"] or values["op"] in (13, 15) and values["rn"] not in (0, 15):
            return False
    if row.name in ("dp_imm", "ldr_imm", "ldrd_imm") and values.get("rn") == 15:
        return False  # addresses differ
    if row.name.startswith("str_") and values["rt"] == values["rn"]:
        return False
    if row.name in ("stm",) and values["list"] >> values["rn"] & 1:
        return False
    if row.name.startswith("strd_") and values["rn"] in (values["rt"], values["rt2"]):
        return False
    if row.name in ("ldm", "stm", "ldm_t16"):
        lst = values["list"]
        if not lst or lst & 0xa000 or values["s"] or (lst >> values["rn"] & 1 and values["w"]):
            return False
        if row.name == "ldm_t16" and lst >> values["rn"] & 1:
            return True
        if row.name != "ldm_t16" and bin(lst).count("1") < 2:
            return False
    if row.name.startswith("ldr_reg") or row.name.startswith("str_reg"):
        if values.get("rm") == values.get("rn") or values.get("type") != 0 or values.get("amount", 0) > 3:
            return False
        if values.get("rt") == values.get("rm") and (values.get("w") or values.get("p") == 0):
            return False
    if row.name.startswith(("ldrd", "strd")):
        if values["rt"] == values["rt2"] or values.get("rm", -1) in (values["rt"], values["rt2"], values["rn"]):
            return False
        if values["rt2"] >= 13:
            return False
    if row.name.startswith("ldr_") and values.get("t") and values.get("rn") == values.get("rt"):
        return False
    if values.get("hi") is not None and values["hi"] == values["lo"]:
        return False
    if row.name in ("sbfx", "ubfx") and values["lsb"] + values["width"] > 32:
        return False
    if row.name == "bfi" and (values["msb"] < values["lsb"] or values["rn"] == 15):
        return False
    if row.name == "crc" and values["sz"] == 3:
        return False
    if row.name == "par" and not values["prefix"] & 3:
        return False
    if row.name in ("vldm", "vstm"):
        words = values["imm"] & ~1 if values["esz"] == 3 else values["imm"]
        if not words or words > 32 or values["vd"] + words > (64 if values["esz"] == 3 else 32) or values["imm"] & 1 and values["esz"] == 3:
            return False
    if row.name in ("vmrs", "vmsr") and values["reg"] != 1:
        return False  # of privileged code
    if row.name.startswith("vfix") and not values["sx"] and values["imm"] > 16:
        return False
    return True


def make_tests(decoders, sets, args, rng):
    sources = {"a32": [("a32_cond", 32, False)], "t16": [("t16", 16, True)], "t32": [("t32", 32, True)],
               "vfp": [("a32_vfp", 32, False)], "vfp-t": [("a32_vfp", 32, True)],
               "neon": [("a32_neon_dp", 32, False), ("a32_neon_ls", 32, False), ("a32_neon_new", 32, False)],
               "neon-t": [("a32_neon_dp", 32, True), ("a32_neon_ls", 32, True), ("a32_neon_new", 32, True)]}
    tests = []
    for s in sets:
        for name, width, thumb in sources[s]:
            for row in decoders[name].rows:
                if SKIP.match(row.name) or (args.rows and not re.search(args.rows, row.name)):
                    continue
                done = tries = 0
                while done < args.count and tries < args.count * 60:
                    tries += 1
                    word = row.random_word(rng, width)
                    if width == 32 and name in ("a32_cond", "a32_vfp"):
                        cond = 14 if rng.random() < 0.7 or thumb else rng.randrange(15)
                        word = (word & 0x0fffffff) | cond << 28
                    if name.startswith("a32_neon"):
                        word |= 0xf0000000
                    if not usable(row, word):
                        continue
                    fp = name.startswith(("a32_vfp", "a32_neon"))
                    tests.append(Test(rng, row, to_thumb(name, word) if thumb else word, width, thumb, fp))
                    if thumb and name.startswith("a32_"):
                        tests[-1].plain = word
                    done += 1
    return tests


def to_thumb(name, word):
    if name == "a32_neon_dp":
        return 0xef000000 | (word >> 24 & 1) << 28 | (word & 0xffffff)
    if name == "a32_neon_ls":
        return 0xf9000000 | (word & 0xffffff)
    return word


def emit(tests, f):
    f.write(".syntax unified\n.arch armv8-a\n.fpu neon-fp-armv8\n.arch_extension crc\n.text\n.global run_tests\n.arm\nrun_tests:\n push {r4-r12, lr}\n movw r0, #:lower16:saved\n movt r0, #:upper16:saved\n str sp, [r0]\n")
    for n, t in enumerate(tests):
        f.write("@ %d %s\n" % (n, t.row.name))
        f.write(" ldr sp, =input + %d\n" % (n * 384))
        if t.fp:
            f.write(" add r0, sp, #64\n vldm r0!, {d0-d15}\n vldm r0, {d16-d31}\n ldr r1, [sp, #60]\n vmsr fpscr, r1\n")
        f.write(" ldr r0, [sp, #56]\n msr APSR_nzcvqg, r0\n ldm sp, {r0-r12, r14}\n")
        if t.thumb:
            f.write(" add sp, pc, #1\n bx sp\n.thumb\n")
            f.write(" ldr sp, =input + %d\n" % (n * 384))
            if t.width == 16:
                f.write(" .short 0x%04x\n nop\n" % t.word)
            else:
                f.write(" .short 0x%04x, 0x%04x\n" % (t.word >> 16, t.word & 0xffff))
            f.write(".balign 4\n bx pc\n.balign 4\n.arm\n")
        else:
            f.write(" .word 0x%08x\n" % t.word)
        f.write(" ldr sp, =output + %d\n stm sp, {r0-r12, r14}\n mrs r0, apsr\n str r0, [sp, #56]\n" % (n * 384))
        if t.fp:
            f.write(" vmrs r1, fpscr\n str r1, [sp, #60]\n add r0, sp, #64\n vstm r0!, {d0-d15}\n vstm r0, {d16-d31}\n")
        f.write(" bl note\n")
        if n % 8 == 7:
            f.write(" b 1f\n.ltorg\n1:\n")
    f.write(" movw r0, #:lower16:saved\n movt r0, #:upper16:saved\n ldr sp, [r0]\n pop {r4-r12, pc}\n.ltorg\n")
    # What the test did to memory (a sum), and how many undefined instructions there were; r0-r12 are free.
    f.write("note: ldr r1, =scratch\n mov r2, #512\n mov r3, #0\n1: ldr r4, [r1], #4\n ror r3, r3, #27\n add r3, r3, r4\n subs r2, #1\n bne 1b\n"
            " str r3, [sp, #320]\n ldr r1, =undefs\n ldr r2, [r1]\n str r2, [sp, #324]\n mov r2, #0\n str r2, [r1]\n bx lr\n.ltorg\n")
    f.write(".data\n.balign 8\n.global input, output, output_end, undefs, saved, scratch\nsaved: .word 0\nundefs: .word 0\n.balign 64\ninput:\n")
    for t in tests:
        regs = ["0x%x" % r for r in t.regs]
        for n, off in t.pointers.items():
            regs[n if n < 13 else 13] = "scratch + %d" % (1024 + off)
        f.write(" .word %s, 0x%x, 0x%x\n" % (", ".join(regs), t.flags, t.fpscr))
        if t.v:
            f.write(" .word %s\n" % ", ".join("0x%x" % x for x in t.v))
            f.write(" .space 64\n")
        else:
            f.write(" .space 320\n")
    f.write(".balign 64\nscratch:\n")
    rng = random.Random(7)
    for _ in range(64):
        f.write(" .word %s\n" % ", ".join("0x%x" % rng.getrandbits(32) for _ in range(8)))
    f.write(" .space 8192\n.balign 8\noutput: .space %d\noutput_end:\n" % (len(tests) * 384))


USER = r"""
#include <signal.h>
#include <stdio.h>
#include <ucontext.h>
extern char output[], output_end[]; extern unsigned undefs; void run_tests(void);
static void on_ill(int s, siginfo_t *i, void *u) {
    ucontext_t *c = u; (void)i; undefs += s == SIGILL ? 1 : 0x10000;
    c->uc_mcontext.arm_pc += 4; /* 16-bit ones are followed by a nop */
}
int main(void) {
    static char stack[65536]; stack_t ss = {.ss_sp = stack, .ss_size = sizeof stack}; sigaltstack(&ss, 0);
    struct sigaction a = {.sa_sigaction = on_ill, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    sigaction(SIGILL, &a, 0); sigaction(SIGSEGV, &a, 0); sigaction(SIGBUS, &a, 0);
    run_tests(); fwrite(output, 1, output_end - output, stdout); return 0; }
"""

BARE = r"""
.syntax unified
.arch armv8-a
.fpu neon-fp-armv8
.text
.arm
.global _start
_start: ldr sp, =stack_top
 ldr r0, =vectors
 mcr p15, 0, r0, c12, c0, 0
 mrc p15, 0, r0, c1, c0, 2
 orr r0, r0, #0xf00000
 mcr p15, 0, r0, c1, c0, 2
 isb
 mov r0, #0x40000000
 vmsr fpexc, r0
 cpsid aif, #0x1b
 ldr sp, =und_top
 cpsid aif, #0x17
 ldr sp, =und_top
 cpsid aif, #0x1f
 ldr sp, =stack_top
 bl run_tests
 ldr r1, =block
 mov r0, #1
 svc 0x123456
 ldr r1, =wblock
 str r0, [r1]
 mov r0, #5
 svc 0x123456
 mov r0, #0x18
 ldr r1, =0x20026
 svc 0x123456
1: b 1b
.balign 32
vectors: b .
 b und
 b .
 b pabt
 b dabt
 b .
 b .
 b .
und: push {r0, r1}
 mrs r0, spsr
 tst r0, #0x20
 addne lr, lr, #2
 ldr r0, =undefs
 ldr r1, [r0]
 add r1, r1, #1
 str r1, [r0]
 pop {r0, r1}
 movs pc, lr
pabt: b pabt
dabt: push {r0, r1}
 ldr r0, =undefs
 ldr r1, [r0]
 add r1, r1, #0x10000
 str r1, [r0]
 pop {r0, r1}
 subs pc, lr, #4
.data
.balign 8
block: .word name, 4, 3
wblock: .word 0, output, output_len
name: .asciz ":tt"
.balign 8
 .space 4096
stack_top: .space 4096
und_top:
"""


def build(tests, outdir):
    src = os.path.join(outdir, "tests.S")
    with open(src, "w") as f:
        emit(tests, f)
    paths = {}
    bare = BARE.replace("output_len", str(len(tests) * 384))
    if not any(t.fp for t in tests):
        bare = bare.replace(" vmsr fpexc, r0\n", "")
    for kind, main, text in (("user", "user.c", USER), ("bare", "bare.S", bare)):
        with open(os.path.join(outdir, main), "w") as f:
            f.write(text)
        paths[kind] = os.path.join(outdir, kind + ".elf")
        flags = ["-static", "-O1"] if kind == "user" else ["-nostdlib", "-static", "-Wl,--no-warn-rwx-segments", "-Wl,-z,noexecstack", "-Wl,-Ttext=0x40100000", "-Wl,-N", "-Wl,--build-id=none"]
        subprocess.run(["arm-linux-gnueabihf-gcc", "-marm", "-w", *flags, "-o", paths[kind], os.path.join(outdir, main), src], check=True)
    return paths


def run_user(args, path):
    return subprocess.run([args.reference, "-cpu", args.cpu or "max", path], stdout=subprocess.PIPE, timeout=300).stdout


def run_bare(args, path, outdir):
    out = os.path.join(outdir, "out.bin")
    cpu = args.cpu or "max"
    with open(out, "wb") as f:
        subprocess.run([args.emulator, "-arch", "arm", "-M", "virt", "-cpu", cpu, "-m", "128", "-kernel", path, "-display", "none", "-nic", "none",
                        "-serial", "none", "-monitor", "none", "-semihosting-config", "enable=on,target=native", "-accel", "tcg,engine=" + args.engine],
                       stdout=f, timeout=300)
    with open(out, "rb") as f:
        return f.read()


def words(data):
    return [int.from_bytes(data[i:i + 4], "little") for i in range(0, len(data), 4)]


NAMES = ["r%d" % i for i in range(13)] + ["lr", "apsr", "fpscr"] + ["s%d" % i for i in range(64)] + ["memory", "undefs"]


def compare(tests, a, b):
    bad = {}
    for n, t in enumerate(tests):
        x, y = words(a[n * 384:n * 384 + 328]), words(b[n * 384:n * 384 + 328])
        x[14] &= 0xf80f0000
        y[14] &= 0xf80f0000
        for ptr in t.pointers:  # addresses differ
            i = ptr if ptr < 13 else 13
            if len(x) > i and len(y) > i:
                x[i] = y[i] = 0 if abs((x[i] - y[i]) - BASE[0]) == 0 else x[i]
                if x[i] == 0:
                    y[i] = 0
        if x == y:
            continue
        diffs = ["%s %08x want %08x" % (NAMES[i], y[i], x[i]) for i in range(min(len(x), len(y))) if x[i] != y[i]]
        bad.setdefault(t.row.name, []).append((t, diffs))
    return bad


BASE = [0]


def symbol(path, name):
    text = subprocess.run(["arm-linux-gnueabihf-nm", path], stdout=subprocess.PIPE, text=True).stdout
    return int(re.search(r"^([0-9a-f]+) . %s$" % name, text, re.M).group(1), 16)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--emulator", required=True)
    ap.add_argument("--reference", default="qemu-arm")
    ap.add_argument("--engine", default="jit")
    ap.add_argument("--cpu")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--count", type=int, default=6)
    ap.add_argument("--rows")
    ap.add_argument("--show", type=int, default=2)
    ap.add_argument("--keep")
    ap.add_argument("sets", nargs="*")
    args = ap.parse_args()
    tests = make_tests(load_tables(), args.sets or ["a32", "t16", "t32", "vfp", "vfp-t", "neon", "neon-t"], args, random.Random(args.seed))
    outdir = args.keep or tempfile.mkdtemp()
    os.makedirs(outdir, exist_ok=True)
    paths = build(tests, outdir)
    BASE[0] = symbol(paths["user"], "scratch") - symbol(paths["bare"], "scratch")
    want, got = run_user(args, paths["user"]), run_bare(args, paths["bare"], outdir)
    if len(want) != len(tests) * 384 or len(got) != len(tests) * 384:
        sys.exit("%d tests: the reference wrote %d bytes, the emulator %d" % (len(tests), len(want), len(got)))
    bad = compare(tests, want, got)
    for name in bad:
        print("%s: %d of %d differ" % (name, len(bad[name]), sum(t.row.name == name for t in tests)))
        for t, diffs in bad[name][:args.show]:
            print("   %0*x %s: %s" % (t.width // 4, t.word, "T32" if t.thumb else "A32", "; ".join(diffs[:5])))
            print("      from %s flags %x fpscr %x" % (" ".join("%x" % r for r in t.regs), t.flags, t.fpscr))
    print("%d tests, %d rows differ" % (len(tests), len(bad)))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
