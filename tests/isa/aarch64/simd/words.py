#!/usr/bin/env python3
"""Print the instruction words of the FP and AdvSIMD catalogue as a C table (catalogue.h).

  words.py [--rows N] [--random N] > words.c

Every row of a64_simd.decode gives words with registers that the catalogue knows (vectors v1..v4, x1 and x2) and the
other fields at random; then come words of the group at random, most of them unallocated.
"""
import argparse
import os
import random
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), *[".."] * 4)
sys.path.insert(0, os.path.join(ROOT, "tools"))
import decodegen  # noqa: E402

REGISTERS = {"rd": 2, "rn": 1, "rm": 3, "ra": 4}
SAME = {"rd": 1, "rn": 1, "rm": 1, "ra": 1}


def with_registers(row, word, registers):
    for f in row.fields:
        if f.name in registers and f.const is None:
            lsb, n = f.pieces[0]
            mask = ((1 << n) - 1) << lsb
            word = (word & ~mask) | (registers[f.name] << lsb & mask)
    return word


def words_of(row, rng, many):
    """Words of a row: more of them where immediates are open."""
    names = {f.name for f in row.fields if f.const is None}
    count = many if names & {"immhb", "imm", "imm5", "imm4", "idx"} else max(3, many // 4)
    words = set()
    for i in range(count):
        words.add(with_registers(row, row.random_word(rng, 32), SAME if i == 1 else REGISTERS))
    return sorted(words)


def label(row):
    op = row.field("op")
    return str(op.const).lower() if op and isinstance(op.const, str) else row.name


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--rows", type=int, default=16, help="words of a row with an open immediate")
    ap.add_argument("--random", type=int, default=2000, help="words of no row in particular")
    args = ap.parse_args()
    rng = random.Random(1)
    tables = decodegen.load([os.path.join(ROOT, "target", "arm", "a64_simd.decode")])
    seen = set()
    print('#include "tests/isa/aarch64/simd/catalogue.h"\n\nconst struct catalogue_word catalogue_words[] = {')
    for row in tables.decoders[0].rows:
        for word in words_of(row, rng, args.rows):
            if word not in seen:
                seen.add(word)
                print('    {%#010x, "%s"},' % (word, label(row)))
    for _ in range(args.random):
        word = rng.getrandbits(32) & ~(15 << 25) | rng.choice((7, 15)) << 25
        word = word & ~(31 << 16 | 31 << 5 | 31) | rng.choice((3, rng.getrandbits(5))) << 16 | 1 << 5 | 2
        if word not in seen:
            seen.add(word)
            print('    {%#010x, "random"},' % word)
    print("};\nconst unsigned catalogue_count = sizeof(catalogue_words) / sizeof(catalogue_words[0]);")


if __name__ == "__main__":
    main()
