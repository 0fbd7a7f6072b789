#!/usr/bin/env python3
"""Integer instructions of I, M, Zba, Zbb, Zbc, Zbs and Zicond against a model in Python: every pair of edge values, in
registers that overlap and that do not, loaded from a table and as constants.

RUN: xlen=64 cpu=max qemu=rv64,zba=on,zbb=on,zbc=on,zbs=on
RUN: xlen=32 cpu=max qemu=rv32,zba=on,zbb=on,zbc=on,zbs=on
"""
import random
import sys

X = int(sys.argv[1])
MASK = (1 << X) - 1
rng = random.Random(X)


def s(v, n=X):
    """Signed value of the low n bits."""
    v &= (1 << n) - 1
    return v - (1 << n) if v >> (n - 1) else v


def u(v, n=X):
    return v & ((1 << n) - 1)


def div(a, b, n):
    if b == 0:
        return -1
    q = abs(a) // abs(b)
    return -q if (a < 0) != (b < 0) else q


def rem(a, b, n):
    return a if b == 0 else a - b * div(a, b, n)


def clz(v, n):
    return n - u(v, n).bit_length()


def ctz(v, n):
    v = u(v, n)
    return n if v == 0 else (v & -v).bit_length() - 1


def clmul(a, b):
    r = 0
    for i in range(X):
        if u(b) >> i & 1:
            r ^= u(a) << i
    return r


def rotr(v, k, n):
    v, k = u(v, n), k % n
    return u(v >> k | v << (n - k), n)


def orc(v):
    return sum(0xff << i for i in range(0, X, 8) if u(v) >> i & 0xff)


def rev8(v):
    return int.from_bytes(u(v).to_bytes(X // 8, "little"), "big")


# Register and register: mnemonic, model of (a, b) as unsigned numbers.
RR = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "and": lambda a, b: a & b, "or": lambda a, b: a | b,
    "xor": lambda a, b: a ^ b, "sll": lambda a, b: a << (b % X), "srl": lambda a, b: a >> (b % X),
    "sra": lambda a, b: s(a) >> (b % X), "slt": lambda a, b: s(a) < s(b), "sltu": lambda a, b: a < b,
    "mul": lambda a, b: a * b, "mulh": lambda a, b: s(a) * s(b) >> X, "mulhu": lambda a, b: a * b >> X,
    "mulhsu": lambda a, b: s(a) * b >> X, "div": lambda a, b: div(s(a), s(b), X), "rem": lambda a, b: rem(s(a), s(b), X),
    "divu": lambda a, b: a // b if b else -1, "remu": lambda a, b: a % b if b else a,
    "sh1add": lambda a, b: (a << 1) + b, "sh2add": lambda a, b: (a << 2) + b, "sh3add": lambda a, b: (a << 3) + b,
    "andn": lambda a, b: a & ~b, "orn": lambda a, b: a | ~b, "xnor": lambda a, b: ~(a ^ b),
    "max": lambda a, b: max(s(a), s(b)), "min": lambda a, b: min(s(a), s(b)), "maxu": max, "minu": min,
    "rol": lambda a, b: rotr(a, -b, X), "ror": lambda a, b: rotr(a, b, X),
    "clmul": clmul, "clmulh": lambda a, b: clmul(a, b) >> X, "clmulr": lambda a, b: clmul(a, b) >> (X - 1),
    "bclr": lambda a, b: a & ~(1 << b % X), "bset": lambda a, b: a | 1 << b % X, "binv": lambda a, b: a ^ 1 << b % X,
    "bext": lambda a, b: a >> b % X & 1,
}
RR_W = {
    "addw": lambda a, b: a + b, "subw": lambda a, b: a - b, "sllw": lambda a, b: a << (b % 32),
    "srlw": lambda a, b: u(a, 32) >> (b % 32), "sraw": lambda a, b: s(a, 32) >> (b % 32), "mulw": lambda a, b: a * b,
    "divw": lambda a, b: div(s(a, 32), s(b, 32), 32), "remw": lambda a, b: rem(s(a, 32), s(b, 32), 32),
    "divuw": lambda a, b: u(a, 32) // u(b, 32) if u(b, 32) else -1,
    "remuw": lambda a, b: u(a, 32) % u(b, 32) if u(b, 32) else a,
    "rolw": lambda a, b: rotr(a, -b, 32), "rorw": lambda a, b: rotr(a, b, 32),
}
RR_UW = {
    "add.uw": lambda a, b: u(a, 32) + b, "sh1add.uw": lambda a, b: (u(a, 32) << 1) + b,
    "sh2add.uw": lambda a, b: (u(a, 32) << 2) + b, "sh3add.uw": lambda a, b: (u(a, 32) << 3) + b,
}
R = {
    "clz": lambda a: clz(a, X), "ctz": lambda a: ctz(a, X), "cpop": lambda a: bin(a).count("1"),
    "sext.b": lambda a: s(a, 8), "sext.h": lambda a: s(a, 16), "zext.h": lambda a: u(a, 16), "orc.b": orc, "rev8": rev8,
}
R_W = {"clzw": lambda a: clz(a, 32), "ctzw": lambda a: ctz(a, 32), "cpopw": lambda a: bin(u(a, 32)).count("1")}
RI = {
    "addi": RR["add"], "andi": RR["and"], "ori": RR["or"], "xori": RR["xor"], "slti": RR["slt"], "sltiu": RR["sltu"],
}
SHIFT = {
    "slli": RR["sll"], "srli": RR["srl"], "srai": RR["sra"], "rori": RR["ror"], "bclri": RR["bclr"], "bseti": RR["bset"],
    "binvi": RR["binv"], "bexti": RR["bext"],
}
SHIFT_W = {"slliw": RR_W["sllw"], "srliw": RR_W["srlw"], "sraiw": RR_W["sraw"], "roriw": RR_W["rorw"]}

EDGES = [0, 1, 2, 7, 31, 32, 63, 0x7f, 0x80, 0xff00, 0x7fff, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff, MASK, MASK - 1,
         MASK >> 1, (MASK >> 1) + 1, 0x5555555555555555 & MASK, 0x123456789abcdef0 & MASK, 0x0100000080000001 & MASK]
IMMEDIATES = [0, 1, -1, 5, 31, 2047, -2048, 0x555]
LABELS = iter(range(1 << 30))
tables = []


def values():
    return sorted(set(EDGES)) + [rng.getrandbits(X) for _ in range(4)]


def table(rows):
    name = "table%d" % next(LABELS)
    tables.append("%s:\n" % name + "".join("    DX %s\n" % ", ".join("%#x" % u(v) for v in r) for r in rows))
    return name


def loop(name, rows, columns, body):
    """Code over the rows of a table: columns are loaded to a1, a2 and a5 (the result)."""
    label, n = "loop%d" % next(LABELS), len(rows)
    print("    la s0, %s\n    li s1, %d\n%s:" % (table(rows), n, label))
    for i, reg in enumerate(columns):
        print("    LX %s, %d*XSIZE(s0)" % (reg, i))
    for line in body:
        print("    " + line)
    print("    addi s0, s0, %d*XSIZE\n    addi s1, s1, -1\n    bnez s1, %s" % (len(columns), label))


def check(reg):
    return "EXPECT_EQ %s, a5" % reg


def rr(name, fn, width, const=True):
    vals = values()
    result = lambda a, b: s(fn(a, b), width) if width < X else fn(a, b)
    rows = [(a, b, result(a, b)) for a in vals for b in vals]
    print('    TEST "%s"' % name)
    loop(name, rows, ["a1", "a2", "a5"], [
        "%s a0, a1, a2" % name, check("a0"), "mv a3, a1", "%s a3, a3, a2" % name, check("a3"),
        "mv a4, a2", "%s a4, a1, a4" % name, check("a4"), "mv s5, a1", "mv t4, a2", "%s s6, s5, t4" % name, check("s6"),
        "%s s5, s5, t4" % name, check("s5"), "%s zero, a1, a2" % name, "EXPECT zero, 0"])
    same = [(a, result(a, a)) for a in vals]
    loop(name, same, ["a1", "a5"], ["%s a0, a1, a1" % name, check("a0"), "%s a1, a1, a1" % name, check("a1")])
    for a, b, r in rng.sample(rows, 8) if const else []:
        print("    li a1, %#x\n    li a2, %#x\n    %s a0, a1, a2\n    EXPECT a0, %#x" % (a, b, name, u(r)))
    zero = [(a, result(a, 0), result(0, a)) for a in vals]
    loop(name, zero, ["a1", "a5", "a6"], ["%s a0, a1, zero" % name, check("a0"), "%s a0, zero, a1" % name, "EXPECT_EQ a0, a6"])


def ri(name, fn, width, immediates):
    vals = values()
    print('    TEST "%s"' % name)
    for imm in immediates:
        rows = [(a, s(fn(a, u(imm)), width) if width < X else fn(a, u(imm))) for a in vals]
        loop(name, rows, ["a1", "a5"], [
            "%s a0, a1, %d" % (name, imm), check("a0"), "%s a1, a1, %d" % (name, imm), check("a1"),
            "%s zero, a1, %d" % (name, imm), "EXPECT zero, 0"])
        a, r = rng.choice(rows)
        print("    li a1, %#x\n    %s a0, a1, %d\n    EXPECT a0, %#x" % (a, name, imm, u(r)))


def r1(name, fn):
    vals = values() + [1 << i for i in range(X)]
    rows = [(a, fn(a)) for a in vals]
    print('    TEST "%s"' % name)
    loop(name, rows, ["a1", "a5"], ["%s a0, a1" % name, check("a0"), "mv s7, a1", "%s s7, s7" % name, check("s7")])
    for a, r in rng.sample(rows, 4):
        print("    li a1, %#x\n    %s a0, a1\n    EXPECT a0, %#x" % (a, name, u(r)))


def main():
    print('/* Generated by gen_int.py. */\n#include "test.h"\ntests:')
    for name, fn in RR.items():
        rr(name, fn, X)
    for name, fn in R.items():
        r1(name, fn)
    for name, fn in RI.items():
        ri(name, fn, X, IMMEDIATES)
    for name, fn in SHIFT.items():
        ri(name, fn, X, sorted({0, 1, 5, 31, X - 1, X // 2}))
    if X == 64:
        for name, fn in RR_W.items():
            rr(name, fn, 32)
        for name, fn in RR_UW.items():
            rr(name, fn, 64)
        for name, fn in R_W.items():
            r1(name, fn)
        ri("addiw", lambda a, b: a + b, 32, IMMEDIATES)
        for name, fn in SHIFT_W.items():
            ri(name, fn, 32, [0, 1, 15, 31])
        ri("slli.uw", lambda a, b: u(a, 32) << b, 64, [0, 1, 31, 32, 63])
    print("    j pass\n    .balign 8\n" + "".join(tables))


main()
