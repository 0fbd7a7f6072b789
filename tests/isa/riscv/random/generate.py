#!/usr/bin/env python3
"""A random RISC-V program that prints checksums of its registers and memory: whatever runs it must print the same.

  generate.py SEED [32|64]

Straight pieces of random instructions from the decode tables, with random operands and immediates, lie between forward
branches, inner loops with counters, calls, and loads and stores around a buffer.  Traps are counted and skipped: the
checksum has the number of each cause.  After each piece all registers are mixed into a sum; after each round it is printed.
"""
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", "..", "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tools"))
import decodegen  # noqa: E402

# Rows that change control flow, depend on time, or would lose the program.
LEAVE_OUT = {"jal", "jalr", "beq", "bne", "blt", "bge", "bltu", "bgeu", "ecall", "ebreak", "mret", "sret", "wfi", "csrrw", "csrrs",
             "csrrc", "csrrwi", "csrrsi", "csrrci", "sfence_vma", "sinval_vma", "wrs_nto", "wrs_sto", "fence_i",
             "sfence_w_inval", "sfence_inval_ir", "c_mop"}
MEMORY = {"lb", "lh", "lw", "ld", "lbu", "lhu", "lwu", "sb", "sh", "sw", "sd", "fload", "fstore"}
CBO = {"cbo_inval", "cbo_clean", "cbo_flush", "cbo_zero"}
BASE, COUNTER, LINK = 3, 4, 1  # gp: middle of the buffer; tp: loop counter; ra
BUFFER = 0x80300000


HEAD = """/* Random program, seed %(seed)d. */
    .option norvc
    .option norelax
    .text
    .globl _start
_start:
    la t0, trap
    csrw mtvec, t0
    li t0, 0x6000
    csrs mstatus, t0
    li sp, 0x80380000
    j main

/* Count the cause, go on after the instruction. */
    .balign 4
trap:
    csrw mscratch, t0
    SX t1, -8(sp)
    csrr t0, mcause
    andi t0, t0, 15
    slli t0, t0, 3
    la t1, causes
    add t0, t0, t1
    LX t1, 0(t0)
    addi t1, t1, 1
    SX t1, 0(t0)
    csrr t0, mepc
    lhu t1, 0(t0)
    andi t1, t1, 3
    addi t1, t1, -3
    addi t0, t0, 2
    bnez t1, 1f
    addi t0, t0, 2
1:  csrw mepc, t0
    LX t1, -8(sp)
    csrr t0, mscratch
    mret

/* Print a0 as hexadecimal digits. */
print:
    li a1, %(digits)d
    li a2, 0x10000000
1:  srli a3, a0, %(top)d
    li a4, 10
    bltu a3, a4, 2f
    addi a3, a3, 39
2:  addi a3, a3, '0'
    sb a3, 0(a2)
    slli a0, a0, 4
    addi a1, a1, -1
    bnez a1, 1b
    li a3, '\\n'
    sb a3, 0(a2)
    ret
"""

TAIL = """
    /* flags, memory and traps */
    csrr a0, fcsr
    call print
    li a0, 0
    li s0, %(buffer)#x - 4096
    li s1, %(buffer)#x + 4096
    li s2, 31
1:  LX a1, 0(s0)
    mul a0, a0, s2
    add a0, a0, a1
    addi s0, s0, %(size)d
    bne s0, s1, 1b
    call print
    la s0, causes
    li s1, 16
2:  LX a0, 0(s0)
    call print
    addi s0, s0, 8
    addi s1, s1, -1
    bnez s1, 2b
    li a1, 0x10000000
    li a0, 'E'
    sb a0, 0(a1)
    li a0, 'N'
    sb a0, 0(a1)
    li a0, 'D'
    sb a0, 0(a1)
    li a0, '\\n'
    sb a0, 0(a1)
    li a0, 0x100000
    li a1, 0x5555
    sw a1, 0(a0)
1:  j 1b
    .balign 8
causes:
    .space 128
save:
    .space 512
"""


class Generator:
    def __init__(self, seed, xlen):
        self.rng, self.xlen, self.out, self.labels = random.Random(seed), xlen, [], 0
        tables = decodegen.load([os.path.join(ROOT, "target", "riscv", n) for n in ("rv.decode", "rvc.decode")])
        other = "xlen=%d" % (96 - xlen)
        keep = lambda r: r.name not in LEAVE_OUT and [other] not in r.conds
        self.rows = [[r for r in d.rows if keep(r)] for d in tables.decoders]

    def emit(self, text):
        self.out.append("    " + text)

    def label(self):
        self.labels += 1
        return "L%d" % self.labels

    def set_field(self, row, word, name, value):
        """Put a value into a field of one piece; None when the row has it otherwise."""
        f = row.field(name)
        if f is None or f.const is not None or len(f.pieces) != 1:
            return word
        lsb, n = f.pieces[0]
        value -= f.add
        if value < 0 or value >> n:
            return word
        return word & ~(((1 << n) - 1) << lsb) | value << lsb

    def protects(self, row, word):
        """True when the word would write gp, tp, sp or ra, or is of an address that it may not use."""
        is_f = row.argset.startswith("fp") or row.name in ("fmv_to_f", "fli", "fmvp_d_x")
        rd = row.field("rd")
        to_x = row.name in ("feq", "flt", "fle", "fltq", "fleq", "fclass", "fmv_to_x", "fcvt_to_x", "fcvtmod_w_d", "fmvh_x_d")
        if rd is not None and (to_x or not is_f):
            regs = {rd.value(word)} | ({rd.value(word) + 1} if row.name in ("amocas_q", "amocas_d2") else set())
            if regs & {1, 2, BASE, COUNTER}:
                return True
        return False

    def word_of(self, row, width):
        for _ in range(200):
            word = row.random_word(self.rng, width)
            if row.field("rm") and self.rng.random() < 0.8:
                word = self.set_field(row, word, "rm", self.rng.choice([7, 7, 7, 0, 1, 2, 3, 4]))
            if not row.allows(word) or self.protects(row, word):
                continue
            if row.name in MEMORY:
                word = self.set_field(row, word, "rs1", BASE)
                if row.field("rs1").value(word) != BASE:
                    continue
            return word
        return None

    def one(self):
        """An instruction, with its address prepared when it needs another than gp."""
        short = self.rng.random() < 0.3
        row = self.rng.choice(self.rows[short])
        if row.argset in ("atomic", "lr") or row.name in CBO:
            return self.through_register(row)
        word = self.word_of(row, 16 if short else 32)
        if word is None:
            return
        self.emit(".%s %#x  # %s" % ("half" if short else "word", word, row.name))

    def through_register(self, row):
        """Atomics: the address in a4, aligned most of the time."""
        word = self.word_of(row, 32)
        if word is None:
            return
        offset = self.rng.randrange(-64, 64) * 16 + (0 if self.rng.random() < 0.9 else self.rng.randrange(16))
        self.emit("addi a4, gp, %d" % offset)
        self.emit(".word %#x  # %s" % (self.set_field(row, word, "rs1", 14), row.name))

    def constant(self):
        """A register gets an interesting value."""
        reg = self.rng.choice([r for r in range(5, 32)])
        v = self.rng.choice([0, 1, -1, 1 << (self.xlen - 1), (1 << (self.xlen - 1)) - 1, 0x7fffffff, 0x80000000,
                             self.rng.getrandbits(self.xlen), self.rng.getrandbits(12), self.rng.getrandbits(32)])
        v &= (1 << self.xlen) - 1
        self.emit("li x%d, %#x" % (reg, v))

    def fp_constant(self):
        """A boxed single or a double in an F register, so that arithmetic is not all NaNs."""
        reg = self.rng.randrange(32)
        if self.rng.random() < 0.5:
            v = self.rng.choice([0x3f800000, 0x40490fdb, 0x80000000, 0x7f800000, 0x00000001, 0x7f7fffff,
                                 self.rng.randrange(0x3c000000, 0x44000000), self.rng.getrandbits(32)])
            self.emit("li t0, %#x" % v)
            self.emit("fmv.w.x f%d, t0" % reg)
        else:
            v = self.rng.choice([0x3ff0000000000000, 0x400921fb54442d18, 1 << 63, 0x7ff0000000000000, 1, 0x7fefffffffffffff,
                                 self.rng.randrange(0x3f00000000000000, 0x4100000000000000), self.rng.getrandbits(64)])
            self.emit("li t0, %#x" % (v & 0xffffffff))
            self.emit("sw t0, -16(sp)")
            self.emit("li t0, %#x" % (v >> 32))
            self.emit("sw t0, -12(sp)")
            self.emit("fld f%d, -16(sp)" % reg)

    def straight(self, n):
        for _ in range(n):
            r = self.rng.random()
            if r < 0.10:
                self.constant()
            elif r < 0.18:
                self.fp_constant()
            elif r < 0.20:
                self.emit("csrwi frm, %d" % self.rng.choice([0, 0, 1, 2, 3, 4, 5]))
            elif r < 0.22:
                self.emit(self.rng.choice(["csrr a0, fflags", "csrwi fflags, 0", "csrr s5, fcsr", "fence", "fence.i"]))
            elif r < 0.30:
                self.branch_over()
            else:
                self.one()

    def branch_over(self):
        end = self.label()
        a, b = self.rng.randrange(32), self.rng.randrange(32)
        self.emit("%s x%d, x%d, %s" % (self.rng.choice(["beq", "bne", "blt", "bge", "bltu", "bgeu"]), a, b, end))
        for _ in range(self.rng.randrange(1, 4)):
            self.one()
        self.out.append(end + ":")

    def piece(self):
        kind = self.rng.random()
        if kind < 0.3:
            loop = self.label()
            self.emit("li tp, %d" % self.rng.randrange(2, 40))
            self.out.append(loop + ":")
            self.straight(self.rng.randrange(2, 20))
            self.emit("addi tp, tp, -1")
            self.emit("bnez tp, %s" % loop)
        elif kind < 0.5:
            function, after = self.label(), self.label()
            self.emit("call %s" % function)
            self.emit("j %s" % after)
            self.out.append(function + ":")
            self.straight(self.rng.randrange(2, 12))
            self.emit("ret")
            self.out.append(after + ":")
        else:
            self.straight(self.rng.randrange(5, 40))

    def dump(self):
        """Mix all registers into one number and print it; they are restored."""
        size = self.xlen // 8
        self.emit("SX t0, -8(sp)")
        self.emit("la t0, save")
        for r in range(1, 32):
            if r != 5:
                self.emit("SX x%d, %d(t0)" % (r, 8 * r))
        self.emit("LX t1, -8(sp)")
        self.emit("SX t1, 40(t0)")
        self.emit("mv s0, t0")
        self.emit("li a0, 0")
        self.emit("li a5, 31")
        for r in range(5, 32):
            self.emit("LX a1, %d(s0)" % (8 * r))
            self.emit("mul a0, a0, a5")
            self.emit("add a0, a0, a1")
        for r in range(32):
            self.emit("fsd f%d, 256(s0)" % r)
            for part in range(64 // self.xlen):
                self.emit("LX a1, %d(s0)" % (256 + part * size))
                self.emit("mul a0, a0, a5")
                self.emit("add a0, a0, a1")
        self.emit("mv s1, ra")
        self.emit("call print")
        self.emit("la t0, save")
        for r in [r for r in range(1, 32) if r != 5] + [5]:
            self.emit("LX x%d, %d(t0)" % (r, 8 * r))

    def program(self, seed, pieces=60, rounds=3):
        size = self.xlen // 8
        head = HEAD % {"seed": seed, "digits": self.xlen // 4, "top": self.xlen - 4}
        self.out.append("main:")
        self.emit("li gp, %#x" % BUFFER)
        for r in range(5, 32):
            self.emit("li x%d, %#x" % (r, self.rng.getrandbits(self.xlen)))
        for r in range(0, 32):
            self.emit("fcvt.d.w f%d, x%d" % (r, r))
        self.emit("la t0, rounds")
        self.emit("li t1, %d" % rounds)
        self.emit("sw t1, 0(t0)")
        self.out.append("again:")
        for n in range(pieces):
            self.piece()
            if n % 10 == 9:
                self.dump()
        for line in ("la t0, rounds", "lw t1, 0(t0)", "addi t1, t1, -1", "sw t1, 0(t0)", "beqz t1, finished",
                     "la t0, again", "jr t0"):
            self.emit(line)
        self.out.append("finished:")
        text = head + "\n".join(self.out) + "\n" + TAIL % {"buffer": BUFFER, "size": size} + "rounds:\n    .word 0\n"
        load, store = ("ld", "sd") if self.xlen == 64 else ("lw", "sw")
        return "#define LX %s\n#define SX %s\n" % (load, store) + text


def program(seed, xlen):
    return Generator(seed, xlen).program(seed)


if __name__ == "__main__":
    sys.stdout.write(program(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 64))
