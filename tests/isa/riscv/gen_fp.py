#!/usr/bin/env python3
"""F, D, Zfh and Zfa against exact arithmetic: edge values and random ones in every rounding mode, static and dynamic, results
and flags; operands that are not NaN-boxed; registers that overlap.

RUN: xlen=64 cpu=max,zfh=on only=sd as=sd qemu=rv64
RUN: xlen=32 cpu=max,zfh=on only=sd as=sd qemu=rv32
RUN: xlen=64 cpu=max,zfh=on only=h as=h qemu=rv64,Zfh=on
RUN: xlen=32 cpu=max,zfh=on only=h as=h qemu=rv32,Zfh=on
RUN: xlen=64 cpu=max,zfh=on only=zfa as=zfa
RUN: xlen=32 cpu=max,zfh=on only=zfa as=zfa
"""
import random
import sys

import ieee
from ieee import D, H, S

X, ONLY = int(sys.argv[1]), sys.argv[2]
rng = random.Random(X)
LABELS = iter(range(1 << 30))
FMT = {"s": 0, "d": 1, "h": 2}
tables = []


def edges(f):
    """Zeros, subnormals, normals near the ends and near one, infinities, NaNs."""
    one = f.bias << (f.p - 1)
    half = one - (1 << (f.p - 1))
    xs = [0, 1, (1 << (f.p - 1)) - 1, 1 << (f.p - 1), one, one + 1, one - 1, half, one + (1 << (f.p - 2)), f.max, f.max - 1,
          f.inf, f.nan, f.inf + 1, one + (f.p << (f.p - 1))]
    return xs + [x | f.sign for x in xs]


def randoms(f, n):
    out = []
    for _ in range(n):
        x = rng.getrandbits(f.bits)
        if rng.random() < 0.6:  # near one, so that sums and products are ordinary
            e = f.bias + rng.randrange(-6, 7)
            x = x & (f.sign | ((1 << (f.p - 1)) - 1)) | e << (f.p - 1)
        out.append(x)
    return out


def pairs(f, n):
    some = edges(f)
    out = [(a, b) for a in some for b in some]
    rng.shuffle(out)
    return out[:n] + list(zip(randoms(f, n // 2), randoms(f, n // 2)))


def emit(text):
    print("    " + text)


def data(rows):
    """Rows of 64-bit cells, little endian, on both widths."""
    name = "table%d" % next(LABELS)
    text = "%s:\n" % name
    for row in rows:
        for v in row:
            v &= (1 << 64) - 1
            text += "    .word %#x, %#x\n" % (v & 0xffffffff, v >> 32)
    tables.append(text)
    return name


def box(f, x):
    return x if f.bits == 64 else x | ((1 << 64) - (1 << f.bits))


def loop(rows, sources, body):
    """Body once a row: cells 0.. are loaded to fa1, fa2, fa3 as 64 bits; the last two are result and flags."""
    label, size = "loop%d" % next(LABELS), 8 * len(rows[0])
    emit("la s0, %s" % data(rows))
    emit("li s1, %d" % len(rows))
    print("%s:" % label)
    for i in range(sources):
        emit("fld fa%d, %d(s0)" % (i + 1, 8 * i))
    for line in body:
        emit(line)
    emit("addi s0, s0, %d" % size)
    emit("addi s1, s1, -1")
    emit("bnez s1, %s" % label)


def expect_f(reg, cell):
    """All 64 bits of an F register."""
    out = ["fsd %s, 0(s3)" % reg]
    for i in range(64 // X):
        out += ["LX a6, %d*XSIZE(s3)" % i, "LX a7, %d+%d*XSIZE(s0)" % (8 * cell, i), "EXPECT_EQ a6, a7"]
    return out


def expect_x(reg, cell):
    return ["LX a7, %d(s0)" % (8 * cell), "EXPECT_EQ %s, a7" % reg]


def expect_flags(cell):
    return ["csrr a6, fflags", "LX a7, %d(s0)" % (8 * cell), "EXPECT_EQ a6, a7", "csrw fflags, zero"]


def op_word(f7, rs2, rm, rd="a0", rs1="a1"):
    """An OP-FP instruction by fields, for what the assembler may not know."""
    regs = {"a0": 10, "a1": 11, "a2": 12, "a3": 13}
    rs2 = regs.get(rs2, rs2)
    return ".word %#x" % (f7 << 25 | rs2 << 20 | regs[rs1] << 15 | rm << 12 | regs[rd] << 7 | 0x53)


# How an instruction rounds: static mode, or dynamic with frm.  Dynamic RMM is a mode of its own in translated code.
MODES = [(rm, rm, 0) for rm in range(5)] + [(7, rm, rm) for rm in range(5)]
SOME_MODES = [(7, 0, 0), (7, 2, 2), (7, 4, 4), (1, 1, 0), (3, 3, 1), (0, 0, 3)]


def binary(name, f, f7, model, count):
    f7 |= FMT[f.name]
    for field, rm, frm in MODES:
        emit('TEST "%s.%s, rm field %d, frm %d"' % (name, f.name, field, frm))
        emit("fsrmi %d" % frm)
        rows = []
        for a, b in pairs(f, count if frm == 0 and field in (0, 7) else count // 4):
            r, flags = model(f, a, b, rm)
            rows.append((box(f, a), box(f, b), box(f, r), flags))
        loop(rows, 2, [op_word(f7, "a2", field)] + expect_f("fa0", 2) + expect_flags(3) + [
            "fsgnj.d fa3, fa2, fa2", op_word(f7, "a3", field, rd="a3")] + expect_f("fa3", 2) + [
            op_word(f7, "a2", field, rd="a1")] + expect_f("fa1", 2) + ["csrw fflags, zero"])
    emit("fsrmi 0")


def ternary(name, f, opcode, neg_product, neg_addend, count):
    for field, rm, frm in SOME_MODES:
        emit('TEST "%s.%s, rm field %d, frm %d"' % (name, f.name, field, frm))
        emit("fsrmi %d" % frm)
        rows = []
        for a, b in pairs(f, count):
            c = rng.choice(edges(f) + randoms(f, 20))
            if rng.random() < 0.3 and not any(map(f.is_nan, (a, b))):  # cancellation
                c = ieee.mul(f, a, b, 0)[0] ^ f.sign
            r, flags = ieee.fma(f, a, b, c, rm, neg_product, neg_addend)
            rows.append((box(f, a), box(f, b), box(f, c), box(f, r), flags))
        word = 13 << 27 | FMT[f.name] << 25 | 12 << 20 | 11 << 15 | field << 12 | 10 << 7 | opcode
        into_c = word & ~(31 << 7) | 13 << 7
        loop(rows, 3, [".word %#x" % word] + expect_f("fa0", 3) + expect_flags(4) + [".word %#x" % into_c]
             + expect_f("fa3", 3) + ["csrw fflags, zero"])
    emit("fsrmi 0")


def unary(name, f, word, model, modes, values, out=None):
    for field, rm, frm in modes:
        emit('TEST "%s, rm field %d, frm %d"' % (name, field, frm))
        emit("fsrmi %d" % frm)
        rows = []
        for a in values:
            r, flags = model(a, rm)
            rows.append((box(f, a), box(out or f, r), flags))
        loop(rows, 1, [word(field)] + expect_f("fa0", 1) + expect_flags(2))
    emit("fsrmi 0")


def to_x(name, f, word, model, modes, values):
    """Results go to a0."""
    for field, rm, frm in modes:
        emit('TEST "%s, rm field %d, frm %d"' % (name, field, frm))
        emit("fsrmi %d" % frm)
        rows = [(box(f, a),) + model(a, rm) for a in values]
        loop(rows, 1, [word(field)] + expect_x("a0", 1) + expect_flags(2))
    emit("fsrmi 0")


def from_x(name, f, word, model, modes, values):
    for field, rm, frm in modes:
        emit('TEST "%s, rm field %d, frm %d"' % (name, field, frm))
        emit("fsrmi %d" % frm)
        rows = []
        for a in values:
            r, flags = model(a, rm)
            rows.append((a, box(f, r), flags))
        loop(rows, 0, ["LX a1, 0(s0)", word(field)] + expect_f("fa0", 1) + expect_flags(2))
    emit("fsrmi 0")


def pairwise(name, f, word, model, in_x, count=400):
    """Instructions without rounding of two operands."""
    emit('TEST "%s.%s"' % (name, f.name))
    rows = []
    for a, b in pairs(f, count):
        r, flags = model(a, b)
        rows.append((box(f, a), box(f, b), r if in_x else box(f, r), flags))
    loop(rows, 2, [word] + (expect_x("a0", 2) if in_x else expect_f("fa0", 2)) + expect_flags(3))


def sign_model(f, how):
    def model(a, b):
        sign = {"j": b, "jn": ~b, "jx": a ^ b}[how] & f.sign
        return a & ~f.sign | sign, 0
    return model


def arithmetic(f):
    count = 240
    binary("fadd", f, 0x00, ieee.add, count)
    binary("fsub", f, 0x04, ieee.sub, count)
    binary("fmul", f, 0x08, ieee.mul, count)
    binary("fdiv", f, 0x0c, ieee.div, count)
    unary("fsqrt." + f.name, f, lambda rm: op_word(0x2c | FMT[f.name], 0, rm), lambda a, rm: ieee.sqrt(f, a, rm), MODES,
          edges(f) + randoms(f, 40))
    for name, opcode, np, na in (("fmadd", 0x43, 0, 0), ("fmsub", 0x47, 0, 1), ("fnmsub", 0x4b, 1, 0), ("fnmadd", 0x4f, 1, 1)):
        ternary(name, f, opcode, np, na, 120)


def others(f):
    fmt = FMT[f.name]
    pairwise("fmin", f, op_word(0x14 | fmt, "a2", 0), lambda a, b: ieee.minmax(f, a, b, False, False), False)
    pairwise("fmax", f, op_word(0x14 | fmt, "a2", 1), lambda a, b: ieee.minmax(f, a, b, True, False), False)
    for rm, how in enumerate(("j", "jn", "jx")):
        pairwise("fsgn" + how, f, op_word(0x10 | fmt, "a2", rm), sign_model(f, how), False)
    pairwise("fle", f, op_word(0x50 | fmt, "a2", 0), lambda a, b: ieee.compare(f, a, b, "le", False), True)
    pairwise("flt", f, op_word(0x50 | fmt, "a2", 1), lambda a, b: ieee.compare(f, a, b, "lt", False), True)
    pairwise("feq", f, op_word(0x50 | fmt, "a2", 2), lambda a, b: ieee.compare(f, a, b, "eq", True), True)
    to_x("fclass." + f.name, f, lambda rm: op_word(0x70 | fmt, 0, 1), lambda a, rm: (ieee.classify(f, a), 0), [(0, 0, 0)],
         edges(f) + randoms(f, 10))


INTS = [("w", 32, True), ("wu", 32, False), ("l", 64, True), ("lu", 64, False)]


def near_integers(f):
    out = []
    for n in (0, 1, 2, 3, 7, 100, 2**31, 2**31 - 1, 2**32, 2**32 - 1, 2**63, 2**64, 2**52 + 1):
        x = ieee.from_int(f, n, 0)[0]
        half = ieee.add(f, x, (f.bias - 1) << (f.p - 1), 0)[0]
        quarter = ieee.sub(f, x, (f.bias - 2) << (f.p - 1), 0)[0]
        for y in (x, x + 1, x - 1 if x else 0, half, quarter):
            out += [y, y ^ f.sign]
    return [x & ((1 << f.bits) - 1) for x in out]


def conversions(f):
    fmt = FMT[f.name]
    ints = sorted({s * v + d for v in (0, 1, 2**24, 2**31, 2**32, 2**53, 2**63, 12345678901234567) for d in (-1, 0, 1)
                   for s in (1, -1)} | {rng.getrandbits(64) for _ in range(30)})
    for code, (name, bits, signed) in enumerate(INTS if X == 64 else INTS[:2]):
        def extend(r, bits=bits):
            return (r[0] + (1 << 31)) % (1 << 32) - (1 << 31) if bits == 32 else r[0], r[1]

        def narrow(n, bits=bits, signed=signed):
            n &= (1 << bits) - 1
            return n - (1 << bits) if signed and n >> (bits - 1) else n
        to_x("fcvt.%s.%s" % (name, f.name), f, lambda rm, c=code: op_word(0x60 | fmt, c, rm),
             lambda a, rm, b=bits, s=signed, e=extend: e(ieee.to_int(f, a, b, s, rm)), MODES,
             edges(f) + near_integers(f) + randoms(f, 20))
        from_x("fcvt.%s.%s" % (f.name, name), f, lambda rm, c=code: op_word(0x68 | fmt, c, rm),
               lambda a, rm, n=narrow: ieee.from_int(f, n(a), rm), MODES, ints)


def between(to, frm):
    unary("fcvt.%s.%s" % (to.name, frm.name), frm, lambda rm: op_word(0x20 | FMT[to.name], FMT[frm.name], rm),
          lambda a, rm: ieee.convert(to, frm, a, rm), MODES, edges(frm) + randoms(frm, 40) + wide_randoms(to, frm), to)


def wide_randoms(to, frm):
    """Values of a wide format near the range of the narrow one."""
    out = []
    if frm.bits > to.bits:
        for x in edges(to) + randoms(to, 20):
            y = ieee.convert(frm, to, x, 0)[0]
            out += [y, y ^ 1, y ^ 1 << (frm.p - to.p - 1)]
    return out


def unboxed(f):
    """Operands whose upper bits are not all ones count as the canonical NaN."""
    emit('TEST "operands of .%s that are not boxed"' % f.name)
    one = f.bias << (f.p - 1)
    wrong = [one, one | 0x7fff << 48, one | (1 << 64) - (1 << f.bits + 1), one | 0x0fffffff << 32]
    fmt = FMT[f.name]
    rows = [(w, box(f, one), box(f, f.nan), box(f, one), 0x200) for w in wrong]
    loop(rows, 2, [op_word(fmt, "a2", 0)] + expect_f("fa0", 2) + [op_word(0x10 | fmt, 11, 0)] + expect_f("fa0", 2)
         + [op_word(0x14 | fmt, "a2", 0)] + expect_f("fa0", 3) + [op_word(0x70 | fmt, 0, 1)] + expect_x("a0", 4)
         + ["csrr a6, fflags", "EXPECT a6, 0"])


# --- Zfa ---

FLI = ["-1", None, "2**-16", "2**-15", "2**-8", "2**-7", "2**-4", "2**-3", ".25", ".3125", ".375", ".4375", ".5", ".625", ".75",
       ".875", "1", "1.25", "1.5", "1.75", "2", "2.5", "3", "4", "8", "16", "128", "256", "2**15", "2**16", "inf", "nan"]


def fli_bits(f, n):
    if FLI[n] is None:
        return 1 << (f.p - 1)
    if FLI[n] == "inf":
        return f.inf
    if FLI[n] == "nan":
        return f.nan
    return ieee.pack(f, ieee.Fraction(eval(FLI[n])), 0, 0)[0]


def zfa(f):
    fmt = FMT[f.name]
    emit('TEST "fli.%s"' % f.name)
    emit("la s0, %s" % data([[box(f, fli_bits(f, n))] for n in range(32)]))
    for n in range(32):
        emit(".word %#x" % ((0x78 | fmt) << 25 | 1 << 20 | n << 15 | 10 << 7 | 0x53))
        for line in expect_f("fa0", 0):
            emit(line)
        emit("addi s0, s0, 8")
    pairwise("fminm", f, op_word(0x14 | fmt, "a2", 2), lambda a, b: ieee.minmax(f, a, b, False, True), False)
    pairwise("fmaxm", f, op_word(0x14 | fmt, "a2", 3), lambda a, b: ieee.minmax(f, a, b, True, True), False)
    pairwise("fleq", f, op_word(0x50 | fmt, "a2", 4), lambda a, b: ieee.compare(f, a, b, "le", True), True)
    pairwise("fltq", f, op_word(0x50 | fmt, "a2", 5), lambda a, b: ieee.compare(f, a, b, "lt", True), True)
    values = edges(f) + near_integers(f) + randoms(f, 30)
    unary("fround." + f.name, f, lambda rm: op_word(0x20 | fmt, 4, rm), lambda a, rm: ieee.round_int(f, a, rm, False), MODES, values)
    unary("froundnx." + f.name, f, lambda rm: op_word(0x20 | fmt, 5, rm), lambda a, rm: ieee.round_int(f, a, rm, True), MODES, values)


def zfa_double():
    values = edges(D) + near_integers(D) + randoms(D, 60) + [(1023 + e) << 52 | rng.getrandbits(52) for e in range(28, 90)]
    to_x("fcvtmod.w.d", D, lambda rm: op_word(0x61, 8, 1), lambda a, rm: ieee.to_int_mod(a), [(1, 1, 0), (1, 1, 3)], values)
    if X == 32:
        emit('TEST "fmvp.d.x and fmvh.x.d"')
        emit("li a1, 0x89abcdef")
        emit("li a2, 0x81234567")
        emit(".word %#x" % (0x59 << 25 | 12 << 20 | 11 << 15 | 10 << 7 | 0x53))
        emit("fsd fa0, 0(s3)")
        emit("lw a3, 0(s3)")
        emit("EXPECT_EQ a3, a1")
        emit("lw a3, 4(s3)")
        emit("EXPECT_EQ a3, a2")
        emit("li a0, 0")
        emit(".word %#x" % (0x71 << 25 | 1 << 20 | 10 << 15 | 10 << 7 | 0x53))
        emit("EXPECT_EQ a0, a2")
    else:
        emit('TEST "fmvp.d.x and fmvh.x.d are RV32 only"')
        emit("EXPECT_ILLEGAL %#x" % (0x59 << 25 | 12 << 20 | 11 << 15 | 10 << 7 | 0x53))
        emit("EXPECT_ILLEGAL %#x" % (0x71 << 25 | 1 << 20 | 10 << 15 | 10 << 7 | 0x53))


def main():
    print('/* Generated by gen_fp.py. */\n#include "test.h"\ntests:\n    li s3, SCRATCH')
    for f in {"sd": (S, D), "h": (H,), "zfa": ()}[ONLY]:
        arithmetic(f)
        others(f)
        conversions(f)
        if f is not D:
            unboxed(f)
    if ONLY == "sd":
        between(S, D)
        between(D, S)
    if ONLY == "h":
        for f in (S, D):
            between(H, f)
            between(f, H)
    if ONLY == "zfa":
        for f in (S, D, H):
            zfa(f)
        zfa_double()
    print("    j pass\n    .balign 8\n" + "".join(tables))


main()
