#!/usr/bin/env python3
"""A random A64 program that prints checksums of its registers and memory: whatever runs it must print the same.

  generate.py SEED [--only ROW,...] [--blocks N]

Blocks of random instructions from the decode tables, with random operands and immediates, some of them loops; loads and
stores go around a buffer.  Undefined instructions are counted and skipped.  After each block all of x0 to x30, NZCV, v0 to
v31, FPSR, the buffer and the count are mixed into a sum, which is printed.

The program is assembled twice: with USER defined for Linux, where it may run on another emulator, and without for a
processor with semihosting and nothing else.  With VERBOSE=N it prints all of that state after block N.
"""
import argparse
import os
import random
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.path.join(HERE, "..", "..", "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tools"))
import decodegen  # noqa: E402

TABLES = ["a64_dp", "a64_mem", "a64_branch", "a64_sys", "a64_simd"]
# Conditions of encodings that the reference knows.
KNOWN = {"crc32", "flagm", "flagm2", "lse", "lrcpc", "lrcpc2", "aes", "pmull", "sha1", "sha256", "sha512", "sha3", "sm3", "sm4", "rdm",
         "dotprod", "fp16", "fhm", "fcma", "jscvt", "frintts", "bf16", "i8mm"}
BASE, OFFSET, COUNTER, LINK = 28, 27, 29, 30  # registers with a purpose
BUFFER_BYTES = 1024
DESTINATIONS = {"rd", "rt", "rt2", "rs"}
CONTROL = {"b", "bl", "b_cond", "cbz", "cbnz", "tbz", "tbnz", "br", "blr", "ret"}
# Flags in the space of system instructions.
SYSTEM = {"cfinv", "xaflag", "axflag"}
NO_SP = {"add_imm", "sub_imm", "add_ext", "sub_ext", "and_imm", "orr_imm", "eor_imm"}
EXCLUSIVE = {"ldxr", "ldxp", "stxr", "stxp"}
ALIGNED = EXCLUSIVE | {"ldar", "stlr", "ldapr", "ldapur", "stlur", "cas", "casp", "swp", "ldadd", "ldclr", "ldeor", "ldset", "ldsmax",
                       "ldsmin", "ldumax", "ldumin"}
VECTOR = {"ldr_v_i", "str_v_i", "ldr_v_r", "str_v_r", "ldr_v_lit", "ldp_v", "stp_v", "ldst_multi", "ldst_single", "ld_repl"}
INTERESTING = [0, 1, 2, 7, 8, 31, 32, 63, 64, 127, 128, 255, 256, 32767, 32768, 65535, 0x7fffffff, 0x80000000, 0xffffffff,
               0x100000000, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0xfffffffffffffffe, 0xffffffff80000000,
               0x0123456789abcdef, 0x5555555555555555, 0xaaaaaaaaaaaaaaaa]
FLOATS = [0x3ff0000000000000, 0xbff0000000000000, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000000, 0x7ff0000000000001,
          0x0010000000000000, 0x000fffffffffffff, 0x7fefffffffffffff, 0x3f8000003f800000, 0x7f8000007fc00000, 0xff80000000800000,
          0x7f800001ffc00001, 0x007fffff3f000000, 0x3c003c007c00fc00, 0x7e007c0103ff0400, 0x43e0000000000000, 0x41efffffffe00000]

HEAD = """/* Random program, seed %(seed)d. */
    .arch armv8.6-a+crypto
    .text
    .globl _start
_start:
#include "runtime.h"
"""


class Maker:
    def __init__(self, seed, only):
        self.rng = random.Random(seed)
        self.tables = decodegen.load([os.path.join(ROOT, "target", "arm", t + ".decode") for t in TABLES])
        self.only = only
        self.lines = []
        self.label = 0
        self.kinds = {}
        for dec in self.tables.decoders:
            rows = [r for r in dec.rows if self.usable(dec.name, r)]
            if rows:
                self.kinds[dec.name] = rows

    def usable(self, table, row):
        if (self.only and row.name not in self.only) or (table == "a64_sys" and row.name not in SYSTEM):
            return False
        return all(set(c) & KNOWN for c in row.conds)

    # --- words ---

    @staticmethod
    def put(row, word, name, value):
        """The word with one field set."""
        f = row.field(name)
        value = (value - f.add) >> f.shift
        for lsb, n in reversed(f.pieces):
            word = word & ~(((1 << n) - 1) << lsb) | (value & ((1 << n) - 1)) << lsb
            value >>= n
        return word

    def open_field(self, row, name):
        f = row.field(name)
        return f is not None and f.const is None

    def get(self, row, word, name, default=0):
        f = row.field(name)
        return default if f is None else f.value(word)

    def register(self):
        return self.rng.choice([self.rng.randrange(27), self.rng.randrange(8), self.rng.randrange(8), 31])

    def word(self, row):
        """A word of a row that leaves the reserved registers alone."""
        word = row.random_word(self.rng, 32)
        is_vector = row.name in VECTOR or row.where.split(":")[0].endswith("a64_simd.decode")
        for name in ("rd", "rn", "rm", "ra", "rt", "rt2", "rs"):
            if self.open_field(row, name) and not is_vector:
                word = self.put(row, word, name, self.register())
        if is_vector:
            word = self.simd_registers(row, word)
        if row.name in NO_SP:
            word = self.put(row, word, "rd", self.rng.randrange(27))
        return word

    def simd_registers(self, row, word):
        """Few registers, so that results meet; general registers that such an instruction writes are free ones."""
        for name in ("rd", "rn", "rm", "ra", "rt", "rt2"):
            if self.open_field(row, name):
                f = row.field(name)
                if sum(n for _, n in f.pieces) == 5:
                    word = self.put(row, word, name, self.rng.choice([self.rng.randrange(8), self.rng.randrange(27)]))
        return word

    def emit(self, text):
        self.lines.append("    " + text)

    def insn(self, row, word):
        self.emit(".inst %#010x // %s" % (word, row.name))

    # --- memory ---

    def aim(self, size, aligned):
        """Point the base register into the buffer."""
        at = self.rng.randrange(BUFFER_BYTES // 4, BUFFER_BYTES * 3 // 4)
        if aligned or self.rng.random() < 0.5:
            at &= -size
        self.emit("adrp x%d, buffer" % BASE)
        self.emit("add x%d, x%d, #:lo12:buffer" % (BASE, BASE))
        self.emit("add x%d, x%d, #%d" % (BASE, BASE, at))

    def memory(self, row):
        if row.name in ("prfm", "ldraa", "ldrab"):
            return
        if row.name.endswith("_lit"):
            self.literal(row)
            return
        word = self.word(row)
        word = self.put(row, word, "rn", BASE)
        self.aim(self.bytes_of(row, word), row.name in ALIGNED)
        word = self.fit_offset(row, word)
        if self.open_field(row, "rm"):
            extended = self.get(row, word, "option") == 2  # UXTW: of no use to negative numbers
            self.emit("mov x%d, #%d" % (OFFSET, self.rng.randrange(0 if extended else -8, 8)))
            if row.name in ("ldst_multi", "ldst_single", "ld_repl"):
                word = self.put(row, word, "rm", self.rng.choice([31, OFFSET]))
            else:
                word = self.put(row, word, "rm", OFFSET)
        word = self.fix_registers(row, word)
        if row.name in ("stxr", "stxp") and self.rng.random() < 0.8:
            self.pair_exclusive(row, word)
        self.insn(row, word)

    def bytes_of(self, row, word):
        size = 1 << self.get(row, word, "size")
        return min(16, size * 2 if row.name in ("ldxp", "stxp", "casp", "ldp", "stp", "ldp_v", "stp_v") else size)

    def fit_offset(self, row, word):
        """Offsets that stay in the buffer."""
        if not self.open_field(row, "imm"):
            return word
        scaled = self.get(row, word, "mode") == 4
        small = self.rng.randrange(0, 8) if scaled else self.rng.randrange(-8, 8)
        if not scaled and row.name not in ("ldp", "stp", "ldp_v", "stp_v"):
            small = self.rng.randrange(-64, 64)
        if row.name in ("ldapur", "stlur"):
            small &= -(1 << self.get(row, word, "size"))
        return self.put(row, word, "imm", small)

    def fix_registers(self, row, word):
        """What is unpredictable when registers are the same, or must be even."""
        if row.name in ("ldp", "ldxp"):
            word = self.put(row, word, "rt", self.rng.randrange(0, 13))
            word = self.put(row, word, "rt2", self.rng.randrange(13, 27))
        if row.name == "ldp_v":
            word = self.put(row, word, "rt2", self.get(row, word, "rt") ^ 1)
        if row.name in ("stxr", "stxp"):
            word = self.put(row, word, "rt", self.rng.randrange(0, 13))
            word = self.put(row, word, "rs", self.rng.randrange(13, 27))
        if row.name == "casp":
            word = self.put(row, word, "rs", self.rng.randrange(0, 12) * 2)
            word = self.put(row, word, "rt", self.rng.randrange(0, 12) * 2)
        return word

    def pair_exclusive(self, row, word):
        """The load that a store-exclusive needs."""
        other = {"stxr": "ldxr", "stxp": "ldxp"}[row.name]
        load = next(r for r in self.tables.decoders[1].rows if r.name == other)
        w = self.put(load, load.random_word(self.rng, 32), "rn", BASE)
        w = self.put(load, w, "size", self.get(row, word, "size"))
        w = self.put(load, w, "rt", self.rng.randrange(0, 6))
        w = self.put(load, w, "rt2", self.rng.randrange(6, 13))
        self.insn(load, w)

    def literal(self, row):
        self.label += 1
        words = self.put(row, self.word(row), "imm", 2)
        self.insn(row, words)
        self.emit("b .Lover%d" % self.label)
        for _ in range(4):
            self.emit(".word %#x" % self.rng.getrandbits(32))
        self.lines.append(".Lover%d:" % self.label)

    # --- control flow ---

    def control(self, row):
        """Forward over an instruction or two."""
        self.label += 1
        label, reg = ".Lskip%d" % self.label, self.rng.randrange(27)
        if row.name in ("br", "blr", "ret"):
            self.emit("adr x16, %s" % label)
            self.emit("%s x16" % row.name)
        else:
            self.insn(row, self.put(row, self.word(row), "imm", 2))
        self.emit("add x%d, x%d, #%d" % (reg, reg, self.rng.randrange(1, 99)))
        self.lines.append(label + ":")

    # --- blocks ---

    def one(self):
        names = [n for n in self.kinds if n != "a64_sys"]
        weights = [{"a64_dp": 5, "a64_mem": 4, "a64_branch": 2, "a64_simd": 8}[n] for n in names]
        if "a64_sys" in self.kinds and self.rng.random() < 0.02:
            name = "a64_sys"
        elif names:
            name = self.rng.choices(names, weights)[0]
        else:
            name = "a64_sys"
        row = self.rng.choice(self.kinds[name])
        if name == "a64_mem":
            self.memory(row)
        elif row.name in CONTROL:
            self.control(row)
        elif name != "a64_branch":
            self.insn(row, self.word(row))

    def value(self):
        r = self.rng.random()
        if r < 0.5:
            return self.rng.choice(INTERESTING)
        return self.rng.choice(FLOATS) if r < 0.75 else self.rng.getrandbits(64)

    def seed_registers(self):
        for _ in range(5):
            self.emit("ldr x%d, =%#x" % (self.rng.randrange(27), self.value()))
        for _ in range(3):
            v = self.rng.randrange(8)
            self.emit("ldr x%d, =%#x" % (OFFSET, self.value()))
            self.emit("mov v%d.d[%d], x%d" % (v, self.rng.randrange(2), OFFSET))

    def block(self, number):
        self.lines.append("block%d:" % number)
        self.seed_registers()
        loop = self.rng.random() < 0.4
        if loop:
            self.emit("mov x%d, #%d" % (COUNTER, self.rng.randrange(2, 12)))
            self.lines.append("1:")
        for _ in range(self.rng.randrange(3, 9)):
            self.one()
        if loop:
            self.emit("sub x%d, x%d, #1" % (COUNTER, COUNTER))
            self.emit("cbnz x%d, 1b" % COUNTER)
        self.emit("mov x%d, #%d" % (OFFSET, number))
        self.emit("bl dump")
        self.emit("b block%d" % (number + 1))
        self.emit(".ltorg")

    def program(self, seed, blocks):
        self.lines = [HEAD % {"seed": seed}]
        self.lines.append("main:")
        for n in range(blocks):
            self.block(n)
        self.lines.append("block%d:" % blocks)
        self.emit("b finish")
        return "\n".join(self.lines) + "\n"


def program(seed, blocks=60, only=()):
    return Maker(seed, set(only)).program(seed, blocks)


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("seed", type=int)
    ap.add_argument("--blocks", type=int, default=60)
    ap.add_argument("--only", default="", help="rows of the tables to use, joined by commas")
    args = ap.parse_args()
    sys.stdout.write(program(args.seed, args.blocks, [x for x in args.only.split(",") if x]))


if __name__ == "__main__":
    main()
