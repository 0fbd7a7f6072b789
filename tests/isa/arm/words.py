#!/usr/bin/env python3
"""Print the instructions of the A32 and T32 catalogue as a C table (catalogue.h).

  words.py [--rows N] [--sequences N] [--seed S] [--only WORD] > words.c

Every row of the decode tables gives words with random fields; those of floating point and AdvSIMD come as A32 and as T32,
T32 instructions also inside IT blocks.  Then come sequences of instructions that do not leave the stream by far: conditions,
flags that one sets and another one uses, branches over an instruction.  Left out is what depends on the mode or has no one
right result.
"""
import argparse
import os
import random
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), *[".."] * 3)
sys.path.insert(0, os.path.join(ROOT, "tools"))
import decodegen  # noqa: E402

TABLES = ["a32", "t16", "t32", "vfp", "neon"]
REGS = ["rd", "rn", "rm", "ra", "rs", "rt", "rt2", "hi", "lo"]
SKIP = re.compile(r"^(b|bl|bx|blx.*|b_.*|bl_.*|cbz|tb|it|svc|bkpt|hlt|hvc|smc|udf|eret|subs_pc|rfe|srs|cps|setend|setpan|hint|"
                  r"mrs_b|msr.*|mrs|mcr|mrc|mcrr|mrrc|isb|dsb|dmb|sb|pld|vmrs|vmsr|clrex)$")
MEMORY = re.compile(r"^(ldr|str|ldm|stm|vldm|vstm|vldr|vstr|vld|vst|lda|stl|strex|ldrex)")
EXCLUSIVE = re.compile(r"^(strex|ldrex|lda|stl)")
SHOULD_BE_ONE = re.compile(r"^(strex|ldrex|lda|stl)")  # bits that the rows do not look at
# Set, decoder, bits of a word, whether it is T32, what its words are about.
SETS = [("a32", "a32_cond", 32, False, 0), ("t16", "t16", 16, True, 0), ("t32", "t32", 32, True, 0),
        ("vfp", "a32_vfp", 32, False, 2), ("vfp-t", "a32_vfp", 32, True, 2),
        ("neon", "a32_neon_dp", 32, False, 2), ("neon-t", "a32_neon_dp", 32, True, 2),
        ("neon-ls", "a32_neon_ls", 32, False, 2), ("neon-ls-t", "a32_neon_ls", 32, True, 2),
        ("neon-new", "a32_neon_new", 32, False, 2), ("neon-new-t", "a32_neon_new", 32, True, 2)]
NONE = 15


def put(row, word, name, value):
    """The word with one field set."""
    f = row.field(name)
    value = (value - f.add) >> f.shift
    for lsb, n in reversed(f.pieces):
        word = word & ~(((1 << n) - 1) << lsb) | (value & ((1 << n) - 1)) << lsb
        value >>= n
    return word


def is_open(row, name):
    f = row.field(name)
    return f is not None and f.const is None


class Entry:
    def __init__(self, name, flags):
        self.name, self.flags, self.code = name, flags, []
        self.base, self.index, self.align, self.limit = NONE, NONE, 1, 255

    def add(self, word, width):
        thumb = self.flags & 1
        self.code += [word] if width == 16 else [word >> 16, word & 0xffff] if thumb else [word & 0xffff, word >> 16]

    def text(self):
        return '    {{%s}, %d, %d, %d, %d, %d, %d, "%s"},' % (", ".join("%#x" % c for c in self.code), len(self.code), self.flags,
                                                            self.base, self.index, self.align, self.limit, self.name)


def fields_of(row, word):
    return {f.name: f.value(word) for f in row.fields}


def registers_ok(row, v, is_a32):
    for name in REGS:
        if name not in v or row.field(name).const is not None or name == "rm" and row.name.startswith(("vld", "vst")):
            continue
        if v[name] == 15 and not (is_a32 and row.name in ("dp_imm", "dp_reg") and name in ("rn", "rm")):
            return False
        if v[name] == 13 and not (is_a32 and row.name.startswith("dp_") or is_open(row, "hi")) or v[name] > 15:
            return False
    return True


def data_ok(row, word, v):
    """Unpredictable combinations, and fields that should be zero, of data processing."""
    name = row.name
    if name in ("rev", "rev16", "rbit", "revsh", "clz") and word >> 28 == 15 and (word >> 16 ^ word) & 15:
        return False
    if name.startswith("dp_") and "rd" in v:
        if v["op"] in (8, 9, 10, 11) and v["rd"] or v["op"] in (13, 15) and is_open(row, "rn") and v["rn"]:
            return False
    if name in ("umull", "smull", "umlal", "smlal", "umaal", "smlalxy", "smlald", "smlsld") and v["hi"] == v["lo"]:
        return False
    return not (name in ("sbfx", "ubfx") and v["lsb"] + v["width"] > 32 or name == "bfi" and (v["msb"] < v["lsb"] or v["rn"] == 15) or
                name == "crc" and v["sz"] == 3 or name == "par" and not v["prefix"] & 3)


def list_ok(row, v):
    bits = v["list"]
    if not bits or bits & 0xa000 or v["s"]:
        return False
    if row.name == "ldm_t16":
        return True
    return not (bits >> v["rn"] & 1 and (v["w"] or row.name == "stm")) and (v["rn"] == 13 or bin(bits).count("1") > 1)


def memory_ok(row, v):
    name = row.name
    writes_back = v.get("w") or v.get("p") == 0
    if "list" in v:
        return list_ok(row, v)
    if name.startswith("v"):
        return vector_memory_ok(row, v)
    if v.get("rn") == 15 and name != "ldr_imm":
        return False
    used = [v[r] for r in ("rt", "rt2") if r in v and row.field(r).const is None or name.startswith(("ldrd", "strd"))]
    if (writes_back or v.get("t")) and (v.get("rn") in used or v.get("rn") == 15):
        return False
    if "rm" in v and (v["rm"] == v["rn"] or v["rm"] in used):
        return False
    if name.startswith(("str", "stl")) and v["rn"] in used:
        return False
    if name.startswith(("strex", "stl")) and is_open(row, "rd") and v["rd"] in used + [v["rn"]]:
        return False
    if name.startswith(("ldrd", "strd", "ldrexd", "strexd")) and (v["rt"] == v["rt2"] or v["rt2"] in (13, 14, 15) or v["rt"] > 12):
        return False
    return not (v.get("type") == 3 or "amount" in v and v["amount"] > 2 and v["type"] == 0)


def vector_memory_ok(row, v):
    if row.name in ("vldm", "vstm"):
        words = v["imm"]
        limit = 64 if v["esz"] == 3 else 32
        return 0 < words <= 32 and v["vd"] + words <= limit and not (words & 1 and v["esz"] == 3)
    return v["rn"] < 13 and (v.get("rm", 15) in (13, 15) or v["rm"] != v["rn"])


def usable(row, word, is_a32):
    v = fields_of(row, word)
    if MEMORY.match(row.name):
        if row.name.startswith(("vfix",)) or not memory_ok(row, v):
            return False
        return registers_ok(row, {n: v[n] for n in v if n != "rn" or v["rn"] != 15}, is_a32) if row.name == "ldr_imm" else \
            registers_ok(row, v, is_a32)
    if row.name.startswith("vfix") and not v["sx"] and v["imm"] > 16 or row.name == "vpermute" and v["vd"] == v["vm"] or \
            row.name == "vmov_pair" and (v["rt"] == v["rt2"] or v["vm"] == 31 and v["size"] == 2):
        return False
    return registers_ok(row, v, is_a32) and data_ok(row, word, v)


def to_thumb(decoder, word):
    if decoder == "a32_neon_dp":
        return 0xef000000 | (word >> 24 & 1) << 28 | (word & 0xffffff)
    return 0xf9000000 | (word & 0xffffff) if decoder == "a32_neon_ls" else word


class Maker:
    def __init__(self, args):
        self.args, self.rng, self.entries = args, random.Random(args.seed), []
        self.decoders = {d.name: d for d in decodegen.load([os.path.join(ROOT, "target", "arm", t + ".decode") for t in TABLES]).decoders}

    def word(self, row, decoder, width, thumb):
        """A word of a row, or None."""
        for _ in range(60):
            word = row.random_word(self.rng, width)
            if SHOULD_BE_ONE.match(row.name):
                word |= ((1 << width) - 1) & ~(row.mask | row.dots)
            if decoder in ("a32_cond", "a32_vfp"):
                word = (word & 0x0fffffff) | (14 if thumb or self.rng.random() < 0.7 else self.rng.randrange(15)) << 28
            elif decoder.startswith("a32_neon"):
                word |= 0xf0000000
            if MEMORY.match(row.name) and is_open(row, "imm") and width == 32:
                small = self.rng.randrange(0, 32 if "list" in fields_of(row, 0) or row.name.startswith(("vldm", "vstm")) else 128)
                word = put(row, word, "imm", small << row.field("imm").shift if not row.name.startswith("v") else small)
                if row.name in ("vldr", "vstr"):
                    word = put(row, word, "imm", small // 2 * 4)
            if row.allows(word) and usable(row, word, not thumb):
                return word
        return None

    def aim(self, entry, row, word, width):
        """The registers that an access needs."""
        v = fields_of(row, word)
        entry.flags |= 4
        entry.base = v["rn"] if v["rn"] < 15 else NONE
        wide = row.name.startswith(("ldm", "stm", "vldm", "vstm", "vldr", "vstr", "ldrd", "strd"))
        entry.align = 8 if EXCLUSIVE.match(row.name) else 32 if row.name.startswith("vld_") else 4 if wide else 1
        if "rm" in v and v["rm"] < 15 and not row.name.startswith("v"):
            entry.index = v["rm"]
            entry.limit = 64 & -8 if wide else 63

    def exclusive_pair(self, entry, row, word, width, decoder):
        """Most often the load that a store-exclusive needs."""
        if row.name.startswith("strex") and self.rng.random() < 0.8:
            v = fields_of(row, word)
            load = next(r for r in self.decoders[decoder].rows if r.name == row.name.replace("st", "ld") and fields_of(r, 0)["mo"] == v["mo"])
            w = load.random_word(self.rng, 32) | 0xffffffff & ~(load.mask | load.dots)
            w = put(load, w, "rn", v["rn"])
            if is_open(load, "imm"):
                w = put(load, w, "imm", v["imm"])
            free = [r for r in (0, 2, 4, 6, 8, 10) if not {r, r + 1} & {v["rn"], v["rt"], v.get("rt2", 15)}]
            w = put(load, w, "rt", free[0])
            if is_open(load, "rt2") and load.field("rt2").add == 0:
                w = put(load, w, "rt2", free[0] + 1)
            entry.add((w & 0x0fffffff | 14 << 28) if not entry.flags & 1 else w, 32)

    def single(self, name, row, decoder, width, thumb, about):
        word = self.word(row, decoder, width, thumb)
        if word is None:
            return None
        entry = Entry(name, about | thumb)
        if MEMORY.match(row.name):
            self.aim(entry, row, word, width)
        if thumb:
            if decoder in ("t16", "t32", "a32_vfp") and self.rng.random() < 0.4:
                entry.code.append(0xbf08 | self.rng.randrange(15) << 4)  # IT
            elif decoder in ("t32", "a32_cond"):
                self.exclusive_pair(entry, row, word, width, decoder)
        else:
            self.exclusive_pair(entry, row, word, width, decoder)
        entry.add(to_thumb(decoder, word) if thumb else word, width)
        return entry

    def rows(self):
        for name, decoder, width, thumb, about in SETS:
            for row in self.decoders[decoder].rows:
                label = "%s.%s" % (name, label_of(row))
                if SKIP.match(row.name) or (self.args.only and not re.search(self.args.only, label)):
                    continue
                seen = set()
                for _ in range(self.args.rows // 3 if about and thumb else self.args.rows):
                    entry = self.single(label, row, decoder, width, thumb, about)
                    if entry and tuple(entry.code) not in seen:
                        seen.add(tuple(entry.code))
                        self.entries.append(entry)

    def sequence(self, thumb):
        """Up to eight words; branches go over the next one."""
        entry = Entry("sequence.%s" % ("t32" if thumb else "a32"), int(thumb))
        decoders = [("t16", 16), ("t32", 32)] if thumb else [("a32_cond", 32)]
        left = 0  # of an IT block
        cond = self.rng.randrange(14)
        while len(entry.code) < 14:
            r = self.rng.random()
            if r < 0.1 and not left:
                self.branch(entry, thumb)
            if thumb and not left and r > 0.8:
                left = self.rng.randrange(1, 5)
                entry.code.append(self.it(left))
            decoder, width = self.rng.choice(decoders)
            row = self.rng.choice(self.decoders[decoder].rows)
            if SKIP.match(row.name) or MEMORY.match(row.name):
                continue
            word = self.word(row, decoder, width, thumb)
            if word is None:
                continue
            if not thumb:
                cond = self.rng.randrange(14) if self.rng.random() < 0.4 else cond
                word = word & 0x0fffffff | (cond if self.rng.random() < 0.7 else 14) << 28
            entry.add(word, width)
            left -= left > 0
        entry.code += [0xbf00] * left
        return entry

    def it(self, count):
        """IT of a block of `count` instructions."""
        mask = self.rng.getrandbits(4) & ~((1 << (5 - count)) - 1) | 1 << (4 - count)
        return 0xbf00 | self.rng.randrange(14) << 4 | mask & 15

    def branch(self, entry, thumb):
        if not thumb:
            entry.add(0x0a000000 | self.rng.randrange(15) << 28, 32)
        elif self.rng.random() < 0.5:
            entry.code += [0xd000 | self.rng.randrange(14) << 8, 0x3001 | self.rng.randrange(8) << 8]  # ADDS
        else:
            entry.code += [0xb100 | self.rng.randrange(2) << 11 | self.rng.randrange(8), 0x3001]


def label_of(row):
    op, esz = row.field("op"), row.field("esz")
    if row.name in ("vldr", "vstr") and esz and esz.const == 1:
        return row.name + "_half"
    return op.const.lower() if op and isinstance(op.const, str) else row.name


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--rows", type=int, default=6, help="words of each row; a third of it of FP and AdvSIMD as T32")
    ap.add_argument("--sequences", type=int, default=400)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--only", default="", help="names that match this only")
    args = ap.parse_args()
    maker = Maker(args)
    maker.rows()
    for n in range(0 if args.only else args.sequences):
        maker.entries.append(maker.sequence(n >= args.sequences // 2))
    print('#include "tests/isa/arm/catalogue.h"\n\nconst struct catalogue_word catalogue_words[] = {')
    for e in maker.entries:
        print(e.text())
    print("};\nconst unsigned catalogue_count = sizeof(catalogue_words) / sizeof(catalogue_words[0]);")


if __name__ == "__main__":
    main()
