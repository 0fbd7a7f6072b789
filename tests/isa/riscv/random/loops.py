#!/usr/bin/env python3
"""A random RISC-V program of loops that prints checksums of its registers and memory: whatever runs it must print the same.

  loops.py SEED [32|64]

It is a row of loop nests.  Pointers walk through an arena by all kinds of strides, counters wrap, accesses overlap, are
misaligned, run over the end of memory; bodies branch, leave early, and set what nobody reads.  Every register takes part.
Most programs run in S-mode, where the frames of the arena's pages are in disorder and some pages are missing or read-only.
After each nest `ecall` prints a sum over all registers; a trap adds all of them, too, and goes on after its instruction.
Assembled with --defsym VERBOSE=1 it also prints the registers themselves.
"""
import random
import sys

FRAMES, ARENA_SIZE = 0x80800000, 0x80000  # physical
TABLES = 0x80300000
PAGE, HALF = 4096, ARENA_SIZE // 2
TRAVEL = 0x18000  # how far a pointer may go from where it begins
MEMORY_END = 0x88000000
MAX_TURNS = 4000  # of all loops of a nest together

HEAD = """/* Random loops, seed %(seed)d. */
    .option norvc
    .option norelax
    .text
    .globl _start
_start:
    la t0, trap
    csrw mtvec, t0
    li t0, 0x6000
    csrs mstatus, t0
    la t0, save
    csrw mscratch, t0
    li t0, %(frames)#x
    li t1, %(frames)#x + %(size)#x
    li t2, %(fill)#x
    li t3, 0x5851f42d
fill:
    mul t2, t2, t3
    addi t2, t2, 0x2b
    srli t4, t2, %(half)d
    xor t4, t4, t2
    SX t4, 0(t0)
    addi t0, t0, %(word)d
    bltu t0, t1, fill
    li t0, -1
    csrw pmpaddr0, t0
    li t0, 0x1f
    csrw pmpcfg0, t0
    la t0, entries
1:  LX t1, 0(t0)
    LX t2, %(word)d(t0)
    beqz t1, 1f
    SX t2, 0(t1)
    addi t0, t0, 2 * %(word)d
    j 1b
1:  li t0, %(satp)#x
    csrw satp, t0
    sfence.vma
    li t0, 0x1800
    csrc mstatus, t0
    li t0, %(mpp)#x
    csrs mstatus, t0
    la t0, main
    csrw mepc, t0
    mret

/* Add all registers and the reason to the sum; print it after an ecall; go on after the instruction. */
    .balign 4
trap:
    csrrw x31, mscratch, x31
    .irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    SX x\\n, 8 * \\n(x31)
    .endr
    csrr x1, mscratch
    SX x1, 8 * 31(x31)
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    fsd f\\n, 256 + 8 * \\n(x31)
    .endr
    csrr x2, mcause
    csrr x3, mepc
    csrr x4, mtval
    csrr x5, fcsr
    LX x6, 512(x31)
    li x7, 31
    .irp r, x2, x3, x4, x5
    mul x6, x6, x7
    add x6, x6, \\r
    .endr
    .set at, 8
    .rept 504 / %(word)d
    LX x8, at(x31)
    mul x6, x6, x7
    add x6, x6, x8
    .set at, at + %(word)d
    .endr
    SX x6, 512(x31)
    andi x7, x2, -3
    addi x7, x7, -9 /* ecall from S or M */
    bnez x7, 2f
    mv a0, x6
    jal print
    .ifdef VERBOSE /* every register, from x1 to f31 */
    mv s0, x31
    .set at, 8
    .rept 504 / %(word)d
    LX a0, at(s0)
    jal print
    .set at, at + %(word)d
    .endr
    csrr x3, mepc
    .endif
2:  lhu x7, 0(x3)
    andi x7, x7, 3
    addi x7, x7, -3
    addi x3, x3, 2
    bnez x7, 3f
    addi x3, x3, 2
3:  csrw mepc, x3
    .irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
    LX x\\n, 8 * \\n(x31)
    .endr
    csrrw x31, mscratch, x31
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

    .balign 8
save:
    .space 640
entries: /* of page tables: address and value */
    %(entries)s
    DX 0

main:
"""

TAIL = """
    .option norvc
    /* the arena, in eight parts */
    li s0, %(frames)#x
    li s4, 8
1:  li a0, 0
    li s1, %(size)#x / 8
    add s1, s1, s0
    li s2, 31
2:
    .set at, 0
    .rept 8
    LX a1, at(s0)
    mul a0, a0, s2
    add a0, a0, a1
    .set at, at + %(word)d
    .endr
    addi s0, s0, 8 * %(word)d
    bne s0, s1, 2b
    jal print
    addi s4, s4, -1
    bnez s4, 1b
    li a1, 0x10000000
    .irp c, 'E', 'N', 'D', '\\n'
    li a0, \\c
    sb a0, 0(a1)
    .endr
    li a0, 0x100000
    li a1, 0x5555
    sw a1, 0(a0)
1:  j 1b
"""

SINGLES = [0x3f800000, 0xbf800000, 0x40490fdb, 0x00000000, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000,
           0x7f800001, 0x7fc12345, 0xffa00001, 0x00000001, 0x807fffff, 0x00800000, 0x7f7fffff, 0x4b800000, 0x33800000]
DOUBLES = [0x3ff0000000000000, 0xbff0000000000000, 0x400921fb54442d18, 0, 1 << 63, 0x7ff0000000000000, 0xfff0000000000000,
           0x7ff8000000000000, 0xfff8000000000000, 0x7ff0000000000001, 0x7ff8000012345678, 0xfff4000000000001, 1,
           0x800fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff, 0x41f0000000000000, 0x3ca0000000000000]
LOADS = [("lb", 1), ("lbu", 1), ("lh", 2), ("lhu", 2), ("lw", 4), ("flw", 4), ("fld", 8)]
STORES = [("sb", 1), ("sh", 2), ("sw", 4), ("fsw", 4), ("fsd", 8)]
LOADS64, STORES64 = [("lwu", 4), ("ld", 8)], [("sd", 8)]
ALU = ["add", "sub", "xor", "or", "and", "sll", "srl", "sra", "slt", "sltu", "mul", "mulh", "mulhu", "div", "remu", "sh1add",
       "sh2add", "sh3add", "andn", "min", "maxu", "ror"]
ALU64 = ["addw", "subw", "mulw", "sllw", "sraw", "divw", "add.uw", "sh1add.uw", "sh2add.uw", "sh3add.uw"]
UNARY = ["mv", "neg", "not", "seqz", "snez", "sext.b", "sext.h", "zext.h", "clz", "cpop", "orc.b"]
UNARY64 = ["sext.w", "zext.w", "negw"]
BRANCHES = ["beq", "bne", "blt", "bge", "bltu", "bgeu"]


class Space:
    """Where the arena is: its windows, which begin HALF below a border, and its page tables."""

    def __init__(self, rng, xlen):
        self.rng, self.xlen, self.entries, self.tables = rng, xlen, {}, 0
        self.paged = rng.random() < 0.8
        self.border = FRAMES + HALF
        self.signed = None  # the border of a window for pointers of 32 bits
        self.edges = [MEMORY_END]
        self.satp = 0
        if self.paged:
            self.make_tables()

    def new_table(self):
        self.tables += 1
        return TABLES + (self.tables - 1) * PAGE

    def map(self, va, pa, flags, level=0):
        """One page, or a larger one of that level."""
        bits, size, top = (9, 8, 2) if self.xlen == 64 else (10, 4, 1)
        table = TABLES
        for n in range(top, level, -1):
            at = table + (va >> (12 + n * bits) & (1 << bits) - 1) * size
            if at not in self.entries:
                self.entries[at] = self.new_table() >> 2 | 1
            table = self.entries[at] >> 10 << 12
        self.entries[table + (va >> (12 + level * bits) & (1 << bits) - 1) * size] = pa >> 2 | flags

    def window(self, lower, upper, frames, flags):
        """Pages of the arena's halves, at these addresses."""
        n = len(frames) // 2
        for i, (frame, f) in enumerate(zip(frames, flags)):
            self.map(lower + i * PAGE if i < n else upper + (i - n) * PAGE, frame, f)

    def make_tables(self):
        rw, r, x = 0xc7, 0x43, 0x4b
        self.new_table()
        n = ARENA_SIZE // PAGE
        frames, flags = [FRAMES + i * PAGE for i in range(n)], [rw] * n
        self.rng.shuffle(frames)
        missing, constant, nowhere = self.rng.sample(range(n), 3)
        flags[missing], flags[constant], frames[nowhere] = 0, r, 0x40000000
        if self.xlen == 64:
            self.satp = 8 << 60 | TABLES >> 12
            self.border, self.signed = 1 << 32, 1 << 31
            self.window((1 << 31) - HALF, -(1 << 31), frames, flags)
            self.map(0, 0, rw, 2)
            self.map(0x80000000, 0x80000000, x, 2)
        else:
            self.satp = 1 << 31 | TABLES >> 12
            self.border = 0x40000000
            for big in (0, 0x10000000):
                self.map(big, big, rw, 1)
            for big in (0x80000000, 0x80400000, 0x80800000):
                self.map(big, big, x, 1)
        self.window(self.border - HALF, self.border, frames, flags)
        self.edges = [self.border - HALF + p * PAGE + e for p in (missing, constant, nowhere) for e in (0, PAGE)]


class Loop:
    """What the body may use of the loop around it."""

    def __init__(self, turns, counter, latch, out, outer):
        self.turns, self.counter, self.latch, self.out, self.outer = turns, counter, latch, out, outer
        self.pointers, self.steps = list(outer.pointers) if outer else [], []
        self.indexed = []  # (base, shift, extension) for the counter: they meet in the arena


class Nest:
    """One loop nest: text of its preparation and of itself."""

    def __init__(self, rng, space, number):
        self.rng, self.xlen, self.space, self.number, self.labels = rng, space.xlen, space, number, 0
        self.before, self.text = [], []
        self.regs = list(range(1, 32))
        rng.shuffle(self.regs)
        self.regs, self.free = self.regs[:16], self.regs[16:16 + rng.choice([4, 6, 10, 15])]
        self.starts = []  # of pointers: others begin beside them
        self.table = self.take()
        self.before.append("li x%d, %#x" % (self.table, space.border + 8 * rng.randrange(-4000, 4000)))
        self.single = rng.random() < 0.5  # the type that most FP instructions are of
        self.fregs = rng.sample(range(32), rng.choice([4, 8, 16, 32]))

    # --- pieces of text ---
    def emit(self, text, *args):
        self.text.append("    " + text % args)

    def one_of(self, *lines):
        self.emit(*self.rng.choice(lines))

    def label(self):
        self.labels += 1
        return ".L%d_%d" % (self.number, self.labels)

    def put(self, label):
        self.text.append(label + ":")

    def chance(self, p):
        return self.rng.random() < p

    # --- registers ---
    def take(self):
        """A register that only its owner changes."""
        return self.regs.pop()

    def out(self):
        return self.rng.choice(self.free)

    def any(self):
        return self.rng.randrange(32) if self.chance(0.3) else self.rng.choice(self.free)

    def f(self):
        return self.rng.choice(self.fregs)

    def word(self):
        return self.rng.choice([0, 1, -1, 2047, -2048, 0x7fffffff, -0x80000000, self.rng.randrange(-2048, 2048),
                                self.rng.getrandbits(31), -self.rng.getrandbits(31)])

    # --- instructions without memory ---
    def integer(self):
        wide = self.xlen == 64
        r = self.rng.random()
        if r < 0.40:
            self.emit("%s x%d, x%d, x%d", self.rng.choice(ALU + (ALU64 if wide else [])), self.out(), self.any(), self.any())
        elif r < 0.60:
            op = self.rng.choice(["addi", "xori", "ori", "andi", "slti", "sltiu"] + (["addiw"] * 2 if wide else []))
            self.emit("%s x%d, x%d, %d", op, self.out(), self.any(), self.rng.randrange(-2048, 2048))
        elif r < 0.72:
            op = self.rng.choice(["slli", "srli", "srai", "rori", "bexti"])
            self.emit("%s x%d, x%d, %d", op, self.out(), self.any(), self.rng.randrange(self.xlen))
        elif r < 0.88:
            self.emit("%s x%d, x%d", self.rng.choice(UNARY + (UNARY64 if wide else [])), self.out(), self.any())
        else:
            self.emit("li x%d, %d", self.out(), self.word())

    def rotate(self):
        """Values change places."""
        regs = self.rng.sample(self.free, self.rng.randrange(2, min(6, len(self.free))))
        if self.chance(0.5):
            for a, b in zip(regs, regs[1:] + regs[:1]):
                self.emit("mv x%d, x%d", a, b)
        else:
            fregs = [self.f() for _ in regs]
            for a, b in zip(fregs, fregs[1:] + fregs[:1]):
                self.emit("fmv.%s f%d, f%d", self.rng.choice("sd"), a, b)

    def kind(self):
        return "s" if self.single == self.chance(0.9) else "d"

    def floating(self):
        k, r = self.kind(), self.rng.random()
        rm = "" if self.chance(0.9) else ", " + self.rng.choice(["rne", "rtz", "rdn", "rup", "rmm"])
        if r < 0.35:
            self.emit("%s.%s f%d, f%d, f%d%s", self.rng.choice(["fadd", "fsub", "fmul", "fadd", "fmul", "fdiv"]), k, self.f(),
                      self.f(), self.f(), rm)
        elif r < 0.50:
            self.emit("%s.%s f%d, f%d, f%d, f%d%s", self.rng.choice(["fmadd", "fmsub", "fnmadd", "fnmsub"]), k, self.f(), self.f(),
                      self.f(), self.f(), rm)
        elif r < 0.55:
            self.emit("fsqrt.%s f%d, f%d%s", k, self.f(), self.f(), rm)
        elif r < 0.66:
            self.emit("%s.%s f%d, f%d, f%d", self.rng.choice(["fsgnj", "fsgnjn", "fsgnjx", "fmin", "fmax"]), k, self.f(), self.f(),
                      self.f())
        elif r < 0.72:
            self.emit("%s.%s f%d, f%d", self.rng.choice(["fmv", "fneg", "fabs"]), k, self.f(), self.f())
        elif r < 0.79:
            self.emit("%s.%s x%d, f%d, f%d", self.rng.choice(["feq", "flt", "fle"]), k, self.out(), self.f(), self.f())
        elif r < 0.84:
            self.one_of(("fcvt.s.d f%d, f%d" + rm, self.f(), self.f()), ("fcvt.d.s f%d, f%d", self.f(), self.f()))
        elif r < 0.90:
            to = self.rng.choice(["w", "wu"] + (["l", "lu"] if self.xlen == 64 else []))
            self.emit("fcvt.%s.%s x%d, f%d%s", to, k, self.out(), self.f(), rm)
        elif r < 0.95:
            self.emit("fcvt.%s.%s f%d, x%d", k, self.rng.choice(["w", "wu"]), self.f(), self.any())
        elif self.xlen == 64 and k == "d":
            self.one_of(("fmv.x.d x%d, f%d", self.out(), self.f()), ("fmv.d.x f%d, x%d", self.f(), self.any()))
        else:
            self.one_of(("fmv.x.w x%d, f%d", self.out(), self.f()), ("fmv.w.x f%d, x%d", self.f(), self.any()))

    # --- memory ---
    def access(self, reg, offset, size=None, store=None):
        """A load or store at offset(reg)."""
        store = self.chance(0.4) if store is None else store
        ops = (STORES + (STORES64 if self.xlen == 64 else [])) if store else (LOADS + (LOADS64 if self.xlen == 64 else []))
        op, _ = self.rng.choice([o for o in ops if size is None or o[1] == size])
        if op[0] == "f":
            self.emit("%s f%d, %d(x%d)", op, self.f(), offset, reg)
        else:
            self.emit("%s x%d, %d(x%d)", op, self.any() if store else self.out(), offset, reg)

    def offset(self):
        return self.rng.choice([0, 0, 8 * self.rng.randrange(0, 9), 8 * self.rng.randrange(-8, 9), self.rng.randrange(-70, 71),
                                self.rng.randrange(-2048, 2041) if self.chance(0.3) else 4 * self.rng.randrange(-4, 5)])

    def through_pointer(self, loop):
        if not loop.pointers:
            return self.integer()
        reg = self.rng.choice(loop.pointers)
        if self.chance(0.3):  # a row of the same size
            size = self.rng.choice([1, 2, 4, 8]) if self.xlen == 64 else self.rng.choice([1, 2, 4])
            first = self.offset() // 2
            for i in range(self.rng.randrange(2, 5)):
                self.access(reg, first + i * size, size)
        else:
            self.access(reg, self.offset())

    def through_table(self):
        """At table + a masked number, scaled."""
        t, mask, shift = self.out(), self.rng.choice([1, 7, 15, 63, 255, 255, 511, 1023]), self.rng.choice([0, 0, 1, 2, 3])
        if self.chance(0.7):
            self.emit("andi x%d, x%d, %d", t, self.any(), mask)
        else:
            self.emit("srli x%d, x%d, %d", t, self.any(), self.xlen - self.rng.randrange(1, 9))
        if shift and self.chance(0.5):
            self.emit("sh%dadd x%d, x%d, x%d", shift, t, t, self.table)
        else:
            if shift:
                self.emit("slli x%d, x%d, %d", t, t, shift)
            self.emit("add x%d, x%d, x%d", t, t, self.table)
        self.access(t, self.rng.choice([0, 0, 0, 8, -3]), store=self.chance(0.2))

    def through_index(self, loop):
        """At a base + the counter, extended and scaled."""
        if loop.indexed:
            base, shift, how = self.rng.choice(loop.indexed)
        else:
            base, shift = self.rng.choice([self.table] + loop.pointers), self.rng.choice([0, 1, 2, 3])
            how = self.rng.choice(["none", "sext", "zext", "zext"]) if self.xlen == 64 else "none"
        t, c = self.out(), loop.counter
        if self.chance(0.3):
            self.emit("%s x%d, x%d, %d", "addiw" if self.xlen == 64 and self.chance(0.7) else "addi", t, c,
                      self.rng.choice([-1, 1, -2, 5, 16]))
            c = t
        if how == "zext" and self.chance(0.5):
            self.emit("%s x%d, x%d, x%d", "sh%dadd.uw" % shift if shift else "add.uw", t, c, base)
        else:
            if how == "zext":
                self.emit("slli x%d, x%d, 32", t, c)
                self.emit("srli x%d, x%d, %d", t, t, 32 - shift)
            else:
                if how == "sext":
                    self.emit("sext.w x%d, x%d", t, c)
                    c = t
                self.emit("slli x%d, x%d, %d", t, c, shift)
            self.emit("add x%d, x%d, x%d", t, t, base)
        self.access(t, self.rng.choice([0, 0, 4, -8]))

    def atomic(self):
        t, width = self.out(), self.rng.choice(["w", "d"] if self.xlen == 64 else ["w"])
        self.emit("addi x%d, x%d, %d", t, self.table, 8 * self.rng.randrange(-20, 20))
        if self.chance(0.7):
            op = self.rng.choice(["amoadd", "amoswap", "amoxor", "amomaxu", "amomin"])
            self.emit("%s.%s x%d, x%d, (x%d)", op, width, self.out(), self.any(), t)
            return
        a, b = self.rng.sample([r for r in self.free if r != t], 2)
        self.emit("lr.%s x%d, (x%d)", width, a, t)
        self.emit("addi x%d, x%d, 3", a, a)
        self.emit("sc.%s x%d, x%d, (x%d)", width, b, a, t)

    # --- what a loop is for ---
    def dot_product(self, loop):
        k, acc, a, b = self.kind(), self.f(), self.f(), self.f()
        size, load = (4, "flw") if k == "s" else (8, "fld")
        for reg in (a, b):
            self.emit("%s f%d, %d(x%d)", load, reg, size * self.rng.randrange(-2, 3), self.rng.choice(loop.pointers or [self.table]))
        if self.chance(0.5):
            self.emit("fmadd.%s f%d, f%d, f%d, f%d", k, acc, a, b, acc)
        else:
            self.emit("fmul.%s f%d, f%d, f%d", k, a, a, b)
            self.emit("fadd.%s f%d, f%d, f%d", k, acc, acc, a)
        if self.chance(0.3):
            self.emit("%s f%d, 0(x%d)", load.replace("l", "s"), acc, self.rng.choice(loop.pointers or [self.table]))

    def string_sum(self, loop):
        t, acc = self.out(), self.out()
        self.emit("lbu x%d, 0(x%d)", t, self.rng.choice(loop.pointers or [self.table]))
        self.emit("slli x%d, x%d, 5", acc, acc)
        self.emit("xor x%d, x%d, x%d", acc, acc, t)

    def one(self, loop):
        r = self.rng.random()
        if loop.indexed and self.chance(0.15):
            self.through_index(loop)
        elif r < 0.30:
            self.integer()
        elif r < 0.50:
            self.floating()
        elif r < 0.78 or (loop.pure and r < 0.93):
            self.through_pointer(loop)
        elif r < 0.84:
            self.through_table()
        elif r < 0.90:
            self.through_index(loop)
        elif r < 0.92:
            self.atomic()
        elif r < 0.95:
            self.rotate()
        elif r < 0.98:
            self.dot_product(loop)
        else:
            self.string_sum(loop)

    # --- control flow ---
    def condition(self, target):
        """A branch on something that changes now and then."""
        t = self.out()
        r = self.rng.random()
        if r < 0.4:
            self.emit("andi x%d, x%d, %d", t, self.any(), self.rng.choice([1, 3, 7, 15, 63]))
            self.emit("%s x%d, %s", self.rng.choice(["beqz", "bnez"]), t, target)
        else:
            self.emit("%s x%d, x%d, %s", self.rng.choice(BRANCHES), self.any(), self.any(), target)

    def diamond(self, loop):
        other, end = self.label(), self.label()
        self.condition(other)
        for _ in range(self.rng.randrange(1, 4)):
            self.one(loop)
        self.step_some(loop, 0.1)
        if self.chance(0.5):
            self.emit("j %s", end)
            self.put(other)
            for _ in range(self.rng.randrange(1, 4)):
                self.one(loop)
        else:
            self.put(other)
        self.put(end)

    def leave(self, loop):
        """Break, out of one loop or two, not often."""
        go_on, t = self.label(), self.out()
        target = loop.outer.out if loop.outer and self.chance(0.2) else loop.out
        self.emit("andi x%d, x%d, %d", t, self.any(), self.rng.choice([63, 255, 1023]))
        if self.chance(0.5):
            self.emit("addi x%d, x%d, -%d", t, t, self.rng.randrange(1, 60))
        self.emit("bnez x%d, %s", t, go_on)
        if self.chance(0.5):
            self.one(loop)
        self.emit("j %s", target)
        self.put(go_on)

    def leave_short(self, loop):
        t = self.out()
        self.emit("andi x%d, x%d, 1023", t, self.any())
        self.emit("addi x%d, x%d, -%d", t, t, self.rng.randrange(1, 1000))
        self.emit("beqz x%d, %s", t, loop.out)

    def step_some(self, loop, p):
        for step in loop.steps:
            if self.chance(p):
                self.emit(step)

    def body(self, loop, depth, turns):
        kind = self.rng.random()
        loop.pure = self.chance(0.5)
        inner = 0 if depth == 2 or self.chance((0.25, 0.6)[depth]) else self.rng.choice([1, 1, 2])
        n = self.rng.randrange(1, 14 if not inner else 6)
        at = [self.rng.randrange(n) for _ in range(inner)]
        for i in range(n):
            if i in at and len(self.regs) > 6:
                self.loop(depth + 1, turns, loop)
            r = self.rng.random()
            if kind < 0.35 or r < 0.70:
                self.one(loop)
            elif kind < 0.5:
                self.leave_short(loop)
            elif r < 0.85:
                self.diamond(loop)
            elif r < 0.90:
                self.leave(loop)
            elif r < 0.95:
                self.leave_short(loop)
            else:
                self.condition(loop.latch)
            self.step_some(loop, 0.03)

    # --- loops ---
    def start(self):
        """Where a pointer begins."""
        rng = self.rng
        if self.starts and self.chance(0.3):
            return rng.choice(self.starts) + rng.randrange(-40, 41)
        if self.chance(0.06):
            return rng.choice(self.space.edges) + rng.randrange(-600, 600)
        at = self.space.border + rng.randrange(TRAVEL - HALF, HALF - TRAVEL)
        if self.chance(0.3):
            at = (at & ~4095) + rng.randrange(-20, 20)
        elif self.chance(0.7):
            at &= ~7
        return at

    def pointer(self, loop, turns):
        """A pointer that advances in each turn."""
        rng, reg, at = self.rng, self.take(), self.start()
        narrow = self.space.signed and self.chance(0.15)
        if narrow:
            at = self.space.signed + rng.randrange(-2 * PAGE, 2 * PAGE)
            at = (at & 0xffffffff ^ 1 << 31) - (1 << 31)
        else:
            self.starts.append(at)
        stride = rng.choice([1, 2, 4, 8, 8, 4, 16, 3, 12, 64, 255, 256, 257, 300, rng.randrange(1, 300), 0]) * rng.choice([1, 1, -1])
        loop.pointers.append(reg)
        prepare = "li x%d, %d" % (reg, at)
        far = abs(stride) * 2 * turns > TRAVEL
        if far or self.chance(0.5):
            self.emit(prepare)
        else:
            self.before.append(prepare)
        if stride:
            parts = [stride] if self.chance(0.8) else [stride + 8, -8] if abs(stride) < 200 else [stride // 2, stride - stride // 2]
            loop.steps.append("\n    ".join("addi%s x%d, x%d, %d" % ("w" if narrow else "", reg, reg, p) for p in parts))

    def counter(self, turns):
        """(register, limit register or 0, text of the step, branch, first value) of a counter; it is set before the loop."""
        rng, c, wide = self.rng, self.take(), self.xlen == 64
        if self.chance(0.25):
            self.emit("li x%d, %d", c, turns)
            return c, 0, "addi x%d, x%d, -1" % (c, c), ["bne", "blt0"], turns
        limit, narrow = self.take(), wide and self.chance(0.5)
        step = rng.choice([1, 1, 1, 2, 4, 8, -1, 3])
        first = rng.choice([0, 0, 0, rng.randrange(-100, 100)])
        branches = ["bne"] + (["blt"] if step > 0 else [])
        if narrow and self.chance(0.3) or not wide and self.chance(0.15):
            first = rng.choice([1 << 31, 1 << 32]) - step * rng.randrange(0, turns + 1)
            first = (first & 0xffffffff ^ 1 << 31) - (1 << 31)
            branches = ["bne"]
        last = first + step * turns
        if narrow or not wide:
            last = (last & 0xffffffff ^ 1 << 31) - (1 << 31)
        self.emit("li x%d, %d", c, first)
        self.emit("li x%d, %d", limit, last)
        return c, limit, "%s x%d, x%d, %d" % ("addiw" if narrow else "addi", c, c, step), branches, first

    def index(self, loop, first):
        """A base such that the counter, extended and scaled, leads into the arena at first."""
        base, shift = self.take(), self.rng.choice([0, 1, 2, 3])
        how = self.rng.choice(["none", "sext", "zext", "zext"]) if self.xlen == 64 else "none"
        at = self.start() - ((first & 0xffffffff if how == "zext" else first) << shift)
        self.emit("li x%d, %#x", base, at & (1 << self.xlen) - 1)
        loop.indexed.append((base, shift, how))

    def turns(self, outer):
        rng = self.rng
        n = rng.choice([1, 2, 3, 7, 8, 9, 10, rng.randrange(1, 40), rng.randrange(1, 40), rng.randrange(20, 301),
                        rng.randrange(20, 301)])
        return max(1, min(n, MAX_TURNS // outer))

    def loop(self, depth=0, outer_turns=1, outer=None):
        rng, n = self.rng, self.turns(outer_turns)
        turns = n * outer_turns
        head, latch, out = self.label(), self.label(), self.label()
        c, limit, step, branches, first = self.counter(n)
        loop = Loop(n, c, latch, out, outer)
        for _ in range(rng.choice([0, 0, 1])):
            self.index(loop, first)
        for _ in range(rng.choice([0, 1, 1, 2, 3])):
            if len(self.regs) > 5:
                self.pointer(loop, turns)
        branch = rng.choice(branches)
        at_top = self.chance(0.2)
        self.put(head)
        if at_top:
            self.emit("beq x%d, x%d, %s", c, limit, out)
        self.body(loop, depth, turns)
        self.put(latch)
        for s in loop.steps:
            self.emit(s)
        self.emit(step)
        if at_top:
            self.emit("j %s", head)
        elif branch == "blt0":
            self.emit("bgtz x%d, %s", c, head)
        else:
            self.emit("%s x%d, x%d, %s", branch, c, limit, head)
        self.put(out)


def registers(rng, xlen, number):
    """All registers get values; those of the nest's own follow."""
    out = ["    la x1, .Lf_%d" % number]
    out += ["    fld f%d, %d(x1)" % (r, 8 * r) for r in range(32)]
    out += ["    csrwi frm, %d" % rng.choice([0, 0, 0, 0, 0, 0, 1, 2, 3, 4])]
    out += ["    csrwi fflags, 0"] if rng.random() < 0.7 else []
    for r in range(1, 32):
        v = rng.choice([0, 1, -1, rng.getrandbits(8), rng.getrandbits(31), -rng.getrandbits(31), rng.getrandbits(xlen),
                        rng.getrandbits(xlen)])
        out.append("    li x%d, %#x" % (r, v & ((1 << xlen) - 1)))
    return out


def constants(rng, number):
    """What the F registers begin with: mostly of one kind."""
    mostly_single, tame = rng.random() < 0.5, rng.random() < 0.6
    out = ["    .balign 8", ".Lf_%d:" % number]
    for _ in range(32):
        r = rng.random()
        if (r < 0.85) == mostly_single:
            v = rng.randrange(0x3e000000, 0x42000000) | rng.choice([0, 1 << 31]) if tame and rng.random() < 0.9 else rng.choice(SINGLES)
            v |= 0xffffffff << 32 if rng.random() < 0.95 else rng.getrandbits(32) << 32
        else:
            v = rng.getrandbits(55) + (0x3fc << 52) | rng.choice([0, 1 << 63]) if tame and rng.random() < 0.9 else rng.choice(DOUBLES)
        out.append("    .dword %#x" % v)
    return out


def nest(rng, space, number):
    n, xlen = Nest(rng, space, number), space.xlen
    n.loop()
    out = ["    .option norvc", "", "    /* nest %d */" % number] + registers(rng, xlen, number)
    out += ["    " + line for line in n.before]
    out += ["    j .Lnest_%d" % number, "    .balign %d" % rng.choice([4, 64, 2048, 4096]), ".Lnest_%d:" % number]
    out += ["    .option rvc"] if rng.random() < 0.5 else []
    out += n.text + ["    ecall", "    j .Lend_%d" % number]
    return out + constants(rng, number) + [".Lend_%d:" % number]


def program(seed, xlen, nests=60):
    rng = random.Random(seed)
    load, store, data = ("ld", "sd", ".dword") if xlen == 64 else ("lw", "sw", ".word")
    space = Space(rng, xlen)
    entries = "\n    ".join("DX %#x, %#x" % e for e in sorted(space.entries.items()))
    keys = {"seed": seed, "frames": FRAMES, "entries": entries, "satp": space.satp, "mpp": 0x800 if space.paged else 0x1800, "size": ARENA_SIZE, "fill": rng.getrandbits(31), "digits": xlen // 4, "top": xlen - 4,
            "half": xlen // 2, "word": xlen // 8}
    text = [line for n in range(nests) for line in nest(rng, space, n)]
    return "#define LX %s\n#define SX %s\n#define DX %s\n" % (load, store, data) + HEAD % keys + "\n".join(text) + TAIL % keys


if __name__ == "__main__":
    sys.stdout.write(program(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 64))
