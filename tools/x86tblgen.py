#!/usr/bin/env python3
"""Make x86 opcode maps in C from .tbl files.

  x86tblgen.py --outdir DIR --include HEADER map1.tbl map0f.tbl ...
      writes DIR/decode_rows.h (prototypes of the trans_* functions) and DIR/decode_rows.c (the rows, by map and opcode)

A table is a sequence of lines; '#' starts a comment.

  %map N           the rows below are of map 0 (one byte), 1 (0F), 2 (0F 38), 3 (0F 3A), or vex1, vex2, vex3
  OPCODE [MATCH ...] NAME [OPERAND ...] [; ATTRIBUTE ...]

OPCODE   two digits, or a range 50..57.
MATCH    /n       ModRM.reg is n
         =xx      ModRM is xx
         mem reg  ModRM.mod is, or is not, 3 on the side of memory
         np 66 f3 f2 (or several with commas)    what prefix of these the instruction has; the last of F2 and F3 counts,
                  before 66.  A row that names none is for what the others leave.
         w0 w1 l0 l1    REX.W, VEX.W, VEX.L
OPERAND  the codes of SDM volume 2, A.2: a letter for where (E G M R B I J A O S C D Z X Y V W U H L P Q N), letters for the
         size (b w d q dq qq v z y x; n: 8 bytes in 64-bit code, else 4; u: operand size in a register, 2 bytes in memory;
         ub: the same with 4 and 1; t: 10 bytes; h, k, o: a half, quarter, eighth of x; none: an address).  H without VEX is
         the first operand: rows of vectors are written as VEX has them.  Also: Ibs (a byte that is sign-extended), I2b, 1, a
         register's name: AL CL DX AX rAX (operand size), zAX (at most 4 bytes), ES to GS, ST ST0.
ATTRIBUTE  lock       LOCK is allowed
           rmw        the first operand is read and written (lock says so, too)
           i64 o64    not in 64-bit code; only there
           d64 f64    64-bit operands there: by default; always
           prot       not in real and virtual-8086 mode
           modrm      there is a ModRM byte, though no operand says so
           lockcr     LOCK means CR8
           stack      pushes or pops: addresses that are not canonical are #SS
           fp         raises floating-point exceptions
           unal       16 bytes of memory need no alignment
           unalamd    the same of AMD's processors only
           align      vectors in memory must be aligned with VEX, too
           vex=HOW    the same with VEX and its features: 256 (AVX), int (AVX; of 256 bits AVX2), 128 (of 128 bits only),
                      lig (of scalars: any length)
           fn=NAME    trans_NAME() instead of the row's own name
           FEATURE    of features.def: without it the row does not count

Rows of one opcode are tried in order, those that name a prefix first; two that can match the same bytes are an error.
"""
import argparse
import copy
import os
import re
import sys

SIZES = {"b": "B", "w": "W", "d": "D", "q": "Q", "dq": "DQ", "qq": "QQ", "v": "V", "z": "Z", "y": "Y", "n": "N",
         "u": "U", "ub": "UB", "x": "X", "t": "T", "h": "XH", "k": "XK", "o": "XO", "": "NONE"}
FIXED = {"AL": (0, "B"), "CL": (1, "B"), "AX": (0, "W"), "DX": (2, "W"), "rAX": (0, "V"), "zAX": (0, "Z")}
SEGMENTS = ["ES", "CS", "SS", "DS", "FS", "GS"]
FLAGS = {"lock": "LOCK | X86_R_RMW", "rmw": "RMW", "i64": "I64", "o64": "O64", "d64": "D64", "f64": "F64", "prot": "PROT",
         "modrm": "MODRM", "lockcr": "LOCK_CR", "stack": "STACK", "fp": "FP", "unal": "UNALIGNED",
         "unalamd": "UNALIGNED_AMD", "align": "ALIGNED"}
# What vex= makes of a row: the lengths, and the feature of each.
VEX = {"256": [("", "AVX")], "int": [("l0", "AVX"), ("l1", "AVX2")], "128": [("l0", "AVX")], "lig": [("", "AVX")]}
PREFIXES = {"np": "NP", "66": "66", "f3": "F3", "f2": "F2"}
MODRM_LETTERS = "EGMRSCDVWUPQN"
MAPS = {"0": 0, "1": 1, "2": 2, "3": 3, "vex1": 5, "vex2": 6, "vex3": 7}


def fail(where, why):
    sys.exit("%s: %s" % (where, why))


class Row:
    def __init__(self, where, text):
        self.where = where
        self.vex = None
        body, _, attrs = text.partition(";")
        words = body.split()
        self.mask = self.value = 0
        self.match, self.flags, self.features, self.operands = set(), [], [], []
        self.first, self.last = self.opcodes(words.pop(0))
        while words and self.take_match(words[0]):
            words.pop(0)
        if not words or not re.fullmatch(r"[a-z][a-z0-9_]*", words[0]):
            fail(where, "want a name")
        self.name = self.fn = words.pop(0)
        self.has_modrm = bool(self.mask) or bool(self.match & {"MEM", "REG"})
        for w in words:
            self.operands.append(self.operand(w))
        for a in attrs.split():
            self.attribute(a)
        if len(self.operands) > 4 or len(self.features) > 2:
            fail(where, "at most 4 operands and 2 features")
        if self.has_modrm and "MODRM" not in self.flags:
            self.flags.append("MODRM")

    def opcodes(self, text):
        m = re.fullmatch(r"([0-9a-f]{2})(?:\.\.([0-9a-f]{2}))?", text)
        if not m:
            fail(self.where, "bad opcode '%s'" % text)
        first = int(m.group(1), 16)
        return first, int(m.group(2), 16) if m.group(2) else first

    def take_match(self, w):
        if re.fullmatch(r"/[0-7]", w):
            self.mask, self.value = self.mask | 0x38, self.value | int(w[1]) << 3
        elif re.fullmatch(r"=[0-9a-f]{2}", w):
            self.mask, self.value = 0xff, int(w[1:], 16)
        elif w in ("mem", "reg", "w0", "w1", "l0", "l1"):
            self.match.add(w.upper())
        elif all(p in PREFIXES for p in w.split(",")):
            self.match |= {PREFIXES[p] for p in w.split(",")}
        else:
            return False
        return True

    def operand(self, w):
        if w in FIXED:
            return ("FIXED", FIXED[w][1], FIXED[w][0])
        if w in SEGMENTS:
            return ("SEG", "W", SEGMENTS.index(w))
        special = {"1": ("ONE", "B", 0), "Ibs": ("IS", "V", 0), "I2b": ("I2", "B", 0), "ST": ("ST", "T", 0),
                   "ST0": ("ST", "T", 8), "Ap": ("A", "V", 0), "Mp": ("M", "V", 0)}
        if w in ("ST", "Mp"):
            self.has_modrm = True
        if w in special:
            return special[w]
        if w[0] not in "EGMRBIJAOSCDZXYVWUHLPQN" or w[1:] not in SIZES:
            fail(self.where, "unknown operand '%s'" % w)
        self.has_modrm |= w[0] in MODRM_LETTERS
        return (w[0], SIZES[w[1:]], 0)

    def attribute(self, a):
        if a in FLAGS:
            self.flags.append(FLAGS[a])
        elif a.startswith("fn="):
            self.fn = a[3:]
        elif a.startswith("vex=") and a[4:] in VEX:
            self.vex = a[4:]
        elif re.fullmatch(r"[A-Z][A-Z0-9_]+", a):
            self.features.append(a)
        else:
            fail(self.where, "unknown attribute '%s'" % a)
        self.has_modrm |= a == "modrm"

    def twins(self):
        """The same row with VEX, by length."""
        rows = []
        for length, feature in VEX[self.vex] if self.vex else []:
            row = copy.copy(self)
            row.match = self.match | {length.upper()} - {""}
            row.features = [f for f in self.features if not re.match(r"S?SSE", f)] + [feature]
            rows.append(row)
        return rows

    def prefixes(self):
        return self.match & set(PREFIXES.values())

    def excludes(self, other):
        """No instruction matches both, or which one counts is settled."""
        mask = self.mask & other.mask
        if (self.value ^ other.value) & mask or bool(self.prefixes()) != bool(other.prefixes()):
            return True
        if self.prefixes() and not self.prefixes() & other.prefixes():
            return True
        for a, b in (("W0", "W1"), ("L0", "L1"), ("MEM", "REG")):
            if (a in self.match and b in other.match) or (b in self.match and a in other.match):
                return True
        for r, o in ((self, other), (other, self)):
            if "I64" in r.flags and "O64" in o.flags:
                return True
            if r.mask == 0xff and o.mask != 0xff:  # the whole byte goes first
                return True
        return bool(self.features) and self.features != other.features  # the first whose features are there

    def order(self):
        return (self.mask != 0xff, not self.prefixes())

    def text(self):
        match = " | ".join("X86_M_" + m for m in sorted(self.match)) or "0"
        flags = " | ".join("X86_R_" + f for f in self.flags) or "0"
        features = ", ".join("X86_F_%s + 1" % f for f in self.features) or "0"
        ops = ", ".join("{X86_FROM_%s, X86_SZ_%s, %d}" % o for o in self.operands) or "{0, 0, 0}"
        return '    {"%s", trans_%s, 0x%02x, 0x%02x, %s, %s, {%s}, %d, {%s}},\n' % (
            self.name, self.fn, self.mask, self.value, match, flags, features, len(self.operands), ops)


def read_tables(paths):
    maps = [[[] for _ in range(256)] for _ in range(8)]
    rows = []
    for path in paths:
        number = None
        with open(path) as f:
            for n, line in enumerate(f, 1):
                where, line = "%s:%d" % (path, n), line.split("#")[0].strip()
                if line.startswith("%map"):
                    if line.split()[1] not in MAPS:
                        fail(where, "maps are %s" % " ".join(MAPS))
                    number = MAPS[line.split()[1]]
                elif line:
                    row = Row(where, line)
                    rows.append(row)
                    for op in range(row.first, row.last + 1):
                        maps[number][op].append(row)
                        if row.vex:
                            maps[number + 4][op] += row.twins()
    return maps, rows


def check(cell):
    for i, a in enumerate(cell):
        if a.has_modrm != cell[0].has_modrm:
            fail(a.where, "one row of this opcode has a ModRM byte, another has none: %s" % cell[0].where)
        for b in cell[i + 1:]:
            if not a.excludes(b):
                fail(b.where, "can match what %s matches" % a.where)


def write_c(maps, header):
    rows, table, count = "", "", 0
    seen = {}
    for m, opcodes in enumerate(maps):
        cells = ""
        for op, cell in enumerate(opcodes):
            if not cell:
                continue
            check(cell)
            cell = sorted(cell, key=Row.order)
            key = tuple(id(r) for r in cell)
            if key not in seen:
                seen[key] = count
                rows += "".join(r.text() for r in cell)
                count += len(cell)
            cells += "        [0x%02x] = {%d, %d},\n" % (op, seen[key], len(cell))
        if cells:
            table += "    [%d] = {\n%s    },\n" % (m, cells)
    return ("/* Opcode maps.  Generated by tools/x86tblgen.py. */\n#include \"%s\"\n\n#include \"target/x86/features.h\"\n\n"
            "const struct x86_row x86_rows[] = {\n%s};\n\nconst struct x86_opcode_rows x86_opcodes[X86_MAPS][256] = {\n%s};\n"
            % (header, rows, table))


def write_h(rows):
    names = sorted({r.fn for r in rows})
    return ("/* Functions that translate instructions.  Generated by tools/x86tblgen.py. */\n#ifndef TARGET_X86_DECODE_ROWS_H\n"
            "#define TARGET_X86_DECODE_ROWS_H\n\n#include \"target/x86/decode.h\"\n\n%s\n#endif\n"
            % "".join('void trans_%s(struct dis *d) __asm__("x86_trans_%s");\n' % (n, n) for n in names))


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    ap.add_argument("--outdir", required=True)
    ap.add_argument("--include", required=True, help="path of decode_rows.h as sources include it")
    ap.add_argument("tables", nargs="+")
    args = ap.parse_args()
    maps, rows = read_tables(args.tables)
    for name, text in (("decode_rows.h", write_h(rows)), ("decode_rows.c", write_c(maps, args.include))):
        with open(os.path.join(args.outdir, name), "w") as f:
            f.write(text)


if __name__ == "__main__":
    main()
